-- Inserts what is absent by call_id. $lines: one JSON document a line; $first, $last: smallest and greatest call_id of them.
INSERT INTO calls BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{
         "call_id": "UUID", "route": "VARCHAR", "workflow": "VARCHAR", "dialect": "VARCHAR", "conversation": "VARCHAR",
         "turn": "INTEGER", "prompt_version": "VARCHAR", "case_id": "VARCHAR", "path": "VARCHAR", "model_requested": "VARCHAR",
         "arrived_at": "TIMESTAMP", "stream": "BOOLEAN", "request": "VARCHAR", "prefix_hash": "VARCHAR", "prompt_text": "VARCHAR",
         "source_text": "VARCHAR", "input_chars": "BIGINT", "request_bytes": "BIGINT", "expected": "VARCHAR", "tags": ["VARCHAR"],
         "run_id": "VARCHAR", "lineage_id": "VARCHAR", "notes": "VARCHAR", "rollout": "VARCHAR", "rollout_share": "DOUBLE",
         "rollout_target": "VARCHAR", "rollout_stayed": "VARCHAR", "rollout_fallback": "VARCHAR"}')) FROM lines)
SELECT * REPLACE (
    CASE WHEN json_valid(request) THEN request::JSON ELSE to_json(request) END                              AS request,
    CASE WHEN NOT json_valid(request) THEN concat_ws('; ', notes, 'request is not JSON') ELSE notes END     AS notes)
FROM incoming
WHERE NOT EXISTS (
    SELECT 1 FROM calls AS old
    WHERE old.call_id BETWEEN $first::UUID AND $last::UUID
      AND old.call_id = incoming.call_id);

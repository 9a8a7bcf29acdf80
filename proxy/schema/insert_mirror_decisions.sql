-- Inserts what is absent by call_id, target, role, run_id (NULL is live), sample: the first decision holds.
INSERT INTO mirror_decisions BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{
         "call_id": "UUID", "target": "VARCHAR", "role": "VARCHAR", "decision": "VARCHAR", "reason": "VARCHAR",
         "decided_at": "TIMESTAMP", "run_id": "VARCHAR", "sample": "INTEGER"}')) FROM lines)
SELECT *
FROM incoming
WHERE NOT EXISTS (
    SELECT 1 FROM mirror_decisions AS old
    WHERE old.call_id BETWEEN $first::UUID AND $last::UUID
      AND old.call_id = incoming.call_id
      AND old.target  = incoming.target
      AND old.role    = incoming.role
      AND old.run_id  IS NOT DISTINCT FROM incoming.run_id
      AND old.sample  = incoming.sample);

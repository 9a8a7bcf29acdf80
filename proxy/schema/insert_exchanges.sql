-- Inserts what is absent by call_id, target, role, run_id (NULL is live), sample, attempt. `raw` comes as base64.
INSERT INTO exchanges BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{
         "call_id": "UUID", "target": "VARCHAR", "role": "VARCHAR", "seen": "BOOLEAN", "run_id": "VARCHAR", "sample": "INTEGER",
         "attempt": "INTEGER", "started_at": "TIMESTAMP", "status": "INTEGER", "outcome": "VARCHAR", "outcome_reason": "VARCHAR",
         "failure_class": "VARCHAR", "text": "VARCHAR",
         "tool_calls": [{"id": "VARCHAR", "name": "VARCHAR", "arguments": "VARCHAR"}],
         "finish": "VARCHAR", "refusal_kind": "VARCHAR", "refusal_reason": "VARCHAR", "model_requested": "VARCHAR",
         "model_served": "VARCHAR", "fingerprint": "VARCHAR", "response_id": "VARCHAR", "input_tokens": "BIGINT",
         "cached_input_tokens": "BIGINT", "cache_write_tokens": "BIGINT", "output_tokens": "BIGINT", "reasoning_tokens": "BIGINT",
         "usage_source": "VARCHAR", "cost_usd": "DECIMAL(18,9)", "price_date": "VARCHAR", "ttft_s": "DOUBLE", "latency_s": "DOUBLE",
         "chunks": "INTEGER", "max_gap_s": "DOUBLE", "overhead_s": "DOUBLE", "response_bytes": "BIGINT", "rewrites": ["VARCHAR"],
         "saw": "VARCHAR", "error": "VARCHAR", "raw": "VARCHAR", "lineage_id": "VARCHAR", "notes": "VARCHAR"}')) FROM lines)
SELECT * REPLACE (from_base64(raw) AS raw)
FROM incoming
WHERE NOT EXISTS (
    SELECT 1 FROM exchanges AS old
    WHERE old.call_id BETWEEN $first::UUID AND $last::UUID
      AND old.call_id = incoming.call_id
      AND old.target  = incoming.target
      AND old.role    = incoming.role
      AND old.run_id  IS NOT DISTINCT FROM incoming.run_id
      AND old.sample  = incoming.sample
      AND old.attempt = incoming.attempt);

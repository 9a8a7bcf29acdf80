-- Inserts what is absent by kind, call_id, reason.
INSERT INTO quarantine BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{"kind": "VARCHAR", "call_id": "VARCHAR", "reason": "VARCHAR"}')) FROM lines)
SELECT *, now() AT TIME ZONE 'UTC' AS happened_at
FROM incoming
WHERE NOT EXISTS (
    SELECT 1 FROM quarantine AS old
    WHERE old.kind = incoming.kind AND old.call_id = incoming.call_id AND old.reason = incoming.reason);

-- Inserts what is absent by rollout, version and event.
INSERT INTO rollout_events BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{
         "happened_at": "TIMESTAMP", "rollout": "VARCHAR", "route": "VARCHAR", "target": "VARCHAR", "event": "VARCHAR", "state": "VARCHAR",
         "share": "DOUBLE", "actor": "VARCHAR", "reason": "VARCHAR", "version": "BIGINT", "call_ids": ["VARCHAR"], "evidence": "VARCHAR"}')) FROM lines)
SELECT * FROM incoming
WHERE NOT EXISTS (
    SELECT 1 FROM rollout_events AS old
    WHERE old.rollout = incoming.rollout AND old.version = incoming.version AND old.event = incoming.event);

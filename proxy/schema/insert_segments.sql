-- Inserts what is absent by name.
INSERT INTO segments BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{
         "name": "VARCHAR", "process": "VARCHAR", "writer": "VARCHAR", "events": "BIGINT", "first_seq": "BIGINT",
         "last_seq": "BIGINT", "torn_bytes": "BIGINT", "damage": "VARCHAR"}')) FROM lines)
SELECT *, now() AT TIME ZONE 'UTC' AS committed_at
FROM incoming
WHERE name NOT IN (SELECT name FROM segments);

-- Inserts what is absent by prefix_hash.
INSERT INTO prefixes BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{"prefix_hash": "VARCHAR", "text": "VARCHAR"}')) FROM lines)
SELECT *
FROM incoming
WHERE prefix_hash NOT IN (SELECT prefix_hash FROM prefixes);

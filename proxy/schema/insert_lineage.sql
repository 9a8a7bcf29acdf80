-- Inserts what is absent by lineage_id.
INSERT INTO lineage BY NAME
WITH lines    AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     incoming AS (SELECT unnest(from_json_strict(line, '{
         "lineage_id": "VARCHAR", "config_hash": "VARCHAR", "config": "VARCHAR", "version": "VARCHAR", "price_date": "VARCHAR"}')) FROM lines)
SELECT * REPLACE (config::JSON AS config)
FROM incoming
WHERE lineage_id NOT IN (SELECT lineage_id FROM lineage);

-- Appends one row to the chain, unless it is there already. Each row's hash covers the hash before it.
INSERT INTO audit BY NAME
WITH tip AS (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1),
     new AS (SELECT $at::TIMESTAMP AS happened_at, $actor AS actor, $action AS action, $detail AS detail,
                    coalesce((SELECT seq FROM tip), 0) + 1 AS seq, coalesce((SELECT hash FROM tip), '') AS previous)
SELECT *, sha256(concat_ws(chr(31), previous, happened_at::VARCHAR, actor, action, detail)) AS hash
FROM new
WHERE NOT EXISTS (
    SELECT 1 FROM audit AS old
    WHERE old.happened_at = new.happened_at AND old.actor = new.actor AND old.action = new.action AND old.detail = new.detail);

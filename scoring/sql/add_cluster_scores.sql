-- Sums to add to `cluster_scores`: a line of JSON each cluster, its criteria side by side in $names and $versions. No `pairs`: one pair, `call`,
-- of which every criterion has both values.
INSERT INTO adding BY NAME
WITH lines AS MATERIALIZED (SELECT unnest(string_split($lines, chr(10))) AS line),
     clusters AS (SELECT unnest(from_json_strict(line, '{"run_id": "VARCHAR", "target": "VARCHAR", "role": "VARCHAR",
         "workflow": "VARCHAR", "turns": "VARCHAR", "prompt_version": "VARCHAR", "cluster": "UBIGINT", "incumbent": ["DOUBLE"],
         "candidate": ["DOUBLE"], "difference": ["DOUBLE"], "call": "UUID", "arrived_at": "TIMESTAMP", "pairs": ["INTEGER"],
         "first_incumbent": ["DOUBLE"], "first_candidate": ["DOUBLE"], "first_call": ["UUID"], "first_at": ["TIMESTAMP"],
         "unscored": ["INTEGER"]}')) FROM lines)
SELECT run_id, target, role, workflow, turns, prompt_version, unnest($names::VARCHAR[]) AS criterion,
       unnest($versions::VARCHAR[]) AS version, cluster, coalesce(unnest(pairs), 1) AS pairs, unnest(incumbent) AS incumbent,
       unnest(candidate) AS candidate, unnest(difference) AS difference,
       CASE WHEN pairs IS NULL THEN unnest(incumbent) ELSE unnest(first_incumbent) END AS first_incumbent,
       CASE WHEN pairs IS NULL THEN unnest(candidate) ELSE unnest(first_candidate) END AS first_candidate,
       coalesce(unnest(first_call), call) AS first_call, coalesce(unnest(first_at), arrived_at) AS first_at, coalesce(unnest(unscored), 0) AS unscored
FROM clusters

-- One row per target and role over the live pairs: figures of both sides, then worse/same/better counts of four comparisons.
-- A latency counts as different from 10 % on; pairs without both latencies are left out of that comparison.
WITH sides AS (
  SELECT target, role,
         incumbent_latency_s, candidate_latency_s, incumbent_cost_usd, candidate_cost_usd,
         incumbent_outcome, candidate_outcome, incumbent_failure_class, candidate_failure_class,
         (candidate_outcome = 'answered')::INT - (incumbent_outcome = 'answered')::INT                                        AS answers,
         (incumbent_outcome IN ('refused', 'filtered'))::INT - (candidate_outcome IN ('refused', 'filtered'))::INT            AS refusals,
         (candidate_failure_class = 'ok')::INT - (incumbent_failure_class = 'ok')::INT                                        AS failures,
         CASE WHEN candidate_latency_s > incumbent_latency_s * 1.1 THEN -1
              WHEN candidate_latency_s * 1.1 < incumbent_latency_s THEN 1
              WHEN candidate_latency_s IS NOT NULL AND incumbent_latency_s IS NOT NULL THEN 0 END                             AS latency
  FROM pairs
  WHERE run_id IS NULL AND incumbent_outcome IS NOT NULL
)
SELECT target, role, count(*),
       quantile_cont(incumbent_latency_s, 0.5),                        quantile_cont(candidate_latency_s, 0.5),
       quantile_cont(incumbent_latency_s, 0.95),                       quantile_cont(candidate_latency_s, 0.95),
       count(*) FILTER (incumbent_outcome IN ('refused', 'filtered')), count(*) FILTER (candidate_outcome IN ('refused', 'filtered')),
       count(*) FILTER (incumbent_outcome = 'truncated'),              count(*) FILTER (candidate_outcome = 'truncated'),
       count(*) FILTER (incumbent_failure_class <> 'ok'),              count(*) FILTER (candidate_failure_class <> 'ok'),
       sum(incumbent_cost_usd),                                        sum(candidate_cost_usd),
       count(*) FILTER (incumbent_cost_usd IS NULL),                   count(*) FILTER (candidate_cost_usd IS NULL),
       count(*) FILTER (answers < 0),  count(*) FILTER (answers = 0),  count(*) FILTER (answers > 0),
       count(*) FILTER (refusals < 0), count(*) FILTER (refusals = 0), count(*) FILTER (refusals > 0),
       count(*) FILTER (failures < 0), count(*) FILTER (failures = 0), count(*) FILTER (failures > 0),
       count(*) FILTER (latency < 0),  count(*) FILTER (latency = 0),  count(*) FILTER (latency > 0)
FROM sides
GROUP BY target, role
ORDER BY role, target

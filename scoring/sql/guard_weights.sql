-- Four weeks' live calls of a route by workflow, length of the prompt and hour of the week, without those that can only be the incumbent's.
-- $1: the route. $2: now, in UTC.
WITH bound AS (
    SELECT DISTINCT call_id FROM mirror_decisions
    WHERE run_id IS NULL AND decision IN ('side_effects', 'unportable', 'too_large', 'unreadable') AND decided_at >= $2 - INTERVAL 28 DAY
)
SELECT workflow,
       (coalesce(input_chars, 0) >= 1000)::INT + (coalesce(input_chars, 0) >= 10000)::INT
       + (coalesce(input_chars, 0) >= 50000)::INT + (coalesce(input_chars, 0) >= 200000)::INT AS length,
       (isodow(arrived_at) - 1) * 24 + hour(arrived_at) AS hour_of_week,
       count(*), min(arrived_at), max(arrived_at)
FROM calls ANTI JOIN bound USING (call_id)
WHERE route = $1 AND run_id IS NULL AND arrived_at >= $2 - INTERVAL 28 DAY AND coalesce(rollout_stayed, 'no_guard') = 'no_guard'
GROUP BY ALL

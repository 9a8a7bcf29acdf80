-- What must hold in every store: one row per check, with how many rows break it. Calls of the last two minutes may still be undecided.
WITH live_calls AS (
    SELECT call_id, route, lineage_id FROM calls
    WHERE run_id IS NULL AND arrived_at < (now() AT TIME ZONE 'UTC') - INTERVAL 2 MINUTE
),
decided AS (
    SELECT d.call_id, d.target, d.role, d.decision, d.reason, c.route, c.lineage_id
    FROM mirror_decisions AS d
    JOIN live_calls AS c ON c.call_id = d.call_id
    WHERE d.run_id IS NULL AND d.sample = 0
),
-- What only calls that a canary was drawn for have: the canary's own answer, and the incumbent asked in reverse.
expected AS (
    SELECT DISTINCT route, lineage_id, target, role FROM decided
    WHERE role <> 'incumbent' AND target <> '' AND decision <> 'served' AND reason NOT LIKE 'canary: fell back%'
),
checks(place, name, broken) AS (
    SELECT 1, 'every call has a decision', count(*)
    FROM live_calls AS c WHERE NOT EXISTS (SELECT 1 FROM decided AS d WHERE d.call_id = c.call_id)
    UNION ALL
    SELECT 2, 'decisions add up to calls, per target', count(*)
    FROM live_calls AS c
    JOIN expected AS e ON e.route = c.route AND e.lineage_id IS NOT DISTINCT FROM c.lineage_id
    WHERE NOT EXISTS (SELECT 1 FROM decided AS d WHERE d.call_id = c.call_id AND d.target = e.target AND d.role = e.role)
    UNION ALL
    SELECT 13, 'an answer of a canary has one decision, and is served', count(*)
    FROM calls AS c
    JOIN live_calls USING (call_id)
    WHERE c.rollout_target IS NOT NULL AND c.rollout_fallback IS NULL
      AND (SELECT count(*) FROM decided AS d
           WHERE d.call_id = c.call_id AND d.target = c.rollout_target AND d.role = 'candidate' AND d.decision = 'served') <> 1
    UNION ALL
    SELECT 3, 'no call is there twice', count(*) - count(DISTINCT call_id) FROM calls
    UNION ALL
    SELECT 4, 'no exchange is there twice', coalesce(sum(n - 1), 0)
    FROM (SELECT count(*) AS n FROM exchanges GROUP BY call_id, target, role, run_id, sample, attempt)
    UNION ALL
    SELECT 5, 'no decision is there twice', coalesce(sum(n - 1), 0)
    FROM (SELECT count(*) AS n FROM mirror_decisions GROUP BY call_id, target, role, run_id, sample)
    UNION ALL
    SELECT 6, 'a call has one live incumbent', count(*)
    FROM (SELECT call_id FROM exchanges WHERE role = 'incumbent' AND run_id IS NULL AND sample = 0 GROUP BY call_id HAVING count(DISTINCT target) > 1)
    UNION ALL
    SELECT 7, 'exchanges have their call', count(*)
    FROM exchanges AS e
    WHERE NOT EXISTS (SELECT 1 FROM calls AS c WHERE c.call_id = e.call_id)
      AND NOT EXISTS (SELECT 1 FROM quarantine AS q WHERE q.kind = 'calls' AND lower(q.call_id) = e.call_id::VARCHAR)
    UNION ALL
    -- Only inside of segments: those of beats alone are never stored, so what lies between stored ones is the recorder's to count (reason "gap").
    SELECT 8, 'no event is missing inside a segment', count(*) FROM segments WHERE last_seq - first_seq + 1 <> events
    UNION ALL
    SELECT 9, 'no segment is damaged', count(*) FROM segments WHERE damage IS NOT NULL
    UNION ALL
    SELECT 10, 'prefixes are what their hashes say', count(*) FROM prefixes WHERE sha256(text) <> prefix_hash
    UNION ALL
    SELECT 11, 'calls have their prefix', count(*)
    FROM calls AS c WHERE c.prefix_hash IS NOT NULL AND NOT EXISTS (SELECT 1 FROM prefixes AS p WHERE p.prefix_hash = c.prefix_hash)
    UNION ALL
    SELECT 12, 'the audit chain is whole', count(*)
    FROM (SELECT *, lag(hash) OVER (ORDER BY seq) AS hash_before, lag(seq) OVER (ORDER BY seq) AS seq_before FROM audit)
    WHERE hash <> sha256(concat_ws(chr(31), previous, happened_at::VARCHAR, actor, action, detail))
       OR previous <> coalesce(hash_before, previous)
       OR seq <> coalesce(seq_before, seq - 1) + 1
)
SELECT name, broken FROM checks ORDER BY place;

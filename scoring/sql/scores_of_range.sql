-- What is scored already of a range of calls: all of it, or of one run its own and the incumbents' it stands beside.
-- $first, $last: call ids. $run: one run, NULL: all.
SELECT call_id::VARCHAR, target, role, run_id, sample, criterion, version, value, state, tag
FROM scores
WHERE call_id BETWEEN $first AND $last
  AND ($run::VARCHAR IS NULL OR run_id = $run
       OR (role = 'incumbent' AND (
           call_id IN (SELECT call_id FROM exchanges        WHERE run_id = $run AND call_id BETWEEN $first AND $last)
        OR call_id IN (SELECT call_id FROM mirror_decisions WHERE run_id = $run AND call_id BETWEEN $first AND $last))))

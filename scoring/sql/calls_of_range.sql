-- What the calls of a range asked. $first, $last: call ids. $run: of one run only, NULL: all. Feedback is the last word about a call, by its id or its answer's.
WITH said AS (
    SELECT coalesce(feedback.call_id, answered.call_id) AS call_id, feedback.value, feedback.received_at
    FROM feedback
    LEFT JOIN (SELECT call_id, response_id FROM exchanges WHERE seen AND call_id BETWEEN $first AND $last) AS answered
        ON answered.response_id = feedback.response_id
    WHERE feedback.value IS NOT NULL
)
SELECT call_id::VARCHAR, workflow, dialect, request::VARCHAR, prompt_text, source_text, expected, conversation, turn, prompt_version, tags, run_id,
       arrived_at, (SELECT arg_max(value, received_at) FROM said WHERE said.call_id = calls.call_id) AS feedback
FROM calls
WHERE call_id BETWEEN $first AND $last
  AND ($run::VARCHAR IS NULL
       OR call_id IN (SELECT call_id FROM exchanges        WHERE run_id = $run AND call_id BETWEEN $first AND $last)
       OR call_id IN (SELECT call_id FROM mirror_decisions WHERE run_id = $run AND call_id BETWEEN $first AND $last))

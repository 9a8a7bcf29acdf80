-- Both answers of a page of the newest calls that a rollout drew to its candidate, as a criterion reads them.
-- $1: the rollout. $2: since, in UTC. $3: calls on a page. $4: calls before it.
WITH page AS (
    SELECT call_id FROM calls
    WHERE rollout = $1 AND run_id IS NULL AND arrived_at >= $2 AND rollout_target IS NOT NULL
    ORDER BY arrived_at DESC, call_id
    LIMIT $3 OFFSET $4
)
SELECT calls.call_id::VARCHAR, calls.workflow, calls.dialect, calls.request::VARCHAR, calls.prompt_text, calls.source_text, calls.expected,
       exchanges.role, exchanges.outcome, exchanges.outcome_reason, exchanges.failure_class, exchanges.status, exchanges.text,
       exchanges.tool_calls, exchanges.finish, exchanges.refusal_kind, exchanges.refusal_reason, exchanges.output_tokens,
       exchanges.reasoning_tokens, exchanges.latency_s, exchanges.error
FROM page
JOIN calls USING (call_id)
JOIN exchanges USING (call_id)
WHERE exchanges.run_id IS NULL AND exchanges.attempt = 1 AND exchanges.role IN ('candidate', 'incumbent')

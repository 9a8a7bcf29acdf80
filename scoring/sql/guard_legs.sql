-- The newest legs of a rollout's calls, without their texts. $1: the rollout. $2: since, in UTC. $3: how many at most.
SELECT calls.call_id::VARCHAR, calls.route, calls.workflow, calls.dialect, calls.conversation, calls.turn, calls.arrived_at, calls.stream,
       calls.input_chars, calls.rollout_share, calls.rollout_target, calls.rollout_stayed, calls.rollout_fallback,
       exchanges.target, exchanges.role, exchanges.seen, exchanges.attempt, exchanges.started_at, exchanges.status, exchanges.outcome,
       exchanges.outcome_reason, exchanges.failure_class, exchanges.cost_usd, exchanges.ttft_s, exchanges.latency_s, exchanges.error
FROM calls
JOIN exchanges USING (call_id)
WHERE calls.rollout = $1 AND calls.run_id IS NULL AND exchanges.run_id IS NULL AND calls.arrived_at >= $2
  AND exchanges.started_at >= $2
ORDER BY calls.arrived_at DESC, calls.call_id
LIMIT $3

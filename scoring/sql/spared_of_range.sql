-- Calls that a candidate was spared because it kept failing: they count as its failures. Columns as in `pairs_of_range.sql`.
SELECT d.call_id::VARCHAR, d.target, d.role, d.run_id, d.sample, i.target, i.run_id, i.sample,
       i.outcome, i.outcome_reason, i.failure_class, i.status, i.text, i.tool_calls,
       i.finish, i.refusal_kind, i.refusal_reason, i.input_tokens, i.cached_input_tokens, i.cache_write_tokens,
       i.output_tokens, i.reasoning_tokens, i.usage_source, i.cost_usd::DOUBLE, i.ttft_s, i.latency_s,
       i.max_gap_s, i.attempt, i.error, i.saw, i.model_served, i.seen,
       CASE WHEN $raw THEN i.raw END,
       'errored', 'breaker_open', 'loud', NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, 1, NULL, 'raw', NULL, false, NULL
FROM mirror_decisions AS d
JOIN exchanges AS i
    ON  i.call_id = d.call_id AND i.role = 'incumbent' AND i.sample = 0
    AND (i.run_id IS NOT DISTINCT FROM d.run_id OR i.run_id IS NULL)
WHERE d.call_id BETWEEN $first AND $last AND ($run::VARCHAR IS NULL OR d.run_id = $run) AND d.decision = 'breaker_open' AND d.role <> 'incumbent' AND i.outcome <> 'client_gone'
QUALIFY row_number() OVER (PARTITION BY d.call_id, d.target, d.role, d.run_id, d.sample ORDER BY i.run_id NULLS LAST, i.attempt DESC) = 1
ORDER BY d.call_id, d.role, d.target, d.run_id, d.sample

-- The pairs of a range of calls, both sides whole, with what their calls asked. $first, $last: call ids. $run: one run, NULL: all. Columns as in `run/sheet.py`.
SELECT p.call_id::VARCHAR, p.target, p.role, p.run_id, p.sample, p.incumbent_target, p.incumbent_run_id, p.incumbent_sample,
       p.incumbent_outcome, p.incumbent_outcome_reason, p.incumbent_failure_class, p.incumbent_status, p.incumbent_text, p.incumbent_tool_calls,
       p.incumbent_finish, p.incumbent_refusal_kind, p.incumbent_refusal_reason, p.incumbent_input_tokens, p.incumbent_cached_input_tokens, p.incumbent_cache_write_tokens,
       p.incumbent_output_tokens, p.incumbent_reasoning_tokens, p.incumbent_usage_source, p.incumbent_cost_usd::DOUBLE, p.incumbent_ttft_s, p.incumbent_latency_s,
       p.incumbent_max_gap_s, p.incumbent_attempt, p.incumbent_error, p.incumbent_saw, p.incumbent_model_served, p.incumbent_seen,
       CASE WHEN $raw THEN p.incumbent_raw END,
       p.candidate_outcome, p.candidate_outcome_reason, p.candidate_failure_class, p.candidate_status, p.candidate_text, p.candidate_tool_calls,
       p.candidate_finish, p.candidate_refusal_kind, p.candidate_refusal_reason, p.candidate_input_tokens, p.candidate_cached_input_tokens, p.candidate_cache_write_tokens,
       p.candidate_output_tokens, p.candidate_reasoning_tokens, p.candidate_usage_source, p.candidate_cost_usd::DOUBLE, p.candidate_ttft_s, p.candidate_latency_s,
       p.candidate_max_gap_s, p.candidate_attempt, p.candidate_error, p.candidate_saw, p.candidate_model_served, p.candidate_seen,
       CASE WHEN $raw THEN p.candidate_raw END
FROM pairs AS p
WHERE p.call_id BETWEEN $first AND $last AND ($run::VARCHAR IS NULL OR p.run_id = $run)
  AND p.incumbent_outcome <> 'client_gone' AND p.candidate_outcome <> 'client_gone'
  AND coalesce(NOT p.candidate_error LIKE 'interrupted%', true)
ORDER BY p.call_id, p.role, p.target, p.run_id, p.sample

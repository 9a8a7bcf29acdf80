-- One row per call, target, run and sample: the incumbent's exchange beside another's (candidate_*: the other side, whatever its role).
-- Either side is its last attempt; cost_usd is that of all its attempts, and unknown when one of them is unknown.
-- The incumbent is that of the same run (of the same sample if there is one, else of the first), else the live one. Whether the client saw
-- it does not matter: a canary's call pairs with the incumbent's unseen answer. A pair exists when both sides and the call do.
-- Retries and incumbents asked again are few, so what is grouped is small, and the wide rows meet in one hash join.
CREATE OR REPLACE VIEW pairs AS
WITH retried AS NOT MATERIALIZED (
    SELECT e.call_id, e.target, e.role, e.run_id, e.sample,
           max(e.attempt)                                                                        AS attempt,
           CASE WHEN count(*) = count(e.cost_usd) THEN sum(e.cost_usd)::DECIMAL(18, 9) END AS cost_usd
    FROM exchanges AS e
    SEMI JOIN (SELECT * FROM exchanges WHERE attempt > 1) AS later
        ON  later.call_id = e.call_id AND later.target = e.target AND later.role = e.role
        AND later.run_id IS NOT DISTINCT FROM e.run_id AND later.sample = e.sample
    GROUP BY e.call_id, e.target, e.role, e.run_id, e.sample
),
settled AS NOT MATERIALIZED (
    SELECT e.* REPLACE (CASE WHEN retried.attempt IS NULL THEN e.cost_usd ELSE retried.cost_usd END AS cost_usd)
    FROM exchanges AS e
    LEFT JOIN retried
        ON  retried.call_id = e.call_id AND retried.target = e.target AND retried.role = e.role
        AND retried.run_id IS NOT DISTINCT FROM e.run_id AND retried.sample = e.sample
    WHERE retried.attempt IS NULL OR retried.attempt = e.attempt
),
asked_again AS NOT MATERIALIZED (
    SELECT call_id, run_id, sample, min(sample) OVER (PARTITION BY call_id, run_id) AS first_sample
    FROM exchanges
    WHERE role = 'incumbent' AND run_id IS NOT NULL
    GROUP BY call_id, run_id, sample
),
candidates AS NOT MATERIALIZED (
    SELECT settled.*,
           CASE WHEN of_run.run_id IS NOT NULL THEN settled.run_id END            AS beside_run,
           coalesce(of_sample.sample, of_run.sample, 0)                           AS beside_sample
    FROM settled
    LEFT JOIN asked_again AS of_sample
        ON of_sample.call_id = settled.call_id AND of_sample.run_id = settled.run_id AND of_sample.sample = settled.sample
    LEFT JOIN (SELECT * FROM asked_again WHERE sample = first_sample) AS of_run
        ON of_run.call_id = settled.call_id AND of_run.run_id = settled.run_id
    WHERE settled.role <> 'incumbent'
)
SELECT
    candidate.call_id,
    calls.workflow,
    calls.route,
    calls.arrived_at,
    candidate.role,
    candidate.target,
    candidate.run_id,
    candidate.sample,
    incumbent.target AS incumbent_target,
    incumbent.run_id AS incumbent_run_id,
    incumbent.sample AS incumbent_sample,
    incumbent.seen                AS incumbent_seen,
    incumbent.started_at          AS incumbent_started_at,
    incumbent.attempt             AS incumbent_attempt,
    incumbent.status              AS incumbent_status,
    incumbent.outcome             AS incumbent_outcome,
    incumbent.outcome_reason      AS incumbent_outcome_reason,
    incumbent.failure_class       AS incumbent_failure_class,
    incumbent.text                AS incumbent_text,
    incumbent.tool_calls          AS incumbent_tool_calls,
    incumbent.finish              AS incumbent_finish,
    incumbent.refusal_kind        AS incumbent_refusal_kind,
    incumbent.refusal_reason      AS incumbent_refusal_reason,
    incumbent.model_requested     AS incumbent_model_requested,
    incumbent.model_served        AS incumbent_model_served,
    incumbent.fingerprint         AS incumbent_fingerprint,
    incumbent.response_id         AS incumbent_response_id,
    incumbent.input_tokens        AS incumbent_input_tokens,
    incumbent.cached_input_tokens AS incumbent_cached_input_tokens,
    incumbent.cache_write_tokens  AS incumbent_cache_write_tokens,
    incumbent.output_tokens       AS incumbent_output_tokens,
    incumbent.reasoning_tokens    AS incumbent_reasoning_tokens,
    incumbent.usage_source        AS incumbent_usage_source,
    incumbent.cost_usd            AS incumbent_cost_usd,
    incumbent.price_date          AS incumbent_price_date,
    incumbent.ttft_s              AS incumbent_ttft_s,
    incumbent.latency_s           AS incumbent_latency_s,
    incumbent.chunks              AS incumbent_chunks,
    incumbent.max_gap_s           AS incumbent_max_gap_s,
    incumbent.overhead_s          AS incumbent_overhead_s,
    incumbent.response_bytes      AS incumbent_response_bytes,
    incumbent.rewrites            AS incumbent_rewrites,
    incumbent.saw                 AS incumbent_saw,
    incumbent.error               AS incumbent_error,
    incumbent.raw                 AS incumbent_raw,
    incumbent.lineage_id          AS incumbent_lineage_id,
    incumbent.notes               AS incumbent_notes,
    candidate.seen                AS candidate_seen,
    candidate.started_at          AS candidate_started_at,
    candidate.attempt             AS candidate_attempt,
    candidate.status              AS candidate_status,
    candidate.outcome             AS candidate_outcome,
    candidate.outcome_reason      AS candidate_outcome_reason,
    candidate.failure_class       AS candidate_failure_class,
    candidate.text                AS candidate_text,
    candidate.tool_calls          AS candidate_tool_calls,
    candidate.finish              AS candidate_finish,
    candidate.refusal_kind        AS candidate_refusal_kind,
    candidate.refusal_reason      AS candidate_refusal_reason,
    candidate.model_requested     AS candidate_model_requested,
    candidate.model_served        AS candidate_model_served,
    candidate.fingerprint         AS candidate_fingerprint,
    candidate.response_id         AS candidate_response_id,
    candidate.input_tokens        AS candidate_input_tokens,
    candidate.cached_input_tokens AS candidate_cached_input_tokens,
    candidate.cache_write_tokens  AS candidate_cache_write_tokens,
    candidate.output_tokens       AS candidate_output_tokens,
    candidate.reasoning_tokens    AS candidate_reasoning_tokens,
    candidate.usage_source        AS candidate_usage_source,
    candidate.cost_usd            AS candidate_cost_usd,
    candidate.price_date          AS candidate_price_date,
    candidate.ttft_s              AS candidate_ttft_s,
    candidate.latency_s           AS candidate_latency_s,
    candidate.chunks              AS candidate_chunks,
    candidate.max_gap_s           AS candidate_max_gap_s,
    candidate.overhead_s          AS candidate_overhead_s,
    candidate.response_bytes      AS candidate_response_bytes,
    candidate.rewrites            AS candidate_rewrites,
    candidate.saw                 AS candidate_saw,
    candidate.error               AS candidate_error,
    candidate.raw                 AS candidate_raw,
    candidate.lineage_id          AS candidate_lineage_id,
    candidate.notes               AS candidate_notes
FROM candidates AS candidate
JOIN settled AS incumbent
    ON  incumbent.role = 'incumbent'
    AND incumbent.call_id = candidate.call_id
    AND incumbent.run_id IS NOT DISTINCT FROM candidate.beside_run
    AND incumbent.sample = candidate.beside_sample
JOIN calls ON calls.call_id = candidate.call_id;

-- The tables of the contract. TIMESTAMP is UTC; money is DECIMAL(18,9) or NULL, never 0 for unknown; a NULL run_id is live traffic.
-- No PRIMARY KEY and no index: DuckLake has neither. What is unique is kept so by the insert_*.sql (insert what is absent, first wins).

CREATE TABLE calls (
    call_id         UUID      NOT NULL,
    route           VARCHAR   NOT NULL,
    workflow        VARCHAR   NOT NULL,
    dialect         VARCHAR   NOT NULL,
    conversation    VARCHAR,
    turn            INTEGER,
    prompt_version  VARCHAR,
    case_id         VARCHAR,
    path            VARCHAR   NOT NULL,
    model_requested VARCHAR,
    arrived_at      TIMESTAMP NOT NULL,
    stream          BOOLEAN   NOT NULL,
    request         JSON,
    prefix_hash     VARCHAR,
    prompt_text     VARCHAR,
    source_text     VARCHAR,
    input_chars     BIGINT,
    request_bytes   BIGINT    NOT NULL,
    expected        VARCHAR,
    tags            VARCHAR[],
    run_id          VARCHAR,
    lineage_id      VARCHAR,
    notes           VARCHAR
);

CREATE TABLE exchanges (
    call_id             UUID      NOT NULL,
    target              VARCHAR   NOT NULL,
    role                VARCHAR   NOT NULL,
    seen                BOOLEAN   NOT NULL,
    run_id              VARCHAR,
    sample              INTEGER   NOT NULL,
    attempt             INTEGER   NOT NULL,
    started_at          TIMESTAMP NOT NULL,
    status              INTEGER,
    outcome             VARCHAR   NOT NULL,
    outcome_reason      VARCHAR   NOT NULL,
    failure_class       VARCHAR   NOT NULL,
    text                VARCHAR,
    tool_calls          STRUCT(id VARCHAR, name VARCHAR, arguments VARCHAR)[],
    finish              VARCHAR,
    refusal_kind        VARCHAR,
    refusal_reason      VARCHAR,
    model_requested     VARCHAR,
    model_served        VARCHAR,
    fingerprint         VARCHAR,
    response_id         VARCHAR,
    input_tokens        BIGINT,
    cached_input_tokens BIGINT,
    cache_write_tokens  BIGINT,
    output_tokens       BIGINT,
    reasoning_tokens    BIGINT,
    usage_source        VARCHAR,
    cost_usd            DECIMAL(18, 9),
    price_date          VARCHAR,
    ttft_s              DOUBLE,
    latency_s           DOUBLE,
    chunks              INTEGER,
    max_gap_s           DOUBLE,
    overhead_s          DOUBLE,
    response_bytes      BIGINT,
    rewrites            VARCHAR[],
    saw                 VARCHAR   NOT NULL,
    error               VARCHAR,
    raw                 BLOB,
    lineage_id          VARCHAR,
    notes               VARCHAR
);

CREATE TABLE mirror_decisions (
    call_id    UUID      NOT NULL,
    target     VARCHAR   NOT NULL,   -- empty: the route has no candidates
    role       VARCHAR   NOT NULL,
    decision   VARCHAR   NOT NULL,
    reason     VARCHAR   NOT NULL,
    decided_at TIMESTAMP NOT NULL,
    run_id     VARCHAR,
    sample     INTEGER   NOT NULL
);

CREATE TABLE scores (
    call_id     UUID      NOT NULL,
    target      VARCHAR   NOT NULL,
    role        VARCHAR   NOT NULL,
    run_id      VARCHAR,
    sample      INTEGER   NOT NULL,
    criterion   VARCHAR   NOT NULL,
    value       DOUBLE,               -- NULL unless state is ok
    state       VARCHAR   NOT NULL,   -- ok | fail | na | error
    tag         VARCHAR,
    evidence    VARCHAR,
    version     VARCHAR   NOT NULL,
    rubric_hash VARCHAR,
    scored_at   TIMESTAMP NOT NULL
);

CREATE TABLE judgements (
    call_id      UUID      NOT NULL,
    target       VARCHAR   NOT NULL,
    role         VARCHAR   NOT NULL,
    run_id       VARCHAR,
    sample       INTEGER   NOT NULL,
    criterion    VARCHAR   NOT NULL,
    judge        VARCHAR   NOT NULL,
    first_shown  VARCHAR,              -- which side stood first: incumbent | candidate
    preference   VARCHAR,              -- incumbent | candidate | same; NULL: it gave none
    value        DOUBLE,
    reason       VARCHAR,
    model_served VARCHAR,
    cost_usd     DECIMAL(18, 9),
    version      VARCHAR   NOT NULL,
    rubric_hash  VARCHAR,
    judged_at    TIMESTAMP NOT NULL
);

CREATE TABLE labels (
    call_id     UUID      NOT NULL,
    target      VARCHAR   NOT NULL,
    run_id      VARCHAR,
    sample      INTEGER   NOT NULL,
    criterion   VARCHAR   NOT NULL,
    reviewer    VARCHAR   NOT NULL,
    first_shown VARCHAR,
    preference  VARCHAR,
    value       DOUBLE,
    comment     VARCHAR,
    rubric_hash VARCHAR,
    labelled_at TIMESTAMP NOT NULL
);

CREATE TABLE feedback (
    feedback_id  UUID      NOT NULL,
    call_id      UUID,
    response_id  VARCHAR,
    conversation VARCHAR,
    outcome      VARCHAR,
    value        DOUBLE,
    comment      VARCHAR,
    correction   VARCHAR,
    received_at  TIMESTAMP NOT NULL
);

CREATE TABLE rollout_events (
    happened_at TIMESTAMP NOT NULL,
    rollout VARCHAR   NOT NULL,
    route   VARCHAR   NOT NULL,
    target  VARCHAR   NOT NULL,
    event   VARCHAR   NOT NULL,
    state   VARCHAR,
    share   DOUBLE,
    actor   VARCHAR   NOT NULL,
    reason  VARCHAR,
    version BIGINT
);

CREATE TABLE audit (
    seq      BIGINT    NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    actor    VARCHAR   NOT NULL,
    action   VARCHAR   NOT NULL,
    detail   VARCHAR   NOT NULL,
    previous VARCHAR   NOT NULL,      -- hash of the row before; empty for the first
    hash     VARCHAR   NOT NULL
);

CREATE TABLE segments (
    name         VARCHAR   NOT NULL,
    process      VARCHAR   NOT NULL,
    writer       VARCHAR   NOT NULL,
    events       BIGINT    NOT NULL,
    first_seq    BIGINT,
    last_seq     BIGINT,
    torn_bytes   BIGINT    NOT NULL,
    damage       VARCHAR,
    committed_at TIMESTAMP NOT NULL
);

CREATE TABLE lineage (
    lineage_id  VARCHAR NOT NULL,
    config_hash VARCHAR NOT NULL,
    config      JSON    NOT NULL,
    version     VARCHAR NOT NULL,
    price_date  VARCHAR
);

CREATE TABLE prefixes (
    prefix_hash VARCHAR NOT NULL,     -- sha256 of the text
    text        VARCHAR NOT NULL
);

CREATE TABLE quarantine (
    kind    VARCHAR   NOT NULL,
    call_id VARCHAR   NOT NULL,
    reason  VARCHAR   NOT NULL,
    happened_at TIMESTAMP NOT NULL
);

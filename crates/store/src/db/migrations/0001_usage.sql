-- Finished calls. Made for ten million rows: pages are read along an index, never counted or skipped.
CREATE TABLE usage_records (
    record_id TEXT NOT NULL PRIMARY KEY,
    request_id TEXT NOT NULL,
    started_us BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    first_byte_us BIGINT,
    caller TEXT NOT NULL,
    operation TEXT NOT NULL,
    method TEXT NOT NULL,
    model_asked TEXT,
    model_sent TEXT,
    provider TEXT,
    status BIGINT NOT NULL,
    stream BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    attempts BIGINT NOT NULL,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cached_tokens BIGINT,
    reasoning_tokens BIGINT,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL
);
-- Without the id: it would be a third of each, and the few of one microsecond are sorted when they are read.
CREATE INDEX usage_by_time ON usage_records (started_us);
CREATE INDEX usage_by_model ON usage_records (model_asked, started_us);
CREATE INDEX usage_by_provider ON usage_records (provider, started_us);
CREATE INDEX usage_by_caller ON usage_records (caller, started_us);
CREATE INDEX usage_by_status ON usage_records (status, started_us);

-- Sums of an hour, kept in the transaction that writes the records. Absent is empty here, for a key has no NULL.
CREATE TABLE usage_hourly (
    hour_us BIGINT NOT NULL,
    caller TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    status BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    uncounted BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    reasoning_tokens BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    PRIMARY KEY (hour_us, caller, operation, model, provider, status)
);

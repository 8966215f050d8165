-- Answers that are kept for their callers (docs/adr/0031): sealed, their owner told by a digest alone.
CREATE TABLE responses (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    previous TEXT,
    until_us BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);
CREATE INDEX responses_by_end ON responses (until_us);

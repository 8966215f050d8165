-- What was learnt of a provider by itself, and until when it is worth knowing: the same shape as what was decided by hand.
CREATE TABLE learnt (
    id TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    standing TEXT NOT NULL,
    until_us BIGINT
);

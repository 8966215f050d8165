-- What is remembered of changes (docs/adr/0019). Numbers count up by one and are never used again: the newest revision stays.
CREATE TABLE revisions (
    number BIGINT NOT NULL PRIMARY KEY,
    made_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    reason TEXT,
    sheet TEXT NOT NULL,
    layer TEXT NOT NULL,
    changed TEXT NOT NULL,
    seal TEXT NOT NULL
);

-- Who did what, in a chain of hashes.
CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY,
    at_us BIGINT NOT NULL,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_by_actor ON audit (actor, number);
CREATE INDEX audit_by_action ON audit (action, number);
CREATE INDEX audit_by_time ON audit (at_us);

-- Where that chain begins and ends. Its one row is also what those who write wait for each other at.
CREATE TABLE audit_ends (
    id BIGINT NOT NULL PRIMARY KEY,
    before_number BIGINT NOT NULL,
    before_hash TEXT NOT NULL,
    last_number BIGINT NOT NULL,
    last_hash TEXT NOT NULL,
    seal TEXT NOT NULL
);
INSERT INTO audit_ends (id, before_number, before_hash, last_number, last_hash, seal) VALUES (1, 0, '', 0, '', '');

-- Requests that are to be done once; without a status: being done. An id is short whatever the key is.
CREATE TABLE once_requests (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    until_us BIGINT NOT NULL,
    status BIGINT,
    body TEXT
);
CREATE INDEX once_requests_by_end ON once_requests (until_us);

-- What somebody has decided about a provider by hand, and until when.
CREATE TABLE standings (
    id TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    standing TEXT NOT NULL,
    until_us BIGINT
);

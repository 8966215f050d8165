-- Secrets, sealed (docs/adr/0021). A row has a key of its own, which is wrapped by a key that is in no database.
CREATE TABLE secrets (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key_id TEXT NOT NULL,
    wrapped_key TEXT NOT NULL,
    sealed TEXT NOT NULL,
    last_four TEXT NOT NULL,
    changed_us BIGINT NOT NULL
);
CREATE INDEX secrets_by_key ON secrets (key_id, id);

-- What is done to the database now and then: when it was last begun and done, and how large the database was. Several
-- gateways that share a database share the work.
CREATE TABLE chores (
    name TEXT NOT NULL PRIMARY KEY,
    begun_us BIGINT NOT NULL,
    done_us BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

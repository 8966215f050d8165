//! The whole house, in this process, against vendors that keep a ledger. One binary; a file is named after a behaviour.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "a test that cannot go on has failed, and says where"
)]

mod house;
mod program;

mod admin;
mod administering;
mod alerting;
mod answers;
mod any_language;
mod attacks;
mod azure_proxy;
mod books;
mod callers;
mod changes;
mod chaos;
mod chores;
mod containers;
mod cut_prompts;
mod cuts;
mod db;
mod discovery;
mod disk;
mod doctor;
mod documents;
mod drain;
mod drills;
mod early_ends;
mod exact_names;
mod explaining;
mod failures;
mod following;
mod haproxy;
mod heartbeats;
mod http2;
mod identities;
mod import;
mod invariants;
mod kept;
mod killed;
mod languages;
mod launch;
mod leaving;
mod limits;
mod litellm;
mod logging;
mod matrix;
mod migrating;
mod mistakes;
mod model_list;
mod native_door;
mod network;
mod notes;
mod one_array;
mod our_key;
mod outbound;
mod paperwork;
mod postgres;
mod quiet;
mod quotas;
mod raw_bytes;
mod realtime;
mod recordings;
mod replay;
mod requests;
mod routes;
mod scenarios;
mod schemas;
mod services;
mod signed;
mod sockets;
mod standing;
mod starting;
mod statistics;
mod staying;
mod stocking;
mod tenants;
mod timeouts;
mod tls;
mod token_counts;
mod transcript;
mod transcriptions;
mod uploads;
mod vectors;
mod verifying;
mod watching;
mod workers;

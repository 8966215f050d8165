//! The whole house, in this process, against vendors that keep a ledger. One binary; a file is named after a behaviour.

mod house;

mod answers;
mod drain;
mod invariants;
mod leaving;
mod matrix;
mod models;
mod outbound;
mod raw_bytes;
mod realtime;
mod recordings;
mod requests;
mod routes;
mod starting;
mod tenants;
mod timeouts;
mod tls;
mod uploads;

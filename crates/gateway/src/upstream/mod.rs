//! Sixth stage: asking an upstream. Attempts, the request as it goes out, connections, and what comes back.

pub(crate) mod alert;
mod answer;
mod attempt;
mod breaking;
pub(crate) mod checkup;
mod client;
mod coding;
mod compose;
pub(crate) mod discover;
mod drilled;
mod engine;
mod exchange;
pub(crate) mod inspect;
mod passage;
mod passing;
mod pool;
pub(crate) mod probe;
mod promise;
mod realtime;
mod received;
mod rest;
mod sieve;
mod signature;
pub(crate) mod stock;
mod trouble;
pub(crate) mod verify;
pub(crate) mod visit;

pub(crate) use answer::{Answer, AnswerBody, Arrival, Awaited, Flowing, Resumed, Resuming, Session};
pub(crate) use attempt::{Budget, Course, attempt};
pub(crate) use client::Client;
pub(crate) use trouble::Trouble;

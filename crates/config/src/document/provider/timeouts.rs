//! `timeouts`: how long a provider is waited for.

use std::time::Duration;

use crate::document::listener::not_zero;
use crate::reader::table::Shape::Value;
use crate::reader::table::{Table, now};
use crate::reader::{At, DURATION, Section};
use crate::snapshot::ProviderTimeouts;

/// Durations towards a provider.
pub(super) const TIMEOUTS: Table = Table {
    noun: "a provider's time-outs",
    rows: &[
        now("connect", Value(&DURATION), "Look-up, connect, TLS.").usual("5s"),
        now("first_byte", Value(&DURATION), "From the request sent to the answer's head.").usual("2m"),
        now(
            "first_token",
            Value(&DURATION),
            "To a stream's first content, while another could answer instead.",
        )
        .usual("10s"),
        now("between_bytes", Value(&DURATION), "Silence within an answer.").usual("1m"),
        now("gap", Value(&DURATION), "Silence within a stream that could be gone on with elsewhere.")
            .usual("10s"),
        now("total", Value(&DURATION), "A call as a whole, whoever is asked in turn.").usual("15m"),
    ],
};

/// Reads `timeouts`.
pub(super) fn timeouts(section: Option<Section<'_>>) -> ProviderTimeouts {
    let seconds = Duration::from_secs;
    let mut timeouts = ProviderTimeouts {
        connect: seconds(5),
        first_byte: seconds(120),
        first_token: seconds(10),
        between_bytes: seconds(60),
        gap: seconds(10),
        total: seconds(900),
    };
    let Some(section) = section else { return timeouts };
    let some = |at: &At<'_>| at.parse(not_zero);
    timeouts.connect = section.or("connect", some, timeouts.connect);
    timeouts.first_byte = section.or("first_byte", some, timeouts.first_byte);
    timeouts.first_token = section.or("first_token", some, timeouts.first_token);
    timeouts.between_bytes = section.or("between_bytes", some, timeouts.between_bytes);
    timeouts.gap = section.or("gap", some, timeouts.gap);
    timeouts.total = section.or("total", some, timeouts.total);
    section.close();
    timeouts
}

//! One line per finished call, when asked for. No body, no header, no credential ever stands in it.

use store::UsageRecord;

/// Writes the line.
pub(crate) fn write(record: &UsageRecord) {
    tracing::info!(
        target: "access",
        id = %record.id,
        caller = %record.caller,
        method = %record.method,
        operation = %record.operation,
        model = record.model_asked.as_deref().unwrap_or("-"),
        provider = record.provider.as_deref().unwrap_or("-"),
        status = record.status,
        stream = record.stream,
        outcome = record.outcome.label(),
        error = record.error.as_deref().unwrap_or("-"),
        duration_ms = record.duration_us / 1000,
        first_byte_ms = record.first_byte_us.map_or(-1, |us| i64::try_from(us / 1000).unwrap_or(i64::MAX)),
        tokens_in = record.tokens.map_or(-1, |tokens| i64::try_from(tokens.input).unwrap_or(i64::MAX)),
        tokens_out = record.tokens.map_or(-1, |tokens| i64::try_from(tokens.output).unwrap_or(i64::MAX)),
        bytes_in = record.bytes_in,
        bytes_out = record.bytes_out,
        "call"
    );
}

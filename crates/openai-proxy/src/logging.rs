//! Log lines: human on a terminal, JSON elsewhere, on standard error. No body and no credential is ever handed to them.

use std::io::IsTerminal;

use config::snapshot::{LogFormat, Logging};
use tracing_subscriber::EnvFilter;

/// Starts logging for the process.
pub(crate) fn start(logging: &Logging) {
    // The engines below are quiet unless asked for by name.
    let level = &logging.level;
    let filter = EnvFilter::try_new(format!("{level},hyper=warn,h2=warn,rustls=warn,tokio_util=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let human = match logging.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // A line that cannot be written (the terminal was closed) is lost; complaining about it there would be a panic.
        .log_internal_errors(false);
    // A second start in one process (tests) keeps the first.
    let _ = if human {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
}

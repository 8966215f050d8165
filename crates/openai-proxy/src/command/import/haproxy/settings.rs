//! Lines that mean the same wherever they stand: how HAProxy runs, what it logs, who is told who called.

use super::words::Line;
use crate::report::Report;

/// First words of lines that say how HAProxy runs and what it logs. We do this our own way, or need no telling.
const NEEDLESS: &[&str] = &[
    "ca-base",
    "chroot",
    "compression",
    "crt-base",
    "daemon",
    "description",
    "errorfile",
    "group",
    "hard-stop-after",
    "http-check",
    "http-error",
    "http-reuse",
    "id",
    "log",
    "log-format",
    "log-tag",
    "master-worker",
    "maxconn",
    "nbthread",
    "pidfile",
    "retries",
    "retry-on",
    "ssl-default-bind-ciphers",
    "ssl-default-bind-ciphersuites",
    "ssl-default-bind-options",
    "stats",
    "unique-id-format",
    "unique-id-header",
    "user",
];

/// Headers a provider's `headers` may not hold.
const NOT_FREE: &[&str] = &[
    "api-key",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-goog-api-key",
];

/// Names a line that has no meaning of its own where it stands.
pub(super) fn read(line: &Line, report: &mut Report) {
    let (number, words) = (line.number, shown(line));
    match line.word(0) {
        "mode" if line.word(1) == "http" => report.needless(number, words),
        "option" if line.word(1) == "forwardfor" => forwarded(line, report),
        "option" if line.word(1) == "http-no-delay" => {
            report.carried(number, "option http-no-delay: tokens are always passed on at once");
        }
        "option" => report.needless(number, words),
        "http-request" if is_forwarded(line.word(2)) => forwarded(line, report),
        word if NEEDLESS.contains(&word) || word.starts_with("tune.") => report.needless(number, words),
        _ => report.lost(number, words),
    }
}

/// A line as it may be shown: its first words. Later ones may be passwords and keys.
pub(super) fn shown(line: &Line) -> String {
    let known = match line.word(0) {
        "http-request" | "http-response" if line.word(1).ends_with("-header") => 3,
        "http-request" | "http-response" | "stats" => 2,
        _ => 3,
    };
    let more = if line.words.len() > known { " ..." } else { "" };
    let begin: Vec<&str> = line.words.iter().take(known).map(String::as_str).collect();
    // These held somebody back, who is now let through.
    let refusal = matches!(line.word(1), "deny" | "reject" | "auth" | "tarpit" | "silent-drop");
    let told =
        if refusal && line.word(0) == "http-request" { ": nobody is refused by this any more" } else { "" };
    format!("{}{more}{told}", begin.join(" "))
}

pub(super) fn is_forwarded(header: &str) -> bool {
    header.to_ascii_lowercase().starts_with("x-forwarded-")
}

/// Who called is told to servers nearby, and not to clouds.
pub(super) fn forwarded(line: &Line, report: &mut Report) {
    let what = if line.word(0) == "option" { "option forwardfor" } else { line.word(2) };
    let told = "set for servers nearby only; clouds are not told who called (`forwarded: on` tells them)";
    report.changed(line.number, format!("{what}: {told}"));
}

/// Whether a header may be set by a provider's `headers`.
pub(super) fn is_free(header: &str) -> bool {
    !NOT_FREE.contains(&header.to_ascii_lowercase().as_str())
}

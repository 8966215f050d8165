//! `logging` and `telemetry`.

use crate::problem::wrong;
use crate::reader::{At, Section};
use crate::snapshot::{LogFormat, Logging, Metrics};
use crate::tree::Value;

/// Reads `logging`.
pub(crate) fn logging(section: Option<Section<'_>>) -> Logging {
    let mut logging = Logging { level: "info".into(), format: LogFormat::Auto, access_log: false };
    let Some(mut section) = section else { return logging };
    logging.level = section.or("level", level, logging.level);
    let formats = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];
    logging.format = section.or("format", |at| at.choice(&formats), logging.format);
    let kinds = [
        ("off", false),
        ("false", false),
        ("on", true),
        ("true", true),
        ("json", true),
        ("combined", true),
        ("common", true),
    ];
    logging.access_log = section.or("access_log", |at| at.choice(&kinds), logging.access_log);
    section.later(&["file", "max_size", "backup_count", "compress", "bodies", "mask"]);
    section.close();
    logging
}

/// One level, or one for each part, of which only `default` is in use yet.
fn level(at: &At<'_>) -> Option<String> {
    let levels = [
        ("error", "error"),
        ("warn", "warn"),
        ("info", "info"),
        ("debug", "debug"),
        ("trace", "trace"),
        ("warning", "warn"),
        ("critical", "error"),
    ];
    if !matches!(at.node.value, Value::Map(_)) {
        return at.choice(&levels).map(str::to_owned);
    }
    let (default, parts): (Vec<_>, Vec<_>) = at.named().into_iter().partition(|(part, _)| part == "default");
    parts.iter().for_each(|(_, at)| at.later());
    default.first().and_then(|(_, at)| at.choice(&levels)).map(str::to_owned)
}

/// Reads `telemetry`.
pub(crate) fn metrics(section: Option<Section<'_>>) -> Metrics {
    let mut metrics = Metrics { enabled: true, path: "/metrics".into() };
    let Some(mut section) = section else { return metrics };
    if let Some(mut inner) = section.section("metrics", "metrics") {
        metrics.enabled = inner.or("enabled", At::switch, metrics.enabled);
        metrics.path = inner.or("path", |at| at.parse(path), metrics.path);
        inner.later(&["per_key"]);
        inner.close();
    }
    section.later(&["traces", "semconv", "stats_windows", "sentry", "usage_reporting"]);
    section.close();
    metrics
}

fn path(text: &str) -> Result<String, crate::problem::Wrong> {
    let proper = text.starts_with('/')
        && text.len() > 1
        && !text.starts_with("/v1/")
        && !text.contains(['?', '#', ' ']);
    if proper {
        Ok(text.to_owned())
    } else {
        wrong(format!("cannot be `{text}`."), "Write a path like /metrics.")
    }
}

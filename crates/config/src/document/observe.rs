//! `logging` and `telemetry`.

use std::time::Duration;

use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{
    self, Address, Choice, List, Names, OneOf, Or, Secret, Section, Switch, Text, Value, Whole,
};
use crate::reader::table::{Form, Table, later, now};
use crate::reader::{At, DURATION, SHARE, SIZE, Section as Settings, duration};
use crate::snapshot::{LogFormat, Logging, Metrics, STATS_STEP};
use crate::tree;

/// Logging.
pub(crate) const LOGGING: Table = Table {
    noun: "logging",
    rows: &[
        now("level", OneOf(&[LEVEL, Names(&LEVEL)]), "How much is told.").usual("info"),
        now("format", Choice(&["auto", "human", "json"]), "For whom; `auto` is human on a terminal.")
            .usual("auto"),
        now(
            "access_log",
            Choice(&["off", "on", "true", "json", "combined", "common"]),
            "One line for every finished call.",
        )
        .usual("off"),
        later("file", Text, "Where lines are written besides."),
        later("max_size", Value(&SIZE), "How large a file may become."),
        later("backup_count", Whole(0), "How many old files are kept."),
        later("compress", Switch, "Whether old files are packed."),
        later("bodies", Or(&["off", "errors", "all"], &Value(&SAMPLE)), "Whether bodies are written, too."),
        later(
            "mask",
            List(&Choice(&["authorization", "api_keys", "emails"])),
            "What is made unreadable in them.",
        ),
    ],
};

const LEVEL: Shape = Choice(&["error", "warn", "info", "debug", "trace", "warning", "critical"]);

/// `sample:1%`.
const SAMPLE: Form = Form {
    read: |text| match text.strip_prefix("sample:") {
        Some(part) => (SHARE.read)(part).or_else(|against| wrong(against.what, "Write sample:1%.")),
        None => wrong(format!("cannot be `{text}`."), "Write sample:1%."),
    },
    pattern: "^sample:[0-9.]+%?$",
};

/// Telemetry.
pub(crate) const TELEMETRY: Table = Table {
    noun: "telemetry",
    rows: &[
        now("metrics", Section(&METRICS), "Numbers for a monitoring program."),
        later("traces", Section(&TRACES), "The way of single calls."),
        later("semconv", Choice(&["latest", "1.36"]), "Which names they use."),
        now("stats_windows", List(&Value(&WINDOW)), "The times statistics look back."),
        later("sentry", Secret, "Where failures are told."),
        later("usage_reporting", Choice(&["never"]), "Nothing is sent to us."),
    ],
};

/// How far back statistics look when nobody says so.
const WINDOWS: [Duration; 4] =
    [Duration::from_mins(5), Duration::from_mins(15), Duration::from_mins(30), Duration::from_mins(60)];
/// The longest time statistics look back: what is counted lies in memory.
const LONGEST_WINDOW: Duration = Duration::from_hours(24);

const WINDOW: Form = Form { read: |text| window(text).map(drop), pattern: DURATION.pattern };

const METRICS: Table = Table {
    noun: "metrics",
    rows: &[
        now("enabled", Switch, "Whether they are served.").usual("on"),
        now("path", Text, "Where.").usual("/metrics"),
        later("per_key", Or(&["on", "off"], &Value(&TOP)), "Whether callers are told apart."),
    ],
};

/// `top:50`.
const TOP: Form = Form {
    read: |text| match text.strip_prefix("top:").map(str::parse::<u32>) {
        Some(Ok(1..)) => Ok(()),
        _ => wrong(format!("cannot be `{text}`."), "Write top:50."),
    },
    pattern: "^top:[0-9]+$",
};

const TRACES: Table = Table {
    noun: "traces",
    rows: &[
        later("otlp", Address, "Where they are sent."),
        later("sample", Value(&SHARE), "How many."),
        later("content", Switch, "Whether prompts and answers are in them."),
    ],
};

/// Reads `logging`.
pub(crate) fn logging(section: Option<Settings<'_>>) -> Logging {
    let mut logging = Logging { level: "info".into(), format: LogFormat::Auto, access_log: false };
    let Some(section) = section else { return logging };
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
    if !matches!(at.node.value, tree::Value::Map(_)) {
        return at.choice(&levels).map(str::to_owned);
    }
    let (default, parts): (Vec<_>, Vec<_>) = at.named().into_iter().partition(|(part, _)| part == "default");
    parts.iter().for_each(|(_, at)| at.later());
    default.first().and_then(|(_, at)| at.choice(&levels)).map(str::to_owned)
}

/// What is measured.
pub(crate) struct Telemetry {
    pub(crate) metrics: Metrics,
    /// How far back statistics look, shortest first, each once.
    pub(crate) stats_windows: Vec<Duration>,
}

/// Reads `telemetry`.
pub(crate) fn telemetry(section: Option<Settings<'_>>) -> Telemetry {
    let mut metrics = Metrics { enabled: true, path: "/metrics".into() };
    let mut stats_windows = WINDOWS.to_vec();
    let Some(section) = section else { return Telemetry { metrics, stats_windows } };
    if let Some(inner) = section.section("metrics", &METRICS) {
        metrics.enabled = inner.or("enabled", At::switch, metrics.enabled);
        metrics.path = inner.or("path", |at| at.parse(path), metrics.path);
        inner.close();
    }
    stats_windows = section.or("stats_windows", |at| Some(at.each(window)), stats_windows);
    stats_windows.sort();
    stats_windows.dedup();
    section.close();
    Telemetry { metrics, stats_windows }
}

/// A time statistics look back: a whole number of the steps they count in.
fn window(text: &str) -> Result<Duration, Wrong> {
    let window = duration(text)?;
    let step = STATS_STEP.as_secs();
    if window > LONGEST_WINDOW {
        return wrong(format!("looks back {text}; the longest is 24h."), "Usage records reach further back.");
    }
    if window.is_zero() || window.subsec_nanos() != 0 || window.as_secs() % step != 0 {
        let fix = format!("Statistics count in steps of {step}s: write {step}s, 5m, 1h.");
        return wrong(format!("is {text}, no whole number of steps."), fix);
    }
    Ok(window)
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

//! `logging` and `telemetry`.

use std::path::PathBuf;
use std::time::Duration;

use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{
    self, Address, Choice, List, OneOf, Or, Secret, Section, Switch, Text, Value, Whole,
};
use crate::reader::table::{Form, Table, later, now};
use crate::reader::{AGE, At, DURATION, SHARE, SIZE, Section as Settings, age, duration, size};
use crate::snapshot::{
    AccessLog, Level, Levels, LogFormat, Logging, Metrics, Part, Period, Rotation, STATS_STEP,
};
use crate::tree;

/// Logging.
pub(crate) const LOGGING: Table = Table {
    noun: "logging",
    rows: &[
        now("level", OneOf(&[LEVEL, Section(&LEVELS)]), "How much is told, or how much by each part.")
            .usual("info"),
        now("format", Choice(&["auto", "human", "json"]), "For whom; `auto` is human on a terminal.")
            .usual("auto"),
        now("file", Text, "Where lines are written besides standard error; beside the configuration file."),
        now("max_size", Value(&SIZE), "How large a file may become before it is put aside; 0: any size.")
            .usual("5MiB"),
        now("backup_count", Whole(0), "How many files put aside are kept; 0: none.").usual("3"),
        now("max_age", Or(&["off"], &Value(&AGE)), "How long files put aside are kept at most.").usual("off"),
        now(
            "rotate",
            Choice(&["never", "hourly", "daily"]),
            "When a file is put aside however large it is; in UTC.",
        )
        .usual("never"),
        now("compress", Switch, "Whether files put aside are packed (gzip).").usual("on"),
        now(
            "access_log",
            Choice(&["off", "on", "true", "json", "combined", "common"]),
            "One line for every finished call.",
        )
        .usual("off"),
        now("access_log_file", Text, "Where that line is written instead of among the others."),
        later("bodies", Or(&["off", "errors", "all"], &Value(&SAMPLE)), "Whether bodies are written, too."),
        later(
            "mask",
            List(&Choice(&["authorization", "api_keys", "emails"])),
            "What is made unreadable in them.",
        ),
    ],
};

const LEVEL: Shape = Choice(&["error", "warn", "info", "debug", "trace", "warning", "critical"]);

/// One for each [`Part`]; what is not written is as `default`.
const LEVELS: Table = Table {
    noun: "logging.level",
    rows: &[
        now("default", LEVEL, "Whatever is not named here."),
        now("listen", LEVEL, "Doors, connections and TLS towards callers."),
        now("intake", LEVEL, "Understanding requests."),
        now("routing", LEVEL, "Where requests go, and asking providers for their models."),
        now("upstream", LEVEL, "Connections to providers, and what they answer."),
        now("relay", LEVEL, "Passing answers on: failed calls, broken streams."),
        now("account", LEVEL, "Counting calls."),
        now("store", LEVEL, "The database and the spool."),
        now("control", LEVEL, "Changes of the configuration and administration."),
        now("program", LEVEL, "Start, stop, reload."),
        now("http", LEVEL, "The HTTP engines below; never more than warn unless it stands here."),
    ],
};

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

/// Reads `logging`. Its paths are still as written.
pub(crate) fn logging(section: Option<Settings<'_>>) -> Logging {
    let mut logging = Logging::default();
    let Some(section) = section else { return logging };
    logging.levels = section.or("level", levels, logging.levels);
    let formats = [("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)];
    logging.format = section.or("format", |at| at.choice(&formats), logging.format);
    logging.rotation = rotation(&section);
    let kinds = [
        ("off", AccessLog::Off),
        ("false", AccessLog::Off),
        ("on", AccessLog::Json),
        ("true", AccessLog::Json),
        ("json", AccessLog::Json),
        ("combined", AccessLog::Combined),
        ("common", AccessLog::Common),
    ];
    logging.access_log = section.or("access_log", |at| at.choice(&kinds), logging.access_log);
    let path = |text: &str| Ok(PathBuf::from(text));
    logging.file = section.written("file", path).map(|file| file.value);
    let access = section.written("access_log_file", path);
    if let Some(access) = access.as_ref().filter(|access| logging.file.as_ref() == Some(&access.value)) {
        let what = "is the file of `logging.file`, too, and two writers would put it aside.";
        access.wrong(
            section.here().findings,
            what,
            "Remove it: the lines then stand among the others there.",
        );
    }
    logging.access_log_file = access.map(|access| access.value);
    section.close();
    logging
}

/// Files put aside are numbered up to here: larger numbers behind a name may be years or days.
const MOST_KEPT: usize = 999;

fn rotation(section: &Settings<'_>) -> Rotation {
    let usual = Rotation::default();
    let periods = [("never", Period::Never), ("hourly", Period::Hourly), ("daily", Period::Daily)];
    let kept = |at: &At<'_>| {
        let count = usize::try_from(at.number(0)?).ok().filter(|count| *count <= MOST_KEPT);
        if count.is_none() {
            at.wrong_as(
                format!("is more than {MOST_KEPT}."),
                "Write a smaller number, or a larger `max_size`.",
            );
        }
        count
    };
    let limit = |text: &str| if text == "off" { Ok(None) } else { age(text).map(Some) };
    Rotation {
        max_size: section.or("max_size", |at| at.parse(size), usual.max_size),
        backup_count: section.or("backup_count", kept, usual.backup_count),
        max_age: section.or("max_age", |at| at.parse(limit), usual.max_age),
        every: section.or("rotate", |at| at.choice(&periods), usual.every),
        compress: section.or("compress", At::switch, usual.compress),
    }
}

/// One level, or one for each part.
fn levels(at: &At<'_>) -> Option<Levels> {
    let one = |at: &At<'_>| {
        at.choice(&[
            ("error", Level::Error),
            ("warn", Level::Warn),
            ("info", Level::Info),
            ("debug", Level::Debug),
            ("trace", Level::Trace),
            ("warning", Level::Warn),
            ("critical", Level::Error),
        ])
    };
    if !matches!(at.node.value, tree::Value::Map(_)) {
        return one(at).map(|default| Levels { default, parts: Vec::new() });
    }
    let section = Settings::open(at.clone(), &LEVELS);
    let default = section.or("default", one, Levels::default().default);
    let parts = Part::ALL.into_iter();
    let parts = parts.filter_map(|part| Some((part, section.get(part.name()).and_then(|at| one(&at))?)));
    let levels = Levels { default, parts: parts.collect() };
    section.close();
    Some(levels)
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

//! What somebody said, before anybody decides how it looks: taken from the event where it happens, bounded, and shown
//! elsewhere, on the thread of each place it goes to.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::filter::ACCESS;

/// The most of one text that is kept, in bytes (T-49).
pub(super) const LONGEST_TEXT: usize = 4 * 1024;

/// One log line.
#[derive(Debug)]
pub(super) struct LogLine {
    /// When, as it is written: RFC 3339, UTC, microseconds.
    pub(super) time: String,
    pub(super) level: Level,
    /// Which module says it.
    pub(super) target: &'static str,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// A fact.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Count(u64),
    Number(f64),
    Flag(bool),
}

impl LogLine {
    /// What an event says.
    pub(super) fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut line = Self::now(*metadata.level(), metadata.target());
        event.record(&mut Fields(&mut line));
        line
    }

    /// What the log has to say about itself.
    pub(super) fn own(message: &str, fields: Vec<(&'static str, Value)>) -> Self {
        Self { message: message.to_owned(), fields, ..Self::now(Level::WARN, "openai_proxy::logging") }
    }

    fn now(level: Level, target: &'static str) -> Self {
        let mut time = String::with_capacity(27);
        // A clock that cannot be read leaves the place empty.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        Self { time, level, target, message: String::new(), fields: Vec::new() }
    }

    /// Whether it is about a finished call.
    pub(super) fn is_access(&self) -> bool {
        self.target == ACCESS
    }

    /// Whether it says the same, whenever.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        (self.level, self.target, &self.message, &self.fields)
            == (other.level, other.target, &other.message, &other.fields)
    }

    /// A field's value.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// Takes an event's fields.
struct Fields<'l>(&'l mut LogLine);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text)) => self.0.message = text,
            (name, value) => self.0.fields.push((name, value)),
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::Number(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::Whole(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::Count(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Flag(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded::default();
        // It says no when it is full, which ends the writing.
        let _ = write!(text, "{value:?}");
        self.put(field, Value::Text(text.0));
    }
}

/// A text that takes only so much.
#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = LONGEST_TEXT - self.0.len();
        if more.len() <= room {
            self.0.push_str(more);
            return Ok(());
        }
        const CUT: &str = "…";
        let end = more.floor_char_boundary(room.saturating_sub(CUT.len()));
        self.0.push_str(&more[..end]);
        // A piece that came before may have left no room for the mark.
        self.0.truncate(self.0.floor_char_boundary(LONGEST_TEXT - CUT.len()));
        self.0.push_str(CUT);
        Err(fmt::Error)
    }
}

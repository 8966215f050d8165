//! Too much of the same, or too much: in a burst a line that says what the one before it said is counted instead of
//! written, and above a megabyte a second only every hundredth line is (T-49). What was left out is told. Lines about
//! finished calls pass: one line for every call was asked for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::line::{LogLine, Value};

/// A burst is looked at for so long, and so is what a second may bring.
pub(super) const SPAN: Duration = Duration::from_secs(1);
/// How many equal lines of a burst are written.
const EQUAL: u32 = 5;
/// The bytes of a second.
const MOST: usize = 1_000_000;
/// Above that, one of so many is written.
const SAMPLE: u64 = 100;

/// Stands before a place. Every span it begins anew.
pub(super) struct Gate {
    begun: Instant,
    last: Option<Arc<LogLine>>,
    equal: u32,
    repeated: u64,
    bytes: usize,
    above: u64,
    left_out: u64,
}

impl Gate {
    pub(super) fn new(now: Instant) -> Self {
        Self { begun: now, last: None, equal: 0, repeated: 0, bytes: 0, above: 0, left_out: 0 }
    }

    /// Whether a line is to be written, and what is to be told before it.
    pub(super) fn judge(&mut self, line: &Arc<LogLine>, now: Instant) -> (bool, Vec<LogLine>) {
        if line.is_access() {
            return (true, Vec::new());
        }
        let mut told = self.told(now);
        if self.last.as_ref().is_some_and(|last| last.says_what(line)) {
            self.equal += 1;
            if self.equal > EQUAL {
                self.repeated += 1;
                return (false, told);
            }
        } else {
            told.extend(self.told_repeated());
            self.last = Some(line.clone());
            self.equal = 1;
        }
        if self.bytes >= MOST {
            self.above += 1;
            if self.above % SAMPLE != 1 {
                self.left_out += 1;
                return (false, told);
            }
        }
        (true, told)
    }

    /// So much was written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Whether there will be something to tell when the span is over.
    pub(super) fn holds(&self) -> bool {
        self.repeated + self.left_out > 0
    }

    /// What is to be told now, if a span is over.
    pub(super) fn told(&mut self, now: Instant) -> Vec<LogLine> {
        if now.duration_since(self.begun) < SPAN {
            return Vec::new();
        }
        let told = self.rest();
        *self = Self::new(now);
        told
    }

    /// What is to be told at the end.
    pub(super) fn rest(&mut self) -> Vec<LogLine> {
        let mut told: Vec<LogLine> = self.told_repeated().into_iter().collect();
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            let about = "log lines were left out: more than a megabyte came in a second";
            told.push(LogLine::own(about, vec![("lines", Value::Count(left_out))]));
        }
        told
    }

    fn told_repeated(&mut self) -> Option<LogLine> {
        let repeated = std::mem::take(&mut self.repeated);
        let said = self.last.as_ref().map(|last| last.message.clone()).unwrap_or_default();
        let fields = || vec![("times", Value::Count(repeated)), ("said", Value::Text(said))];
        (repeated > 0).then(|| LogLine::own("the same line came again", fields()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> Arc<LogLine> {
        Arc::new(LogLine::own(message, vec![]))
    }

    fn count(told: &[LogLine], name: &str) -> u64 {
        let counts = told.iter().filter_map(|line| match line.field(name) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        });
        counts.sum()
    }

    #[test]
    fn of_a_thousand_equal_lines_the_first_are_written_and_all_are_told() {
        let began = Instant::now();
        let mut gate = Gate::new(began);
        let same = line("a provider is gone");
        let written = (0..1000).filter(|_| gate.judge(&same, began).0).count();
        let (passes, told) = gate.judge(&line("another"), began);
        assert!(passes);
        assert_eq!(written as u64 + count(&told, "times"), 1000);
        assert!(written <= 10, "{written}");
    }

    #[test]
    fn equal_lines_that_come_now_and_then_are_all_written() {
        let mut now = Instant::now();
        let mut gate = Gate::new(now);
        for _ in 0..100 {
            now += SPAN;
            assert!(gate.judge(&line("read anew"), now).0);
        }
        assert!(gate.rest().is_empty());
    }

    #[test]
    fn above_a_megabyte_a_second_lines_are_sampled_and_counted() {
        let began = Instant::now();
        let mut gate = Gate::new(began);
        let (mut written, mut bytes) = (0_u64, 0);
        for number in 0..20_000 {
            if gate.judge(&line(&format!("line {number}")), began).0 {
                written += 1;
                bytes += 1000;
                gate.wrote(1000);
            }
        }
        assert!((MOST..MOST * 3 / 2).contains(&bytes), "{bytes}");
        let told = gate.told(began + SPAN);
        assert_eq!(written + count(&told, "lines"), 20_000);
        assert!(gate.judge(&line("later"), began + SPAN).0, "a new second begins anew");
    }
}

//! The table a person reads, and the figures a program reads.

use serde_json::{Value, json};

use super::rounds::{Measured, Window};
use super::scenario::{Scenario, Unit};

/// The row of the load alone.
const DIRECT: &str = "direct";

/// A column of the table.
struct Column {
    figure: &'static str,
    title: &'static str,
    decimals: usize,
    /// Is it what the load alone sees taken off? Then differences are shown instead of ratios.
    added: bool,
    ratio: bool,
}

const fn column(figure: &'static str, title: &'static str, decimals: usize) -> Column {
    Column { figure, title, decimals, added: false, ratio: true }
}

fn columns(scenario: &Scenario) -> Vec<Column> {
    let plain = |figure, title| Column { ratio: false, ..column(figure, title, 0) };
    let added = |figure, title| Column { added: true, ..column(figure, title, 0) };
    let user = Column { ratio: false, ..column("cpu_user", "of it user", 1) };
    if scenario.added {
        return vec![
            added("p50", "added p50 µs"),
            added("p99", "added p99 µs"),
            plain("p50", "p50 µs"),
            column("cpu", "CPU µs/request", 1),
            user,
            plain("rate", "requests/s"),
        ];
    }
    match scenario.unit {
        Unit::Request => vec![
            column("cpu", "CPU µs/request", 1),
            user,
            column("rate", "requests/s", 0),
            plain("p50", "p50 µs"),
            plain("p99", "p99 µs"),
        ],
        // Nobody waits for a chunk that is written as soon as there is room.
        Unit::Chunk if scenario.behaviour.pace_us == 0 => {
            vec![column("cpu", "CPU µs/chunk", 2), user, column("rate", "chunks/s", 0)]
        }
        Unit::Chunk => vec![
            column("cpu", "CPU µs/chunk", 2),
            user,
            plain("rate", "chunks/s"),
            plain("first_p50", "first byte p50 µs"),
            plain("first_p99", "p99 µs"),
            plain("delay_p50", "delay p50 µs"),
            plain("delay_p99", "p99 µs"),
        ],
    }
}

/// The table of a scenario: medians with half their range, ratios to HAProxy and nginx.
pub(crate) fn table(scenario: &Scenario, measured: &Measured) -> String {
    let columns = columns(scenario);
    let mut rows = vec![vec![String::new()]];
    for column in &columns {
        rows[0].push(column.title.to_owned());
        if column.ratio {
            let sign = if column.added { "-" } else { "x" };
            rows[0].extend(scenario.against.map(|other| format!("{sign} {other}")));
        }
    }
    rows[0].push("failed".to_owned());
    let direct = measured.row(DIRECT);
    for (name, windows) in &measured.rows {
        let mut row = vec![name.clone()];
        for column in &columns {
            let floor =
                if column.added { direct.and_then(|windows| middle(windows, column.figure)) } else { None };
            let of =
                |windows: &[Window]| middle(windows, column.figure).map(|value| value - floor.unwrap_or(0.0));
            // The load alone adds nothing to itself.
            let value = of(windows).filter(|_| !(column.added && name == DIRECT));
            row.push(value.map_or("-".to_owned(), |value| {
                cell(value, spread(windows, column.figure), column.decimals)
            }));
            if column.ratio {
                row.extend(
                    scenario
                        .against
                        .map(|other| compared(value, measured.row(other).and_then(&of), column.added)),
                );
            }
        }
        row.push(thousands(sum(windows, "failed"), 0));
        rows.push(row);
    }
    let mut text = format!("\n{}: {}\n{}", scenario.name, scenario.title, aligned(&rows));
    for (why, count) in &measured.failures {
        text.push_str(&format!("\n  failed {count} times: {why}"));
    }
    text
}

/// All windows of a scenario.
pub(crate) fn json(scenario: &Scenario, measured: &Measured) -> Value {
    let rows: serde_json::Map<String, Value> =
        measured.rows.iter().map(|(name, windows)| (name.clone(), json!(windows))).collect();
    json!({
        "title": scenario.title, "rounds": rows, "repeated": measured.repeated, "failures": measured.failures,
    })
}

impl Measured {
    /// The windows of one contender.
    fn row(&self, name: &str) -> Option<&[Window]> {
        self.rows.iter().find(|(row, _)| row == name).map(|(_, windows)| windows.as_slice())
    }
}

/// Rows with their first column at the left and the others at the right.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let width =
        |place: usize| rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().enumerate().map(|(place, cell)| {
                let width = width(place).unwrap_or_default();
                if place == 0 { format!("  {cell:width$}") } else { format!("  {cell:>width$}") }
            });
            cells.collect::<String>().trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

/// The median of some values.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get(values.len().saturating_sub(1) / 2)?, values.get(values.len() / 2)?);
    Some((low + high) / 2.0)
}

fn values(windows: &[Window], figure: &str) -> Vec<f64> {
    windows.iter().filter_map(|window| window.get(figure).copied()).collect()
}

fn middle(windows: &[Window], figure: &str) -> Option<f64> {
    median(values(windows, figure))
}

fn sum(windows: &[Window], figure: &str) -> f64 {
    values(windows, figure).iter().sum()
}

/// Half the range of a figure over the windows.
fn spread(windows: &[Window], figure: &str) -> f64 {
    let values = values(windows, figure);
    let highest = values.iter().copied().fold(f64::MIN, f64::max);
    let lowest = values.iter().copied().fold(f64::MAX, f64::min);
    (highest - lowest) / 2.0
}

fn cell(value: f64, spread: f64, decimals: usize) -> String {
    format!("{} ±{}", thousands(value, decimals), thousands(spread, decimals))
}

fn compared(value: Option<f64>, other: Option<f64>, difference: bool) -> String {
    match (value, other) {
        (Some(value), Some(other)) if difference => format!("{:+.0}", value - other),
        (Some(value), Some(other)) if other > 0.0 => format!("{:.2}", value / other),
        _ => "-".to_owned(),
    }
}

/// A number with a comma at every thousand.
pub(crate) fn thousands(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(thousands(1_234_567.0, 0), "1,234,567");
        assert_eq!(thousands(-1_234.5, 1), "-1,234.5");
        assert_eq!(thousands(12.0, 0), "12");
    }
}

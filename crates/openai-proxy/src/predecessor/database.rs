//! The database: whichever of its tables hold instances, in rows of their own or in versions of the whole.

use std::path::Path;

use serde_json::{Map, Value as Json};
use store::db::foreign::{self, Table};

use super::instance::{Instance, instances, settings_of, time};
use super::{Left, Unread, unread, unread_database};

/// Columns an instance's name stands in.
const NAMES: &[&str] = &["instance_name", "name", "instance"];
/// Columns that count versions.
const VERSIONS: &[&str] = &["version_id", "version_number", "version", "revision"];
/// Columns that hold JSON.
const HOLDERS: &[&str] =
    &["data", "config", "config_json", "settings", "instances", "state", "state_json", "value"];
/// Columns that tell when.
const TIMES: &[&str] = &["timestamp", "updated_at", "created_at", "changed_at"];

type Row = Map<String, Json>;

pub(super) fn read(file: &Path) -> Result<Left, Unread> {
    let columns = [NAMES, VERSIONS].concat();
    match foreign::whose(file) {
        Ok(foreign::Whose::Ours) => return Err(unread(file, "it is a database of openai-proxy itself")),
        other => drop(other.map_err(|problem| unread_database(file, problem))?),
    }
    let tables = foreign::tables(file, &columns).map_err(|problem| unread_database(file, problem))?;
    Ok(versions_of_the_whole(&tables).unwrap_or_else(|| rows_of_their_own(&tables)))
}

/// The column of a row that is one of these and says something.
fn cell<'r>(row: &'r Row, columns: &[&str]) -> Option<&'r Json> {
    let found = |column: &&str| {
        row.iter().find(|(name, value)| name.eq_ignore_ascii_case(column) && !value.is_null())
    };
    columns.iter().find_map(found).map(|(_, value)| value)
}

/// JSON in a text.
fn inner(value: &Json) -> Option<Json> {
    let text = value.as_str()?.trim_start();
    if text.starts_with(['{', '[']) { serde_json::from_str(text).ok() } else { None }
}

/// Where each row is one version of all instances, a table may say which of them counts; else the newest does.
fn versions_of_the_whole(tables: &[Table]) -> Option<Left> {
    let whole = |row: &Row| {
        let holds = cell(row, HOLDERS).and_then(inner)?;
        let found = instances(&holds, time(cell(row, TIMES)));
        (cell(row, NAMES).is_none() && !found.is_empty()).then_some(found)
    };
    let versions =
        |table: &&Table| table.rows.iter().any(|row| cell(row, VERSIONS).is_some() && whole(row).is_some());
    let table = tables.iter().find(versions)?;
    // A table of one row that has a version and nothing it is a version of.
    let points =
        |other: &&Table| other.name != table.name && other.rows.len() == 1 && whole(&other.rows[0]).is_none();
    let named = |other: &Table| other.rows.first().and_then(|row| cell(row, VERSIONS)).cloned();
    let current = tables.iter().filter(points).find_map(named);
    let is_current = |row: &&Row| current.is_some() && cell(row, VERSIONS) == current.as_ref();
    let row = table.rows.iter().find(is_current).or_else(|| newest(table.rows.iter()))?;
    // A version of nothing counts as well: all of them were removed.
    Some(Left { instances: whole(row).unwrap_or_default(), older: table.rows.len() - 1 })
}

/// The newest of some rows: by its time, else by its version, else the last.
fn newest<'r>(rows: impl Iterator<Item = &'r Row>) -> Option<&'r Row> {
    let age = |row: &Row| {
        let number = |columns| cell(row, columns).and_then(Json::as_f64).unwrap_or(f64::MIN);
        let text = cell(row, TIMES).and_then(Json::as_str).unwrap_or_default().to_owned();
        (number(TIMES), text, number(VERSIONS))
    };
    rows.max_by(|a, b| age(a).partial_cmp(&age(b)).unwrap_or(std::cmp::Ordering::Equal))
}

/// Whether a table counts versions: by its name, or by holding several of one instance.
fn is_history(table: &Table) -> bool {
    let called =
        ["history", "version", "audit", "log"].iter().any(|word| table.name.to_lowercase().contains(word));
    let mut names: Vec<&str> = table.rows.iter().filter_map(name).collect();
    names.sort_unstable();
    let several = names.windows(2).any(|pair| pair[0] == pair[1]);
    (called || several) && table.rows.iter().any(|row| cell(row, VERSIONS).is_some())
}

/// Where each row is about one instance. Tables that count versions are history: they are asked only when nothing else
/// holds instances, for an instance that was removed still stands there.
fn rows_of_their_own(tables: &[Table]) -> Left {
    let (history, present): (Vec<&Table>, Vec<&Table>) = tables.iter().partition(|table| is_history(table));
    let mut left = Left { instances: Vec::new(), older: 0 };
    left.instances = together(present.iter().flat_map(|table| &table.rows).filter_map(instance).collect());
    left.instances.retain(Instance::says_something);
    let nobody = left.instances.is_empty();
    for table in history {
        let mut names: Vec<&str> = table.rows.iter().filter_map(name).collect();
        names.sort_unstable();
        names.dedup();
        let mut kept = 0;
        for wanted in names {
            let row = newest(table.rows.iter().filter(|row| name(row) == Some(wanted)));
            if let Some(instance) = row.and_then(instance).filter(|_| nobody) {
                kept += usize::from(instance.says_something());
                left.instances.push(instance);
            }
        }
        left.older += table.rows.iter().filter(|row| name(row).is_some()).count() - kept;
    }
    left.instances = together(left.instances);
    left.instances.retain(Instance::says_something);
    left
}

fn name(row: &Row) -> Option<&str> {
    cell(row, NAMES).and_then(Json::as_str)
}

/// A row's instance: settings in columns, in JSON, or one of them as key and value.
fn instance(row: &Row) -> Option<Instance> {
    let name = name(row)?.to_owned();
    let (key, value) =
        (cell(row, &["key", "setting", "field"]).and_then(Json::as_str), cell(row, &["value"]));
    if let (Some(key), Some(value)) = (key, value) {
        let settings = Map::from_iter([(key.to_owned(), inner(value).unwrap_or_else(|| value.clone()))]);
        return Some(Instance { name, settings, time: time(cell(row, TIMES)) });
    }
    let mut settings = Map::new();
    for (column, value) in row {
        let column = column.to_ascii_lowercase();
        if NAMES.contains(&column.as_str()) || VERSIONS.contains(&column.as_str()) || value.is_null() {
            continue;
        }
        match inner(value) {
            Some(Json::Object(members)) if HOLDERS.contains(&column.as_str()) => {
                settings.extend(settings_of(&members));
            }
            Some(json) => drop(settings.insert(column, json)),
            None => drop(settings.insert(column, value.clone())),
        }
    }
    Some(Instance { name, settings, time: time(cell(row, TIMES)) })
}

/// One instance of each name: what comes later is laid over what came before.
fn together(all: Vec<Instance>) -> Vec<Instance> {
    let mut out: Vec<Instance> = Vec::new();
    for instance in all {
        match out.iter_mut().find(|known| known.name == instance.name) {
            Some(known) => {
                known.settings.extend(instance.settings);
                known.time = known.time.max(instance.time);
            }
            None => out.push(instance),
        }
    }
    out
}

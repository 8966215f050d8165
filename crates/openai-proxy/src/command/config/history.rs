//! `config versions`, `diff` and `rollback`: what was changed, and the way back.

use http::Method;
use serde_json::{Value, json};

use crate::command::reach::{self, Desk, Whom, Why};
use crate::command::table::table;
use crate::command::{changed, moment};
use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Where revisions are.
const REVISIONS: &str = "/admin/v1/revisions";

/// The newest revisions.
pub(super) fn versions(talk: &Talk, most: usize, whom: &Whom) -> Outcome {
    let all = reach::run(async { Desk::open(whom).await?.list(REVISIONS, &[], most).await })?;
    if talk.json() {
        talk.print_json(&json!({"data": all}));
        return Ok(Exit::Done);
    }
    let row = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        [
            one["number"].to_string(),
            moment::told(&one["made_unix_ms"]),
            text("actor"),
            text("via"),
            settings(&one["changed"]),
            text("reason"),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    talk.print(&table(["REVISION", "MADE (UTC)", "BY", "VIA", "CHANGED", "REASON"], &rows));
    Ok(Exit::Done)
}

/// The settings that changed: the first, and how many more.
fn settings(changed: &Value) -> String {
    let paths: Vec<&str> =
        changed.as_array().into_iter().flatten().filter_map(|one| one["path"].as_str()).collect();
    match paths[..] {
        [] => String::new(),
        [one] => one.to_owned(),
        [first, ..] => format!("{first} and {} more", paths.len() - 1),
    }
}

/// What one revision says differently than another; without the second, than the one that counts.
pub(super) fn diff(talk: &Talk, (from, to): (u64, Option<u64>), whom: &Whom) -> Outcome {
    let told = reach::run(async {
        let mut desk = Desk::open(whom).await?;
        let to = match to {
            Some(to) => to,
            None => newest(&mut desk).await?,
        };
        desk.get(&format!("{REVISIONS}/{from}/diff/{to}")).await
    })?;
    if talk.json() {
        talk.print_json(&told);
        return Ok(Exit::Done);
    }
    talk.print(&changed::lines(&told["differences"]));
    if told["differences"].as_array().is_none_or(Vec::is_empty) {
        talk.say(&format!("Revisions {} and {} say the same.", told["from"], told["to"]));
    }
    Ok(Exit::Done)
}

async fn newest(desk: &mut Desk) -> Result<u64, Failure> {
    let newest = desk.list(REVISIONS, &[], 1).await?;
    Ok(newest.first().and_then(|one| one["number"].as_u64()).unwrap_or(0))
}

/// Lets an older revision count again, as a new one; or only says what that would change.
pub(super) fn rollback(talk: &Talk, number: u64, dry: bool, (whom, why): (&Whom, &Why)) -> Outcome {
    const ROLLBACK: &str = "/admin/v1/rollback";
    let body = json!({"revision": number});
    let done = reach::run(async {
        let mut desk = Desk::open(whom).await?;
        match dry {
            true => desk.post(&format!("{ROLLBACK}?dry_run=true"), Some(&body)).await,
            false => desk.change((Method::POST, ROLLBACK), Some(&body), why).await,
        }
    })?;
    if dry { changed::planned(talk, &done) } else { changed::told(talk, &done) }
}

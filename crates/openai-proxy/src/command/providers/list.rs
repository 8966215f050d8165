//! `providers list`: settings, standing and figures of each, in one table.

use serde_json::{Value, json};

use super::standing;
use crate::command::moment;
use crate::command::reach::{self, Desk, Whom};
use crate::command::table::table;
use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

pub(super) fn list(talk: &Talk, whom: &Whom) -> Outcome {
    let (known, counted) = reach::run(async {
        let mut desk = Desk::open(whom).await?;
        Ok((desk.list("/instances", &[], usize::MAX).await?, desk.get("/stats/instances").await?))
    })?;
    let all: Vec<Value> = known.into_iter().map(|one| with_figures(one, &counted)).collect();
    if talk.json() {
        talk.print_json(&json!({"data": all}));
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        talk.say("There is no provider. Add one: openai-proxy providers add NAME --type TYPE --base-url URL");
    }
    let rows: Vec<_> = all.iter().map(row).collect();
    let heads = ["NAME", "TYPE", "STANDING", "CALLS", "ERRORS", "MEAN", "LAST ERROR (UTC)", "ADDRESS"];
    talk.print(&table(heads, &rows));
    Ok(Exit::Done)
}

/// A provider with what was counted of it.
fn with_figures(mut one: Value, counted: &Value) -> Value {
    let mut all = counted["data"].as_array().into_iter().flatten();
    let own = all.find(|counted| counted["name"] == one["name"]).cloned().unwrap_or_default();
    one["standing"] = own["health"].clone();
    one["figures"] = json!({"since_unix_ms": own["since_unix_ms"], "total": own["total"], "last_error": own["last_error"]});
    one
}

fn row(one: &Value) -> [String; 8] {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let figures = &one["figures"];
    let count = |value: &Value| value.as_u64().unwrap_or(0).to_string();
    let mean = figures.pointer("/total/duration/mean_ms").and_then(Value::as_f64);
    let error = &figures["last_error"];
    let last = match error["kind"].as_str() {
        Some(kind) => format!("{} {kind}", moment::told(&error["at_unix_ms"])),
        None => String::new(),
    };
    [
        text(&one["name"]),
        text(&one["provider_type"]),
        standing::word(&one["standing"]),
        count(&figures["total"]["calls"]),
        count(&figures["total"]["errors"]["total"]),
        mean.map(|ms| format!("{ms:.0} ms")).unwrap_or_default(),
        last,
        text(&one["api_base"]),
    ]
}

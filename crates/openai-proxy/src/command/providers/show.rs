//! `providers show`: how one stands, target by target and key by key.

use serde_json::Value;

use super::{address, standing};
use crate::command::moment;
use crate::command::reach::{self, Desk, Whom};
use crate::command::table::table;
use crate::exit::{Exit, Outcome};
use crate::talk::{Mark, Talk};

pub(super) fn show(talk: &Talk, name: &str, whom: &Whom) -> Outcome {
    let at = format!("{}/breaker", address(name));
    let stands = reach::run(async { Desk::open(whom).await?.get(&at).await })?;
    if talk.json() {
        talk.print_json(&stands);
        return Ok(Exit::Done);
    }
    let mark = if stands["takes_calls"] == true { Mark::Good } else { Mark::Bad };
    let mut text = format!("{} {name}: {}\n", talk.mark(mark), standing::word(&stands));
    let failure = &stands["last_failure"];
    if let Some(kind) = failure["kind"].as_str() {
        text.push_str(&format!("  last failure: {kind}, {} UTC\n", moment::told(&failure["at_unix_ms"])));
    }
    let targets = rows(&stands["targets"], target);
    let heads = ["MODEL", "BREAKER", "RUNNING", "FIRST ANSWER", "LACKS"];
    let keys = rows(&stands["keys"], key);
    for part in [table(heads, &targets), table(["KEY", "USED", "STANDING"], &keys)] {
        if !part.is_empty() {
            text.push('\n');
            text.push_str(&part);
        }
    }
    if targets.is_empty() {
        talk.say("Nothing was asked of it since the start, so nothing is known of its breakers.");
    }
    talk.print(&text);
    Ok(Exit::Done)
}

fn rows<const N: usize>(all: &Value, row: impl Fn(&Value) -> [String; N]) -> Vec<[String; N]> {
    all.as_array().into_iter().flatten().map(row).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> String {
    value.as_u64().unwrap_or_default().to_string()
}

/// A word, and how long it holds.
fn for_a_while(word: &str, seconds: &Value) -> String {
    match seconds.as_u64() {
        Some(left) => format!("{word}, {} left", moment::spoken(left)),
        None => word.to_owned(),
    }
}

fn target(one: &Value) -> [String; 5] {
    let model = one["model"].as_str().unwrap_or("(no model named)").to_owned();
    let breaker = one["breaker"].as_str().unwrap_or_default().replace('_', "-");
    let soon = one["first_answer_ms"].as_u64().map(|ms| format!("{ms} ms")).unwrap_or_default();
    let lacks: Vec<String> = one["lacks"].as_array().into_iter().flatten().map(text).collect();
    [model, for_a_while(&breaker, &one["seconds_left"]), number(&one["in_flight"]), soon, lacks.join(", ")]
}

fn key(one: &Value) -> [String; 3] {
    let stands = match one["aside"].as_str() {
        Some(why) => for_a_while(&format!("put aside ({why})"), &one["seconds_left"]),
        None if one["expired"] == true => "over".to_owned(),
        None => "in use".to_owned(),
    };
    [text(&one["name"]), number(&one["used"]), stands]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_breaker_and_a_key_are_told_with_how_long_they_stay_so() {
        let open = json!({"model": "m", "breaker": "open", "seconds_left": 12, "in_flight": 1, "first_answer_ms": 240, "lacks": ["prefill"]});
        assert_eq!(target(&open), ["m", "open, 12 s left", "1", "240 ms", "prefill"]);
        let aside = json!({"name": "b", "used": 3, "aside": "auth", "seconds_left": 600, "expired": false});
        assert_eq!(key(&aside), ["b", "3", "put aside (auth), 10 min left"]);
    }
}

//! The reasons, in words.

use std::time::{Duration, UNIX_EPOCH};

use config::snapshot::Source;
use protocol::operation::ROWS;
use serde_json::{Value, json};

use super::{Explanation, Place, Question, Way};
use crate::route::Reason;
use crate::standing::{Overridden, OverrideKind};

/// An explanation, and the file its rules stand in.
struct Told<'a> {
    /// What was found out.
    explained: &'a Explanation,
    /// The path as it was asked about.
    path: &'a str,
    /// The configuration file's name and text.
    source: Option<(String, String)>,
}

impl Explanation {
    /// All of it for people and programs: facts with their reasons in words. `source`: the file whose lines are named.
    pub fn told(&self, question: &Question<'_>, source: &Source) -> Value {
        let told = Told { explained: self, path: question.target, source: file(source) };
        let places = told.places().into_iter().zip(&self.places);
        let places: Vec<Value> = places
            .map(|((name, chosen, why), place)| {
                json!({"name": name, "type": place.kind, "priority": place.priority, "chosen": chosen, "why": why})
            })
            .collect();
        let way = match &self.way {
            Ok(Way::Here { .. }) => json!({"provider": null, "reason": "here"}),
            Ok(Way::There { provider, model, reason }) => {
                json!({"provider": provider, "model": model, "reason": word(*reason)})
            }
            Err(_) => Value::Null,
        };
        let error = self.way.as_ref().err();
        let error =
            error.map(|error| json!({"status": error.status, "code": error.code, "message": error.say}));
        json!({
            "method": question.method.as_str(),
            "path": question.target,
            "operation": self.operation,
            "dialect": self.dialect,
            "model": self.model,
            "way": way,
            "why": told.why(),
            "error": error,
            "strategy": self.strategy,
            "targets": self.targets,
            "providers": places,
        })
    }
}

/// The configuration file's name and text, for the lines of rules.
fn file(source: &Source) -> Option<(String, String)> {
    let Source::File(path) = source else { return None };
    Some((path.display().to_string(), config::read_text(path).ok()?))
}

/// The word for a reason in JSON.
fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::PathRule => "path_rule",
        Reason::Written => "written",
        Reason::Announced => "announced",
        Reason::OwnVoice => "own_voice",
        Reason::UnknownModel => "unknown_model",
        Reason::NoModel => "no_model",
    }
}

/// What somebody said of a provider by hand: by whom, until when, and why.
fn by_hand(said: &Overridden) -> String {
    let what = match said.kind {
        OverrideKind::Paused => "paused",
        OverrideKind::ForcedOpen => "its breaker is forced open",
        OverrideKind::ForcedClosed => "its breaker is forced closed",
    };
    let until = said.until_unix_ms.map_or_else(
        || "until that is taken back".to_owned(),
        |until| format!("until {}", httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(until))),
    );
    let why = if said.why.is_empty() { String::new() } else { format!(": {}", said.why) };
    format!("{what} by {} {until}{why}", said.by)
}

impl Told<'_> {
    /// Why it goes where it goes, one sentence a line.
    fn why(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match &self.explained.way {
            Ok(Way::Here { but }) => {
                lines.push("The list of models is kept in memory; providers fill it.".to_owned());
                lines.extend(but.as_ref().map(|provider| {
                    format!("A caller that shows a key of its own is sent to {provider}, which knows what that key may use.")
                }));
            }
            Ok(Way::There { provider, reason, .. }) => {
                lines.push(self.reason(provider, *reason));
                let place = self.explained.places.iter().find(|place| place.provider == *provider);
                let clouds = self.explained.places.iter().any(|place| !place.local);
                if clouds && place.is_some_and(|place| place.local) {
                    lines.push(format!(
                        "{provider} runs on your own computers: even when it is down, this never goes to a cloud by itself."
                    ));
                }
            }
            Err(_) if self.explained.kept_here => lines.push(
                "It may be a model of a server on your own computers that has not said yet which it has, and such a call goes to no cloud by itself."
                    .to_owned(),
            ),
            Err(_) => {}
        }
        let places = self.explained.places.iter();
        let forced = places.filter_map(|place| Some((place, place.overridden.as_ref()?)));
        let forced = forced.filter(|(_, said)| said.kind == OverrideKind::ForcedClosed);
        lines.extend(forced.map(|(place, said)| format!("{}: {}.", place.provider, by_hand(said))));
        lines.extend(self.unasked());
        lines.extend(self.unknown_path());
        lines
    }

    /// What could still change the answer, where nobody was asked.
    fn unasked(&self) -> Option<String> {
        let open = match &self.explained.way {
            Ok(Way::There { reason, .. }) => matches!(reason, Reason::UnknownModel | Reason::OwnVoice),
            Ok(Way::Here { .. }) => false,
            Err(refused) => refused.code == "model_not_found",
        };
        let places = self.explained.places.iter();
        let unasked = places.filter(|place| place.serves && place.has.is_none() && !place.silent);
        let names: Vec<&str> = unasked.map(|place| place.provider.as_str()).collect();
        (open && self.explained.model.is_some() && names.len() > 1).then(|| {
            format!(
                "Not asked which models they have: {}. One that has it would come first.",
                names.join(", ")
            )
        })
    }

    fn model(&self) -> &str {
        self.explained.model.as_deref().unwrap_or_default()
    }

    fn reason(&self, provider: &str, reason: Reason) -> String {
        let model = self.model();
        match reason {
            Reason::PathRule => format!("The rule for this path leads there: {}.", self.path_rule()),
            Reason::Written => {
                let rule = self.explained.name_rule.as_deref().unwrap_or_default();
                let fits = if rule == model { "" } else { ", a pattern that fits" };
                format!("The name is written: `{rule}`{}{fits}.", self.at(rule))
            }
            Reason::Announced => format!("{provider} says that it has `{model}`."),
            Reason::OwnVoice => {
                let able = self.explained.places.iter().filter(|place| place.serves).count();
                if able == 1 {
                    format!("{provider} is the only one that can do this, whatever the model is called.")
                } else {
                    format!("{provider} does nothing but this, and takes every name of a model.")
                }
            }
            Reason::UnknownModel => match self.explained.places.len() {
                1 => format!("{provider} is the only provider."),
                _ => format!(
                    "Nobody is known to have `{model}`, and routing.unknown_model{} leads such calls there.",
                    self.at("unknown_model")
                ),
            },
            Reason::NoModel => {
                let why = match self.explained.model {
                    None => "No model is named",
                    Some(_) => "What belongs to an account does not go by its model",
                };
                format!("{why}: {provider} is the first, in order of preference, that can do this.")
            }
        }
    }

    /// The rule for the path, with its line.
    fn path_rule(&self) -> String {
        let rule = self.explained.path_rule.as_deref().unwrap_or_default();
        format!("`{rule}`{}", self.at(rule))
    }

    /// Every provider: its name, whether it is the one, and what speaks for or against it.
    fn places(&self) -> Vec<(String, bool, String)> {
        let chosen = match &self.explained.way {
            Ok(Way::There { provider, reason, .. }) => Some((provider.as_str(), *reason)),
            _ => None,
        };
        let places = self.explained.places.iter();
        places
            .map(|place| match chosen {
                Some((provider, reason)) if provider == place.provider => {
                    (place.provider.clone(), true, self.reason(provider, reason))
                }
                _ => (place.provider.clone(), false, self.against(place, chosen)),
            })
            .collect()
    }

    /// Why not this one.
    fn against(&self, place: &Place, chosen: Option<(&str, Reason)>) -> String {
        let operation = self.explained.operation.unwrap_or_default();
        if !place.serves {
            return match place.limited {
                true => format!("its `capabilities` do not hold {operation}"),
                false if operation == "other" => format!("{} gets no path that is not known", place.kind),
                false => format!("{} cannot do {operation}", place.kind),
            };
        }
        if let Some(said) = place.overridden.as_ref().filter(|said| said.kind.bars()) {
            return by_hand(said);
        }
        let before = |first: &str| match self.priority_of(first) {
            Some(priority) if priority > place.priority => {
                format!("comes after {first} (priority {} against {priority})", place.priority)
            }
            _ => format!("comes after {first}, which stands before it"),
        };
        match chosen {
            None => match &self.explained.way {
                Ok(_) => "not asked".to_owned(),
                Err(_) => self.about_model(place),
            },
            Some((first, Reason::PathRule)) if place.path_rule => before(first),
            Some((_, Reason::PathRule)) => format!("the rule {} does not name it", self.path_rule()),
            Some((first, Reason::Written)) if place.written => before(first),
            Some((_, Reason::Written)) => {
                let rule = self.explained.name_rule.as_deref().unwrap_or_default();
                format!("`{rule}`{} leads elsewhere, and what is written counts alone", self.at(rule))
            }
            Some((first, Reason::Announced)) if place.has == Some(true) => {
                let near = self.explained.places.iter().any(|other| other.provider == first && other.local);
                if self.explained.careful && near && !place.local {
                    format!("has it, too, but what {first} has does not go to a cloud by itself")
                } else {
                    format!("has it, too, and {}", before(first))
                }
            }
            Some((first, Reason::OwnVoice)) => format!("{first} is there for this alone"),
            Some((first, Reason::NoModel)) => before(first),
            Some((_, Reason::Announced | Reason::UnknownModel)) => self.about_model(place),
        }
    }

    fn priority_of(&self, provider: &str) -> Option<i64> {
        self.explained.places.iter().find(|place| place.provider == provider).map(|place| place.priority)
    }

    fn about_model(&self, place: &Place) -> String {
        match place.has {
            _ if self.explained.model.is_none() => {
                "can do it, but which one is meant is not clear".to_owned()
            }
            Some(true) => "has it".to_owned(),
            Some(false) => format!("does not have `{}`", self.model()),
            None if place.silent => {
                "did not say which models it has (not running, or it wants another key)".to_owned()
            }
            None => "has not been asked which models it has".to_owned(),
        }
    }

    /// A path nobody knows by name passes as it is; perhaps another was meant.
    fn unknown_path(&self) -> Option<String> {
        let plain = ROWS.iter().map(|row| row.shape).filter(|shape| !shape.contains(['{', '*']));
        let path = self.path.split('?').next().unwrap_or(self.path);
        let near = config::nearest(path.strip_prefix("/v1").unwrap_or(path), plain);
        let near = near.map(|shape| format!("Nearest: `/v1{shape}`."));
        match &self.explained.way {
            Err(refused) if refused.code == "unknown_path" && !refused.say.contains("Nearest") => near,
            _ if self.explained.operation == Some("other") => {
                let say = "No operation is known at this path, so it would pass as it is.";
                Some([Some(say.to_owned()), near].into_iter().flatten().collect::<Vec<_>>().join(" "))
            }
            _ => None,
        }
    }

    /// Where a rule stands, when exactly one line of the file has it as a key.
    fn at(&self, rule: &str) -> String {
        let Some((name, text)) = &self.source else { return String::new() };
        let is_key = |line: &str, at: usize| {
            let before = line[..at].trim_end_matches(['"', '\'']);
            let behind = line[at + rule.len()..].trim_start_matches(['"', '\'']);
            behind.starts_with(':') && before.chars().next_back().is_none_or(|c| " {,".contains(c))
        };
        let has = |line: &str| {
            !line.trim_start().starts_with('#') && line.match_indices(rule).any(|(at, _)| is_key(line, at))
        };
        let mut lines = text.lines().enumerate().filter(|(_, line)| has(line));
        match (lines.next(), lines.next()) {
            (Some((number, _)), None) => format!(" ({name}:{})", number + 1),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_told_with_who_why_and_until_when() {
        let said = |until_unix_ms, why: &str| Overridden {
            kind: OverrideKind::Paused,
            by: "ana".to_owned(),
            why: why.to_owned(),
            since_unix_ms: 0,
            until_unix_ms,
            seconds_left: None,
        };
        assert_eq!(
            by_hand(&said(Some(1_796_000_000_000), "new disks")),
            "paused by ana until Mon, 30 Nov 2026 00:53:20 GMT: new disks"
        );
        assert_eq!(by_hand(&said(None, "")), "paused by ana until that is taken back");
    }
}

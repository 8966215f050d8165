//! Contents: who says what.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::json::Object;
use super::{part, spelling, thinking, unsayable};
use crate::hub::{Call, Losses, Media, Outcome, Part, Request, Role, Turn, Unreadable};

/// Reads `contents`. Calls without an id get one by their place; outcomes without one answer the earliest open call of their tool.
///
/// A stream gives a thought in pieces and its mark with the last of them, and programs give them back as they came, in one content or
/// in one for each: pieces that follow each other are one thought again, up to its mark.
pub(super) fn read(contents: Vec<Value>, request: &mut Request) -> Result<(), Unreadable> {
    let mut open: Vec<(String, String)> = Vec::new();
    // The last part said is a thought without a mark.
    let mut thinks = false;
    for (nth, content) in contents.into_iter().enumerate() {
        let mut fields = spelling::fields(content, format!("contents[{nth}]"))?;
        let role = match fields.text("role")?.as_deref() {
            Some("model") => Role::Assistant,
            // Outcomes had a role of their own once.
            None | Some("" | "user" | "function") => Role::User,
            Some(other) => {
                return Err(Unreadable::at(fields.path("role"), format!("`{other}` is no role.")));
            }
        };
        let (mut parts, mut joined) = (Vec::new(), false);
        let at = fields.path("parts");
        thinks &= role == Role::Assistant;
        for (mth, value) in spelling::several(&mut fields, "parts")?.into_iter().enumerate() {
            let thought = role == Role::Assistant && value["thought"] == true;
            for mut read in part::read(value, format!("{at}[{mth}]"), &mut request.rest)? {
                identify(&mut read, format!("call_{nth}_{mth}"), &mut open);
                let before = parts.last_mut().or_else(|| request.turns.last_mut()?.parts.last_mut());
                match (read, before.filter(|_| thought && thinks)) {
                    (Part::Thought(piece), Some(Part::Thought(begun))) => {
                        begun.text.push_str(&piece.text);
                        begun.signature = piece.signature;
                        thinks = begun.signature.is_none();
                        joined = true;
                    }
                    (read, _) => {
                        thinks = thought && matches!(&read, Part::Thought(it) if it.signature.is_none());
                        parts.push(read);
                    }
                }
            }
        }
        if role == Role::Assistant {
            parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        }
        spelling::keep(fields, &mut request.rest);
        if !(joined && parts.is_empty()) {
            request.turns.push(Turn::new(role, parts));
        }
    }
    Ok(())
}

fn identify(part: &mut Part, minted: String, open: &mut Vec<(String, String)>) {
    match part {
        Part::Call(call) => {
            if call.id.is_empty() {
                call.id = minted;
            }
            open.push((call.id.clone(), call.name.clone()));
        }
        Part::Outcome(outcome) => {
            let answered = |(id, name): &(String, String)| {
                if outcome.call.is_empty() {
                    outcome.name.as_ref() == Some(name)
                } else {
                    outcome.call == *id
                }
            };
            match open.iter().position(answered) {
                Some(at) => outcome.call = open.remove(at).0,
                None if outcome.call.is_empty() => outcome.call = minted,
                None => {}
            }
        }
        _ => {}
    }
}

/// Reads `systemInstruction`.
pub(super) fn read_system(
    instruction: Value,
    rest: &mut Map<String, Value>,
) -> Result<Vec<Part>, Unreadable> {
    let mut fields = spelling::fields(instruction, "systemInstruction")?;
    let mut parts = Vec::new();
    for (nth, value) in spelling::several(&mut fields, "parts")?.into_iter().enumerate() {
        parts.extend(part::read(value, format!("systemInstruction.parts[{nth}]"), rest)?);
    }
    // Whatever its role says: it is not looked at.
    fields.any("role");
    spelling::keep(fields, rest);
    Ok(parts)
}

/// Writes parts of a request.
pub(super) struct Writer<'a> {
    request: &'a Request,
    losses: &'a mut Losses,
    /// The tool of each call, by the call's id.
    called: HashMap<&'a str, &'a str>,
    /// Gemini 3 or later.
    newer: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(request: &'a Request, losses: &'a mut Losses) -> Self {
        let newer = thinking::Model::of(&request.model).is_newer();
        Self { request, losses, called: request.called(), newer }
    }

    /// `systemInstruction`.
    pub(super) fn system(&mut self) -> Result<Option<Value>, Unreadable> {
        let parts = self.parts(&self.request.system)?;
        Ok((!parts.is_empty()).then(|| json!({"parts": parts})))
    }

    /// `contents`. Turns that follow each other in one role are one.
    pub(super) fn contents(&mut self) -> Result<Vec<Value>, Unreadable> {
        let mut said: Vec<(&str, Vec<Part>)> = Vec::with_capacity(self.request.turns.len());
        for turn in self.request.turns.iter().filter(|turn| !turn.parts.is_empty()) {
            self.losses.add_if(turn.role == Role::System, &unsayable::LATER_SYSTEM);
            self.losses.add_if(turn.name.is_some(), &unsayable::NAME);
            let role = if turn.role == Role::Assistant { "model" } else { "user" };
            match said.last_mut().filter(|(last, _)| *last == role) {
                Some((_, parts)) => parts.extend(turn.parts.iter().cloned()),
                None => said.push((role, turn.parts.clone())),
            }
        }
        let mut contents: Vec<(&str, Vec<Value>)> = Vec::with_capacity(said.len());
        for (role, mut parts) in said {
            // What came of calls stands first, as it follows the calls.
            parts.sort_by_key(|part| !matches!(part, Part::Outcome(_)));
            let mut parts = self.parts(&parts)?;
            if self.newer {
                mark_first_call(&mut parts);
            }
            // Of a turn between two nothing may be left to say.
            match contents.last_mut().filter(|(last, _)| *last == role) {
                Some((_, before)) => before.append(&mut parts),
                None if parts.is_empty() => {}
                None => contents.push((role, parts)),
            }
        }
        if contents.is_empty() {
            return Err(Unreadable::at(
                "contents",
                "The model must be told something: Gemini answers no empty conversation.",
            ));
        }
        Ok(contents.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect())
    }

    fn parts(&mut self, parts: &[Part]) -> Result<Vec<Value>, Unreadable> {
        let mut moved = Vec::new();
        let mut written = part::write(parts, |part| match part {
            Part::Call(call) => self.call(call).map(Some),
            Part::Outcome(outcome) => self.outcome(outcome, &mut moved).map(Some),
            other => Ok(self.part(other)),
        })?;
        if !moved.is_empty() {
            let behind = parts.iter().filter(|part| matches!(part, Part::Outcome(_))).count();
            written.splice(behind..behind, moved);
        }
        Ok(written)
    }

    fn part(&mut self, part: &Part) -> Option<Value> {
        self.losses.add_if(matches!(part, Part::Refusal(_)), &unsayable::REFUSAL);
        self.losses.add_if(matches!(part, Part::File(file) if file.name.is_some()), &unsayable::FILE_NAME);
        self.losses
            .add_if(matches!(part, Part::Thought(thought) if thought.sealed.is_some()), &unsayable::SEALED);
        let mut value = part::simple(part).map_err(|lost| self.losses.add(lost)).ok()?;
        if let Part::Image(Media { detail: Some(detail), .. }) = part {
            match detail.as_str() {
                "low" | "medium" | "high" if self.newer => {
                    let level = format!("MEDIA_RESOLUTION_{}", detail.to_ascii_uppercase());
                    value["mediaResolution"] = json!({"level": level});
                }
                // It is as the model likes, which it is without a word.
                "auto" => {}
                _ => self.losses.add(&unsayable::DETAIL),
            }
        }
        Some(value)
    }

    fn call(&mut self, call: &Call) -> Result<Value, Unreadable> {
        let args = if call.custom { Some(part::input(&call.arguments)) } else { call.object() };
        let args = args.ok_or_else(|| {
            Unreadable::new(format!(
                "The arguments of the call `{}` of `{}` are no JSON object, and Gemini takes no others.",
                call.id, call.name
            ))
        })?;
        Ok(part::call_of(call, args))
    }

    fn outcome(&mut self, outcome: &Outcome, moved: &mut Vec<Value>) -> Result<Value, Unreadable> {
        let name = outcome.name.as_deref().or_else(|| self.called.get(outcome.call.as_str()).copied());
        let name = name.ok_or_else(|| {
            Unreadable::new(format!(
                "No call of the conversation has the id `{}`: Gemini must be told which tool an outcome comes from.",
                outcome.call
            ))
        })?;
        let mut media = Vec::new();
        for part in outcome.parts.iter().filter(|part| !matches!(part, Part::Text(_))) {
            media.extend(self.part(part));
        }
        if !self.newer && !media.is_empty() {
            self.losses.add(&unsayable::OUTCOME_MEDIA);
            moved.append(&mut media);
        }
        let mut function = Object::default();
        function.maybe("id", Some(outcome.call.as_str()).filter(|id| !id.is_empty())).put("name", name);
        function.put("response", part::response_of(outcome)).list("parts", media);
        Ok(json!({"functionResponse": function.done()}))
    }
}

/// The first call of a turn must have a mark; those of other models, and of callers that lost it, have none.
fn mark_first_call(parts: &mut [Value]) {
    let first = parts.iter_mut().find(|part| part.get("functionCall").is_some());
    if let Some(call) = first.filter(|call| call.get("thoughtSignature").is_none()) {
        call["thoughtSignature"] = part::NO_MARK[0].into();
    }
}

//! What `/api/generate` is asked: one prompt, with its pictures and instructions.

use serde_json::{Map, Value};

use super::super::json::{Object, body};
use super::content::{self, Content, MESSAGES};
use super::{options, unsayable};
use crate::hub::{Choice, Losses, Part, Request, Role, Turn, Unreadable};

/// Fields that only Ollama knows: callers of other languages may write them, too.
const OWN: &[&str] =
    &["keep_alive", "truncate", "shift", "suffix", "template", "raw", "context", "width", "height", "steps"];

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let text = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Part::Text);
    request.system.extend(text(fields.text("system")?));
    let mut parts: Vec<Part> = text(fields.text("prompt")?).into_iter().collect();
    parts.extend(content::pictures(&mut fields)?);
    // Without a prompt the model is only loaded.
    if !parts.is_empty() {
        request.turns.push(Turn::new(Role::User, parts));
    }
    options::read(fields, &mut request)?;
    silent(&mut request.rest);
    Ok(request)
}

/// Ollama's libraries write all fields, and those that say nothing empty.
fn silent(rest: &mut Map<String, Value>) {
    rest.retain(|name, value| {
        let empty = match value {
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Bool(flag) => !*flag && name == "raw",
            _ => false,
        };
        !(empty && OWN.contains(&name.as_str()))
    });
}

pub(super) fn write(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    if !request.tools.is_empty() && request.choice != Some(Choice::None) {
        return Err(Unreadable::at("tools", "Ollama's generate has no tools, and there are some."));
    }
    let turns = request.merged();
    // Instructions before the first turn are the system's, wherever they were written.
    let instructions = turns.iter().take_while(|turn| turn.role == Role::System).count();
    let (instructions, turns) = turns.split_at(instructions);
    let system: Vec<Part> =
        request.system.iter().chain(instructions.iter().flat_map(|turn| &turn.parts)).cloned().collect();
    let mut out = Object::default();
    out.put("model", request.model.as_str());
    match turns {
        [] => {}
        [turn] if is_prompt(turn) => {
            losses.add_if(turn.name.is_some(), &unsayable::NAME);
            let content = Content::of(&turn.parts, losses)?;
            out.put("prompt", content.paragraphs()).list("images", content.pictures);
        }
        _ => {
            let say = "Ollama's generate takes one prompt, and this is a conversation of several turns.";
            return Err(Unreadable::at(MESSAGES, say));
        }
    }
    if !system.is_empty() {
        out.put("system", Content::of(&system, losses)?.paragraphs());
    }
    options::write(request, OWN, &mut out, losses);
    Ok(out.bytes())
}

/// What the user says, and nothing that came of a call.
fn is_prompt(turn: &Turn) -> bool {
    turn.role == Role::User && !turn.parts.iter().any(|part| matches!(part, Part::Outcome(_)))
}

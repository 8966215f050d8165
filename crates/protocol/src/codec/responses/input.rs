//! What was said so far: `instructions` and `input`, read into turns.
//!
//! Items of the model that follow each other are one turn, as are the outcomes of its calls.

use serde_json::Value;

use super::super::Wire;
use super::super::json::{Fields, wrong};
use super::content::{self, is_inside};
use super::output::unsealed;
use super::tools;
use crate::hub::{Call, Outcome, Part, Request, Role, Thought, Turn, Unreadable};

/// `instructions`.
pub(super) fn instructions(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let given = fields.text("instructions")?.filter(|text| !text.is_empty());
    request.system.extend(given.map(Part::Text));
    Ok(())
}

/// `input`: a text of the user's, or items. What stands before the first turn is the system's.
pub(super) fn read(input: Value, request: &mut Request) -> Result<(), Unreadable> {
    match input {
        Value::String(text) => request.turns.push(Turn::new(Role::User, vec![Part::Text(text)])),
        Value::Array(items) => {
            for (nth, item) in items.into_iter().enumerate() {
                read_item(item, &format!("input[{nth}]"), request)?;
            }
        }
        other => return Err(wrong("input", "a string or an array of items", &other)),
    }
    Ok(())
}

fn read_item(item: Value, at: &str, request: &mut Request) -> Result<(), Unreadable> {
    let mut fields = Fields::of(item.clone(), at)?;
    let kind = match fields.text("type")? {
        Some(kind) => kind,
        None if fields.has("role") => "message".to_owned(),
        None if fields.has("id") => "item_reference".to_owned(),
        None => return Err(fields.missing("type")),
    };
    match kind.as_str() {
        "message" => message(&mut fields, request)?,
        "function_call" | "custom_tool_call" => {
            let call = call_of(&mut fields, kind == "custom_tool_call", request)?;
            said(Part::Call(call), request);
        }
        "function_call_output" | "custom_tool_call_output" => {
            let outcome = Outcome {
                call: fields.need("call_id")?,
                parts: content::read(&mut fields, "output", &mut request.rest)?,
                custom: kind == "custom_tool_call_output",
                ..Outcome::default()
            };
            // The call has said it.
            let _known = (fields.any("name"), fields.any("namespace"));
            came(Part::Outcome(outcome), request);
        }
        "reasoning" => {
            let thought = thought_of(&mut fields)?;
            let (signature, sealed) = unsealed(thought.sealed);
            said(Part::Thought(Thought { signature, sealed, ..thought }), request);
        }
        // Tools that came later, or that a client keeps here. They are nobody's turn.
        "additional_tools" => {
            let _role = fields.any("role");
            tools::read_more(&mut fields, request)?;
        }
        _ if kind.ends_with("_output") || kind == "mcp_approval_response" => {
            came(Part::Opaque(Wire::Responses, item), request);
            return Ok(());
        }
        _ => {
            said(Part::Opaque(Wire::Responses, item), request);
            return Ok(());
        }
    }
    // The vendor's bookkeeping of what it said itself.
    let _own = (fields.any("id"), fields.any("status"));
    tools::keep("input", fields, &mut request.rest);
    Ok(())
}

fn message(fields: &mut Fields, request: &mut Request) -> Result<(), Unreadable> {
    let role = fields.need("role")?;
    let parts = content::read(fields, "content", &mut request.rest)?;
    match role.as_str() {
        "system" | "developer" if request.turns.is_empty() => request.system.extend(parts),
        "system" | "developer" => request.turns.push(Turn::new(Role::System, parts)),
        "user" => request.turns.push(Turn::new(Role::User, parts)),
        "assistant" => parts.into_iter().for_each(|part| said(part, request)),
        other => return Err(Unreadable::at(fields.path("role"), format!("`{other}` is no role."))),
    }
    Ok(())
}

/// Something of the model's: it belongs to the turn it is in the middle of.
fn said(part: Part, request: &mut Request) {
    match request.turns.last_mut() {
        Some(turn) if turn.role == Role::Assistant => turn.parts.push(part),
        _ => request.turns.push(Turn::new(Role::Assistant, vec![part])),
    }
}

/// What came of something the model wanted. All of one turn are one turn of the user's.
fn came(part: Part, request: &mut Request) {
    let open = request.turns.last_mut().filter(|turn| {
        turn.role == Role::User
            && match turn.parts.first() {
                Some(Part::Outcome(_)) => true,
                Some(Part::Opaque(Wire::Responses, item)) => !is_inside(item),
                _ => false,
            }
    });
    match open {
        Some(turn) => turn.parts.push(part),
        None => request.turns.push(Turn::new(Role::User, vec![part])),
    }
}

/// A call, of a request or an answer.
pub(super) fn call_of(fields: &mut Fields, custom: bool, request: &mut Request) -> Result<Call, Unreadable> {
    let namespace = fields.text("namespace")?;
    let name = tools::placed(fields, namespace.as_deref(), request)?;
    let id = fields.text("id")?;
    let id = fields.text("call_id")?.or(id).unwrap_or_default();
    let field = if custom { "input" } else { "arguments" };
    let at = fields.path(field);
    let arguments = match fields.any(field) {
        Some(Value::String(text)) if custom || !text.is_empty() => text,
        None | Some(Value::String(_)) => if custom { "" } else { "{}" }.to_owned(),
        // Some servers write the object itself.
        Some(object @ Value::Object(_)) => object.to_string(),
        Some(other) => return Err(wrong(&at, "a string", &other)),
    };
    let signature = fields.within("extra_content")?.within("google")?.text("thought_signature")?;
    Ok(Call { id, name, arguments, custom, signature })
}

/// Thoughts, of a request or an answer: a summary where there is one, otherwise what the vendor shows of the thoughts themselves.
pub(super) fn thought_of(fields: &mut Fields) -> Result<Thought, Unreadable> {
    let texts = |list: Option<Vec<Value>>| {
        let list = list.unwrap_or_default();
        let texts: Vec<&str> = list.iter().filter_map(|part| part["text"].as_str()).collect();
        texts.join("\n\n")
    };
    let (summary, content) = (texts(fields.list("summary")?), texts(fields.list("content")?));
    Ok(Thought {
        text: if summary.is_empty() { content } else { summary },
        signature: None,
        sealed: fields.text("encrypted_content")?.filter(|sealed| !sealed.is_empty()),
        id: fields.text("id")?,
    })
}

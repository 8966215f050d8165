//! Tools of free text where a vendor knows only tools with JSON: they are offered as functions with one text, `input`, and what the model
//! calls them with is that text again for the caller.

use serde_json::Value;

use super::delta::{Delta, Opening};
use super::part::{Call, Part};
use super::request::{Request, Tool};
use super::response::Response;

/// The names of a request's tools of free text.
pub fn names(request: &Request) -> Vec<String> {
    let custom = |tool: &Tool| if let Tool::Custom { name, .. } = tool { Some(name.clone()) } else { None };
    request.tools.iter().filter_map(custom).collect()
}

/// The text a call's arguments stand for; `None`: they are no object with it.
fn text(arguments: &str) -> Option<String> {
    let Ok(Value::Object(mut object)) = serde_json::from_str(arguments) else { return None };
    match object.remove("input") {
        Some(Value::String(text)) if object.is_empty() => Some(text),
        _ => None,
    }
}

/// Gives the calls of a whole answer their text back.
pub fn unwrap(response: &mut Response, names: &[String]) {
    for part in response.answers.iter_mut().flat_map(|answer| &mut answer.parts) {
        if let Part::Call(call) = part
            && !call.custom
            && names.contains(&call.name)
        {
            // What the model wrote otherwise, it wrote as the text.
            call.arguments = text(&call.arguments).unwrap_or_else(|| call.arguments.clone());
            call.custom = true;
        }
    }
}

/// The same for a streamed answer: such a call is held back until it is whole.
#[derive(Debug, Default)]
pub struct FreeText {
    names: Vec<String>,
    held: Vec<(usize, Call)>,
}

impl FreeText {
    /// For a request's tools of free text.
    pub fn of(request: &Request) -> Self {
        Self { names: names(request), held: Vec::new() }
    }

    /// The step, or what it has become.
    pub fn push(&mut self, step: Delta) -> Vec<Delta> {
        match step {
            Delta::Open(number, Opening::Call { id, name, custom: false }) if self.names.contains(&name) => {
                self.held.push((number, Call { id: id.clone(), name: name.clone(), ..Call::default() }));
                vec![Delta::Open(number, Opening::Call { id, name, custom: true })]
            }
            Delta::Grow(number, piece) => match self.held.iter_mut().find(|(held, _)| *held == number) {
                Some((_, call)) => {
                    call.arguments.push_str(&piece);
                    Vec::new()
                }
                None => vec![Delta::Grow(number, piece)],
            },
            Delta::Close(number) => {
                let held = self.held.iter().position(|(held, _)| *held == number);
                let call = held.map(|at| self.held.swap_remove(at).1);
                let grown = call.map(|call| text(&call.arguments).unwrap_or(call.arguments));
                grown
                    .map(|text| Delta::Grow(number, text))
                    .into_iter()
                    .chain([Delta::Close(number)])
                    .collect()
            }
            other => vec![other],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_a_tool_of_free_text_is_its_text_again() {
        let tool = Tool::Custom { name: "patch".into(), description: None, format: None };
        let request = Request { tools: vec![tool], ..Request::default() };
        let mut steps = FreeText::of(&request);
        let open = |custom| Delta::Open(0, Opening::Call { id: "1".into(), name: "patch".into(), custom });
        assert_eq!(steps.push(open(false)), [open(true)]);
        assert_eq!(steps.push(Delta::Grow(0, "{\"input\": \"*** Be".into())), []);
        assert_eq!(steps.push(Delta::Grow(0, "gin\\n\"}".into())), []);
        assert_eq!(steps.push(Delta::Close(0)), [Delta::Grow(0, "*** Begin\n".into()), Delta::Close(0)]);
        let other = Delta::Open(1, Opening::Call { id: "2".into(), name: "look".into(), custom: false });
        assert_eq!(steps.push(other.clone()), [other]);
    }
}

//! Responses over a WebSocket: a message is a request, and each event of its answer a message.
//!
//! Source: OpenAI API reference, "Responses WebSocket" (`ResponsesClientEvent`, `ResponsesServerEvent`, `ResponseWsError`) and guide "WebSocket
//! mode", November 2026. The member `headers` of an error is not in it; Codex reads it where it is there.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{from_brace, with_first, without};
use crate::envelope::{self, EnvelopeProblem};

/// The longest name of a lane, bytes.
const LONGEST_LANE: usize = 256;

/// A message that asks for a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Create {
    /// The request, as it would be sent over HTTP for a stream.
    pub body: Bytes,
    /// The lane whose name its events bear.
    pub lane: Option<String>,
}

/// Why a message asks for nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unsaid {
    /// It only tells us something, and wants no answer.
    Nothing,
    /// This field is given twice.
    Twice(&'static str),
    /// It is none that is understood: which field is wrong, and how.
    Wrong(&'static str, String),
}

/// Reads a message, which is a JSON object.
///
/// # Errors
/// When it asks for no response.
pub fn create(message: &[u8]) -> Result<Create, Unsaid> {
    let names = ["type", "background", "stream_id", "generate", "stream"];
    let [kind, background, lane, generate, _once] = match envelope::values(from_brace(message), names) {
        Ok(values) => values,
        Err(EnvelopeProblem::Duplicate(name)) => return Err(Unsaid::Twice(name)),
        Err(_) => [None; 5],
    };
    let text = |value: &[u8]| serde_json::from_slice::<String>(value).ok();
    match kind.and_then(text) {
        Some(kind) if kind == "response.create" => {}
        // Codex says when it has read an answer.
        Some(kind) if kind == "response.processed" => return Err(Unsaid::Nothing),
        Some(kind) => {
            let kind: String = kind.chars().filter(|c| !c.is_control()).take(80).collect();
            let why = format!("`{kind}` is no event that is answered here; `response.create` is.");
            return Err(Unsaid::Wrong("type", why));
        }
        _ => return Err(Unsaid::Wrong("type", "A message has a `type`: `response.create`.".to_owned())),
    }
    if background == Some(b"true") {
        let why = "Nothing is done in the background over a WebSocket. Use HTTP, or leave `background` out.";
        return Err(Unsaid::Wrong("background", why.to_owned()));
    }
    let named = |lane| text(lane).filter(|lane| is_lane(lane));
    let lane = match lane {
        None | Some(b"null") => None,
        Some(lane) => Some(named(lane).ok_or_else(|| {
            let why = "`stream_id` is 1 to 256 letters, digits, `_`, `.` and `-`.";
            Unsaid::Wrong("stream_id", why.to_owned())
        })?),
    };
    let mut body = without(message, &["type", "stream_id", "stream", "background"]);
    if generate != Some(b"false") {
        // It is said over a WebSocket only.
        body = without(&body, &["generate"]);
    }
    Ok(Create { body: with_first(&body, "\"stream\":true").into(), lane })
}

fn is_lane(lane: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=LONGEST_LANE).contains(&lane.len()) && lane.bytes().all(fits)
}

impl Create {
    /// An event of its answer, as it goes into a message: as it came, with the name of the lane if it has one.
    pub fn event(&self, json: &str) -> String {
        match &self.lane {
            None => json.to_owned(),
            Some(lane) => {
                let lane = format!("\"stream_id\":{}", Value::from(lane.as_str()));
                String::from_utf8(with_first(json.as_bytes(), &lane)).unwrap_or_default()
            }
        }
    }
}

/// A refusal as a message: its status, its body as it would be over HTTP (or the data of an event in a stream), and headers worth telling.
pub fn error(status: u16, body: &[u8], headers: &[(&str, &str)]) -> String {
    let told = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let error = match &told["error"] {
        error @ Value::Object(_) => error.clone(),
        // The data of an event of ours, or of a vendor's.
        _ if told["message"].is_string() => {
            let kind = if status < 500 { "invalid_request_error" } else { "server_error" };
            json!({"type": kind, "code": told["code"], "message": told["message"], "param": told["param"]})
        }
        _ => json!({"type": "server_error", "code": null, "message": "The request failed.", "param": null}),
    };
    let mut event = json!({"type": "error", "status": status, "error": error});
    if !headers.is_empty() {
        let headers: Map<String, Value> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        event["headers"] = Value::Object(headers);
    }
    event.to_string()
}

/// The events that answer a request which only warms up: an answer of nothing, by whose id the next one goes on. Of the request nothing is
/// built: what is repeated of it stands as it was written.
pub fn warmed(body: &[u8], id: &str, now: u64) -> String {
    const TOLD: [&str; 7] = [
        "instructions",
        "model",
        "parallel_tool_calls",
        "previous_response_id",
        "tools",
        "tool_choice",
        "metadata",
    ];
    let [instructions, model, parallel, previous, tools, choice, metadata] =
        envelope::values(from_brace(body), TOLD).unwrap_or_default().map(|value| {
            let value = std::str::from_utf8(value.unwrap_or(b"null")).unwrap_or("null");
            // Between two values only, and they would end the line of an event.
            value.replace(['\n', '\r'], " ")
        });
    let parallel = parallel != "false";
    let tools = if tools.starts_with('[') { &*tools } else { "[]" };
    let choice = if choice == "null" { "\"auto\"" } else { &*choice };
    let metadata = if metadata.starts_with('{') { &*metadata } else { "{}" };
    let event = |kind: &str, number: u64, status: &str| {
        format!(
            "event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{number},\"response\":{{\
             \"id\":\"{id}\",\"object\":\"response\",\"created_at\":{now},\"status\":\"{status}\",\"background\":false,\
             \"error\":null,\"incomplete_details\":null,\"instructions\":{instructions},\"model\":{model},\"output\":[],\
             \"parallel_tool_calls\":{parallel},\"previous_response_id\":{previous},\"store\":false,\"tools\":{tools},\
             \"tool_choice\":{choice},\"usage\":{{\"input_tokens\":0,\"input_tokens_details\":{{\"cached_tokens\":0}},\
             \"output_tokens\":0,\"output_tokens_details\":{{\"reasoning_tokens\":0}},\"total_tokens\":0}},\
             \"metadata\":{metadata}}}}}\n\n"
        )
    };
    event("response.created", 0, "in_progress") + &event("response.completed", 1, "completed")
}

//! What it costs to put a conversation into another language's words: chat completions for a vendor of Messages, the commonest pair.

use std::hint::black_box;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use protocol::codec::{Habits, Mint, Translation};
use protocol::dialect::Wire;
use serde_json::json;

use super::Step;

const MINT: Mint = Mint { now: 1_700_000_000, seed: 7 };

/// A request of 10 KB, and an event of the answer.
///
/// # Errors
/// When the request cannot be read.
pub(super) fn steps() -> Result<Vec<Step>> {
    let asked = chat();
    let translation = read(&asked)?;
    let mut passing = translation.stream();
    // What opens an answer, once; then words for as long as somebody wants to measure.
    passing.piece(OPENING.as_bytes()).map_err(|problem| anyhow!("{problem:?}"))?;
    Ok(vec![
        Step::of("translate: a chat of 10 KB to Messages", asked.len(), move || {
            let told = read(&asked).map(|mut translation| translation.request(Habits::default()).is_ok());
            let _ = black_box(told);
        }),
        Step::of("translate: an event of Messages to chat", WORDS.len(), move || {
            let _ = black_box(passing.piece(black_box(WORDS.as_bytes())));
        }),
    ])
}

fn read(asked: &[u8]) -> Result<Translation> {
    Translation::read((Wire::Chat, Wire::Messages), asked, "claude-opus-4-5", true, MINT)
        .map_err(|problem| anyhow!("{problem}"))
}

const OPENING: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\
    \"model\":\"claude-opus-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":2500,\"output_tokens\":1}}}\n\n\
    event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";

const WORDS: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
    \"delta\":{\"type\":\"text_delta\",\"text\":\" a word or two more\"}}\n\n";

/// A conversation of a program that edits code: a system prompt, tools, and turns with a call and its outcome, about 10 KB.
fn chat() -> Bytes {
    let code = "fn main() {\n    println!(\"hello, \\\"world\\\"\");\n}\n".repeat(24);
    let tool = |name: &str| {
        json!({"type": "function", "function": {
            "name": name, "description": "Reads a file of the project and gives its lines, with their numbers.",
            "parameters": {"type": "object", "properties": {
                "path": {"type": "string", "description": "Where it is, from the root of the project."},
                "from": {"type": "integer"}, "to": {"type": "integer"}}, "required": ["path"]}}})
    };
    let tools = ["read", "write", "list", "search", "run"].map(tool);
    let body = json!({
        "model": "claude", "stream": true, "max_completion_tokens": 1024, "temperature": 0.2,
        "messages": [
            {"role": "system", "content": "You are careful with other people's code. ".repeat(90)},
            {"role": "user", "content": format!("What does this do?\n{code}")},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
                "function": {"name": "read", "arguments": "{\"path\": \"src/main.rs\", \"from\": 1, \"to\": 80}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": code.repeat(2)},
            {"role": "user", "content": [{"type": "text", "text": "And now in one sentence."}]},
        ],
        "tools": tools,
    });
    body.to_string().into()
}

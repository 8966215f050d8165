//! The request that asks for the rest of an answer: the caller's own, with the text it already has as the beginning of the
//! assistant's message.
//!
//! Two edits are made in place (the message put behind the others, the limit of tokens lowered); every other byte is the caller's.
//! Where the rest of the text would not be the rest of the answer (tools, reasoning, a form laid down, several answers), there is none.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::Value;

use super::super::event::Tongue;
use super::Said;
use crate::dialect::Dialect;
use crate::envelope::EnvelopeProblem;
use crate::envelope::scan::Scan;
use crate::operation::Operation;

/// Members which, when they say anything, make an answer more than text; or say that its text is not free.
const MORE_THAN_TEXT: &[&[u8]] = &[
    b"tools",
    b"tool_choice",
    b"functions",
    b"function_call",
    b"logprobs",
    b"top_logprobs",
    b"audio",
    b"web_search_options",
    b"reasoning",
    b"reasoning_effort",
    b"include_reasoning",
    b"enable_thinking",
    b"thinking_budget",
    b"output_config",
    b"output_format",
    b"mcp_servers",
    b"container",
    b"guided_json",
    b"guided_regex",
    b"guided_choice",
    b"guided_grammar",
    b"structured_outputs",
    b"grammar",
    b"json_schema",
    // The caller's own word on how its last message is read.
    b"continue_final_message",
    b"add_generation_prompt",
];

/// Bytes a token has on average, for an estimate of what was used up already.
const BYTES_A_TOKEN: usize = 4;

/// How a vendor goes on with an assistant's message that was begun for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefill {
    /// It takes such a message for a finished one, and answers anew.
    Never,
    /// Nobody has said.
    #[default]
    Unknown,
    /// It goes on with a last message that is the assistant's.
    Message,
    /// It does so if the message says `"prefix": true`.
    Prefix,
    /// It does so if the message says `"partial": true`.
    Partial,
    /// It does so if the request says `"continue_final_message": true` and `"add_generation_prompt": false`.
    Final,
}

/// The request for the rest of what was said; `None` where it may not be asked for in this way.
pub fn continued(dialect: Dialect, operation: Operation, body: &[u8], said: &Said) -> Option<Bytes> {
    continued_by(Prefill::Message, (dialect, operation), body, said)
}

/// The same, as a vendor wants it who goes on in this way. [`Prefill::Unknown`] is tried as [`Prefill::Message`].
pub fn continued_by(
    prefill: Prefill,
    (dialect, operation): (Dialect, Operation),
    body: &[u8],
    said: &Said,
) -> Option<Bytes> {
    let Some(Tongue::Chat | Tongue::Messages) = Tongue::of(operation, dialect) else { return None };
    let beginning = beginning(&said.text);
    if !said.plain || said.finished || beginning.is_empty() || prefill == Prefill::Never {
        return None;
    }
    let found = read(body)?;
    // Messages have the beginning in their language; it needs no mark.
    let prefill = if dialect == Dialect::OpenAi { prefill } else { Prefill::Message };
    let text = Value::from(beginning);
    let mark = match prefill {
        Prefill::Prefix => ",\"prefix\":true",
        Prefill::Partial => ",\"partial\":true",
        Prefill::Never | Prefill::Unknown | Prefill::Message | Prefill::Final => "",
    };
    let message = format!("{{\"role\":\"assistant\",\"content\":{text}{mark}}}");
    let used = said.text.len() / BYTES_A_TOKEN;
    let lowered = |(place, most): &(Range<usize>, u64)| {
        let left = most.saturating_sub(used as u64).max(1);
        (place.clone(), left.to_string())
    };
    let mut edits: Vec<(Range<usize>, String)> = found.limits.iter().map(lowered).collect();
    edits.push((found.messages_end..found.messages_end, format!(",{message}")));
    if prefill == Prefill::Final {
        let go_on = "\"continue_final_message\":true,\"add_generation_prompt\":false,";
        edits.push((found.first_member..found.first_member, go_on.to_owned()));
    }
    edits.sort_by_key(|(place, _)| place.start);
    Some(spliced(body, &edits))
}

/// The part of a text an answer can be begun with. What is blank at its end is left out: Anthropic refuses such a beginning
/// ("Prefill Claude's response"), and the templates of open models cut it off; the joiner takes care that it does not come twice.
pub(super) fn beginning(text: &str) -> &str {
    text.trim_end()
}

/// The bytes with these edits, which are in order.
pub(super) fn spliced(bytes: &[u8], edits: &[(Range<usize>, String)]) -> Bytes {
    let more: usize = edits.iter().map(|(_, text)| text.len()).sum();
    let mut out = BytesMut::with_capacity(bytes.len() + more);
    let mut from = 0;
    for (place, text) in edits {
        out.put_slice(bytes.get(from..place.start).unwrap_or_default());
        out.put_slice(text.as_bytes());
        from = place.end;
    }
    out.put_slice(bytes.get(from..).unwrap_or_default());
    out.freeze()
}

/// Where a request is edited.
struct Found {
    /// Behind the last message.
    messages_end: usize,
    /// Where its first member would stand.
    first_member: usize,
    /// The limits of tokens, and where they stand.
    limits: Vec<(Range<usize>, u64)>,
}

/// Walks over the request once; `None` where it cannot be continued.
fn read(body: &[u8]) -> Option<Found> {
    std::str::from_utf8(body).ok()?;
    let mut scan = Scan::new(body);
    scan.space();
    if scan.peek() != Some(b'{') {
        return None;
    }
    let first_member = scan.at() + 1;
    let (mut limits, mut last, mut lists, mut plain) = (Vec::new(), None, 0, true);
    let walked = scan.members(|scan, key| {
        let key = &scan.body()[key];
        if key == b"messages" {
            lists += 1;
            last = last_element(scan)?;
            return Ok(());
        }
        let from = scan.at();
        scan.value(2)?;
        let place = from..scan.at();
        let value = &scan.body()[place.clone()];
        plain &= match key {
            b"max_tokens" | b"max_completion_tokens" => {
                if let Some(most) = number(value) {
                    limits.push((place, most));
                }
                true
            }
            b"n" | b"best_of" => matches!(value, b"1" | b"null"),
            b"thinking" => !says(value) || parsed(value)["type"] == "disabled",
            b"response_format" => !says(value) || parsed(value)["type"] == "text",
            b"modalities" => !says(value) || parsed(value) == serde_json::json!(["text"]),
            _ if MORE_THAN_TEXT.contains(&key) => !says(value),
            // A key written with escapes is one nobody writes.
            _ => !key.contains(&b'\\'),
        };
        Ok(())
    });
    walked.and_then(|()| scan.end()).ok()?;
    let last: Range<usize> = last?;
    let message = parsed(body.get(last.clone())?);
    let theirs = message["role"].as_str().is_some_and(|role| role != "assistant");
    (plain && theirs && lists == 1).then_some(Found { messages_end: last.end, first_member, limits })
}

/// Whether the last of a request's `messages` is the assistant's: the caller has begun the answer itself.
pub fn is_prefilled(body: &[u8]) -> bool {
    let (mut scan, mut last) = (Scan::new(body), None);
    scan.space();
    let walked = scan.members(|scan, key| {
        match &scan.body()[key] {
            b"messages" => last = last_element(scan)?,
            _ => scan.value(2)?,
        }
        Ok(())
    });
    let last = last.filter(|_| walked.is_ok()).and_then(|last: Range<usize>| body.get(last));
    last.is_some_and(|message| parsed(message)["role"] == "assistant")
}

/// Where the last element of an array stands; walks over anything.
fn last_element(scan: &mut Scan<'_>) -> Result<Option<Range<usize>>, EnvelopeProblem> {
    if scan.peek() != Some(b'[') {
        return scan.value(2).map(|()| None);
    }
    let mut last = None;
    scan.elements(|scan| {
        let from = scan.at();
        scan.value(3)?;
        last = Some(from..scan.at());
        Ok(())
    })?;
    Ok(last)
}

/// A whole number.
fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Whether a value says anything: null, false and what is empty do not.
fn says(value: &[u8]) -> bool {
    match value {
        b"null" | b"false" | b"\"\"" => false,
        [b'[', inside @ .., b']'] | [b'{', inside @ .., b'}'] => !inside.trim_ascii().is_empty(),
        _ => true,
    }
}

/// A value, to look into.
fn parsed(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        Said { text: text.to_owned(), plain: true, ..Said::default() }
    }

    fn chat(body: &str, text: &str) -> Option<String> {
        let body = continued(Dialect::OpenAi, Operation::Chat, body.as_bytes(), &said(text))?;
        Some(String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn the_text_goes_behind_the_messages_and_every_other_byte_is_the_callers() {
        let body = "{ \"model\":\"m\",\n \"messages\" : [ {\"role\":\"user\",\"content\":\"hi \\u00fc\"} ] , \"stream\":true, \"x\":1e400}";
        assert_eq!(
            chat(body, "One \"two\" ").unwrap(),
            "{ \"model\":\"m\",\n \"messages\" : [ {\"role\":\"user\",\"content\":\"hi \\u00fc\"},{\"role\":\"assistant\",\"content\":\"One \\\"two\\\"\"} ] , \"stream\":true, \"x\":1e400}"
        );
        let messages = r#"{"max_tokens":100,"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"disabled"}}"#;
        let sent = said("twelve bytes");
        let body = continued(Dialect::Anthropic, Operation::Messages, messages.as_bytes(), &sent).unwrap();
        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            r#"{"max_tokens":97,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"twelve bytes"}],"thinking":{"type":"disabled"}}"#
        );
    }

    #[test]
    fn a_vendor_that_wants_to_be_told_is_told() {
        let body = br#"{"messages":[{"role":"user","content":"hi"}]}"#;
        let by = |prefill| {
            let body = continued_by(prefill, (Dialect::OpenAi, Operation::Chat), body, &said("One"))?;
            Some(String::from_utf8(body.to_vec()).unwrap())
        };
        let user = r#"{"role":"user","content":"hi"}"#;
        let plain = format!(r#"{{"messages":[{user},{{"role":"assistant","content":"One"}}]}}"#);
        for (prefill, request) in [
            (Prefill::Never, None),
            (Prefill::Unknown, Some(plain.clone())),
            (Prefill::Message, Some(plain)),
            (
                Prefill::Prefix,
                Some(format!(
                    r#"{{"messages":[{user},{{"role":"assistant","content":"One","prefix":true}}]}}"#
                )),
            ),
            (
                Prefill::Partial,
                Some(format!(
                    r#"{{"messages":[{user},{{"role":"assistant","content":"One","partial":true}}]}}"#
                )),
            ),
            (
                Prefill::Final,
                Some(format!(
                    r#"{{"continue_final_message":true,"add_generation_prompt":false,"messages":[{user},{{"role":"assistant","content":"One"}}]}}"#
                )),
            ),
        ] {
            assert_eq!(by(prefill), request, "{prefill:?}");
        }
    }

    #[test]
    fn limits_are_lowered_by_what_was_used_and_leave_at_least_one_token() {
        let body = |limit: &str| format!("{{\"messages\":[{{\"role\":\"user\"}}],{limit}}}");
        let limit = |limit: &str, text: &str| {
            let body = chat(&body(limit), text).unwrap();
            body.rsplit_once("],").unwrap().1.trim_end_matches('}').to_owned()
        };
        assert_eq!(limit("\"max_completion_tokens\":10", "abc"), "\"max_completion_tokens\":10");
        assert_eq!(limit("\"max_completion_tokens\":10", "abcd"), "\"max_completion_tokens\":9");
        assert_eq!(limit("\"max_tokens\":3", &"abcd".repeat(9)), "\"max_tokens\":1");
        assert_eq!(limit("\"max_tokens\":null", "abcd"), "\"max_tokens\":null");
    }

    #[test]
    fn what_is_more_than_text_is_not_continued() {
        let user = r#"{"role":"user","content":"hi"}"#;
        for more in [
            r#""tools":[{"type":"function"}]"#,
            r#""tool_choice":"auto""#,
            r#""n":2"#,
            r#""logprobs":true"#,
            r#""response_format":{"type":"json_object"}"#,
            r#""response_format":{"type":"json_schema","json_schema":{}}"#,
            r#""reasoning_effort":"low""#,
            r#""thinking":{"type":"enabled","budget_tokens":1024}"#,
            r#""modalities":["text","audio"]"#,
            r#""\u0074ools":[1]"#,
            r#""messages":[]"#,
        ] {
            assert_eq!(chat(&format!("{{\"messages\":[{user}],{more}}}"), "One"), None, "{more}");
        }
        for same in [
            r#""tools":[]"#,
            r#""tool_choice":null"#,
            r#""n":1"#,
            r#""logprobs":false"#,
            r#""response_format":{"type":"text"}"#,
        ] {
            assert!(chat(&format!("{{\"messages\":[{user}],{same}}}"), "One").is_some(), "{same}");
        }
        let begun = r#"{"messages":[{"role":"user"},{"role":"assistant","content":"O"}]}"#;
        for body in [begun, r#"{"messages":[]}"#, r#"{"messages":"x"}"#, "{}", "[]", "", "{\"messages\":["] {
            assert_eq!(chat(body, "One"), None, "{body}");
        }
    }

    #[test]
    fn what_has_ended_or_said_nothing_or_is_no_chat_is_not_continued() {
        let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
        assert_eq!(chat(body, " \n"), None);
        let ended = Said { finished: true, ..said("One") };
        let mixed = Said { plain: false, ..said("One") };
        for said in [ended, mixed] {
            assert_eq!(continued(Dialect::OpenAi, Operation::Chat, body.as_bytes(), &said), None);
        }
        for operation in [Operation::Completions, Operation::Responses, Operation::Embeddings] {
            assert_eq!(continued(Dialect::OpenAi, operation, body.as_bytes(), &said("One")), None);
        }
    }
}

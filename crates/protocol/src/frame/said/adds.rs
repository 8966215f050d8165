//! What one event adds to an answer, weighed in one walk over its bytes: nothing is built, and what is no JSON is found on the way.
//!
//! It knows no language, only what the events of all of them have in common: an event that opens an answer, or a part of it, adds
//! nothing yet; one that has a text, a call of a tool, a reason to finish or a count adds something.

use std::borrow::Cow;

use crate::envelope::EnvelopeProblem;
use crate::envelope::scan::Scan;

/// What one event adds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Adds {
    /// Nothing a caller would miss: an opening, a ping, a comment, an empty text. Nor does an error ([`failure`]) add anything.
    Nothing,
    /// Text, reasoning, a call of a tool, a refusal, a finish, a count; or what we do not know.
    Content,
    /// Data that is no JSON.
    Malformed,
}

/// Events that open something, by their `type`.
const OPENING: &[&[u8]] = &[
    b"message_start",
    b"content_block_start",
    b"ping",
    b"response.created",
    b"response.queued",
    b"response.in_progress",
    b"response.output_item.added",
    b"response.content_part.added",
    b"response.reasoning_summary_part.added",
];

/// Events that tell of a failure, by their `type`.
const FAILED: &[&[u8]] = &[b"error", b"response.failed"];

/// What one event is, and the words of a failure with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Weighed<'e> {
    /// As [`Adds::Nothing`], and no failure.
    Nothing,
    /// As [`Adds::Content`].
    Content,
    /// It tells of a failure: its data, to be read by the vendor (`Vendor::read_fault`, with the status of the answer).
    Failed(Cow<'e, [u8]>),
    /// As [`Adds::Malformed`].
    Malformed,
}

/// Weighs one event: all that [`adds`] and [`failure`] say, in one walk.
pub fn weigh(event: &[u8]) -> Weighed<'_> {
    let Some(data) = data(event) else { return Weighed::Nothing };
    if data.trim_ascii() == b"[DONE]" {
        return Weighed::Content;
    }
    match walk(&data) {
        Ok(Met { failed: true, .. }) => Weighed::Failed(data),
        Ok(Met { content: true, .. }) => Weighed::Content,
        Ok(Met { opening: true, .. } | Met { chunk: true, .. }) => Weighed::Nothing,
        // A language we do not know says something by every event.
        Ok(_) => Weighed::Content,
        Err(_) => Weighed::Malformed,
    }
}

/// What one event adds.
pub fn adds(event: &[u8]) -> Adds {
    match weigh(event) {
        Weighed::Nothing | Weighed::Failed(_) => Adds::Nothing,
        Weighed::Content => Adds::Content,
        Weighed::Malformed => Adds::Malformed,
    }
}

/// The data of an event that tells of a failure.
pub fn failure(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    match weigh(event) {
        Weighed::Failed(data) => Some(data),
        Weighed::Nothing | Weighed::Content | Weighed::Malformed => None,
    }
}

/// The data of an event: its only data line, as almost always, or all of them put together.
fn data(event: &[u8]) -> Option<Cow<'_, [u8]>> {
    let event = event.strip_prefix("\u{feff}".as_bytes()).unwrap_or(event);
    let mut found: Option<Cow<'_, [u8]>> = None;
    let mut from = 0;
    for end in memchr::memchr2_iter(b'\n', b'\r', event).chain([event.len()]) {
        let line = event.get(from..end).unwrap_or_default();
        from = end + 1;
        let Some(value) = line.strip_prefix(b"data:") else { continue };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut found {
            None => found = Some(Cow::Borrowed(value)),
            Some(earlier) => {
                let whole = earlier.to_mut();
                whole.push(b'\n');
                whole.extend_from_slice(value);
            }
        }
    }
    found
}

/// What was met on the walk.
#[derive(Default)]
struct Met {
    /// It has choices, as chunks of chats and completions have.
    chunk: bool,
    /// Its type is one that opens something.
    opening: bool,
    /// It has content.
    content: bool,
    /// It tells of a failure.
    failed: bool,
}

type Walk = Result<(), EnvelopeProblem>;

fn walk(data: &[u8]) -> Result<Met, EnvelopeProblem> {
    std::str::from_utf8(data).map_err(|error| EnvelopeProblem::NotUtf8(error.valid_up_to()))?;
    let (mut scan, mut met) = (Scan::new(data), Met::default());
    scan.space();
    if scan.peek() != Some(b'{') {
        scan.value(1)?;
        scan.end()?;
        return Ok(Met { content: true, ..met });
    }
    scan.members(|scan, key| match &scan.body()[key] {
        b"choices" => {
            met.chunk = true;
            each(scan, |scan| choice(scan, &mut met.content))
        }
        b"type" => {
            let kind = value(scan)?.trim_ascii();
            let kind = kind.strip_prefix(b"\"").and_then(|kind| kind.strip_suffix(b"\"")).unwrap_or(kind);
            met.opening = OPENING.contains(&kind);
            met.failed |= FAILED.contains(&kind);
            Ok(())
        }
        b"error" => {
            met.failed |= says(value(scan)?);
            Ok(())
        }
        b"usage" => {
            let counted = value(scan)?.first() == Some(&b'{');
            met.content |= counted;
            Ok(())
        }
        _ => scan.value(2),
    })?;
    scan.end()?;
    Ok(met)
}

/// One choice of a chunk: does it say anything?
fn choice(scan: &mut Scan<'_>, content: &mut bool) -> Walk {
    if scan.peek() != Some(b'{') {
        return scan.value(3);
    }
    scan.members(|scan, key| match &scan.body()[key] {
        b"delta" if scan.peek() == Some(b'{') => scan.members(|scan, key| {
            let who = &scan.body()[key] == b"role";
            let value = value(scan)?;
            *content |= !who && says(value);
            Ok(())
        }),
        b"text" | b"finish_reason" | b"message" => {
            *content |= says(value(scan)?);
            Ok(())
        }
        _ => scan.value(4),
    })
}

/// Walks over an array and calls `one` standing on each element; over anything else.
fn each(scan: &mut Scan<'_>, one: impl FnMut(&mut Scan<'_>) -> Walk) -> Walk {
    if scan.peek() == Some(b'[') { scan.elements(one) } else { scan.value(2) }
}

/// Walks over a value; says what it is, as written.
fn value<'b>(scan: &mut Scan<'b>) -> Result<&'b [u8], EnvelopeProblem> {
    let from = scan.at();
    scan.value(4)?;
    Ok(&scan.body()[from..scan.at()])
}

/// Whether a value says anything: null and what is empty do not.
fn says(value: &[u8]) -> bool {
    match value {
        b"null" | b"\"\"" => false,
        [b'[', inside @ .., b']'] | [b'{', inside @ .., b'}'] => !inside.trim_ascii().is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &str) -> Adds {
        adds(format!("data: {data}\n\n").as_bytes())
    }

    #[test]
    fn what_opens_an_answer_adds_nothing() {
        for data in [
            r#"{"choices":[],"created":0,"id":"","prompt_filter_results":[{"a":1}]}"#,
            r#"{"id":"x","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
            r#"{"choices":[{"delta":{"role":"assistant","content":null,"tool_calls":[]}}]}"#,
            r#"{"choices":[{"text":"","finish_reason":null}]}"#,
            r#"{"type":"message_start","message":{"usage":{"input_tokens":1}}}   "#,
            r#"{"type": "ping"}"#,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"response.created","response":{"id":"r","usage":null}}"#,
        ] {
            assert_eq!(of(data), Adds::Nothing, "{data}");
        }
        for event in [": comment\n\n", "\n", "", "event: ping\n\n", "id: 7\r\n\r\n"] {
            assert_eq!(adds(event.as_bytes()), Adds::Nothing, "{event:?}");
        }
    }

    #[test]
    fn text_tools_reasoning_refusals_finishes_and_counts_are_content() {
        for data in [
            r#"{"choices":[{"delta":{"content":"x"}}]}"#,
            r#"{"choices":[{"delta":{"content":" "}}]}"#,
            r#"{"choices":[{"delta":{"reasoning_content":"x"}}]}"#,
            r#"{"choices":[{"delta":{"refusal":"x"}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[{"index":0},{"index":1,"text":"x"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":1}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}"#,
            r#"{"type":"response.output_text.delta","delta":"x"}"#,
            r#"{"type":"message_stop"}"#,
            r#"{"candidates":[{"content":{}}]}"#,
            "[DONE]",
            "[1]",
        ] {
            assert_eq!(of(data), Adds::Content, "{data}");
        }
        let two_lines = b"data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"x\"}}]}\n\n";
        assert_eq!(adds(two_lines), Adds::Content, "lines of data are one text");
    }

    #[test]
    fn broken_data_is_told_from_everything_else() {
        for data in [
            r#"{"choices":[{"delta":{"content":"x"#,
            r#"{"choices":[{"delta":{"content":"x"}}"#,
            r#"{"choices":[{"delta":{"content":"x"}}]}}"#,
            "{broken",
            "",
            "hello",
            "{\"a\":\"\u{1}\"}",
        ] {
            assert_eq!(of(data), Adds::Malformed, "{data}");
        }
        assert_eq!(adds(b"data: {\"a\":\"\xff\"}\n\n"), Adds::Malformed);
    }

    #[test]
    fn a_failure_is_no_content_and_gives_its_words() {
        for data in [
            r#"{"error":{"message":"no"}}"#,
            r#"{"id":"x","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
            r#"{"type":"response.failed","response":{"error":{"code":"server_error"}}}"#,
        ] {
            assert_eq!(of(data), Adds::Nothing, "{data}");
            let event = format!("event: error\r\ndata: {data}\r\n\r\n");
            assert_eq!(failure(event.as_bytes()).as_deref(), Some(data.as_bytes()));
        }
        assert_eq!(failure(b"data: {\"error\":null,\"choices\":[]}\n\n"), None);
        assert_eq!(failure(b": x\n\n"), None);
    }
}

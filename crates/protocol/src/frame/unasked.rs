//! Takes out of a stream what we asked for and the caller did not: the usage chunk, and `"usage":null` beside it.
//!
//! Source: OpenAI API reference, `stream_options.include_usage`: every chunk then carries `usage` (null), and one more
//! chunk comes before `[DONE]`, with no choices and the whole count.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::event;
use crate::envelope;

/// What makes a chunk more than a count: with one of these beside it, it is the vendor's to send.
const CONTENT: [&str; 6] =
    ["annotations", "citations", "error", "output", "prompt_filter_results", "search_results"];

static KEY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"usage\""));
static ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\\u00"));

/// The event without what was not asked for: itself, cut, or nothing at all. `event` is one event with its empty line.
pub fn take_out(event: Bytes) -> Option<Bytes> {
    // Almost no event names it, and one that does so with an escape has one.
    if KEY.find(&event).is_none() && ESCAPE.find(&event).is_none() {
        return Some(event);
    }
    let Some(at) = event::data(&event) else { return Some(event) };
    let json = &event[at..];
    let Some(usage) = envelope::member(json, "usage") else { return Some(event) };
    let counted = json[usage.value.clone()].first() == Some(&b'{');
    let choices = envelope::member(json, "choices").map(|choices| &json[choices.value]);
    let no_choices = match choices {
        None | Some(b"null") => true,
        Some(list) => {
            list.first() == Some(&b'[') && list[1..list.len() - 1].iter().all(u8::is_ascii_whitespace)
        }
    };
    let more = || envelope::members(json).iter().any(|name| CONTENT.contains(&name.as_str()));
    if counted && no_choices && !more() {
        return None;
    }
    // A count beside content is the vendor's own way.
    if counted {
        return Some(event);
    }
    let mut cut = Vec::with_capacity(event.len());
    cut.extend_from_slice(&event[..at + usage.whole.start]);
    cut.extend_from_slice(&event[at + usage.whole.end..]);
    Some(Bytes::from(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(event: &str) -> Option<String> {
        take_out(Bytes::copy_from_slice(event.as_bytes())).map(|b| String::from_utf8(b.to_vec()).unwrap())
    }

    #[test]
    fn the_extra_chunk_goes_and_null_goes_and_nothing_else_changes() {
        let counted = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";
        assert_eq!(out(counted), None);
        let null = "data: {\"id\":\"x\",\"choices\":[{\"delta\":{}}],\"usage\":null}\n\n";
        assert_eq!(out(null).unwrap(), "data: {\"id\":\"x\",\"choices\":[{\"delta\":{}}]}\n\n");
        let first = "data: {\"usage\":null,\"id\":\"x\"}\r\n\r\n";
        assert_eq!(out(first).unwrap(), "data: {\"id\":\"x\"}\r\n\r\n");
        let middle = "data: {\"id\":\"x\", \"usage\" : null , \"obfuscation\":\"k\"}\n\n";
        assert_eq!(out(middle).unwrap(), "data: {\"id\":\"x\" , \"obfuscation\":\"k\"}\n\n");
        for kept in [
            "data: [DONE]\n\n",
            ": comment\n\n",
            "data: {\"choices\":[],\"id\":\"\"}\n\n",
            "data: {broken\n\n",
        ] {
            assert_eq!(out(kept).unwrap(), kept);
        }
        let crlf = "\n: note\r\nid: 7\r\ndata:{\"id\":\"x\",\"usage\":{\"prompt_tokens\":1}}\r\n\r\n";
        assert_eq!(out(crlf), None, "other fields, half a line end, no choices at all");
        let error =
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1},\"error\":{\"message\":\"no\"}}\n\n";
        assert_eq!(out(error).unwrap(), error, "what is more than a count stays");
        let azure_first = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
        assert_eq!(out(azure_first).unwrap(), azure_first);
    }

    #[test]
    fn a_count_on_a_chunk_with_choices_stays() {
        let last = "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\n";
        assert_eq!(out(last).unwrap(), last);
    }
}

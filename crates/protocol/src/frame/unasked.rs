//! Takes out of a stream what we asked for and the caller did not: the usage chunk, and `"usage":null` beside it.
//!
//! Source: OpenAI API reference, `stream_options.include_usage`: every chunk then carries `usage` (null), and one more
//! chunk comes before `[DONE]`, with no choices and the whole count.

use bytes::Bytes;

use crate::envelope;

/// The event without what was not asked for: itself, cut, or nothing at all. `event` is one event with its empty line.
pub fn take_out(event: Bytes) -> Option<Bytes> {
    let Some(at) = data(&event) else { return Some(event) };
    let Some(usage) = envelope::member(&event[at..], "usage") else { return Some(event) };
    let value = &event[at..][usage.value.clone()];
    if value == b"null" {
        let mut cut = Vec::with_capacity(event.len());
        cut.extend_from_slice(&event[..at + usage.whole.start]);
        cut.extend_from_slice(&event[at + usage.whole.end..]);
        return Some(Bytes::from(cut));
    }
    let choices = envelope::member(&event[at..], "choices");
    let none = choices.is_some_and(|choices| {
        let list = &event[at..][choices.value];
        list.first() == Some(&b'[') && list[1..list.len() - 1].iter().all(u8::is_ascii_whitespace)
    });
    if none { None } else { Some(event) }
}

/// Where the JSON of a one-line event begins; `None` for anything else.
fn data(event: &[u8]) -> Option<usize> {
    let rest = event.strip_prefix(b"data:")?;
    let blank = rest.iter().take_while(|&&b| b == b' ').count();
    (rest.get(blank) == Some(&b'{')).then_some(5 + blank)
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
        let azure_first = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
        assert_eq!(out(azure_first).unwrap(), azure_first);
    }

    #[test]
    fn a_count_on_a_chunk_with_choices_stays() {
        let last = "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\n";
        assert_eq!(out(last).unwrap(), last);
    }
}

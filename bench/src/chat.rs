//! What is asked and what is answered: chat calls as OpenAI's Python SDK sends them, and answers as OpenAI writes them.

use serde_json::{Value, json};

/// The model of every call.
pub(crate) const MODEL: &str = "gpt-bench";
/// The path of every call.
pub(crate) const PATH: &str = "/v1/chat/completions";
/// The key callers show. Contenders that check keys are told of it.
pub(crate) const KEY: &str = "sk-bench-caller-0123456789abcdef0123456789abcdef";
/// What stands before the instant in a chunk of a stream.
pub(crate) const MARK: u8 = b'@';
/// How many digits an instant has.
pub(crate) const DIGITS: usize = 20;
/// The last event of a stream.
pub(crate) const LAST: &[u8] = b"[DONE]";

/// A request, head and body, for a body of so many bytes.
pub(crate) fn request(host: &str, size: usize, streams: bool) -> Vec<u8> {
    let body = request_body(size, streams);
    let mut request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n\
         Accept: application/json\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 1.99.0\r\n\
         X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.99.0\r\nX-Stainless-OS: Linux\r\n\
         X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.12.4\r\n\
         Authorization: Bearer {KEY}\r\nX-Stainless-Async: false\r\nX-Stainless-Retry-Count: 0\r\n\
         X-Stainless-Read-Timeout: 600\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body.as_bytes());
    request
}

/// A chat of so many bytes. The text has a quote or a line end every 16 bytes or so, as program code has.
fn request_body(size: usize, streams: bool) -> String {
    let words = "The quick brown \"fox\" said no to the lazy dog.\n";
    let build = |filler: &str| {
        let mut body = json!({
            "model": MODEL,
            "stream": streams,
            "messages": [
                {"role": "system", "content": "You are a helpful assistant."},
                {"role": "user", "content": filler},
            ],
            "temperature": 0.7,
            "max_completion_tokens": 256,
        });
        if let (true, Some(members)) = (streams, body.as_object_mut()) {
            members.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        body.to_string()
    };
    let mut filler: String = words.chars().cycle().take(size).collect();
    // Escapes make the text longer than it is; what is too much is taken off its end, and a rest filled with plain letters.
    while build(&filler).len() > size && !filler.is_empty() {
        let excess = build(&filler).len() - size;
        filler.truncate(filler.len().saturating_sub((excess / 2).max(1)));
    }
    filler.extend(std::iter::repeat_n('x', size.saturating_sub(build(&filler).len())));
    build(&filler)
}

/// The answer to a call that asks for no stream: 1 KB, with its usage.
pub(crate) fn answer() -> Vec<u8> {
    let content: String = "It depends on what is asked and of whom. ".chars().cycle().take(420).collect();
    let answer = json!({
        "id": "chatcmpl-bench0000000000000000000000", "object": "chat.completion", "created": 1_700_000_000,
        "model": MODEL,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content, "refusal": null, "annotations": []},
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": usage(), "service_tier": "default", "system_fingerprint": null,
    });
    answer.to_string().into_bytes()
}

/// One event of a stream, with room for the instant behind [`MARK`].
pub(crate) fn event() -> Vec<u8> {
    event_of(
        &json!([{
            "index": 0,
            "delta": {"content": format!(" {}{}", char::from(MARK), "0".repeat(DIGITS))},
            "logprobs": null, "finish_reason": null,
        }]),
        &Value::Null,
    )
}

/// The events that end a stream: why it ends, its usage, and that it is over.
pub(crate) fn last_events() -> [Vec<u8>; 3] {
    let stop = json!([{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop"}]);
    [event_of(&stop, &Value::Null), event_of(&json!([]), &usage()), [b"data: ", LAST, b"\n\n"].concat()]
}

/// What is known of a provider's models.
pub(crate) fn models() -> Vec<u8> {
    let model = json!({"id": MODEL, "object": "model", "created": 0, "owned_by": "bench"});
    json!({"object": "list", "data": [model]}).to_string().into_bytes()
}

fn event_of(choices: &Value, usage: &Value) -> Vec<u8> {
    let event = json!({
        "id": "chatcmpl-bench0000000000000000000000", "object": "chat.completion.chunk", "created": 1_700_000_000,
        "model": MODEL, "service_tier": "default", "system_fingerprint": null,
        "choices": choices, "usage": usage,
    });
    format!("data: {event}\n\n").into_bytes()
}

fn usage() -> Value {
    json!({
        "prompt_tokens": 320, "completion_tokens": 120, "total_tokens": 440,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_size_that_was_asked_for() {
        for (size, streams) in [(1536, false), (1536, true), (100 * 1024, false)] {
            let request = request("localhost", size, streams);
            let body = request.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
            let parsed: Value = serde_json::from_slice(&request[body..]).expect("JSON");
            assert_eq!((request.len() - body, &parsed["stream"]), (size, &Value::Bool(streams)));
        }
    }

    #[test]
    fn answers_and_events_are_as_long_as_openai_writes_them() {
        assert!((950..1100).contains(&answer().len()), "{}", answer().len());
        assert!((270..=300).contains(&event().len()), "{}", event().len());
        assert_eq!(event().iter().filter(|byte| **byte == MARK).count(), 1);
    }
}

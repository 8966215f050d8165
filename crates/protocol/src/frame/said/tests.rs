//! Streams of every language, read for what they say.

mod recorded;

use proptest::prelude::*;

use super::*;

const CHAT: &str = concat!(
    ": note\n\n",
    "data: {\"id\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\n\n",
    "data: {\"id\":\"a\",\"created\":7,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",",
    "\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"a\",\"created\":7,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\\u00fc\"}}]}\r\n\r\n",
    "data: {\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ß \\\"dich\\\"\"},\"finish_reason\":null}]}\n\n",
);

fn chat(sent: &str) -> Said {
    said(Operation::Chat, Dialect::OpenAi, sent.as_bytes())
}

#[test]
fn the_text_of_a_chat_is_what_its_caller_has_read() {
    let read = chat(CHAT);
    assert_eq!(read.text, "Grüß \"dich\"");
    assert!(read.plain && !read.finished && read.opened);
    assert_eq!((read.id.as_deref(), read.created, read.model.as_deref()), (Some("a"), Some(7), Some("m")));
    let half = chat(&format!("{CHAT}data: {{\"choices\":[{{\"delta\":{{\"content\":\"no"));
    assert_eq!(half.text, read.text, "half an event is none");
    let ended = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    assert!(chat(&format!("{CHAT}{ended}")).finished && chat("data: [DONE]\n\n").finished);
}

#[test]
fn a_stream_made_small_after_every_event_says_the_same() {
    let mut heard = Heard::new(Operation::Chat, Dialect::OpenAi);
    for event in CHAT.split_inclusive("\n\n").flat_map(|piece| piece.split_inclusive("\r\n\r\n")) {
        heard.add(event.as_bytes());
        heard.condense();
    }
    assert_eq!(heard.said(), chat(CHAT));
}

#[test]
fn whatever_is_more_than_text_is_not_plain() {
    for delta in [
        r#"{"tool_calls":[{"index":0}]}"#,
        r#"{"reasoning_content":"hm"}"#,
        r#"{"reasoning":"hm"}"#,
        r#"{"refusal":"no"}"#,
        r#"{"audio":{"id":"x"}}"#,
        r#"{"content":[{"type":"thinking"}]}"#,
    ] {
        let event = format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
        assert!(!chat(&event).plain, "{delta}");
    }
    for choices in [
        r#"[{"index":1,"delta":{"content":"x"}}]"#,
        r#"[{"index":0,"delta":{}},{"index":1,"delta":{}}]"#,
        r#"[{"index":0,"delta":{"content":"x"},"logprobs":{"content":[]}}]"#,
    ] {
        assert!(!chat(&format!("data: {{\"choices\":{choices}}}\n\n")).plain, "{choices}");
    }
}

#[test]
fn what_cannot_be_read_is_no_text_that_could_be_gone_on_with() {
    for event in ["data: {\"choices\":\ndata: []}\n\n", "data: {broken\n\n", "data: \"text\"\n\n"] {
        assert!(!chat(&format!("{CHAT}{event}")).plain, "{event}");
    }
    assert!(chat(&format!("{CHAT}\n: ping\n\nid: 7\n\n")).plain, "heartbeats and comments say nothing");
}

#[test]
fn every_language_is_read_in_its_own_events() {
    let text = "data: {\"id\":\"c\",\"choices\":[{\"text\":\" if\",\"index\":0,\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    let read = said(Operation::Completions, Dialect::OpenAi, text.as_bytes());
    assert_eq!((read.text.as_str(), read.plain, read.finished), (" if", true, false));
    let messages = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"id\":\"msg_1\",\"content\":[]}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"#\"}   }\n\n",
    );
    let read = said(Operation::Messages, Dialect::Anthropic, messages.as_bytes());
    assert_eq!((read.text.as_str(), read.id.as_deref()), ("#", Some("msg_1")));
    assert!(read.plain && !read.finished && read.opened && read.in_text);
    let stop = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
    let closed = format!("{messages}{stop}");
    assert!(!said(Operation::Messages, Dialect::Anthropic, closed.as_bytes()).plain);
    let whole = format!(
        "{closed}data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}}}}\n\n"
    );
    let whole = said(Operation::Messages, Dialect::Anthropic, whole.as_bytes());
    assert!(whole.plain && whole.finished);
    let thinking = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n";
    assert!(!said(Operation::Messages, Dialect::Anthropic, thinking.as_bytes()).plain);
    let responses = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"created_at\":5,\"model\":\"m\"}}\n\n",
        "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"output_index\":0,\"item\":{\"type\":\"message\"}}\n\n",
        "event: response.content_part.added\ndata: {\"type\":\"response.content_part.added\",\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\"\"}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Why\",\"logprobs\":[]}\n\n",
    );
    let read = said(Operation::Responses, Dialect::OpenAi, responses.as_bytes());
    assert_eq!((read.text.as_str(), read.id.as_deref(), read.created), ("Why", Some("resp_1"), Some(5)));
    assert!(read.plain && !read.finished);
    assert!(!said(Operation::Embeddings, Dialect::OpenAi, CHAT.as_bytes()).plain, "no stream we know");
}

/// Bytes that look like a stream at first.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "data: ",
        "data:",
        "event: ",
        "\n\n",
        "\n",
        "\r",
        "\u{feff}",
        "[DONE]",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\ud83d",
        "\"choices\"",
        "\"delta\"",
        "\"content\"",
        "\"text\"",
        "\"type\"",
        "\"error\"",
        "\"index\"",
        "0",
        "null",
        "\"message_start\"",
        "\"content_block_delta\"",
        "é",
        "\"messages\"",
        "\"role\"",
        "\"max_tokens\"",
        "-1",
        "\u{0}",
    ]);
    let word = word.prop_map(|word: &str| word.as_bytes().to_vec());
    prop::collection::vec(prop_oneof![9 => word, 1 => prop::collection::vec(any::<u8>(), 1..4)], 0..60)
        .prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_bytes_whatever_are_too_much(stream in noise(), body in noise(), text in "[a-c \\n]{0,20}") {
        let before = Said { text, plain: true, ..Said::default() };
        for (operation, dialect) in [
            (Operation::Chat, Dialect::OpenAi),
            (Operation::Completions, Dialect::OpenAi),
            (Operation::Responses, Dialect::OpenAi),
            (Operation::Messages, Dialect::Anthropic),
        ] {
            said(operation, dialect, &stream);
            continued(dialect, operation, &body, &before);
            let joiners = [
                Joiner::verifying(operation, dialect, &before),
                Joiner::continuing(operation, dialect, &before),
            ];
            for joiner in joiners.into_iter().flatten() {
                let mut joiner = joiner;
                for event in recorded::events(&stream) {
                    adds(&event);
                    failure(&event);
                    joiner.event(event);
                }
            }
        }
    }
}

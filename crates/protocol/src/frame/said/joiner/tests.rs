//! A stream cut anywhere and gone on with is the stream that was not cut.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::said;
use super::*;
use crate::frame::sse::Splitter;

/// One vendor's way to stream a text.
#[derive(Clone, Copy, Debug)]
enum Way {
    Chat,
    Text,
    Messages,
    Responses,
}

impl Way {
    fn of(self) -> (Operation, Dialect) {
        match self {
            Self::Chat => (Operation::Chat, Dialect::OpenAi),
            Self::Text => (Operation::Completions, Dialect::OpenAi),
            Self::Messages => (Operation::Messages, Dialect::Anthropic),
            Self::Responses => (Operation::Responses, Dialect::OpenAi),
        }
    }

    /// A whole stream that says these pieces.
    fn stream(self, name: &str, pieces: &[String]) -> Vec<Bytes> {
        let plain = |value: Value| Bytes::from(format!("data: {value}\n\n"));
        let named = |value: Value| {
            let kind = value["type"].as_str().unwrap();
            Bytes::from(format!("event: {kind}\ndata: {value}\n\n"))
        };
        let chunk = |choice: Value| {
            plain(json!({"id": name, "created": name.len(), "model": name, "choices": [choice]}))
        };
        let mut events = Vec::new();
        match self {
            Self::Chat => {
                events.push(chunk(
                    json!({"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": null}),
                ));
                events.extend(pieces.iter().map(|text| {
                    chunk(json!({"index": 0, "delta": {"content": text}, "finish_reason": null}))
                }));
                events.push(chunk(json!({"index": 0, "delta": {}, "finish_reason": "stop"})));
                events.push(plain(
                    json!({"id": name, "created": name.len(), "choices": [], "usage": {"prompt_tokens": 1}}),
                ));
                events.push(Bytes::from_static(b"data: [DONE]\n\n"));
            }
            Self::Text => {
                events.extend(pieces.iter().map(|text| {
                    chunk(json!({"index": 0, "text": text, "logprobs": null, "finish_reason": null}))
                }));
                events.push(chunk(json!({"index": 0, "text": "", "finish_reason": "stop"})));
                events.push(Bytes::from_static(b"data: [DONE]\n\n"));
            }
            Self::Messages => {
                events.push(named(
                    json!({"type": "message_start", "message": {"id": name, "model": name, "content": []}}),
                ));
                events.push(named(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})));
                events.push(named(json!({"type": "ping"})));
                events.extend(pieces.iter().map(|text| {
                    named(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}))
                }));
                events.push(named(json!({"type": "content_block_stop", "index": 0})));
                events.push(named(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}})));
                events.push(named(json!({"type": "message_stop"})));
            }
            Self::Responses => {
                let text = pieces.concat();
                let item = format!("msg_{name}");
                let answer = |output: Value| json!({"id": name, "created_at": name.len(), "model": name, "output": output});
                let message = |text: &str| json!({"id": item, "type": "message", "content": [{"type": "output_text", "text": text}]});
                let mut all = vec![
                    json!({"type": "response.created", "response": answer(json!([]))}),
                    json!({"type": "response.in_progress", "response": answer(json!([]))}),
                    json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": item, "type": "message", "content": []}}),
                    json!({"type": "response.content_part.added", "output_index": 0, "content_index": 0, "item_id": item, "part": {"type": "output_text", "text": ""}}),
                ];
                all.extend(pieces.iter().map(|text| {
                    json!({"type": "response.output_text.delta", "item_id": item, "delta": text, "logprobs": []})
                }));
                all.push(json!({"type": "response.output_text.done", "item_id": item, "text": text}));
                all.push(
                    json!({"type": "response.content_part.done", "item_id": item, "part": {"text": text}}),
                );
                all.push(json!({"type": "response.output_item.done", "item": message(&text)}));
                all.push(json!({"type": "response.completed", "response": answer(json!([message(&text)]))}));
                events.extend(all.into_iter().enumerate().map(|(number, mut event)| {
                    event["sequence_number"] = number.into();
                    named(event)
                }));
            }
        }
        events
    }
}

/// The whole events of the first `length` bytes.
fn whole_events(stream: &[u8], length: usize) -> &[u8] {
    let mut end = 0;
    Splitter::default().push(&stream[..length], |at| end = at);
    &stream[..end]
}

/// What the caller has in the end; `None` if the answers diverged.
fn join(joiner: &mut Joiner, sent: &[u8], events: Vec<Bytes>) -> Option<Vec<u8>> {
    let mut whole = sent.to_vec();
    for event in events {
        match joiner.event(event) {
            Joined::Pass(bytes) => whole.extend_from_slice(&bytes),
            Joined::Nothing => {}
            Joined::Diverged => return None,
        }
    }
    Some(whole)
}

/// What any reader of a stream may expect of it, and the text it says.
fn read_as_one(way: Way, stream: &[u8]) -> String {
    let (operation, dialect) = way.of();
    let text = std::str::from_utf8(stream).unwrap();
    let datas: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let done = datas.iter().filter(|data| **data == "[DONE]").count();
    assert_eq!(done, usize::from(matches!(way, Way::Chat | Way::Text)), "{text}");
    let events: Vec<Value> = datas.iter().filter_map(|data| serde_json::from_str(data).ok()).collect();
    assert_eq!(events.len() + done, datas.len(), "every event is whole: {text}");
    let count = |is: &dyn Fn(&Value) -> bool| events.iter().filter(|event| is(event)).count();
    match way {
        Way::Messages => {
            for kind in [
                "message_start",
                "content_block_start",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ] {
                assert_eq!(count(&|event| event["type"] == kind), 1, "{kind}: {text}");
            }
        }
        Way::Responses => {
            let whole = |name: &'static str| events.iter().filter_map(move |event| event[name].as_str());
            let ends = [
                "response.created",
                "response.output_item.added",
                "response.content_part.added",
                "response.completed",
            ];
            for kind in ends {
                assert_eq!(count(&|event| event["type"] == kind), 1, "{kind}: {text}");
            }
            assert!(events.iter().enumerate().all(|(at, event)| event["sequence_number"] == at), "{text}");
            let (first, last) = (&events[0]["response"], &events[events.len() - 1]["response"]);
            assert_eq!((&first["id"], &first["created_at"]), (&last["id"], &last["created_at"]), "{text}");
            let item = last["output"][0]["id"].as_str().unwrap();
            assert!(whole("item_id").all(|id| id == item), "{text}");
            let items = events.iter().filter_map(|event| event["item"]["id"].as_str());
            assert!(items.into_iter().all(|id| id == item), "{text}");
            assert_eq!(whole("text").next(), Some(whole("delta").collect::<String>().as_str()), "{text}");
        }
        Way::Chat | Way::Text => {
            let first = &events[0];
            assert!(
                events.iter().all(|event| event["id"] == first["id"] && event["created"] == first["created"]),
                "{text}"
            );
            assert_eq!(count(&|event| event["choices"][0]["finish_reason"] == "stop"), 1, "{text}");
            assert_eq!(
                count(&|event| event["choices"][0]["delta"]["role"] == "assistant"),
                usize::from(matches!(way, Way::Chat))
            );
        }
    }
    let said = said(operation, dialect, stream);
    assert!(said.finished && said.plain, "{text}");
    said.text
}

/// A text in pieces of these lengths, in letters.
fn pieces(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut letters = text.chars();
    let mut cut: Vec<String> =
        lengths.iter().map(|&length| letters.by_ref().take(length).collect()).collect();
    cut.push(letters.collect());
    cut.retain(|piece: &String| !piece.is_empty());
    cut
}

const TEXT: &str = "Grüße, \"Welt\"!\n\n  Zwei  Leerzeichen \u{1F600} und\tein Tab. Ende ";

#[test]
fn a_stream_cut_at_every_byte_and_continued_is_whole() {
    for way in [Way::Chat, Way::Text, Way::Messages] {
        let (operation, dialect) = way.of();
        let stream = way.stream("first", &pieces(TEXT, &[1, 3, 7, 2, 1, 9, 4])).concat();
        for length in 0..=stream.len() {
            let sent = whole_events(&stream, length);
            let said = said(operation, dialect, sent);
            let Some(mut joiner) = Joiner::continuing(operation, dialect, &said) else { continue };
            // The server is given the beginning, and goes on from its end.
            let rest = &TEXT[said.text.trim_end().len()..];
            let whole = join(&mut joiner, sent, way.stream("second", &pieces(rest, &[2, 2, 5]))).unwrap();
            assert_eq!(read_as_one(way, &whole), TEXT, "{way:?} cut at {length}");
        }
    }
}

#[test]
fn a_server_that_repeats_the_beginning_is_heard_once() {
    let (operation, dialect) = Way::Chat.of();
    let all = pieces(TEXT, &[4, 4, 4, 4]);
    for sent in 0..all.len() {
        let stream = Way::Chat.stream("first", &all);
        let sent = stream[..=sent].concat();
        let said = said(operation, dialect, &sent);
        if said.text.trim_end().len() < REPEATED {
            continue;
        }
        for lengths in [&[100][..], &[1, 1, 1, 1, 1, 1, 1], &[5, 30]] {
            let mut joiner = Joiner::continuing(operation, dialect, &said).unwrap();
            let whole = join(&mut joiner, &sent, Way::Chat.stream("second", &pieces(TEXT, lengths))).unwrap();
            assert_eq!(read_as_one(Way::Chat, &whole), TEXT);
        }
    }
}

#[test]
fn a_continuation_that_only_looks_like_a_repetition_at_first_is_kept_whole() {
    let (operation, dialect) = Way::Chat.of();
    let sent = Way::Chat.stream("first", &["again and again and".to_owned()])[..2].concat();
    let said = said(operation, dialect, &sent);
    for rest in ["again and so on", "again", "", "a"] {
        let mut joiner = Joiner::continuing(operation, dialect, &said).unwrap();
        let whole = join(&mut joiner, &sent, Way::Chat.stream("second", &pieces(rest, &[3, 3]))).unwrap();
        assert_eq!(read_as_one(Way::Chat, &whole), format!("again and again and{rest}"));
    }
}

#[test]
fn a_blank_that_was_sent_comes_once_and_one_that_was_not_is_kept() {
    let (operation, dialect) = Way::Messages.of();
    let stream = Way::Messages.stream("first", &["One two ".to_owned(), "three".to_owned()]);
    for (sent, rest, whole) in
        [(4, " three", "One two three"), (4, "three", "One two three"), (5, " four", "One two three four")]
    {
        let sent = stream[..sent].concat();
        let said = said(operation, dialect, &sent);
        let mut joiner = Joiner::continuing(operation, dialect, &said).unwrap();
        let joined = join(&mut joiner, &sent, Way::Messages.stream("second", &[rest.to_owned()])).unwrap();
        assert_eq!(read_as_one(Way::Messages, &joined), whole);
    }
}

#[test]
fn an_answer_that_says_something_else_diverges_and_nothing_of_it_is_sent() {
    for way in [Way::Chat, Way::Text, Way::Messages, Way::Responses] {
        let (operation, dialect) = way.of();
        let stream = way.stream("first", &["One two three".to_owned(), " four".to_owned()]);
        let first = stream.iter().position(|event| event.windows(5).any(|five| five == b"three")).unwrap();
        let sent = stream[..=first].concat();
        let said = said(operation, dialect, &sent);
        for other in ["One two tree four", "One", "", "one two three four"] {
            let mut joiner = Joiner::verifying(operation, dialect, &said).unwrap();
            let mut seen = Vec::new();
            for event in way.stream("second", &pieces(other, &[5, 4])) {
                let joined = joiner.event(event);
                seen.push(joined.clone());
                if joined == Joined::Diverged {
                    break;
                }
            }
            assert_eq!(seen.pop(), Some(Joined::Diverged), "{way:?} {other}");
            assert!(seen.iter().all(|joined| *joined == Joined::Nothing), "{way:?} {other}: {seen:?}");
        }
    }
}

#[test]
fn tools_in_the_other_answer_diverge() {
    let (operation, dialect) = Way::Chat.of();
    let sent = Way::Chat.stream("first", &["One two three".to_owned()])[..2].concat();
    let said = said(operation, dialect, &sent);
    let tool = Bytes::from_static(
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n",
    );
    for mut joiner in [
        Joiner::verifying(operation, dialect, &said).unwrap(),
        Joiner::continuing(operation, dialect, &said).unwrap(),
    ] {
        assert_eq!(joiner.event(tool.clone()), Joined::Diverged);
    }
}

#[test]
fn what_cannot_be_compared_diverges_and_heartbeats_pass() {
    let (operation, dialect) = Way::Chat.of();
    let sent = Way::Chat.stream("first", &["One two three".to_owned()])[..2].concat();
    let said = said(operation, dialect, &sent);
    let joiners = || {
        [
            Joiner::verifying(operation, dialect, &said).unwrap(),
            Joiner::continuing(operation, dialect, &said).unwrap(),
        ]
    };
    for mut joiner in joiners() {
        for beat in ["\n", ": note\n\n"] {
            let beat = Bytes::from_static(beat.as_bytes());
            assert_eq!(joiner.event(beat.clone()), Joined::Pass(beat));
        }
        assert!(!joiner.is_flowing());
        let lines = Bytes::from_static(b"data: {\"choices\":\ndata: []}\n\n");
        assert_eq!(joiner.event(lines), Joined::Diverged);
    }
}

#[test]
fn events_that_need_no_edit_pass_as_they_came() {
    let (operation, dialect) = Way::Chat.of();
    let said = Said { text: "One".into(), plain: true, opened: true, ..Said::default() };
    let mut joiner = Joiner::continuing(operation, dialect, &said).unwrap();
    for event in [
        ": comment\n\n",
        "\n",
        "data: { \"choices\" : [{\"delta\":{\"content\":\" tw\\u006f\"}}] , \"model\":\"who\"}\r\n\r\n",
        "data: {\"error\":{\"message\":\"no\"}}\n\n",
        "data: [DONE]\n\n",
    ] {
        let event = Bytes::from_static(event.as_bytes());
        assert_eq!(joiner.event(event.clone()), Joined::Pass(event));
    }
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    assert_eq!(joiner.event(done), Joined::Nothing, "never twice");
}

#[test]
fn what_cannot_be_joined_has_no_joiner() {
    let plain = Said { text: "One".into(), plain: true, ..Said::default() };
    assert!(Joiner::verifying(Operation::Embeddings, Dialect::OpenAi, &plain).is_none());
    assert!(
        Joiner::continuing(Operation::Responses, Dialect::OpenAi, &plain).is_none(),
        "its end says all of it again"
    );
    for said in [Said { plain: false, ..plain.clone() }, Said { finished: true, ..plain }] {
        assert!(Joiner::verifying(Operation::Chat, Dialect::OpenAi, &said).is_none());
        assert!(Joiner::continuing(Operation::Chat, Dialect::OpenAi, &said).is_none());
    }
}

fn ways() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Chat), Just(Way::Text), Just(Way::Messages), Just(Way::Responses)]
}

proptest! {
    #[test]
    fn an_answer_begun_anew_in_other_pieces_is_joined_whole(
        text in "[a-c \\n\"\\\\ü\u{1F600}]{0,60}",
        first in prop::collection::vec(0usize..9, 0..8),
        second in prop::collection::vec(0usize..9, 0..8),
        cut in 0usize..4000,
        way in ways(),
    ) {
        let (operation, dialect) = way.of();
        let stream = way.stream("first", &pieces(&text, &first)).concat();
        let sent = whole_events(&stream, cut.min(stream.len()));
        let said = said(operation, dialect, sent);
        if let Some(mut joiner) = Joiner::verifying(operation, dialect, &said) {
            let whole = join(&mut joiner, sent, way.stream("second", &pieces(&text, &second))).unwrap();
            prop_assert_eq!(read_as_one(way, &whole), text);
        }
    }
}

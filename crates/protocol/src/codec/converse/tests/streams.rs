//! Streamed answers.

use super::*;

fn framed(events: &[(&str, Value)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, payload) in events {
        let headers = [(":event-type", *name), (":message-type", "event")];
        aws_event::write(&mut bytes, &headers, payload.to_string().as_bytes());
    }
    bytes
}

fn heard(bytes: &[u8]) -> (Vec<Delta>, bool) {
    let (mut reader, mut deltas) = (CODEC.reader(), Vec::new());
    reader.read(bytes, &mut deltas).unwrap();
    let ended = reader.end(&mut deltas);
    (deltas, ended)
}

/// What a writer makes of steps: the names and bodies of its events.
fn told(deltas: Vec<Delta>, end: bool) -> Vec<(String, Value)> {
    let request = Request::default();
    let to = To { request: &request, mint: Mint { now: 0, seed: 0 } };
    let (mut writer, mut out) = (CODEC.writer(&to), Vec::new());
    deltas.into_iter().for_each(|delta| writer.write(delta, &mut out));
    if end {
        writer.end(&mut out);
    }
    events(&out)
}

fn events(bytes: &[u8]) -> Vec<(String, Value)> {
    let (mut frames, mut events) = (aws_event::Frames::default(), Vec::new());
    frames.push(bytes);
    while let Some(frame) = frames.take().unwrap() {
        let name = frame.header(":event-type").or(frame.header(":exception-type")).unwrap().to_owned();
        events.push((name, serde_json::from_slice(&frame.payload).unwrap()));
    }
    events
}

#[test]
fn everything_is_closed_before_the_stop_and_nothing_comes_behind_it_but_counts() {
    let bytes = framed(&[
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "a"}})),
        (
            "contentBlockStart",
            json!({"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "x", "name": "f"}}}),
        ),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "b"}})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        ("messageStop", json!({"stopReason": "end_turn"})),
        ("contentBlockDelta", json!({"contentBlockIndex": 7, "delta": {"text": "late"}})),
        ("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 2}})),
    ]);
    let (deltas, ended) = heard(&bytes);
    let call = Opening::Call { id: "x".into(), name: "f".into(), custom: false };
    assert!(ended);
    assert_eq!(
        deltas,
        [
            Delta::Begin(Begun::default()),
            Delta::Open(0, Opening::Text),
            Delta::Grow(0, "a".into()),
            Delta::Open(1, call),
            Delta::Grow(0, "b".into()),
            Delta::Close(0),
            Delta::Close(1),
            Delta::Stop(Stop::Calls),
            Delta::Counts(crate::hub::Counts { input: 1, output: 2, ..Default::default() }),
        ]
    );
}

#[test]
fn missing_and_null_fields_and_events_to_come_do_no_harm() {
    let mut bytes = framed(&[
        ("messageStart", json!(null)),
        ("contentBlockStart", json!({})),
        ("contentBlockStart", json!({"start": {"toolUse": null, "hologram": {}}, "contentBlockIndex": null})),
        ("contentBlockDelta", json!({"delta": null})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"text": null, "reasoningContent": {}, "toolUse": {"input": "x"}}}),
        ),
        ("contentBlockStop", json!({"contentBlockIndex": 9})),
        ("contentBlockStop", json!([])),
        ("messageStop", json!({})),
        ("metadata", json!({"usage": null})),
    ]);
    aws_event::write(&mut bytes, &[(":event-type", "hologram"), (":message-type", "event")], b"\xff");
    aws_event::write(&mut bytes, &[], b"");
    assert_eq!(heard(&bytes), (vec![Delta::Begin(Begun::default()), Delta::Stop(Stop::End)], true));
}

#[test]
fn errors_are_told_in_their_own_words_and_are_no_end() {
    for (headers, payload, words) in [
        (
            vec![(":message-type", "exception"), (":exception-type", "throttlingException")],
            "{\"message\":\"Slow down\"}",
            "Slow down",
        ),
        (
            vec![(":message-type", "exception"), (":exception-type", "throttlingException")],
            "{}",
            "throttlingException",
        ),
        (vec![(":message-type", "error"), (":error-code", "E1"), (":error-message", "Gone")], "", "Gone"),
        (vec![(":message-type", "error"), (":error-code", "E1")], "", "E1"),
        (vec![(":message-type", "exception")], "not json", "The stream ended with an error."),
    ] {
        let mut bytes = framed(&[("messageStop", json!({"stopReason": "end_turn"}))]);
        aws_event::write(&mut bytes, &headers, payload.as_bytes());
        let (deltas, ended) = heard(&bytes);
        assert_eq!(deltas.last(), Some(&Delta::Fault(words.into())));
        assert!(!ended);
    }
}

#[test]
fn damaged_frames_and_events_that_are_no_json_are_refused() {
    let mut bytes = framed(&[("messageStart", json!({"role": "assistant"}))]);
    bytes[20] ^= 1;
    assert!(CODEC.reader().read(&bytes, &mut Vec::new()).is_err());
    let mut bytes = Vec::new();
    aws_event::write(&mut bytes, &[(":event-type", "messageStop"), (":message-type", "event")], b"{");
    assert!(CODEC.reader().read(&bytes, &mut Vec::new()).is_err());
}

#[test]
fn pictures_and_sealed_thoughts_come_in_pieces() {
    let bytes = framed(&[
        ("contentBlockStart", json!({"contentBlockIndex": 0, "start": {"image": {"format": "png"}}})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"image": {"source": {"bytes": "YQ=="}}}}),
        ),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 0, "delta": {"image": {"source": {"bytes": "Yg=="}}}}),
        ),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 1, "delta": {"reasoningContent": {"redactedContent": "YWI"}}}),
        ),
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": 1, "delta": {"reasoningContent": {"redactedContent": "Yw=="}}}),
        ),
        ("contentBlockDelta", json!({"contentBlockIndex": 1, "delta": {"text": "of the same block"}})),
        ("messageStop", json!({"stopReason": "end_turn"})),
    ]);
    let (deltas, _) = heard(&bytes);
    let wholes: Vec<&Part> = deltas
        .iter()
        .filter_map(|delta| if let Delta::Open(_, Opening::Whole(part)) = delta { Some(part) } else { None })
        .collect();
    let picture = Part::Image(Media::new(Source::Data { kind: "image/png".into(), base64: "YWI=".into() }));
    // What is not base64 piece by piece is taken as it is.
    let sealed = Part::Thought(Thought { sealed: Some("YWIYw==".into()), ..Thought::default() });
    assert_eq!(wholes, [&picture, &sealed]);
    assert!(deltas.contains(&Delta::Grow(2, "of the same block".into())));
    let told = told(deltas, true);
    assert_eq!(told[1].1["start"], json!({"image": {"format": "png"}}));
    assert_eq!(told[2].1["delta"], json!({"image": {"source": {"bytes": "YWI="}}}));
}

#[test]
fn free_text_is_written_as_the_one_text_of_an_object() {
    let call = Opening::Call { id: "a".into(), name: "sql".into(), custom: true };
    let deltas = vec![
        Delta::Open(0, call),
        Delta::Grow(0, "SELECT \"é".into()),
        Delta::Grow(0, "\"\n".into()),
        Delta::Close(0),
        Delta::Stop(Stop::Calls),
    ];
    let input: String = told(deltas, true)
        .iter()
        .filter_map(|(_, event)| event["delta"]["toolUse"]["input"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(serde_json::from_str::<Value>(&input).unwrap(), json!({"input": "SELECT \"é\"\n"}));
}

#[test]
fn parts_of_nothing_and_of_others_leave_no_block() {
    let deltas = vec![
        Delta::Open(0, Opening::Text),
        Delta::Close(0),
        Delta::Open(1, Opening::Whole(Part::Opaque(Wire::Chat, json!({})))),
        Delta::Close(1),
        Delta::Open(2, Opening::Whole(Part::Cited(Wire::Chat, json!({})))),
        Delta::Close(2),
        Delta::Open(3, Opening::Refusal),
        Delta::Grow(3, "No.".into()),
        Delta::Close(3),
        Delta::Stop(Stop::Refused),
    ];
    let told = told(deltas, false);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["messageStart", "contentBlockDelta", "contentBlockStop", "messageStop"]);
    assert_eq!(told[1].1, json!({"contentBlockIndex": 0, "delta": {"text": "No."}}));
    assert_eq!(told[3].1, json!({"stopReason": "content_filtered"}));
}

#[test]
fn a_break_is_an_exception_of_its_kind_and_ends_nothing() {
    for (kind, name) in [
        (Kind::UpstreamInterrupted, "modelStreamErrorException"),
        (Kind::UpstreamLimits, "throttlingException"),
        (Kind::NoHealthyTarget, "serviceUnavailableException"),
        (Kind::InvalidJson, "validationException"),
        (Kind::Internal, "internalServerException"),
    ] {
        let request = Request::default();
        let to = To { request: &request, mint: Mint { now: 0, seed: 0 } };
        let (mut writer, mut out) = (CODEC.writer(&to), Vec::new());
        writer.write(Delta::Open(0, Opening::Text), &mut out);
        writer.write(Delta::Grow(0, "Once".into()), &mut out);
        writer.broken(kind, "It broke.", &mut out);
        let told = events(&out);
        assert_eq!(told.len(), 3);
        assert_eq!(told[2], (name.to_owned(), json!({"message": "It broke."})));
        let (deltas, ended) = heard(&out);
        assert_eq!((deltas.last(), ended), (Some(&Delta::Fault("It broke.".into())), false));
    }
}

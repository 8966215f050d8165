//! What is easily got wrong in this wire.

use std::path::Path;

use serde_json::{Value, json};
use testkit::recordings::{load, splits};

use super::super::{Habits, Mint, To};
use super::CODEC;
use crate::hub::gather::Gather;
use crate::hub::part::text_of;
use crate::hub::{Counts, Delta, Losses, Opening, Request, Stop};

#[test]
fn only_one_text_can_go_on() {
    for (prompt, words) in [
        (json!(["a", "b"]), "one prompt a call"),
        (json!([1, 2, 3]), "token numbers"),
        (json!([[1, 2], [3]]), "token numbers"),
        (json!([]), "no text"),
        (json!({"a": 1}), "must be a string"),
        (Value::Null, "required"),
    ] {
        let body = json!({"model": "m", "prompt": prompt});
        let refusal = CODEC.read_request(body.to_string().as_bytes()).unwrap_err();
        assert!(refusal.say.contains(words) && refusal.param.as_deref() == Some("prompt"), "{refusal}");
    }
}

#[test]
fn probabilities_are_asked_for_by_the_number_of_alternatives() {
    for asked in [json!(0), json!(5)] {
        let body = json!({"model": "m", "prompt": "a", "logprobs": asked});
        let request = CODEC.read_request(body.to_string().as_bytes()).unwrap();
        assert_eq!(request.sampling.logprobs, Some(true));
        let written = CODEC.write_request(&request, Habits::default(), &mut Losses::default()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap()["logprobs"], asked);
    }
}

#[test]
fn what_has_no_place_in_a_text_is_not_in_it_and_counts_stand_behind_the_reason() {
    let request = Request { model: "m".into(), counted: true, ..Request::default() };
    let to = To { request: &request, mint: Mint { now: 1, seed: 7 } };
    let (mut writer, mut out) = (CODEC.writer(&to), Vec::new());
    let call = Opening::Call { id: "c".into(), name: "f".into(), custom: false };
    for delta in [
        Delta::Open(0, Opening::Thought { id: None }),
        Delta::Grow(0, "Hm.".into()),
        Delta::Open(1, Opening::Text),
        Delta::Grow(1, "Hi".into()),
        Delta::Open(2, call),
        Delta::Grow(2, "{}".into()),
        Delta::Stop(Stop::Calls),
        Delta::Counts(Counts { input: 1, output: 2, ..Counts::default() }),
    ] {
        writer.write(delta, &mut out);
    }
    writer.end(&mut out);
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 4, "{out}");
    assert!(lines[0].contains("\"text\":\"Hi\"") && lines[1].contains("\"finish_reason\":\"stop\""), "{out}");
    assert!(lines[2].contains("\"total_tokens\":3") && lines[3] == "data: [DONE]", "{out}");
}

#[test]
fn every_recorded_exchange_is_read() {
    let Some(recordings) = load(Path::new(env!("CARGO_MANIFEST_DIR")), "openai") else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        return;
    };
    let (mut wholes, mut streams) = (0, 0);
    for one in recordings.iter().filter(|one| one.status == 200 && one.path == "/v1/completions") {
        let id = &one.id;
        let request = CODEC.read_request(&one.req_body);
        // Several prompts are other calls.
        assert!(request.is_ok() || one.resp_body.windows(10).any(|at| at == b"\"index\": 1"), "{id}");
        let answer = if one.is_stream() {
            streams += 1;
            let (mut reader, mut deltas, mut begin) = (CODEC.reader(), Vec::new(), 0);
            for end in splits(one.resp_body.len(), streams).into_iter().chain([one.resp_body.len()]) {
                reader.read(&one.resp_body[begin..end], &mut deltas).unwrap();
                begin = end;
            }
            assert!(reader.end(&mut deltas), "{id} does not end");
            assert!(deltas.iter().any(|delta| matches!(delta, Delta::Stop(_))), "{id}");
            let mut gather = Gather::default();
            deltas.iter().for_each(|delta| gather.push(delta));
            gather.into_response().unwrap()
        } else {
            wholes += 1;
            CODEC.read_response(&one.resp_body).unwrap_or_else(|error| panic!("{id}: {error}"))
        };
        assert!(!text_of(&answer.answers[0].parts).is_empty(), "{id}");
    }
    assert!(wholes >= 30 && streams >= 15, "{wholes} answers, {streams} streams");
}

#[test]
fn a_long_name_of_the_user_is_left_out_and_told() {
    let mut losses = Losses::default();
    let request = Request { user: Some("x".repeat(65)), ..Request::default() };
    let written = CODEC.write_request(&request, Habits::default(), &mut losses).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap().get("user"), None);
    assert_eq!(losses.iter().collect::<Vec<_>>(), ["user"]);
}

//! Recorded exchanges with Anthropic: every request, answer and stream is read and written.

use std::path::Path;

use testkit::recordings::{Recording, load};

use super::*;
use crate::dialect::Wire;
use crate::hub::part::text_of;
use crate::hub::{Part, Unreadable};

/// The exchanges that were answered, or none where they are not beside this checkout.
fn exchanges() -> Vec<Recording> {
    let Some(all) = load(Path::new(env!("CARGO_MANIFEST_DIR")), "anthropic") else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        return Vec::new();
    };
    all.into_iter().filter(|one| one.status == 200 && one.path.ends_with("/messages")).collect()
}

fn calls(parts: &[Part]) -> usize {
    parts.iter().filter(|part| matches!(part, Part::Call(_))).count()
}

#[test]
fn every_recorded_request_is_read_and_says_the_same_again() {
    let written = |wire: Wire, request: &Request| -> Result<Vec<u8>, Unreadable> {
        crate::codec::of(wire).write_request(request, Habits::default(), &mut Losses::default())
    };
    for recording in exchanges() {
        let request = CODEC
            .read_request(&recording.req_body)
            .unwrap_or_else(|error| panic!("{}: {error}", recording.id));
        let once = written(Wire::Messages, &request).unwrap();
        let twice = written(Wire::Messages, &CODEC.read_request(&once).unwrap()).unwrap();
        assert_eq!(json(&twice), json(&once), "{}", recording.id);
        written(Wire::Chat, &request).unwrap_or_else(|error| panic!("{}: {error}", recording.id));
    }
}

#[test]
fn every_recorded_answer_is_read_and_says_the_same_again() {
    let request = Request::default();
    let to = To { request: &request, mint: Mint { now: 0, seed: 1 } };
    let whole: Vec<Recording> = exchanges().into_iter().filter(|one| !one.is_stream()).collect();
    for recording in &whole {
        let response = CODEC
            .read_response(&recording.resp_body)
            .unwrap_or_else(|error| panic!("{}: {error}", recording.id));
        let body = json(&recording.resp_body);
        let blocks = |kind: &str| {
            body["content"].as_array().unwrap().iter().filter(|block| block["type"] == kind).count()
        };
        let parts = &response.answers[0].parts;
        let text: String =
            body["content"].as_array().unwrap().iter().filter_map(|block| block["text"].as_str()).collect();
        assert_eq!((text_of(parts), calls(parts)), (text, blocks("tool_use")), "{}", recording.id);
        assert!(response.answers[0].stop.is_some() && response.counts.is_some(), "{}", recording.id);
        let again = CODEC.read_response(&CODEC.write_response(&response, &to)).unwrap();
        assert_eq!(again, response, "{}", recording.id);
    }
    assert!(whole.is_empty() || whole.len() > 300, "{}", whole.len());
}

#[test]
fn every_recorded_stream_is_read_and_says_the_same_again() {
    let streams: Vec<Recording> = exchanges().into_iter().filter(Recording::is_stream).collect();
    for recording in &streams {
        let (deltas, ended) = heard(&recording.resp_body);
        let text = std::str::from_utf8(&recording.resp_body).unwrap();
        let events: Vec<Value> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| json(data.as_bytes()))
            .collect();
        let ends = events.iter().any(|event| event["type"] == "message_stop");
        assert_eq!(ended, ends, "{}", recording.id);
        let said: String = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
        let response = gathered(&deltas);
        assert_eq!(text_of(&response.answers[0].parts), said, "{}", recording.id);
        let again = gathered(&heard(&told(&deltas)).0);
        let words = |response: &Response| {
            // Text is one part where citations do not divide it, or several.
            let parts = response.answers[0].parts.iter();
            parts
                .filter(|part| !matches!(part, Part::Text(text) if text.is_empty()))
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&again), words(&response), "{}", recording.id);
        assert_eq!(
            (again.counts, &again.answers[0].stop),
            (response.counts, &response.answers[0].stop),
            "{}",
            recording.id
        );
    }
    assert!(streams.is_empty() || streams.len() == 50, "{}", streams.len());
}

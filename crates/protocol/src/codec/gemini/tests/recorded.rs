//! Everything recorded of Gemini, of Google's API and of Vertex AI, is read.

use std::path::Path;

use testkit::recordings::{Recording, load};

use super::*;
use crate::hub::part::text_of;

fn recordings() -> Vec<Recording> {
    let recordings = load(Path::new(env!("CARGO_MANIFEST_DIR")), "gemini").unwrap_or_else(|| {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        Vec::new()
    });
    let asked = |recording: &Recording| recording.path.to_ascii_lowercase().ends_with("generatecontent");
    recordings.into_iter().filter(asked).collect()
}

/// The text of a recorded answer that is no thought.
fn said(event: &Value) -> String {
    let parts = event["candidates"][0]["content"]["parts"].as_array();
    let spoken = parts.into_iter().flatten().filter(|part| part["thought"] != true);
    spoken.filter_map(|part| part["text"].as_str()).collect()
}

#[test]
fn every_recorded_request_is_read_and_written_again() {
    let recordings = recordings();
    let read = recordings.iter().filter(|recording| recording.status == 200).map(|recording| {
        let id = &recording.id;
        let mut request =
            CODEC.read_request(&recording.req_body).unwrap_or_else(|error| panic!("{id}: {error}"));
        request.rest.clear();
        let (body, _) = written(&request);
        let back = CODEC.read_request(body.to_string().as_bytes()).unwrap();
        // A turn in which nothing is said is not said.
        request.turns.retain(|turn| !turn.parts.is_empty());
        assert_eq!(back.turns, request.merged(), "{id}");
        assert_eq!((back.system, back.tools), (request.system, request.tools), "{id}");
    });
    let read = read.count();
    assert!(recordings.is_empty() || read > 380, "{read}");
}

#[test]
fn every_recorded_answer_is_read() {
    let (recordings, mut read) = (recordings(), 0);
    for recording in recordings.iter().filter(|it| it.status == 200 && !it.is_stream()) {
        let id = &recording.id;
        let body: Value = serde_json::from_slice(&recording.resp_body).unwrap();
        let response =
            CODEC.read_response(&recording.resp_body).unwrap_or_else(|error| panic!("{id}: {error}"));
        let answer = &response.answers[0];
        assert!(answer.stop.is_some(), "{id}");
        assert_eq!(text_of(&answer.parts), said(&body), "{id}");
        let total = body["usageMetadata"]["totalTokenCount"].as_u64();
        if let (Some(total), Some(counts)) = (total, response.counts) {
            assert_eq!(counts.input + counts.output, total, "{id}");
        }
        read += 1;
    }
    assert!(recordings.is_empty() || read > 350, "{read}");
}

#[test]
fn every_recorded_stream_ends_and_says_what_it_said() {
    let (recordings, mut read) = (recordings(), 0);
    for recording in recordings.iter().filter(|it| it.status == 200 && it.is_stream()) {
        let id = &recording.id;
        let stream = std::str::from_utf8(&recording.resp_body).unwrap();
        let datas = stream.lines().filter_map(|line| line.strip_prefix("data: "));
        let datas: Vec<Value> = datas.map(|data| serde_json::from_str(data).unwrap()).collect();
        let words: String = datas.iter().map(said).collect();
        let array = serde_json::to_string_pretty(&datas).unwrap();
        for stream in [stream, &array] {
            let (deltas, ended) = heard(stream);
            assert!(ended, "{id}");
            let response = gathered(&deltas);
            assert_eq!(text_of(&response.answers[0].parts), words, "{id}");
            assert!(response.answers[0].stop.is_some() && response.counts.is_some(), "{id}");
        }
        read += 1;
    }
    assert!(recordings.is_empty() || read > 20, "{read}");
}

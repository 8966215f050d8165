//! Exchanges recorded of real servers.

use std::path::Path;

use testkit::recordings::load;

use super::*;
use crate::hub::gather::Gather;
use crate::hub::part::text_of;

#[test]
fn every_recorded_exchange_is_understood() {
    let Some(recordings) = load(Path::new(env!("CARGO_MANIFEST_DIR")), "ollama") else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        return;
    };
    let (mut whole, mut streams) = (0, 0);
    for recording in recordings {
        let codec = match recording.path.as_str() {
            "/api/chat" => &CHAT,
            "/api/generate" => &GENERATE,
            _ => continue,
        };
        let id = &recording.id;
        let request = codec.read_request(&recording.req_body).unwrap();
        let (_, lost) = written(codec, &request).unwrap();
        assert!(lost.is_empty(), "{id}: {lost:?}");
        assert_eq!(request.stream, recording.is_stream(), "{id}");
        let response = if recording.is_stream() {
            streams += 1;
            let (mut reader, mut deltas, mut gather) = (codec.reader(), Vec::new(), Gather::default());
            recording.resp_body.chunks(7).for_each(|piece| reader.read(piece, &mut deltas).unwrap());
            assert!(reader.end(&mut deltas), "{id}");
            deltas.iter().for_each(|delta| gather.push(delta));
            gather.into_response().unwrap()
        } else {
            whole += 1;
            codec.read_response(&recording.resp_body).unwrap()
        };
        let answer = &response.answers[0];
        assert!(!text_of(&answer.parts).is_empty(), "{id}");
        assert_eq!(answer.stop, Some(Stop::End), "{id}");
        assert!(
            response.counts.is_some_and(|counts| counts.output > 0) && response.created.is_some(),
            "{id}"
        );
    }
    assert_eq!((whole, streams), (6, 5));
}

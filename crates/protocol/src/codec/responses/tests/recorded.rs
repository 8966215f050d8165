//! Exchanges recorded of real vendors, read.

use std::path::Path;

use testkit::recordings::{Recording, load, splits};

use super::super::super::{Habits, To, Wire};
use super::super::CODEC;
use super::{MINT, events, heard};
use crate::hub::gather::Gather;
use crate::hub::part::text_of;
use crate::hub::{Delta, Losses, Part, Response};

/// The recorded exchanges of this wire that were answered.
fn recorded() -> Option<Vec<Recording>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for name in ["openai", "azure-openai", "deepseek", "openrouter"] {
        all.extend(load(root, name)?);
    }
    all.retain(|one| one.status == 200 && one.method == "POST" && one.path.ends_with("/responses"));
    Some(all)
}

#[test]
fn every_recorded_exchange_is_read() {
    let Some(recordings) = recorded() else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        return;
    };
    let (mut wholes, mut streams) = (0, 0);
    for one in recordings {
        let id = &one.id;
        let request = CODEC.read_request(&one.req_body).unwrap_or_else(|error| panic!("{id}: {error}"));
        for to in Wire::ALL {
            let _lost_or_refused =
                crate::codec::of(*to).write_request(&request, Habits::default(), &mut Losses::default());
        }
        let said = String::from_utf8_lossy(&one.resp_body).into_owned();
        let response = if one.is_stream() {
            streams += 1;
            let (deltas, ended) = heard(&one.resp_body, &splits(one.resp_body.len(), streams));
            assert!(ended, "{id} does not end");
            assert!(matches!(deltas.first(), Some(Delta::Begin(_))), "{id}");
            assert!(matches!(deltas.last(), Some(Delta::Stop(_))), "{id}");
            let mut gather = Gather::default();
            deltas.iter().for_each(|delta| gather.push(delta));
            let response = gather.into_response().unwrap_or_else(|words| panic!("{id}: {words}"));
            // The last event has the whole answer.
            let last = events(&one.resp_body).into_iter().rfind(|event| event["response"].is_object());
            let whole = last.unwrap()["response"].to_string();
            let whole = CODEC.read_response(whole.as_bytes()).unwrap_or_else(|error| panic!("{id}: {error}"));
            let words = |response: &Response| text_of(&response.answers[0].parts);
            let calls = |response: &Response| {
                let parts = response.answers[0].parts.iter();
                parts.filter(|part| matches!(part, Part::Call(_))).cloned().collect::<Vec<_>>()
            };
            assert_eq!((words(&response), calls(&response)), (words(&whole), calls(&whole)), "{id}");
            assert_eq!(
                (response.counts, &response.answers[0].stop),
                (whole.counts, &whole.answers[0].stop),
                "{id}"
            );
            response
        } else {
            wholes += 1;
            CODEC.read_response(&one.resp_body).unwrap_or_else(|error| panic!("{id}: {error}"))
        };
        let spoke =
            said.contains("output_text.delta") || (!one.is_stream() && said.contains("\"output_text\""));
        assert_eq!(spoke, !text_of(&response.answers[0].parts).is_empty(), "{id}");
        for to in Wire::ALL {
            crate::codec::of(*to).write_response(&response, &To { request: &request, mint: MINT });
        }
    }
    assert!(wholes > 250 && streams > 40, "{wholes} answers, {streams} streams");
}

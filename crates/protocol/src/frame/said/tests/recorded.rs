//! Streams recorded of real vendors, read, cut and begun anew.

use std::path::Path;

use bytes::Bytes;
use testkit::recordings::{Recording, load};

use super::super::*;

/// What was asked for, if its streams are understood.
fn asked(recording: &Recording) -> Option<(Operation, Dialect)> {
    let path = recording.path.as_str();
    let operation = match () {
        () if path.ends_with("/chat/completions") => Operation::Chat,
        () if path.ends_with("/completions") => Operation::Completions,
        () if path.ends_with("/messages") => Operation::Messages,
        () if path.contains("/responses") => Operation::Responses,
        () => return None,
    };
    let stream = recording.status == 200 && recording.is_stream();
    stream.then_some((operation, operation.dialect()))
}

/// The whole events of a stream.
pub(super) fn events(stream: &[u8]) -> Vec<Bytes> {
    let (mut events, mut from) = (Vec::new(), 0);
    Splitter::default().push(stream, |end| {
        events.push(Bytes::copy_from_slice(&stream[from..end]));
        from = end;
    });
    events
}

/// What the caller has when the answer breaks off after the first `cut` events and is begun anew, word for word.
fn begun_anew(events: &[Bytes], cut: usize, (operation, dialect): (Operation, Dialect)) -> Option<Vec<u8>> {
    let mut whole = events[..cut].concat();
    let mut joiner = Joiner::verifying(operation, dialect, &said(operation, dialect, &whole))?;
    for event in events {
        match joiner.event(event.clone()) {
            Joined::Pass(bytes) => whole.extend_from_slice(&bytes),
            Joined::Nothing => {}
            Joined::Diverged => panic!("the same answer diverged from itself, cut after {cut} events"),
        }
    }
    Some(whole)
}

#[test]
fn every_recorded_stream_is_understood_and_joins_with_itself_wherever_it_is_cut() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut read, mut joined) = (0, 0);
    for name in
        ["openai", "azure-openai", "anthropic", "groq", "deepseek", "openrouter", "mistral", "huggingface"]
    {
        let Some(recordings) = load(root, name) else {
            eprintln!("skipped: ../shared/recordings is not beside this checkout");
            return;
        };
        for recording in recordings {
            let Some((operation, dialect)) = asked(&recording) else { continue };
            let events = events(&recording.resp_body);
            let weights: Vec<Adds> = events.iter().map(|event| adds(event)).collect();
            let told = |weight| weights.contains(&weight);
            assert!(!told(Adds::Malformed), "{name} {}", recording.id);
            assert!(told(Adds::Content), "{name} {}", recording.id);
            read += 1;
            let whole = said(operation, dialect, &recording.resp_body);
            if !whole.plain {
                continue;
            }
            let step = events.len() / 8 + 1;
            for cut in (0..events.len()).step_by(step) {
                let Some(again) = begun_anew(&events, cut, (operation, dialect)) else { continue };
                let again = said(operation, dialect, &again);
                assert_eq!(
                    (again.text, again.id),
                    (whole.text.clone(), whole.id.clone()),
                    "{name} {}",
                    recording.id
                );
                joined += 1;
            }
        }
    }
    assert!(read > 200 && joined > 400, "{read} streams, joined {joined} times");
}

//! With this folder alone a program that speaks it is served by every vendor, and a vendor that speaks it serves every program.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Mint, StreamWriter, of};
use super::*;
use crate::dialect::Wire;
use crate::hub::Delta;
use crate::hub::scatter;

const MINT: Mint = Mint { now: 1_700_000_000, seed: 7 };
const ASKED: &[u8] = br#"{"ask":"Where is the harbour?","of":"m"}"#;
const SAID: &[u8] = br#"{"say":"Behind the church.","why":"done"}"#;

/// The languages that are one conversation each.
fn all() -> impl Iterator<Item = (Wire, &'static Codec)> {
    Wire::ALL.iter().map(|wire| (*wire, of(*wire)))
}

fn asked(codec: &Codec, body: &[u8]) -> Request {
    // Some name the model in their path.
    Request { model: "m".to_owned(), ..codec.read_request(body).unwrap() }
}

fn put(from: &Codec, to: &Codec, body: &[u8]) -> Vec<u8> {
    to.write_request(&asked(from, body), Habits::default(), &mut Losses::default()).unwrap()
}

fn answered(from: &Codec, to: &Codec, body: &[u8]) -> Vec<u8> {
    let request = asked(&CODEC, ASKED);
    to.write_response(&from.read_response(body).unwrap(), &To { request: &request, mint: MINT })
}

/// A stream in other words, piece by piece.
fn streamed(from: &Codec, to: &Codec, stream: &[u8]) -> Vec<u8> {
    let request = Request { stream: true, ..asked(&CODEC, ASKED) };
    let (mut reader, mut writer) = (from.reader(), to.writer(&To { request: &request, mint: MINT }));
    let (mut steps, mut out) = (Vec::new(), Vec::new());
    for piece in stream.chunks(7) {
        reader.read(piece, &mut steps).unwrap();
    }
    assert!(reader.end(&mut steps), "it is complete");
    written(steps, writer.as_mut(), &mut out);
    out
}

fn written(steps: Vec<Delta>, writer: &mut dyn StreamWriter, out: &mut Vec<u8>) {
    steps.into_iter().for_each(|step| writer.write(step, out));
    writer.end(out);
}

#[test]
fn it_is_spoken_to_and_by_every_other_language() {
    let stream = b"{\"say\":\"Behind \"}\n{\"say\":\"the church.\"}\n{\"why\":\"done\"}\n";
    for (wire, codec) in all() {
        let there = put(&CODEC, codec, ASKED);
        let back = put(codec, &CODEC, &there);
        assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(ASKED), "{wire}");
        let there = answered(&CODEC, codec, SAID);
        let back = answered(codec, &CODEC, &there);
        assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(SAID), "{wire}");
        let there = streamed(&CODEC, codec, stream);
        let back = streamed(codec, &CODEC, &there);
        assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(stream), "{wire}");
    }
}

#[test]
fn what_it_cannot_say_is_told_and_a_cut_stream_of_it_is_no_whole_one() {
    let chat = br#"{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],
        "tools":[{"type":"function","function":{"name":"look"}}]}"#;
    let mut losses = Losses::default();
    CODEC.write_request(&asked(of(Wire::Chat), chat), Habits::default(), &mut losses).unwrap();
    assert_eq!(losses.iter().collect::<Vec<_>>(), ["tools", "earlier turns"]);
    let (mut reader, mut steps) = (CODEC.reader(), Vec::new());
    reader.read(b"{\"say\":\"Behind\"}\n", &mut steps).unwrap();
    assert!(!reader.end(&mut steps));
    let whole = scatter::steps(&CODEC.read_response(SAID).unwrap());
    assert!(matches!(whole.last(), Some(Delta::Stop(Stop::End))));
}

/// Each Rust file below a folder, but for tests.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && name != "tests" {
            files(&entry, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(entry);
        }
    }
}

#[test]
fn languages_are_listed_in_tables_of_names_of_codecs_and_of_doors_and_nowhere_else() {
    let protocol = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for crate_ in ["protocol", "config", "gateway", "store", "control", "openai-proxy"] {
        files(&protocol.parent().unwrap().join(crate_).join("src"), &mut sources);
    }
    assert!(sources.len() > 300, "{}", sources.len());
    let lists = |source: &PathBuf| {
        let text = fs::read_to_string(source).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let listed = |wire: &&Wire| {
            text.contains(&format!("Wire::{wire:?}")) || text.contains(&format!("Self::{wire:?}"))
        };
        Wire::ALL.iter().filter(listed).count() == Wire::ALL.len()
    };
    let listing: Vec<_> = sources.iter().filter(|source| lists(source)).collect();
    let tables = ["codec/table.rs", "dialect/wire.rs", "operation/table.rs"]
        .map(|table| protocol.join("src").join(table));
    assert!(
        listing.iter().all(|source| tables.contains(source)),
        "a new language would have to be named in {listing:?}"
    );
    assert_eq!(listing.len(), tables.len());
}

//! Golden files of vectors and orders: what is read at each door, as each place is told it, and the other way round.
//!
//! `golden/embedding-request/DOOR/CASE.json` is a request as the door's reference has it; beside it stands `CASE.PLACE.snap` for each
//! place: what is lost, and the body that is sent. `golden/embedding-response/PLACE/CASE.json` and `CASE.DOOR.snap` are the answers, and
//! `rerank-request` and `rerank-response` likewise. `GOLDEN=write cargo test -p protocol --test vectors` writes what is missing or other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its own files has failed")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::codec::{Mint, embedding, rerank};
use protocol::dialect::{embedding as vectors, rerank as orders};
use protocol::hub::embedding::{Form, Request};
use protocol::hub::{Losses, Unsayable};
use serde_json::Value;

const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };

fn folder(kind: &str, from: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(kind).join(from)
}

/// The files of a door or place with this ending.
fn files(kind: &str, from: &str, ending: &str) -> Vec<PathBuf> {
    let folder = folder(kind, from);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("{} has no cases", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    paths.sort();
    paths
}

/// Compares with what is written down, or writes it.
#[derive(Default)]
struct Snaps {
    seen: BTreeSet<PathBuf>,
    wrong: Vec<String>,
}

impl Snaps {
    fn compare(&mut self, case: &Path, to: &str, found: &str) {
        let path = case.with_extension(format!("{to}.snap"));
        let known = fs::read_to_string(&path).unwrap_or_default();
        if known != found {
            if std::env::var_os("GOLDEN").is_some() {
                fs::write(&path, found).unwrap();
            } else {
                self.wrong.push(format!("{}\n--- is\n{found}\n--- was\n{known}", path.display()));
            }
        }
        self.seen.insert(path);
    }

    fn done(self, kind: &str, from: &[&str]) {
        for path in from.iter().flat_map(|from| files(kind, from, "snap")) {
            assert!(self.seen.contains(&path), "{} belongs to no case", path.display());
        }
        assert!(self.wrong.is_empty(), "{} differ; the first: {}", self.wrong.len(), self.wrong[0]);
    }
}

fn pretty(bytes: &[u8]) -> String {
    let value: Value = serde_json::from_slice(bytes).unwrap();
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

fn told(written: Result<(Vec<u8>, Losses), String>) -> String {
    match written {
        Ok((bytes, losses)) => {
            let losses: String = losses.iter().map(|loss| format!("lost: {loss}\n")).collect();
            losses + &pretty(&bytes)
        }
        Err(refusal) => format!("refused: {refusal}\n"),
    }
}

/// A loss is on the list, or is a field nobody else knows.
fn is_listed(loss: &str, list: &[&Unsayable], rest: &serde_json::Map<String, Value>) -> bool {
    list.iter().any(|known| known.what == loss) || rest.contains_key(loss)
}

fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| name(*one)).collect()
}

/// The model a place is asked for: at Bedrock its id decides the form.
fn models(place: vectors::Place) -> &'static [(&'static str, &'static str)] {
    match place {
        vectors::Place::Bedrock => &[
            ("bedrock-titan", "amazon.titan-embed-text-v2:0"),
            ("bedrock-titan-g1", "amazon.titan-embed-text-v1"),
            ("bedrock-cohere-v3", "cohere.embed-english-v3"),
            ("bedrock-cohere-v4", "us.cohere.embed-v4:0"),
            ("bedrock-other", "amazon.nova-2-multimodal-embeddings-v1:0"),
        ],
        vectors::Place::OpenAi => &[("openai", "real")],
        vectors::Place::Gemini => &[("gemini", "models/real")],
        vectors::Place::Cohere => &[("cohere", "real")],
        vectors::Place::Ollama => &[("ollama", "real")],
    }
}

#[test]
fn every_question_for_vectors_is_told_every_place_as_it_was() {
    let mut snaps = Snaps::default();
    for &door in vectors::Door::ALL {
        for path in files("embedding-request", door.name(), "json") {
            let read = embedding::read_request(door, &fs::read(&path).unwrap());
            let request = read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for &place in vectors::Place::ALL {
                for (name, model) in models(place) {
                    let request = Request { model: (*model).to_owned(), ..request.clone() };
                    let mut losses = Losses::default();
                    let written = embedding::write_request(place, &request, &mut losses);
                    for loss in losses.iter() {
                        let listed = is_listed(loss, embedding::unsayable(place), &request.rest);
                        assert!(listed, "{} to {place}: `{loss}` is on no list", path.display());
                    }
                    let written = written.map(|bytes| (bytes, losses)).map_err(|error| error.to_string());
                    snaps.compare(&path, name, &told(written));
                }
            }
        }
    }
    snaps.done("embedding-request", &names(vectors::Door::ALL, vectors::Door::name));
}

#[test]
fn all_vectors_are_told_at_every_door_as_they_were() {
    let mut snaps = Snaps::default();
    let request = Request { model: "asked-for".to_owned(), ..Request::default() };
    for &place in vectors::Place::ALL {
        for path in files("embedding-response", place.name(), "json") {
            let read = embedding::read_response(place, &fs::read(&path).unwrap());
            let response = read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for &door in vectors::Door::ALL {
                let to = embedding::To { request: &request, mint: MINT };
                snaps.compare(&path, door.name(), &pretty(&embedding::write_response(door, &response, &to)));
            }
            let request = Request { forms: vec![Form::Base64], ..request.clone() };
            let to = embedding::To { request: &request, mint: MINT };
            for door in [vectors::Door::OpenAi, vectors::Door::Cohere] {
                let name = format!("{door}-base64");
                snaps.compare(&path, &name, &pretty(&embedding::write_response(door, &response, &to)));
            }
        }
    }
    snaps.done("embedding-response", &names(vectors::Place::ALL, vectors::Place::name));
}

#[test]
fn every_question_for_an_order_is_told_every_place_as_it_was() {
    let mut snaps = Snaps::default();
    for &door in orders::Door::ALL {
        for path in files("rerank-request", door.name(), "json") {
            let read = rerank::read_request(door, &fs::read(&path).unwrap());
            let request = read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for &place in orders::Place::ALL {
                let mut losses = Losses::default();
                let written = rerank::write_request(place, &request, &mut losses);
                for loss in losses.iter() {
                    let listed = is_listed(loss, rerank::unsayable(place), &request.rest);
                    assert!(listed, "{} to {place}: `{loss}` is on no list", path.display());
                }
                snaps.compare(&path, place.name(), &told(Ok((written, losses))));
            }
        }
    }
    snaps.done("rerank-request", &names(orders::Door::ALL, orders::Door::name));
}

#[test]
fn every_order_is_told_at_every_door_as_it_was() {
    let mut snaps = Snaps::default();
    let asked = fs::read(folder("rerank-request", "jina").join("strings.json")).unwrap();
    let request = rerank::read_request(orders::Door::Jina, &asked).unwrap();
    for &place in orders::Place::ALL {
        for path in files("rerank-response", place.name(), "json") {
            let read = rerank::read_response(place, &fs::read(&path).unwrap());
            let response = read.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            for &door in orders::Door::ALL {
                let to = rerank::To { request: &request, mint: MINT };
                snaps.compare(&path, door.name(), &pretty(&rerank::write_response(door, &response, &to)));
            }
        }
    }
    snaps.done("rerank-response", &names(orders::Place::ALL, orders::Place::name));
}

/// The lists of what cannot be said, as `docs/languages.md` prints them.
fn lists() -> String {
    let mut text = String::new();
    let mut list = |what: &str, place: &str, unsayable: &[&Unsayable]| {
        write!(text, "\n#### {what}, {place}\n\n| what | what happens |\n|---|---|\n").unwrap();
        for lost in unsayable {
            writeln!(text, "| {} | {} |", lost.what, lost.why).unwrap();
        }
    };
    for &place in vectors::Place::ALL {
        list("Vectors", place.name(), embedding::unsayable(place));
    }
    for &place in orders::Place::ALL {
        list("Rerank", place.name(), rerank::unsayable(place));
    }
    text + "\n"
}

#[test]
fn the_documents_print_every_list_of_vectors_and_orders() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/languages.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- vectors -->\n", "<!-- end of vectors -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (printed, after) = rest.split_once(end).unwrap();
    let found = lists();
    if std::env::var_os("GOLDEN").is_some() {
        fs::write(&path, format!("{before}{begin}{found}{end}{after}")).unwrap();
    } else {
        assert!(printed == found, "GOLDEN=write cargo test -p protocol --test vectors writes it");
    }
}

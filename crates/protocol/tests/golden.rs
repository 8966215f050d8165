//! Golden files of the languages: what is read from one wire, as each other one writes it.
//!
//! `golden/request/FROM/CASE.json` is a request as FROM's reference writes it; beside it stands `CASE.TO.snap` for each wire TO: what
//! is lost, and the body that is sent. `golden/response/FROM/CASE.json` and `golden/stream/FROM/CASE.*` likewise, for answers. A wire or a
//! case without its files is a failure, so that the list of files is the table of what is covered. `GOLDEN=write cargo test -p
//! protocol --test golden` writes what is missing or other; look at the difference before it is committed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its own files has failed")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use protocol::codec::{self, Mint, To};
use protocol::dialect::Wire;
use protocol::fault::Kind;
use protocol::frame::aws_event;
use protocol::hub::gather::Gather;
use protocol::hub::{Delta, Losses, Request, Stop};
use protocol::vendor::{self, Site};
use serde_json::Value;

/// What every answer is written for.
const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };

/// The languages in which nothing can be called.
const TEXT_ONLY: &[Wire] = &[Wire::Completions, Wire::OllamaGenerate];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The cases of a wire: their names and what stands in them.
fn cases(kind: &str, from: Wire) -> Vec<(String, PathBuf, Vec<u8>)> {
    let folder = root().join(kind).join(from.name());
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|_| panic!("{} has no cases", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension != "snap"))
        .collect();
    paths.sort();
    let case = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let written = fs::read(&path).unwrap();
        let bytes = if kind == "stream" && from == Wire::Converse { frames(&written) } else { written };
        (name, path, bytes)
    };
    paths.into_iter().map(case).collect()
}

/// Compares with what is written down, or writes it.
#[derive(Default)]
struct Snaps {
    seen: BTreeSet<PathBuf>,
    wrong: Vec<String>,
}

impl Snaps {
    fn compare(&mut self, case: &Path, to: Wire, found: &str) {
        let path = case.with_extension(format!("{}.snap", to.name()));
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

    /// Nothing differs, and no file stands for a case or a wire that is gone.
    fn done(self, kind: &str) {
        for from in Wire::ALL {
            for entry in fs::read_dir(root().join(kind).join(from.name())).unwrap() {
                let path = entry.unwrap().path();
                let stale = path.extension().is_some_and(|extension| extension == "snap")
                    && !self.seen.contains(&path);
                assert!(!stale, "{} belongs to no case", path.display());
            }
        }
        assert!(self.wrong.is_empty(), "{} differ; the first: {}", self.wrong.len(), self.wrong[0]);
    }
}

fn pretty(bytes: &[u8]) -> String {
    let value: Value = serde_json::from_slice(bytes).unwrap();
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

fn written(request: &Request, to: Wire) -> Result<(Vec<u8>, Losses), String> {
    let mut losses = Losses::default();
    // As one that only says what OpenAI says.
    let plain = vendor::find("openai-compatible").unwrap().habits_at(&Site::default());
    let written = codec::of(to).write_request(request, plain, &mut losses);
    written.map(|bytes| (bytes, losses)).map_err(|refusal| refusal.to_string())
}

#[test]
fn every_request_is_written_in_every_language_as_it_was() {
    let mut snaps = Snaps::default();
    for &from in Wire::ALL {
        for (name, path, body) in cases("request", from) {
            let request =
                codec::of(from).read_request(&body).unwrap_or_else(|error| panic!("{from} {name}: {error}"));
            for &to in Wire::ALL {
                let found = match written(&request, to) {
                    Ok((bytes, losses)) => {
                        let losses: String = losses.iter().map(|loss| format!("lost: {loss}\n")).collect();
                        losses + &pretty(&bytes)
                    }
                    Err(refusal) => format!("refused: {refusal}\n"),
                };
                snaps.compare(&path, to, &found);
            }
        }
    }
    snaps.done("request");
}

#[test]
fn every_loss_is_on_the_written_list_of_its_language() {
    for &from in Wire::ALL {
        for (name, _, body) in cases("request", from) {
            let request = codec::of(from).read_request(&body).unwrap();
            for &to in Wire::ALL {
                let Ok((_, losses)) = written(&request, to) else { continue };
                for loss in losses.iter() {
                    let listed = codec::of(to).unsayable().iter().any(|known| known.what == loss);
                    assert!(
                        listed || request.rest.contains_key(loss),
                        "{from} {name} to {to}: `{loss}` is on no list"
                    );
                }
            }
        }
    }
}

#[test]
fn there_and_back_keeps_all_that_the_hub_names() {
    let mut wrong = Vec::new();
    for &from in Wire::ALL {
        for (name, _, body) in cases("request", from) {
            let mut request = codec::of(from).read_request(&body).unwrap();
            request.rest.clear();
            for &by in Wire::ALL {
                let Ok((bytes, losses)) = written(&request, by) else { continue };
                let mut back = codec::of(by)
                    .read_request(&bytes)
                    .unwrap_or_else(|error| panic!("{from} {name} by {by}: {error}"));
                // What the path says is put in by who knows the path.
                back.model.clone_from(&request.model);
                let (again, _) = written(&back, by).unwrap();
                let (first, again) = (pretty(&bytes), pretty(&again));
                if first != again {
                    wrong.push(format!(
                        "{from} {name} by {by} is another the second time: {first} and {again}"
                    ));
                }
                if by == from && losses.is_empty() {
                    // Counting is always asked for.
                    (back.stream, back.counted) = (request.stream, request.counted);
                    back.rest.clear();
                    if back != request {
                        wrong.push(format!("{from} {name}: {back:?} was {request:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n\n"));
}

fn asked(stream: bool) -> Request {
    Request { model: "asked-for".to_owned(), stream, counted: true, ..Request::default() }
}

#[test]
fn every_answer_is_written_in_every_language_as_it_was() {
    let (mut snaps, request) = (Snaps::default(), asked(false));
    for &from in Wire::ALL {
        for (name, path, body) in cases("response", from) {
            let response =
                codec::of(from).read_response(&body).unwrap_or_else(|error| panic!("{from} {name}: {error}"));
            for &to in Wire::ALL {
                let found = codec::of(to).write_response(&response, &To { request: &request, mint: MINT });
                snaps.compare(&path, to, &pretty(&found));
            }
        }
    }
    snaps.done("response");
}

/// What a stream says, and whether it ended; pieces end at `cuts`.
fn heard(from: Wire, bytes: &[u8], cuts: &[usize]) -> (Vec<Delta>, bool) {
    let (mut reader, mut deltas, mut begin) = (codec::of(from).reader(), Vec::new(), 0);
    for end in cuts.iter().copied().chain([bytes.len()]) {
        reader
            .read(&bytes[begin..end], &mut deltas)
            .unwrap_or_else(|error| panic!("{from}, at {begin}..{end}: {error}"));
        begin = end;
    }
    let ended = reader.end(&mut deltas);
    (deltas, ended)
}

#[test]
fn every_stream_is_written_in_every_language_as_it_was() {
    let (mut snaps, request) = (Snaps::default(), asked(true));
    for &from in Wire::ALL {
        for (_, path, bytes) in cases("stream", from) {
            let (deltas, ended) = heard(from, &bytes, &[]);
            for &to in Wire::ALL {
                let (mut writer, mut out) =
                    (codec::of(to).writer(&To { request: &request, mint: MINT }), Vec::new());
                let fault = deltas.iter().find_map(|delta| {
                    if let Delta::Fault(words) = delta { Some(words.as_str()) } else { None }
                });
                deltas.iter().cloned().for_each(|delta| writer.write(delta, &mut out));
                match fault {
                    Some(words) => writer.broken(Kind::UpstreamInterrupted, words, &mut out),
                    None if ended => writer.end(&mut out),
                    None => writer.broken(Kind::UpstreamInterrupted, "It was cut.", &mut out),
                }
                snaps.compare(&path, to, &shown(to, &out));
            }
        }
    }
    snaps.done("stream");
}

/// A stream as text.
fn shown(wire: Wire, bytes: &[u8]) -> String {
    if wire == Wire::Converse { lines(bytes) } else { String::from_utf8(bytes.to_vec()).unwrap() }
}

/// Frames of AWS out of lines of `{"type": "messageStart", "payload": {...}}`. A type that ends with `Exception` is one, and of a line
/// with `"cut": true` only the first half comes.
fn frames(lines: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in std::str::from_utf8(lines).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (kind, from) = (line["type"].as_str().unwrap(), bytes.len());
        let (message, named) = if kind.ends_with("Exception") {
            ("exception", ":exception-type")
        } else {
            ("event", ":event-type")
        };
        let headers = [(named, kind), (":content-type", "application/json"), (":message-type", message)];
        aws_event::write(&mut bytes, &headers, line["payload"].to_string().as_bytes());
        if line["cut"] == true {
            bytes.truncate(from + (bytes.len() - from) / 2);
        }
    }
    bytes
}

/// The same lines out of frames.
fn lines(bytes: &[u8]) -> String {
    let (mut frames, mut lines) = (aws_event::Frames::default(), String::new());
    frames.push(bytes);
    while let Some(frame) = frames.take().unwrap() {
        let kind = frame.header(":event-type").or(frame.header(":exception-type")).unwrap();
        let payload: Value = serde_json::from_slice(&frame.payload).unwrap();
        writeln!(lines, "{}", serde_json::json!({"type": kind, "payload": payload})).unwrap();
    }
    lines
}

#[test]
fn a_stream_says_the_same_wherever_it_is_split() {
    for &from in Wire::ALL {
        for (name, _, bytes) in cases("stream", from) {
            let whole = heard(from, &bytes, &[]);
            for cut in 1..bytes.len() {
                assert_eq!(heard(from, &bytes, &[cut]), whole, "{from} {name} split at {cut}");
            }
            let everywhere: Vec<usize> = (1..bytes.len()).collect();
            assert_eq!(heard(from, &bytes, &everywhere), whole, "{from} {name} byte by byte");
        }
    }
}

#[test]
fn a_cut_stream_never_looks_complete() {
    for &from in Wire::ALL {
        for (name, _, bytes) in cases("stream", from) {
            for cut in 0..bytes.len() {
                let (deltas, ended) = heard(from, &bytes[..cut], &[]);
                let stopped = deltas.iter().any(|delta| matches!(delta, Delta::Stop(_)));
                assert!(stopped || !ended, "{from} {name} cut at {cut} looks complete");
            }
        }
    }
}

#[test]
fn a_stream_of_one_language_says_the_same_in_every_other() {
    let (request, mut wrong) = (asked(true), Vec::new());
    for &from in Wire::ALL {
        for (name, _, bytes) in cases("stream", from) {
            let (deltas, ended) = heard(from, &bytes, &[]);
            // What nobody can use is an error in some languages.
            let useless = |delta: &Delta| matches!(delta, Delta::Fault(_) | Delta::Stop(Stop::Malformed(_)));
            if !ended || deltas.iter().any(useless) {
                continue;
            }
            for &to in Wire::ALL {
                let (mut writer, mut out) =
                    (codec::of(to).writer(&To { request: &request, mint: MINT }), Vec::new());
                deltas.iter().cloned().for_each(|delta| writer.write(delta, &mut out));
                writer.end(&mut out);
                let (back, ended) = heard(to, &out, &[]);
                assert!(ended, "{from} {name} in {to} does not end");
                let calls = !TEXT_ONLY.contains(&to);
                let (back, meant) = (said(&back, calls), said(&deltas, calls));
                if back != meant {
                    wrong.push(format!("{from} {name} in {to}: {back:?} was {meant:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n\n"));
}

/// What every language can say: the text, and the calls with their arguments, in order.
fn said(deltas: &[Delta], calls: bool) -> String {
    let mut gather = Gather::default();
    deltas.iter().for_each(|delta| gather.push(delta));
    let response = gather.into_response().unwrap();
    let mut words = String::new();
    for part in &response.answers[0].parts {
        match part {
            // Not every language tells a refusal apart.
            protocol::hub::Part::Text(text) | protocol::hub::Part::Refusal(text) => words.push_str(text),
            protocol::hub::Part::Call(call) if calls => {
                let arguments: Value =
                    serde_json::from_str(&call.arguments).unwrap_or(Value::String(call.arguments.clone()));
                // Free text, where there are only tools with JSON; who knows what was asked gives it back (`hub::free_text`).
                let text = arguments
                    .as_object()
                    .filter(|object| object.len() == 1)
                    .and_then(|object| object.get("input"));
                let arguments = text.unwrap_or(&arguments);
                write!(words, "\n{}({arguments})", call.name).unwrap();
            }
            _ => {}
        }
    }
    words
}

/// The table of all pairs, as `docs/languages.md` prints it.
fn pairs() -> String {
    let names: Vec<&str> = Wire::ALL.iter().map(|wire| wire.name()).collect();
    let mut text = format!("\n| from, to | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    for &from in Wire::ALL {
        write!(text, "| {from} |").unwrap();
        let cases: Vec<Request> = cases("request", from)
            .iter()
            .map(|(_, _, body)| codec::of(from).read_request(body).unwrap())
            .collect();
        for &to in Wire::ALL {
            let told: Vec<_> = cases.iter().map(|request| written(request, to)).collect();
            let refused = told.iter().filter(|told| told.is_err()).count();
            let lossy = told.iter().flatten().filter(|(_, losses)| !losses.is_empty()).count();
            write!(text, " {}; {lossy}; {refused} |", told.len()).unwrap();
        }
        text.push('\n');
    }
    text + "\n"
}

/// The lists of losses as `docs/languages.md` prints them.
fn losses() -> String {
    let mut text = String::new();
    for wire in Wire::ALL {
        write!(text, "\n### {wire}\n\n| what | what happens |\n|---|---|\n").unwrap();
        for lost in codec::of(*wire).unsayable() {
            writeln!(text, "| {} | {} |", lost.what.replace('|', "\\|"), lost.why.replace('|', "\\|"))
                .unwrap();
        }
    }
    text + "\n"
}

#[test]
fn the_documents_print_every_pair_and_every_loss() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/languages.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for (mark, found) in [("pairs", pairs()), ("losses", losses())] {
        let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->"));
        let (before, rest) = text.split_once(&begin).unwrap();
        let (printed, after) = rest.split_once(&end).unwrap();
        let writes = std::env::var_os("GOLDEN").is_some();
        assert!(
            writes || printed == found,
            "GOLDEN=write cargo test -p protocol --test golden writes {mark}"
        );
        text = format!("{before}{begin}{found}{end}{after}");
    }
    if std::env::var_os("GOLDEN").is_some() {
        fs::write(&path, text).unwrap();
    }
}

//! Judges one run: the answers the caller got, and what the vendor's ledger says.

use super::case::{Case, Status};
use super::text::{ID_LENGTH, ID_START, Words, expand};
use crate::caller::{Answer, Caller};
use crate::vendor::{Entry, Ledger};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::net::SocketAddr;

/// Reads what the gateway answers and compares it with the case.
pub(super) async fn answers(case: &Case, caller: &mut Caller, words: &Words) -> Result<(), String> {
    let expect = &case.expect;
    let count = expect.answers.clone().unwrap_or(expect.statuses.len()..=expect.statuses.len());
    for at in 0..*count.end() {
        let answer = match caller.try_read_answer().await {
            Ok(answer) => Some(answer),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(format!("answer {}: nothing within the deadline", at + 1));
            }
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(format!("answer {}: {error}", at + 1));
            }
            Err(_) => None,
        };
        if answer.is_none() && at >= *count.start() {
            return Ok(());
        }
        let wanted = &expect.statuses[at.min(expect.statuses.len() - 1)];
        one(case, answer.as_ref(), wanted, at, words)
            .map_err(|error| format!("answer {}: {error}", at + 1))?;
        if answer.is_none() {
            return Ok(());
        }
    }
    match expect.closed {
        Some(true) => {
            let more = caller.read_to_close().await.map_err(|_| "the connection stayed open")?;
            if !more.is_empty() {
                return Err(format!("bytes after the last answer: {:?}", String::from_utf8_lossy(&more)));
            }
        }
        Some(false) => {
            probe(caller, words.host.parse().expect("an address"), &words.id.replace('c', "p")).await?
        }
        None => {}
    }
    Ok(())
}

fn one(
    case: &Case,
    answer: Option<&Answer>,
    wanted: &[Status],
    at: usize,
    words: &Words,
) -> Result<(), String> {
    let fits = |status: &Status| match (status, answer) {
        (Status::None, None) => true,
        (Status::Cut, Some(answer)) => !answer.complete,
        (Status::Code(code), Some(answer)) => answer.complete && answer.status == *code,
        _ => false,
    };
    if !wanted.iter().any(fits) {
        return Err(match answer {
            None => format!("closed without one, wanted {wanted:?}"),
            Some(a) => {
                format!("{} (complete: {}), wanted {wanted:?}; body: {:.300}", a.status, a.complete, a.text())
            }
        });
    }
    let Some(answer) = answer else { return Ok(()) };
    if let (0, Some(interim)) = (at, case.expect.interim) {
        let right = interim.map_or(answer.interim.is_empty(), |code| answer.interim == [code]);
        if !right {
            return Err(format!("interim answers {:?}, wanted {interim:?}", answer.interim));
        }
    }
    if let (400.., Some(code)) = (answer.status, &case.expect.json_error) {
        json_error(answer, code)?;
    }
    for canary in &case.expect.never_caller {
        let canary = expand(canary, words)?;
        if memchr::memmem::find(&answer.raw, &canary).is_some() {
            return Err(format!("the caller got {:?}", String::from_utf8_lossy(&canary)));
        }
    }
    Ok(())
}

/// `{"error": {"message", "type", "param", "code"}}`, all four present, and JSON by its content type.
fn json_error(answer: &Answer, code: &str) -> Result<(), String> {
    let body = answer.json();
    let error =
        body["error"].as_object().ok_or_else(|| format!("no OpenAI-shaped error: {:.300}", answer.text()))?;
    let text = |name: &str| error.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if !text("message") || !text("type") || !error.contains_key("param") || !error.contains_key("code") {
        return Err(format!("an error without message, type, param or code: {:.300}", answer.text()));
    }
    if !answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return Err("the error's content-type is not JSON".to_owned());
    }
    if code != "*" && error["code"].as_str() != Some(code) {
        return Err(format!("error code {}, wanted {code}", error["code"]));
    }
    Ok(())
}

/// A good request, which must be answered: the connection is alive and in step.
pub(super) async fn probe(caller: &mut Caller, gateway: SocketAddr, id: &str) -> Result<(), String> {
    let probe = format!("GET /v1/files?id={id} HTTP/1.1\r\nHost: {gateway}\r\nx-case: {id}\r\n\r\n");
    drop(caller.send(probe).await);
    match caller.try_read_answer().await {
        Ok(answer) if answer.status == 200 && answer.complete => Ok(()),
        Ok(answer) => Err(format!("a good request afterwards got {}: {:.300}", answer.status, answer.text())),
        Err(error) => Err(format!("a good request afterwards got no answer: {error}")),
    }
}

/// Compares what reached the vendor since `known` requests had, in this run, with the case.
pub(super) fn upstream(case: &Case, ledger: &Ledger, known: usize, words: &Words) -> Result<(), String> {
    let entries = ledger.entries_after(known, |entry| entry.seen.contains(words.id.as_bytes()));
    requests(case, &entries, words)
}

fn requests(case: &Case, entries: &[Entry], words: &Words) -> Result<(), String> {
    let expect = &case.expect;
    let count = expect.upstream.clone().unwrap_or(0..=usize::MAX);
    if !count.contains(&entries.len()) {
        let targets: Vec<_> = entries.iter().map(|entry| &entry.seen.target).collect();
        return Err(format!("{} requests upstream, wanted {count:?}: {targets:?}", entries.len()));
    }
    for Entry { seen, .. } in entries {
        if let Some(body) = &expect.upstream_body
            && expand(body, words)? != seen.body
        {
            return Err(format!("the body upstream is {:?}", seen.text()));
        }
        for (name, value) in &expect.upstream_has {
            let value = String::from_utf8_lossy(&expand(value, words)?).into_owned();
            let all = seen.header_all(name);
            if all != [value.as_str()] {
                return Err(format!("{name} upstream is {all:?}, wanted {value}"));
            }
        }
        if let Some(name) = expect.upstream_lacks.iter().find(|name| seen.header(name).is_some()) {
            return Err(format!("{name} went upstream"));
        }
        canaries(case, words, |canary| seen.contains(canary))?;
    }
    Ok(())
}

/// What can only be told when all runs are over: requests and canaries that came late, and reused connections.
pub(super) fn afterwards(
    case: &Case,
    ledger: &Ledger,
    known: usize,
    ids: &[String],
    host: &str,
) -> Result<(), String> {
    let debris = ledger.debris();
    // One pass over the ledger, not one a run: there are hundreds of runs.
    let mut by_run: HashMap<String, Vec<Entry>> = HashMap::new();
    for entry in ledger.entries_after(known, |_| true) {
        for id in ids_in(&entry) {
            by_run.entry(id).or_default().push(entry.clone());
        }
    }
    for id in ids {
        let words = Words { id: id.clone(), host: host.to_owned() };
        if case.vendor.is_none() {
            requests(case, by_run.get(id).map_or(&[], Vec::as_slice), &words)?;
        }
        canaries(case, &words, |canary| {
            debris.iter().any(|(_, bytes)| memchr::memmem::find(bytes, canary).is_some())
        })?;
    }
    if case.expect.vendor_not_reused {
        let mut used = HashSet::new();
        for entry in ledger.entries_after(known, |_| true) {
            if !used.insert(entry.seen.connection) {
                return Err(format!("the vendor's connection {} was used again", entry.seen.connection));
            }
        }
    }
    Ok(())
}

/// The runs a request shows traces of.
fn ids_in(entry: &Entry) -> HashSet<String> {
    let traces = |bytes: &[u8]| -> Vec<String> {
        let id = |at: usize| bytes.get(at..at + ID_LENGTH).map(|id| String::from_utf8_lossy(id).into_owned());
        memchr::memmem::find_iter(bytes, ID_START).filter_map(id).collect()
    };
    let seen = &entry.seen;
    [&seen.raw_head, &seen.body, &seen.framing].into_iter().flat_map(|bytes| traces(bytes)).collect()
}

fn canaries(case: &Case, words: &Words, found: impl Fn(&[u8]) -> bool) -> Result<(), String> {
    for canary in &case.expect.never_upstream {
        let canary = expand(canary, words)?;
        if found(&canary) {
            return Err(format!("{:?} went upstream", String::from_utf8_lossy(&canary)));
        }
    }
    Ok(())
}

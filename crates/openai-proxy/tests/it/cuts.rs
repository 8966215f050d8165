//! A stream cut at every byte: whatever had come of it, its caller never reads an end that the vendor did not say.
//!
//! Five recorded streams, one of each language and one with tool calls. Each is cut at each of its bytes, by turns with a
//! FIN, a reset, and chunks that end as if all were well; all of it at one gateway, many calls at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use testkit::caller::{Answer as Got, PATIENCE, ask};
use testkit::failing::{Answering, Pace, well};
use testkit::recordings::load;
use testkit::vendor::{Act, Answer, Ending, Seen, Vendor};
use testkit::view::View;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::house::{TestHouse, UPSTREAM_KEY};

/// Calls at once.
const AT_ONCE: usize = 32;

/// Each cut that can be gone on with has a model of its own, and at every byte that would be ten thousand of them: a step of a
/// few bytes meets every place within an event all the same, as there are sixty events.
const STEP: usize = 7;

/// The recordings: file, id (`shared/recordings`), and what they are.
const RECORDED: [(&str, &str, &str); 5] = [
    ("openai", "0c11d8a178c9", "chat"),
    ("openai", "08a7eabc6735", "completions"),
    ("openai", "2087b39ca747", "Responses"),
    ("anthropic", "c82d22563a11", "Anthropic"),
    ("openai", "be0ee939b719", "tool calls"),
];

/// One recorded stream.
struct Transcript {
    name: &'static str,
    path: String,
    request: Value,
    bytes: Vec<u8>,
}

type Events = Vec<(String, String)>;

fn recorded() -> Option<Vec<Transcript>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (openai, anthropic) = (load(root, "openai")?, load(root, "anthropic")?);
    let transcripts = RECORDED.into_iter().map(|(file, id, name)| {
        let recordings = if file == "openai" { &openai } else { &anthropic };
        let recording = recordings.iter().find(|recording| recording.id == id).unwrap();
        let mut request: Value = serde_json::from_slice(&recording.req_body).unwrap();
        if recording.path.ends_with("completions") {
            // So that the gateway need not take a usage chunk out again: what comes is to be the vendor's own.
            request["stream_options"] = json!({"include_usage": true});
        }
        Transcript { name, path: recording.path.clone(), request, bytes: recording.resp_body.clone() }
    });
    Some(transcripts.collect())
}

/// The events that are whole in these bytes.
fn events(bytes: &[u8]) -> Events {
    let got = Got {
        status: 200,
        interim: Vec::new(),
        headers: Vec::new(),
        body: bytes.to_vec().into(),
        raw: bytes.to_vec().into(),
        complete: true,
    };
    got.sse_events()
}

/// Which transcript is cut where: the model's name says it.
fn cut(seen: &Seen, transcripts: &[Transcript]) -> Act {
    let body = seen.json();
    let model = body["model"].as_str().unwrap_or_default();
    let Some((index, at)) = model.strip_prefix("cut-").and_then(|cut| cut.split_once('-')) else {
        return Act::json(200, &json!({"object": "list", "data": []}));
    };
    let (index, at): (usize, usize) = (index.parse().unwrap(), at.parse().unwrap());
    let ending = [Ending::Fin, Ending::Reset, Ending::CleanThenFin][at % 3];
    Answer::events().send(transcripts[index].bytes[..at].to_vec()).ending(ending).into()
}

/// The reasons to finish that are told.
fn reasons(events: &Events) -> Vec<String> {
    let told = |(_, data): &(String, String)| {
        let event: Value = serde_json::from_str(data).ok()?;
        let reason = [
            &event["choices"][0]["finish_reason"],
            &event["delta"]["stop_reason"],
            // Responses: the last event is the reason.
            &event["response"]["status"],
        ];
        let reason = reason.into_iter().find_map(|reason| reason.as_str())?;
        (reason != "in_progress").then(|| reason.to_owned())
    };
    events.iter().filter_map(told).collect()
}

/// Whether this is a vendor's last word.
fn is_last((name, data): &(String, String)) -> bool {
    let last = ["response.completed", "response.incomplete", "response.failed", "message_stop"];
    data == "[DONE]" || last.contains(&name.as_str())
}

fn is_error((name, data): &(String, String)) -> bool {
    let event: Value = serde_json::from_str(data).unwrap_or_default();
    name == "error" || event["error"].is_object()
}

/// What came of one cut.
struct Cut {
    /// The events that had come by then.
    sent: Events,
    got: Got,
    /// Where it was, and what the caller has.
    said: String,
}

/// Asks for one cut.
async fn ask_for(address: SocketAddr, transcript: &Transcript, index: usize, at: usize) -> Cut {
    let mut request = transcript.request.clone();
    request["model"] = json!(format!("cut-{index}-{at}"));
    let headers = [("content-type", "application/json"), ("anthropic-version", "2023-06-01")];
    let got = ask(address, "POST", &transcript.path, &headers, request.to_string()).await;
    let said = format!("{} cut at {at}: status {}: {}", transcript.name, got.status, got.text());
    // An event of which only the empty line behind it is missing has been said.
    let mut sent = events(&[&transcript.bytes[..at], b"\n\n"].concat());
    sent.retain(|event| !is_half(event));
    Cut { sent, got, said }
}

/// Whether this is half an event made to look like one.
fn is_half((_, data): &(String, String)) -> bool {
    data != "[DONE]" && serde_json::from_str::<Value>(data).is_err()
}

/// What is dishonest about what the caller has.
fn dishonest(cut: &Cut) -> Option<&'static str> {
    if cut.got.status != 200 {
        let honest = cut.got.status >= 500 && cut.got.json()["error"].is_object();
        return (!honest).then_some("no honest error");
    }
    let heard = cut.got.sse_events();
    let finished = reasons(&cut.sent);
    if reasons(&heard).iter().any(|reason| !finished.contains(reason)) {
        return Some("an invented reason to finish");
    }
    if heard.iter().any(|event| is_last(event) && !is_half(event)) && finished.is_empty() {
        return Some("an invented end");
    }
    let errors = heard.iter().filter(|event| is_error(event)).count();
    if finished.is_empty() && (errors != 1 || !heard.last().is_some_and(is_error)) {
        return Some("not one error at the end");
    }
    let own = |event: &(String, String)| !is_error(event) && !is_last(event) && !is_half(event);
    let heard: Events = heard.into_iter().filter(own).collect();
    let sent: Events = cut.sent.iter().filter(|event| !is_last(event)).cloned().collect();
    (!sent.starts_with(&heard)).then_some("not what the vendor said")
}

/// What an official client would stumble over before it reads the error.
fn broken(cut: &Cut) -> Option<&'static str> {
    let half = cut.got.status == 200 && cut.got.sse_events().iter().any(is_half);
    half.then_some("half an event, as if it were one")
}

/// Cuts each transcript at every byte, at one gateway, and asserts that nothing is wrong with what came.
async fn at_every_byte(wrong: fn(&Cut) -> Option<&'static str>) {
    let Some(transcripts) = recorded() else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout, so no stream can be cut");
        return;
    };
    let transcripts = Arc::new(transcripts);
    let script = transcripts.clone();
    let vendor = Vendor::start(move |seen| cut(seen, &script)).await;
    // A vendor that speaks all of these languages. Nobody else can answer, and however often it fails, it is asked: each cut is
    // to be met.
    let house = TestHouse::new(&format!(
        "providers: {{openai: {{type: lmstudio, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, breaker: {{min_requests: 1000000}}}}}}\n",
        vendor.url()
    ));
    let (turns, mut asking) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for index in 0..transcripts.len() {
        for at in 0..=transcripts[index].bytes.len() {
            let turn = turns.clone().acquire_owned().await.unwrap();
            let (transcripts, address) = (transcripts.clone(), house.address());
            asking.spawn(async move {
                let cut = ask_for(address, &transcripts[index], index, at).await;
                drop(turn);
                wrong(&cut).map(|why| format!("{why}: {}", cut.said))
            });
        }
    }
    assert_none(asking.join_all().await);
}

/// Says how many cuts went wrong, of which kind, and shows the first of each.
fn assert_none(cuts: Vec<Option<String>>) {
    let asked = cuts.len();
    let mut kinds = BTreeMap::<String, (usize, String)>::new();
    for cut in cuts.into_iter().flatten() {
        let kind = cut.split_once(" cut at").map_or("", |(kind, _)| kind).to_owned();
        kinds.entry(kind).or_insert((0, cut)).0 += 1;
    }
    let told: Vec<String> = kinds.values().map(|(count, first)| format!("{count} times {first}")).collect();
    assert!(told.is_empty(), "of {asked} cuts these went wrong:\n{}", told.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_at_any_byte_never_looks_complete() {
    at_every_byte(dishonest).await;
}

/// A library that finds half an event raises that it cannot read it, and nobody sees the error behind it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_at_any_byte_never_ends_in_half_an_event() {
    at_every_byte(broken).await;
}

/// Cut anywhere (each seventh byte), a stream that can be gone on with elsewhere is whole for its caller: nothing twice, nothing missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_anywhere_is_whole_where_another_place_goes_on() {
    let spare = Vendor::start(|seen| well(seen, Pace::AT_ONCE)).await;
    let breaks = |seen: &Seen| {
        let body = seen.json();
        let model = body["model"].as_str().unwrap_or_default();
        let Some(at) = model.strip_prefix("cut-").and_then(|at| at.parse::<usize>().ok()) else {
            return Act::json(200, &json!({"object": "list", "data": []}));
        };
        let answering = Answering::to(seen, &body, Pace::AT_ONCE);
        let bytes =
            answering.tail(answering.paced(answering.head(), answering.words())).event("[DONE]").body();
        let at = at.min(bytes.len());
        let ending = [Ending::Fin, Ending::Reset, Ending::CleanThenFin][at % 3];
        Answer::events().send(bytes[..at].to_vec()).ending(ending).into()
    };
    let vendor = Vendor::start(breaks).await;
    // As long as the stream is, and a model a byte: each call is cut somewhere else.
    let length = 13_000;
    let models: String = (0..length)
        .step_by(STEP)
        .map(|at| format!("  m{at}: {{use: [one/cut-{at}, two/spare]}}\n"))
        .collect();
    let house = TestHouse::new(&format!(
        "providers:\n  one: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, breaker: {{min_requests: 1000000}}}}\n  two: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\nmodels:\n{models}",
        vendor.url(),
        spare.url()
    ));
    let (turns, mut asking) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for at in (0..length).step_by(STEP) {
        let turn = turns.clone().acquire_owned().await.unwrap();
        let address = house.address();
        asking.spawn(async move {
            let body =
                format!(r#"{{"model":"m{at}","stream":true,"messages":[{{"role":"user","content":"hi"}}]}}"#);
            let view = View::of(address, &body, PATIENCE).await;
            drop(turn);
            let whole = view.is_whole() && view.done == 1;
            (!whole).then(|| format!("not whole: a chat cut at {at}: {view:?}"))
        });
    }
    assert_none(asking.join_all().await);
}

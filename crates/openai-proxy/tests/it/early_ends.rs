//! Streams in the vendor's own language whose ends only that language tells: one that ends early never looks complete, and one that
//! fails before its first content is asked for elsewhere, unseen.

use protocol::codec::{self, Mint, Progress, Tap, To};
use protocol::dialect::Wire;
use protocol::hub::{Answer as Said, Counts, Delta, Part, Request, Response, Stop, scatter};
use store::usage_record::Outcome;
use testkit::caller::{Answer as Got, ask};
use testkit::vendor::{Answer, Ending, Seen, Vendor};
use tokio::task::JoinSet;

use crate::house::{ONCE, TestHouse, UNDAUNTED, UPSTREAM_KEY, chat_events};

/// A door, who speaks its language, and how a stream of it comes.
#[derive(Clone, Copy, Debug)]
struct Door {
    wire: Wire,
    kind: &'static str,
    base: &'static str,
    path: &'static str,
    array: bool,
}

const fn door(wire: Wire, kind: &'static str, base: &'static str, path: &'static str) -> Door {
    Door { wire, kind, base, path, array: false }
}

const DOORS: [Door; 6] = [
    door(Wire::Gemini, "gemini", "/v1beta", "/v1beta/models/m:streamGenerateContent?alt=sse"),
    Door { array: true, ..door(Wire::Gemini, "gemini", "/v1beta", "/v1beta/models/m:streamGenerateContent") },
    door(Wire::Converse, "bedrock", "", "/model/m/converse-stream"),
    door(Wire::Cohere, "cohere", "/v2", "/v2/chat"),
    door(Wire::OllamaChat, "ollama", "/v1", "/api/chat"),
    door(Wire::OllamaGenerate, "ollama", "/v1", "/api/generate"),
];

impl Door {
    /// A whole stream, and its type.
    fn stream(self) -> (Vec<u8>, &'static str) {
        let request =
            Request { model: "m".to_owned(), stream: true, array: self.array, ..Request::default() };
        let counts = Some(Counts { input: 11, output: 5, ..Counts::default() });
        let parts = vec![Part::Text("Grüß Gott, so spricht ein Haus mit neun Türen.".to_owned())];
        let said = Said { parts, stop: Some(Stop::End), logprobs: None };
        let answer =
            Response { id: Some("a".to_owned()), answers: vec![said], counts, ..Response::default() };
        let to = To { request: &request, mint: Mint { now: 1_760_000_000, seed: 7 } };
        let codec = codec::of(self.wire);
        let (mut writer, mut out) = (codec.writer(&to), Vec::new());
        scatter::steps(&answer).into_iter().for_each(|step| writer.write(step, &mut out));
        writer.end(&mut out);
        (out, if self.array { "application/json" } else { codec.stream_type() })
    }

    /// What comes of it before anything is content.
    fn opening(self) -> usize {
        let (whole, _) = self.stream();
        let begun = |end: &usize| {
            let mut tap = Tap::of(self.wire).unwrap();
            tap.piece(&whole[..*end]);
            tap.progress() != Progress::Nothing
        };
        (0..whole.len()).find(begun).unwrap() - 1
    }

    /// A question; its text is for the vendor.
    fn body(self, text: &str) -> String {
        match self.wire {
            Wire::Gemini => format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"{text}"}}]}}]}}"#),
            Wire::Converse => {
                format!(r#"{{"messages":[{{"role":"user","content":[{{"text":"{text}"}}]}}]}}"#)
            }
            Wire::OllamaGenerate => format!(r#"{{"model":"m","prompt":"{text}"}}"#),
            _ => {
                format!(r#"{{"model":"m","stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#)
            }
        }
    }

    fn provider(self, name: &str, vendor: &Vendor) -> String {
        let Self { kind, base, .. } = self;
        format!(
            "  {name}: {{type: {kind}, base_url: \"{}{base}\", api_key: {UPSTREAM_KEY}, breaker: {UNDAUNTED}}}\n",
            vendor.url()
        )
    }

    fn house(self, vendors: &[(&str, &Vendor)]) -> TestHouse {
        let providers: String = vendors.iter().map(|(name, vendor)| self.provider(name, vendor)).collect();
        let places: Vec<String> = vendors.iter().map(|(name, _)| format!("{name}/real")).collect();
        TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nproviders:\n{providers}models: {{m: [{}]}}\n{ONCE}",
            places.join(", ")
        ))
    }

    /// Whether a program takes this for a whole answer, and what it reads of an error in it.
    fn read(self, bytes: &[u8]) -> (bool, Option<String>) {
        let (mut reader, mut steps) = (codec::of(self.wire).reader(), Vec::new());
        let read = reader.read(bytes, &mut steps).is_ok();
        let whole = read && reader.end(&mut steps);
        let fault = steps.into_iter().find_map(|step| match step {
            Delta::Fault(words) => Some(words),
            _ => None,
        });
        (whole && fault.is_none(), fault)
    }

    fn heard(self, got: &Got) -> (bool, Option<String>) {
        let (whole, fault) = self.read(&got.body);
        (whole && got.complete && got.status == 200, fault)
    }
}

/// The stream up to the byte its request names, by an end that is proper or none.
fn cut(seen: &Seen, door: Door) -> Answer {
    let text = seen.text();
    let named = text.split("cut ").nth(1).and_then(|rest| rest.split([' ', '"']).next());
    let at: usize = named.and_then(|at| at.parse().ok()).unwrap_or(usize::MAX);
    let (whole, kind) = door.stream();
    let ending = if text.contains("reset") { Ending::Reset } else { Ending::Clean };
    Answer::stream(200)
        .header("content-type", kind)
        .send(whole[..at.min(whole.len())].to_vec())
        .ending(ending)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_cut_anywhere_is_read_as_whole_only_where_it_was() {
    for door in DOORS {
        let vendor = Vendor::start(move |seen| cut(seen, door).into()).await;
        let house = door.house(&[("there", &vendor)]);
        let (whole, _) = door.stream();
        let mut calls = JoinSet::new();
        let (address, length) = (house.address(), whole.len());
        for at in (0..=length).step_by(3).chain([length]) {
            for how in ["", " reset"] {
                let body = door.body(&format!("cut {at}{how}"));
                let was = door.read(&whole[..at]).0;
                calls.spawn(async move {
                    let got = ask(address, "POST", door.path, &[], body).await;
                    let (is, fault) = door.heard(&got);
                    let nobodys = fault.as_deref().is_some_and(|words| !words.contains("there"));
                    (is != was || nobodys)
                        .then(|| format!("{door:?} at {at} of {length}{how}: {} {}", got.status, got.text()))
                });
            }
        }
        let wrong: Vec<String> = calls.join_all().await.into_iter().flatten().collect();
        assert!(wrong.is_empty(), "{} wrong, the first: {}", wrong.len(), wrong[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_pieces_an_early_end_is_told_in_words() {
    for door in DOORS {
        let (whole, _) = door.stream();
        // Behind the first piece that is content.
        let place = (door.opening() + 1..whole.len()).find(|at| {
            let mut tap = Tap::of(door.wire).unwrap();
            tap.piece(&whole[..*at]);
            tap.progress() == Progress::Content && (whole[at - 1] == b'\n' || tap.is_between())
        });
        let vendor = Vendor::start(move |seen| cut(seen, door).into()).await;
        let house = door.house(&[("there", &vendor)]);
        let got =
            ask(house.address(), "POST", door.path, &[], door.body(&format!("cut {}", place.unwrap()))).await;
        let (whole, fault) = door.heard(&got);
        assert!(!whole && fault.is_some() && got.complete, "{door:?}: {}", got.text());
        let record = house.record().await;
        let told = (record.status, record.outcome, record.error.as_deref());
        assert_eq!(told, (200, Outcome::Interrupted, Some("upstream_stream_interrupted")), "{door:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_before_its_first_content_is_asked_for_elsewhere_unseen() {
    for door in DOORS {
        let (whole, kind) = door.stream();
        let opening = whole[..door.opening()].to_vec();
        for ending in [Ending::Clean, Ending::Reset] {
            let opening = opening.clone();
            let one = Vendor::start(move |_| {
                let answer = Answer::stream(200).header("content-type", kind);
                answer.send(opening.clone()).ending(ending).into()
            })
            .await;
            let two = Vendor::start(move |seen| cut(seen, door).into()).await;
            let house = door.house(&[("one", &one), ("two", &two)]);
            let got = ask(house.address(), "POST", door.path, &[], door.body("hi")).await;
            assert_eq!((got.status, &got.body[..]), (200, &whole[..]), "{door:?} {ending:?}: {}", got.text());
            assert_eq!((one.ledger().begun(), two.ledger().begun()), (1, 1), "{door:?}");
            assert_eq!(house.record().await.outcome, Outcome::Answered, "{door:?}");
        }
    }
}

/// An error of the vendor's own, in place of a stream that was begun with 200.
fn error_of(door: Door) -> Vec<u8> {
    let gemini = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
    match door.wire {
        Wire::Gemini if door.array => format!("[{gemini}\n]").into_bytes(),
        Wire::Gemini => format!("data: {gemini}\n\n").into_bytes(),
        Wire::Cohere => {
            let delta = r#"{"type":"message-end","delta":{"error":"overloaded","finish_reason":"ERROR"}}"#;
            format!("event: message-end\ndata: {delta}\n\n").into_bytes()
        }
        Wire::Converse => {
            let mut frame = Vec::new();
            let headers =
                [(":message-type", "exception"), (":exception-type", "serviceUnavailableException")];
            protocol::frame::aws_event::write(&mut frame, &headers, br#"{"message":"overloaded"}"#);
            frame
        }
        _ => b"{\"error\":\"overloaded\"}\n".to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_place_of_a_stream_is_asked_for_elsewhere_or_passes_as_it_came() {
    for door in DOORS {
        let (whole, kind) = door.stream();
        let fails = move || Answer::stream(200).header("content-type", kind).send(error_of(door));
        let one = Vendor::start(move |_| fails().into()).await;
        let two = Vendor::start(move |seen| cut(seen, door).into()).await;
        let house = door.house(&[("one", &one), ("two", &two)]);
        let got = ask(house.address(), "POST", door.path, &[], door.body("hi")).await;
        assert_eq!((got.status, &got.body[..]), (200, &whole[..]), "{door:?}: {}", got.text());
        let alone = door.house(&[("one", &one)]);
        let got = ask(alone.address(), "POST", door.path, &[], door.body("hi")).await;
        assert_eq!((got.status, got.body.to_vec()), (200, error_of(door)), "{door:?}");
        assert_eq!(alone.record().await.outcome, Outcome::Interrupted, "{door:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_the_vendors_own_within_a_stream_passes_and_nothing_stands_behind_it() {
    for door in DOORS.into_iter().filter(|door| !door.array) {
        let (whole, kind) = door.stream();
        let place = (door.opening() + 1..whole.len()).find(|at| {
            let mut tap = Tap::of(door.wire).unwrap();
            tap.piece(&whole[..*at]);
            tap.progress() == Progress::Content && (tap.is_between() || whole[..*at].ends_with(b"\n\n"))
        });
        let mut said = whole[..place.unwrap()].to_vec();
        if matches!(door.wire, Wire::OllamaChat | Wire::OllamaGenerate) {
            // A line is whole with its end.
            said = whole[..=whole.iter().position(|byte| *byte == b'\n').unwrap()].to_vec();
        }
        said.extend(error_of(door));
        let sent = said.clone();
        let vendor = Vendor::start(move |_| {
            Answer::stream(200).header("content-type", kind).send(sent.clone()).into()
        })
        .await;
        let house = door.house(&[("there", &vendor)]);
        let got = ask(house.address(), "POST", door.path, &[], door.body("hi")).await;
        assert_eq!((got.complete, got.body.to_vec()), (true, said), "{door:?}: {}", got.text());
        assert_eq!(house.record().await.outcome, Outcome::Interrupted, "{door:?}");
    }
}

/// T-44: behind its first words a vendor tells an error that repeats our key, straight and put into other words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_within_a_stream_shows_nobody_our_key() {
    let error = format!("{{\"error\":{{\"message\":\"bad key {UPSTREAM_KEY}\"}}}}");
    let chat = format!("{}data: {error}\n\n", chat_events(true)[1]);
    let other = Vendor::start(move |_| {
        Answer::stream(200).header("content-type", "text/event-stream").send(chat.clone()).into()
    })
    .await;
    for door in DOORS {
        let elements =
            format!("[{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"he\"}}]}}}}]}},{error}]");
        let own = match (door.wire, door.array) {
            (_, true) => Some(elements),
            (Wire::OllamaChat, _) => Some(format!(
                "{{\"message\":{{\"content\":\"he\"}},\"done\":false}}\n{{\"error\":\"bad key {UPSTREAM_KEY}\"}}\n"
            )),
            _ => None,
        };
        let own = Vendor::start(move |_| {
            let (said, kind) = (own.clone().unwrap_or_default(), door.stream().1);
            Answer::stream(200).header("content-type", kind).send(said).into()
        })
        .await;
        let translated = TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nproviders: {{there: {{type: openai-compatible, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, \
             capabilities: [chat, models], breaker: {UNDAUNTED}}}}}\nmodels: {{m: there/real}}\n{ONCE}",
            other.url()
        ));
        for house in [door.house(&[("there", &own)]), translated] {
            let got = ask(house.address(), "POST", door.path, &[], door.body("hi")).await;
            assert!(!got.text().contains(UPSTREAM_KEY), "{door:?}: {}", got.text());
            assert!(!door.heard(&got).0, "{door:?}: looks complete: {}", got.text());
        }
    }
}

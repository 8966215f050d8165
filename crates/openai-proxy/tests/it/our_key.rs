//! T-44: no answer shows its caller a credential of ours, whatever kind of answer it is and however it comes.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use testkit::caller::ask;
use testkit::vendor::{Act, Answer, Seen};

use crate::house::{TestHouse, UPSTREAM_KEY, chat, once, provider, with};

const CHAT: &str = "/v1/chat/completions";
/// More than is read before anything of it is passed on.
const LONG: usize = 2_000_000;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
    packing.write_all(text).unwrap();
    packing.finish().unwrap()
}

fn told(who: &str) -> String {
    format!("{{\"title\":\"bad\",\"detail\":\"no such key: {who}\"}}")
}

/// Text that stays long when it is packed, and this at its end.
fn long(end: &str) -> Vec<u8> {
    let mut state = 1u32;
    let letter = move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + u8::try_from(state >> 24).unwrap() % 26
    };
    let mut text: Vec<u8> = (0..LONG).map(letter).collect();
    text.extend(end.bytes());
    text
}

/// An error: its kind, its coding, and whether it comes in chunks.
type Form = (&'static str, Option<&'static str>, bool);

const FORMS: [Form; 9] = [
    ("application/json", None, false),
    ("application/problem+json", None, false),
    ("application/problem+json; charset=utf-8", None, true),
    ("text/plain", None, true),
    ("text/event-stream", None, true),
    ("application/octet-stream", None, true),
    ("application/json", Some("gzip"), false),
    ("text/html", Some("gzip"), true),
    ("image/png", Some("x-gzip"), true),
];

fn error((kind, coding, chunked): Form, text: &[u8]) -> Act {
    let body = if coding.is_some() { gzip(text) } else { text.to_vec() };
    let answer = match chunked {
        true => Answer::stream(400).send(body),
        false => Answer::plain(400, body),
    };
    let answer = answer.header("content-type", kind);
    match coding {
        Some(coding) => answer.header("content-encoding", coding).into(),
        None => answer.into(),
    }
}

/// What a caller can read of an answer, as far as it has come.
fn read(answer: &testkit::caller::Answer) -> Vec<u8> {
    if answer.header("content-encoding").is_none() {
        return answer.body.to_vec();
    }
    let mut clear = Vec::new();
    let _ = GzDecoder::new(&answer.body[..]).read_to_end(&mut clear);
    clear
}

fn shows_our_key(answer: &testkit::caller::Answer) -> bool {
    let shows = |text: &[u8]| String::from_utf8_lossy(text).contains(UPSTREAM_KEY);
    shows(&answer.body) || shows(&read(answer))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_any_kind_and_coding_that_repeats_our_key_is_withheld_and_others_pass_as_they_came() {
    for form in FORMS {
        let (_vendor, house) = once(move |_| error(form, told(UPSTREAM_KEY).as_bytes())).await;
        let (_vendor, honest) = once(move |_| error(form, told("yours").as_bytes())).await;
        for (method, path, body) in
            [("GET", "/v1/files", String::new()), ("POST", CHAT, chat("gpt-4o", false))]
        {
            let answer = ask(house.address(), method, path, &[], &body).await;
            assert!(!shows_our_key(&answer), "{form:?} {path}: {}", answer.text());
            assert_eq!(
                (answer.status, answer.error_code().as_deref(), answer.complete),
                (502, Some("upstream_bad_response"), true),
                "{form:?} {path}: {}",
                answer.text()
            );
            let answer = ask(honest.address(), method, path, &[], &body).await;
            assert_eq!(
                (answer.status, answer.header("content-encoding"), answer.complete),
                (400, form.1, true),
                "{form:?} {path}: {}",
                answer.text()
            );
            let sent = if form.1.is_some() { gzip(told("yours").as_bytes()) } else { told("yours").into() };
            assert_eq!(answer.body[..], sent[..], "{form:?} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_error_that_repeats_our_key_breaks_off_before_it_and_others_pass_as_they_came() {
    for form in [0, 3, 4, 7].map(|nth| FORMS[nth]) {
        let (_vendor, house) = once(move |_| error(form, &long(UPSTREAM_KEY))).await;
        let answer = ask(house.address(), "GET", "/v1/files", &[], "").await;
        assert!(!shows_our_key(&answer), "{form:?}");
        let said = answer.status == 502 || answer.text().contains("upstream_stream_interrupted");
        assert!(!answer.complete || said, "{form:?} looks complete");
        let (_vendor, honest) = once(move |_| error(form, &long("yours"))).await;
        let answer = ask(honest.address(), "GET", "/v1/files", &[], "").await;
        assert_eq!((answer.status, answer.complete), (400, true), "{form:?}");
        assert!(read(&answer) == long("yours"), "{form:?}: {} bytes", answer.body.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_a_coding_nobody_asked_for_is_withheld() {
    let (vendor, house) =
        with(|_: &Seen| Answer::plain(400, "\u{1}unreadable").header("content-encoding", "br").into()).await;
    let asked = [("accept-encoding", "br;q=1.0, gzip;q=0.8, deflate")];
    let answer = ask(house.address(), "GET", "/v1/files", &asked, "").await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (502, Some("upstream_bad_response")));
    assert_eq!(vendor.ledger().last().unwrap().seen.header("accept-encoding"), Some("gzip;q=0.8"));
    ask(house.address(), "GET", "/v1/files", &[("accept-encoding", "br, zstd")], "").await;
    assert_eq!(vendor.ledger().last().unwrap().seen.header("accept-encoding"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packed_error_behind_a_promised_stream_is_told_in_its_own_words() {
    let packed = gzip(br#"{"error":{"message":"too many words","type":"invalid_request_error"}}"#);
    let vendor = testkit::vendor::Vendor::start(move |_| {
        Answer::plain(400, packed.clone())
            .late(std::time::Duration::from_millis(600))
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .into()
    })
    .await;
    let house = TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", heartbeat: 100ms}}\n{}",
        provider(&vendor)
    ));
    let answer = ask(house.address(), "POST", CHAT, &[], chat("gpt-4o", true)).await;
    assert_eq!(answer.status, 200, "it was promised");
    assert!(answer.text().contains("too many words"), "{}", answer.text());
}

//! Faults one by one, at the first of two places: what it costs a caller that the second one is asked.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::caller::{Caller, ask};
use testkit::failing::{Answering, Pace};
use testkit::nobody::Nobody;
use testkit::vendor::{Accepting, Acceptor, Act, Answer, Ending, Framing, Outcome, Seen, Setup, Vendor};
use testkit::view::View;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::{file, load, well};
use crate::house::TestHouse;

const PATIENCE: Duration = Duration::from_secs(20);
/// What a place may take.
const TIMEOUTS: &str =
    ", timeouts: {connect: 300ms, first_byte: 300ms, first_token: 300ms, gap: 300ms, between_bytes: 300ms}";
/// Nobody waits longer than this for the second place: a time-out, and a second try with its back-off.
const BOUND: Duration = Duration::from_secs(3);

/// What is wrong with the first place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bad {
    Refuses,
    BlackHole,
    Silent,
    Resets,
    Closes,
    Status(u16),
    Limited,
    Unauthorized,
    NoTls,
    TlsStalls,
    NoName,
    /// The head of a stream breaks off.
    HalfHead,
}

const ALL: [Bad; 16] = [
    Bad::Refuses,
    Bad::BlackHole,
    Bad::Silent,
    Bad::Resets,
    Bad::Closes,
    Bad::Status(500),
    Bad::Status(502),
    Bad::Status(503),
    Bad::Status(504),
    Bad::Status(529),
    Bad::Limited,
    Bad::Unauthorized,
    Bad::NoTls,
    Bad::TlsStalls,
    Bad::NoName,
    Bad::HalfHead,
];

/// A place, and what must live as long as it.
pub(crate) struct Place {
    pub(crate) url: String,
    _held: Box<dyn Any + Send>,
}

fn error(status: u16) -> Answer {
    let body = format!(r#"{{"error":{{"message":"bad day","type":"server_error","code":"e{status}"}}}}"#);
    Answer::plain(status, body).header("content-type", "application/json")
}

fn refusing() -> Place {
    let nobody = Nobody::new();
    Place { url: nobody.url(), _held: Box::new(nobody) }
}

/// A queue for one that nobody takes from: further connections get no answer at all.
pub(crate) async fn black_hole() -> Place {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(connected) =
        tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(address)).await
    {
        queued.push(connected.unwrap());
    }
    Place { url: format!("http://{address}"), _held: Box::new((full, queued)) }
}

/// Something that is no TLS behind https: it says so, or nothing at all.
async fn no_tls(says: bool) -> Place {
    let plain: Acceptor = Box::new(move |mut stream| {
        let answered: Accepting = Box::pin(async move {
            if !says {
                std::future::pending::<()>().await;
            }
            drop(stream.read_u8().await);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await?;
            Err(std::io::ErrorKind::InvalidData.into())
        });
        answered
    });
    let vendor = Setup::new(|_| Act::Hang).acceptor(plain).start().await;
    Place { url: format!("https://127.0.0.1:{}", vendor.port()), _held: Box::new(vendor) }
}

async fn place(bad: Bad) -> Place {
    let act = match bad {
        Bad::Refuses => return refusing(),
        Bad::BlackHole => return black_hole().await,
        Bad::NoTls => return no_tls(true).await,
        Bad::TlsStalls => return no_tls(false).await,
        Bad::NoName => return Place { url: "http://nobody.invalid".to_owned(), _held: Box::new(()) },
        Bad::Silent => Act::Hang,
        Bad::Resets => Act::Reset,
        Bad::Closes => Act::Close,
        Bad::Status(status) => error(status).into(),
        Bad::Limited => error(429).header("retry-after", "60").into(),
        Bad::Unauthorized => error(401).into(),
        Bad::HalfHead => Act::raw("HTTP/1.1 200 OK\r\ncontent-ty", Ending::Fin),
    };
    let vendor = Vendor::start(move |_| act.clone()).await;
    Place { url: vendor.url(), _held: Box::new(vendor) }
}

fn body(stream: bool) -> String {
    format!(r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// Some calls with this fault, streamed and not; what is wrong with them.
async fn weathered(bad: Bad) -> Vec<String> {
    let (bad_place, well) = (place(bad).await, well().await);
    let house =
        TestHouse::new(&file(&[("one", bad_place.url.clone(), TIMEOUTS), ("two", well.url(), TIMEOUTS)]));
    let mut wrong = Vec::new();
    for call in 0..6 {
        let view = View::of(house.address(), &body(call % 2 == 0), PATIENCE).await;
        if !view.is_whole() {
            wrong.push(format!("{bad:?}, call {call}: {view:?}"));
        } else if view.took > BOUND {
            wrong.push(format!("{bad:?}, call {call}: took {:?}", view.took));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fault_of_one_place_is_nobodys() {
    let weathering: JoinSet<_> = ALL.into_iter().map(weathered).collect();
    let wrong: Vec<String> = weathering.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The time of each of so many calls, one after another.
async fn times(house: &TestHouse, calls: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for _ in 0..calls {
        let view = View::of(house.address(), &body(false), PATIENCE).await;
        assert!(view.is_whole(), "{view:?}");
        times.push(view.took);
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_refuses_costs_next_to_nothing() {
    let (refusing, well) = (refusing(), well().await);
    let alone = TestHouse::new(&file(&[("two", well.url(), "")]));
    let both = TestHouse::new(&file(&[("one", refusing.url, ""), ("two", well.url(), "")]));
    // Both are warm before anybody looks at a clock.
    times(&alone, 20).await;
    times(&both, 20).await;
    let (alone, both) = (load::p99(times(&alone, 300).await), load::p99(times(&both, 300).await));
    eprintln!("p99 {alone:?} at a well place, {both:?} behind one that refuses");
    assert!(both <= alone + Duration::from_millis(5), "{both:?} against {alone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_costs_three_calls_their_time_and_no_more() {
    const CONNECT: Duration = Duration::from_secs(1);
    let (hole, well) = (black_hole().await, well().await);
    let house = TestHouse::new(&file(&[
        ("one", hole.url.clone(), ", timeouts: {connect: 1s}"),
        ("two", well.url(), ""),
    ]));
    let times = times(&house, 30).await;
    let paid = times.iter().filter(|time| **time >= CONNECT * 9 / 10).count();
    assert!(paid <= 3, "{paid} calls waited for a connection that never came: {times:?}");
    assert!(times.iter().all(|time| *time <= CONNECT * 105 / 100 * 2), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_has_its_time_whoever_is_asked_in_turn() {
    const TOTAL: Duration = Duration::from_millis(900);
    /// What a busy machine may take besides.
    const MACHINE: Duration = Duration::from_millis(300);
    const SILENT: &str = ", timeouts: {first_byte: 400ms, first_token: 400ms, total: 900ms}";
    let mut places = Vec::new();
    for _ in 0..4 {
        places.push(place(Bad::Silent).await);
    }
    let names = ["one", "two", "three", "four"];
    let all: Vec<_> =
        names.iter().zip(&places).map(|(name, place)| (*name, place.url.clone(), SILENT)).collect();
    for stream in [false, true] {
        let house = TestHouse::new(&file(&all));
        let view = View::of(house.address(), &body(stream), PATIENCE).await;
        assert!(view.took >= TOTAL && view.took <= TOTAL * 105 / 100 + MACHINE, "{view:?}");
        assert_eq!((view.status, view.error_code()), (504, Some("upstream_timeout")), "{view:?}");
    }
}

/// F-4. It may be asked for again or told; it may not be passed off as an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_plain_answer_is_never_a_success() {
    let whole = r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"never"},"finish_reason":"stop"}]}"#;
    for framing in [Framing::Claimed(whole.len() as u64), Framing::Chunked] {
        for ending in [Ending::Reset, Ending::Fin] {
            let vendor = Vendor::start(move |_| {
                let answer = Answer::plain(200, &whole[..60]).header("content-type", "application/json");
                answer.framing(framing).ending(ending).into()
            })
            .await;
            let well = well().await;
            for file in [
                file(&[("one", vendor.url(), "")]),
                file(&[("one", vendor.url(), ""), ("two", well.url(), "")]),
            ] {
                let house = TestHouse::new(&file);
                let view = View::of(house.address(), &body(false), PATIENCE).await;
                let told = view.status == 502 && view.error_code() == Some("upstream_stream_interrupted");
                assert!(told || view.is_whole(), "{framing:?} {ending:?}: {view:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_waits_for_its_reader() {
    // What the vendor would send, and what may be under way in all buffers of two connections together.
    const FLOOD: usize = 64 << 20;
    const HELD: u64 = 32 << 20;
    let event = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(64 * 1024)
    );
    let flood = event.repeat(FLOOD / event.len());
    let length = flood.len();
    let end =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let vendor = Vendor::start(move |_| Answer::events().send(flood.clone()).send(end).into()).await;
    let house = TestHouse::new(&file(&[("one", vendor.url(), "")]));
    let body = body(true);
    let mut caller = Caller::connect(house.address()).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    caller.send(head + &body).await.unwrap();
    let ledger = vendor.ledger();
    let flooded =
        |ledger: &testkit::vendor::Ledger| ledger.last().is_some_and(|entry| entry.bytes_sent > HELD);
    assert!(
        !ledger.wait_for(flooded, Duration::from_secs(2)).await,
        "{:?} bytes",
        ledger.last().map(|e| e.bytes_sent)
    );
    let answer = caller.read_answer().await;
    let tail = String::from_utf8_lossy(&answer.body[answer.body.len().saturating_sub(300)..]).into_owned();
    assert!(answer.complete && answer.body.len() >= length, "{} bytes: {tail}", answer.body.len());
    assert!(ledger.wait_for(|ledger| ledger.count(Outcome::Delivered) == 1, PATIENCE).await);
}

/// F-18. Its limit keeps calls from a slow place, and nobody takes it for one that fails: it goes on being asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_is_relieved_by_its_limit() {
    const SLOW: Duration = Duration::from_millis(400);
    const AT_ONCE: u64 = 2;
    let answers = |seen: &Seen, late| match Answering::to(seen, &seen.json(), Pace::AT_ONCE).whole() {
        Act::Answer(answer) => answer.late(late).into(),
        act => act,
    };
    let slow = Vendor::start(move |seen| answers(seen, SLOW)).await;
    let well = well().await;
    let limit = format!(", max_concurrency: {AT_ONCE}");
    let house = TestHouse::new(&file(&[("one", slow.url(), limit.as_str()), ("two", well.url(), "")]));
    let (begun, mut calling) = (Instant::now(), JoinSet::new());
    for call in 0..60_u32 {
        let address = house.address();
        calling.spawn(async move {
            tokio::time::sleep_until((begun + Duration::from_millis(50) * call).into()).await;
            View::of(address, &body(false), PATIENCE).await
        });
    }
    let views = calling.join_all().await;
    assert!(views.iter().all(View::is_whole), "{:?}", views.iter().find(|view| !view.is_whole()));
    let entries = slow.ledger().entries();
    let at_once = entries.iter().map(|one| {
        let during = |other: &&testkit::vendor::Entry| {
            other.begun <= one.begun && other.ended.is_none_or(|ended| ended > one.begun)
        };
        entries.iter().filter(during).count() as u64
    });
    assert_eq!(at_once.max(), Some(AT_ONCE), "of {} calls there", entries.len());
    // Three seconds at two a 400 ms: it was asked until the end.
    assert!(entries.len() >= 10, "{} calls there", entries.len());
    let answer = ask(house.address(), "GET", "/readyz", &[], "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn an_answer_that_every_place_but_one_cuts_is_ended_by_that_one() {
    let cutting = || {
        Vendor::start(|seen| {
            let answering = Answering::to(seen, &seen.json(), Pace::AT_ONCE);
            answering.paced(answering.head(), answering.words().take(30)).ending(Ending::Fin).into()
        })
    };
    let (one, two, three) = (cutting().await, cutting().await, well().await);
    let places = [("one", one.url(), ""), ("two", two.url(), ""), ("three", three.url(), "")];
    let house = TestHouse::new(&file(&places));
    let view = View::of(house.address(), &load::body(0), PATIENCE).await;
    assert!(view.is_whole(), "{view:?}");
    let asked = [&one, &two, &three].map(|place| place.ledger().begun());
    assert_eq!(asked, [1, 1, 1], "who cut it once is not asked before who has not been asked at all");
}

#[tokio::test]
async fn no_call_finds_out_about_two_places_while_a_third_is_known_to_be_well() {
    const SOON: &str = ", breaker: {open_for: 10ms, open_most: 10ms}";
    let bad = || Vendor::start(|_| error(500).into());
    let (one, two, three) = (bad().await, bad().await, well().await);
    let house = TestHouse::new(&file(&[
        ("one", one.url(), SOON),
        ("two", two.url(), SOON),
        ("three", three.url(), ""),
    ]));
    let mut found_out = 0;
    for call in 0..120 {
        let asked = || [&one, &two].map(|place| place.ledger().begun());
        let before = asked();
        let view = View::of(house.address(), &body(call % 2 == 0), PATIENCE).await;
        assert!(view.is_whole(), "{view:?}");
        let places = asked().iter().zip(before).filter(|(now, before)| *now > before).count();
        // By then both are known to be bad.
        if call >= 30 {
            assert!(places <= 1, "call {call} went to both bad places");
            found_out += places;
        }
    }
    assert!(found_out > 0, "nobody looked whether they are well again");
}

#[tokio::test]
async fn who_was_failed_once_goes_to_a_place_that_has_failed_nobody_of_late() {
    let one = Vendor::start(|_| error(500).into()).await;
    let ill = Arc::new(AtomicBool::new(true));
    let still = ill.clone();
    let two = Vendor::start(move |seen| match still.load(Ordering::Relaxed) {
        true => error(500).into(),
        false => testkit::failing::well(seen, Pace::AT_ONCE),
    })
    .await;
    let three = well().await;
    let places = [("one", one.url(), ""), ("two", two.url(), ""), ("three", three.url(), "")];
    let house = TestHouse::new(&file(&places));
    assert!(View::of(house.address(), &body(false), PATIENCE).await.is_whole());
    let asked = two.ledger().begun();
    assert!(asked > 0, "they are asked in order while nobody has failed");
    ill.store(false, Ordering::Relaxed);
    assert!(View::of(house.address(), &body(false), PATIENCE).await.is_whole());
    assert_eq!((two.ledger().begun(), three.ledger().begun()), (asked, 2));
}

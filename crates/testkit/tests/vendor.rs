//! The vendor does what its script says, and its ledger tells the truth about it; the caller notices both.

use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use testkit::caller::{Caller, ask};
use testkit::line::Io;
use testkit::vendor::{Act, Answer, Ending, Framing, Outcome, Setup, Step, Vendor};
use testkit::wire::fnv1a;
use tokio::sync::Notify;

const SOON: Duration = Duration::from_secs(5);
const GET: &[u8] = b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n";

fn addr(vendor: &Vendor) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], vendor.port()))
}

#[tokio::test]
async fn answers_in_every_framing_and_keeps_the_connection() {
    let vendor = Vendor::start(|seen| match seen.path() {
        "/length" => Act::json(200, &json!({"got": seen.json()})),
        "/chunked" => Act::sse(["one", "two", "[DONE]"]),
        _ => Answer::plain(201, "to the end").framing(Framing::Close).into(),
    })
    .await;
    let mut caller = Caller::connect(addr(&vendor)).await;
    let post =
        b"POST /length HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n";
    for at in 1..post.len() {
        caller.send_split(post, &[at]).await.unwrap();
        let answer = caller.read_answer().await;
        assert_eq!((answer.complete, answer.json()), (true, json!({"got": [1, 2]})));
    }
    caller.send(b"GET /chunked HTTP/1.1\r\n\r\nGET /close HTTP/1.1\r\n\r\n").await.unwrap();
    let events = caller.read_answer().await.sse_events();
    assert_eq!(events.iter().map(|(_, data)| data.as_str()).collect::<Vec<_>>(), ["one", "two", "[DONE]"]);
    let last = caller.read_answer().await;
    assert_eq!((last.status, last.text().as_str()), (201, "to the end"));
    let ledger = vendor.ledger();
    assert_eq!((ledger.accepted(), ledger.begun()), (1, post.len() + 1));
    assert!(ledger.wait_for(|ledger| ledger.open() == 0, SOON).await);
    assert_eq!(ledger.count(Outcome::Delivered), post.len() + 1);
}

#[tokio::test]
async fn cuts_are_seen_as_cuts() {
    for (ending, framing) in [Ending::Fin, Ending::Reset]
        .into_iter()
        .flat_map(|e| [(e, Framing::Chunked), (e, Framing::Claimed(99))])
    {
        let vendor = Vendor::start(move |_| {
            Answer::stream(200)
                .framing(framing)
                .send("some")
                .wait(Duration::from_millis(5))
                .ending(ending)
                .into()
        })
        .await;
        let answer = ask(addr(&vendor), "GET", "/", &[], "").await;
        assert_eq!((answer.complete, answer.text().as_str()), (false, "some"), "{ending:?} {framing:?}");
        assert_eq!(vendor.ledger().last().unwrap().outcome, Outcome::Cut);
    }
    for act in [Act::Close, Act::Reset] {
        let vendor = Vendor::start(move |_| act.clone()).await;
        let mut caller = Caller::connect(addr(&vendor)).await;
        caller.send(GET).await.unwrap();
        assert!(caller.try_read_answer().await.is_err());
    }
}

#[tokio::test]
async fn the_ledger_knows_when_a_peer_leaves() {
    let go = Arc::new(Notify::new());
    let held = go.clone();
    let vendor = Vendor::start(move |seen| match seen.path() {
        "/hang" => Act::Hang,
        _ => Answer::events().event("one").wait_for(&held).event("two").into(),
    })
    .await;
    let ledger = vendor.ledger();
    let mut patient = Caller::connect(addr(&vendor)).await;
    patient.send(b"GET /stream HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(ledger.wait_for(|ledger| ledger.last().is_some_and(|entry| entry.bytes_sent > 60), SOON).await);
    for (before, path) in [(1, "/hang"), (2, "/stream")] {
        let mut caller = Caller::connect(addr(&vendor)).await;
        caller.send(format!("GET {path} HTTP/1.1\r\n\r\n")).await.unwrap();
        assert!(ledger.wait_for(|ledger| ledger.begun() > before, SOON).await);
        drop(caller);
    }
    assert!(ledger.wait_for(|ledger| ledger.count(Outcome::PeerClosed) == 2, SOON).await);
    let gone = ledger.entry(2).unwrap();
    assert!(gone.peer_closed.unwrap() >= gone.begun);
    go.notify_one();
    assert_eq!(patient.read_answer().await.sse_events().len(), 2);
    assert!(!ledger.wait_for(|ledger| ledger.begun() > 3, Duration::from_millis(10)).await);
}

#[tokio::test]
async fn big_bodies_are_measured_and_early_answers_do_not_wait_for_them() {
    let vendor = Setup::new(|seen| Act::json(200, &json!({"len": seen.body_len, "hash": seen.body_hash})))
        .early(|seen| (seen.path() == "/no").then(|| Act::json(413, &json!({}))))
        .measure_bodies()
        .start()
        .await;
    let body = vec![b'x'; 3 << 20];
    let answer = ask(addr(&vendor), "POST", "/yes", &[], &body).await;
    assert_eq!(answer.json(), json!({"len": body.len(), "hash": fnv1a(&body)}));
    assert!(vendor.ledger().last().unwrap().seen.body.is_empty());
    let mut caller = Caller::connect(addr(&vendor)).await;
    caller.send(b"POST /no HTTP/1.1\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    assert_eq!(caller.read_answer().await.status, 413);
    caller.send(b"helloPOST /yes HTTP/1.1\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(caller.read_answer().await.status, 200);
}

#[tokio::test]
async fn a_caller_can_wait_for_100() {
    let vendor = Vendor::start(|seen| Act::text(200, seen.body.clone())).await;
    let mut caller = Caller::connect(addr(&vendor)).await;
    caller.send(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").await.unwrap();
    caller.wait_for_head().await.unwrap();
    caller.send(b"ok").await.unwrap();
    let answer = caller.read_answer().await;
    assert_eq!((answer.interim, answer.body.as_ref()), (vec![100], b"ok".as_ref()));
}

#[tokio::test]
async fn upgrades_echo_and_record() {
    let vendor = Vendor::start(|_| Act::Upgrade).await;
    let mut caller = Caller::connect(addr(&vendor)).await;
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    caller.send(format!("GET / HTTP/1.1\r\nupgrade: websocket\r\n{key}\r\n\r\nearly")).await.unwrap();
    let answer = caller.read_answer().await;
    assert_eq!(
        (answer.status, answer.header("Sec-WebSocket-Accept")),
        (101, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    );
    assert_eq!(caller.read_some().await.unwrap(), "early");
    caller.finish_writing().await.unwrap();
    assert!(caller.read_to_close().await.unwrap().is_empty());
    assert_eq!(vendor.ledger().last().unwrap().upgraded, "early");
    assert!(vendor.ledger().contains(b"early"));
}

#[tokio::test]
async fn a_layer_can_be_plugged_in_and_cut_under() {
    let script = |_: &_| Act::Raw(vec![Step::Send("HTTP/1.1 200 OK\r\n\r\npart".into())], Ending::Reset);
    let vendor = Vendor::start_with(
        script,
        Box::new(|stream| {
            Box::pin(async move { Ok(Box::new(tokio::io::BufStream::new(stream)) as Box<dyn Io>) })
        }),
    )
    .await;
    let mut caller = Caller::connect(addr(&vendor)).await;
    caller.send(GET).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 200);
    assert!(vendor.ledger().wait_for(|ledger| ledger.open() == 0, SOON).await);
}

#[tokio::test]
async fn what_is_no_request_is_kept_as_debris_and_a_dropped_vendor_refuses() {
    let vendor = Vendor::start(|_| Act::text(200, "")).await;
    let (ledger, at) = (vendor.ledger(), addr(&vendor));
    let mut caller = Caller::connect(at).await;
    caller.send(b"rubbish\r\n\r\ncanary").await.unwrap();
    assert!(caller.read_to_close().await.unwrap().is_empty());
    assert!(ledger.contains(b"canary") && ledger.contains(b"rubbish") && ledger.begun() == 0);
    let idle = Caller::connect(at).await;
    assert!(ledger.wait_for(|ledger| ledger.open() == 1, SOON).await);
    drop(vendor);
    assert!(ledger.wait_for(|ledger| ledger.open() == 0, SOON).await);
    assert!(tokio::net::TcpStream::connect(at).await.is_err());
    idle.reset();
}

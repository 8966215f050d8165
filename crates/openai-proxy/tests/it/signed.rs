//! Callers that sign, as AWS's libraries do: with what belongs to a key of ours they are that key, and with anything else nobody.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use control::Proposal;
use http::Request;
use protocol::secret::Secret;
use protocol::vendor::identity::sigv4::{self, Keys, Scope, Signed};
use serde_json::Value;
use store::usage_record::Outcome;
use testkit::caller::{Answer, ask};
use testkit::vendor::{Act, Vendor};

use crate::changes::apply;
use crate::house::{CHAT_ANSWER, TestHouse, chat, provider};
use crate::http2::Door;

const LAPTOP: &str = "sk-laptop-0123456789abcdefghijklmnop";
const PHONE: &str = "sk-phone-0123456789abcdefghijklmnopq";
/// A model whose name has to be encoded, as AWS's own.
const PATH: &str = "/model/eu.vendor.gpt-4o-v1%3A0/converse";
const BODY: &str = r#"{ "messages": [{"role":"user","content":[{"text":"hi"}]}] }"#;

/// What a caller signs with.
fn of(told: &Value) -> Keys {
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    Keys { id: text("access_key_id"), secret: Secret::new(text("secret_access_key")), session: None }
}

async fn keys(house: &TestHouse, name: &str) -> Keys {
    let path = format!("/admin/v1/keys/{name}/aws");
    let told = ask(house.address(), "POST", &path, &[("content-type", "application/json")], "").await;
    assert_eq!(told.status, 200, "{}", told.text());
    assert_eq!(told.header("cache-control"), Some("no-store"));
    of(&told.json())
}

/// A request that is signed, and may be bent before it is sent.
#[derive(Clone)]
struct Call {
    path: String,
    body: String,
    head: Vec<(String, String)>,
}

impl Call {
    /// Signed with these keys, at this moment.
    fn at(house: &TestHouse, keys: &Keys, now: SystemTime) -> Self {
        let host = house.address().to_string();
        let own = [("content-type", "application/json"), ("amz-sdk-request", "attempt=1; max=1")];
        let head = [&own[..], &[("host", &host)]].concat();
        let request = Signed { method: "POST", target: PATH, head: &head, body: BODY.as_bytes() };
        let added = sigv4::sign(keys, Scope { region: "eu-central-1", service: "bedrock", now }, request);
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let added = added.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self { path: PATH.to_owned(), body: BODY.to_owned(), head: own.into_iter().chain(added).collect() }
    }

    fn new(house: &TestHouse, keys: &Keys) -> Self {
        Self::at(house, keys, SystemTime::now())
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.head.retain(|(known, _)| known != name);
        self.head.push((name.to_owned(), value.to_owned()));
        self
    }

    fn shown(&self) -> String {
        self.head.iter().find(|(name, _)| name == "authorization").unwrap().1.clone()
    }

    /// With something else in `Authorization`.
    fn bent(self, from: &str, to: &str) -> Self {
        let shown = self.shown();
        assert!(shown.contains(from), "{shown}");
        self.with("authorization", &shown.replace(from, to))
    }

    async fn send(&self, house: &TestHouse) -> Answer {
        let head: Vec<(&str, &str)> =
            self.head.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ask(house.address(), "POST", &self.path, &head, &self.body).await
    }
}

/// A house that asks for keys, of which one has a limit and one has ended.
async fn house() -> (Vendor, TestHouse) {
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = TestHouse::new(&format!(
        "{}models: {{\"eu.vendor.gpt-4o-v1:0\": openai/gpt-4o}}\nrouting: {{unknown_model: error}}\n\
         keys:\n  laptop: {{key: {LAPTOP}, limits: {{requests: 2/day}}}}\n  phone: {{key: {PHONE}, models: [nothing]}}\n  \
         old: {{key: sk-old-0123456789abcdefghijklmnopqrst, expires: 2020-01-31}}\n",
        provider(&vendor)
    ));
    (vendor, house)
}

/// How a call was refused: its status, and what AWS's programs read.
fn told(answer: &Answer) -> (u16, String) {
    let kind = answer.header("x-amzn-errortype").unwrap_or_else(|| panic!("{}", answer.text()));
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.lines().count() <= 4, "{message}");
    (answer.status, kind.to_owned())
}

fn refused(kind: &str) -> (u16, String) {
    (403, kind.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_with_what_belongs_to_a_key_is_that_key_with_its_limits_and_its_models() {
    let (vendor, house) = house().await;
    let laptop = keys(&house, "laptop").await;
    for left in ["1", "0"] {
        let answer = Call::new(&house, &laptop).send(&house).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["output"]["message"]["role"], "assistant", "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some(left));
    }
    let more = Call::new(&house, &laptop).send(&house).await;
    assert_eq!(told(&more), (429, "ThrottlingException".to_owned()), "the limit of its key holds");
    let phone = Call::new(&house, &keys(&house, "phone").await).send(&house).await;
    assert_eq!(told(&phone), (404, "ResourceNotFoundException".to_owned()), "it may ask for nothing");
    let records = house.records(|records| records.len() == 4).await;
    let mut callers: Vec<&str> = records.iter().map(|record| &*record.caller).collect();
    callers.sort_unstable();
    assert_eq!(callers, ["laptop", "laptop", "laptop", "phone"]);
    assert_eq!(vendor.ledger().requests().len(), 2);
    for own in [laptop.id.as_bytes(), laptop.secret.expose().as_bytes(), b"AWS4-HMAC"] {
        assert!(!vendor.ledger().contains(own), "what proves somebody here goes no further");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_signed_so_is_refused_and_reaches_nobody() {
    let (vendor, house) = house().await;
    let laptop = keys(&house, "laptop").await;
    let right = || Call::new(&house, &laptop);
    let other = Keys { secret: keys(&house, "phone").await.secret, ..laptop.clone() };
    // That it has ended is for who can prove that it was theirs.
    let ended = Keys { secret: laptop.secret.clone(), ..keys(&house, "old").await };
    let wrong = [
        ("secret", Call::new(&house, &other)),
        ("secret of a key that has ended", Call::new(&house, &ended)),
        ("body", Call { body: BODY.replace("hi", "ha"), ..right() }),
        ("blank in the body", Call { body: BODY.replace("{ ", "{"), ..right() }),
        ("model", Call { path: PATH.replace("4o-v1", "4o-v2"), ..right() }),
        ("path", Call { path: format!("{PATH}-stream"), ..right() }),
        ("encoding of the path", Call { path: PATH.replace("%3A", ":"), ..right() }),
        ("query", Call { path: format!("{PATH}?x=1"), ..right() }),
        ("header", right().with("content-type", "application/json; charset=utf-8")),
        ("names of the headers", right().bent("SignedHeaders=", "SignedHeaders=x")),
        ("signature", right().bent("Signature=", "Signature=0")),
    ];
    for (what, call) in &wrong {
        let answer = call.send(&house).await;
        assert_eq!(told(&answer), refused("InvalidSignatureException"), "{what}: {}", answer.text());
        assert!(!answer.text().contains(laptop.secret.expose()), "{what}");
    }
    assert_eq!(vendor.ledger().begun(), 0);
    let records = house.records(|records| records.len() == wrong.len()).await;
    for record in &records {
        let told = (record.status, record.outcome, record.error.as_deref());
        assert_eq!(told, (403, Outcome::Refused, Some("invalid_signature")));
        assert!(record.caller.is_empty(), "nobody was proved: {}", record.caller);
    }
    let left = right().send(&house).await;
    let left = left.header("x-ratelimit-remaining-requests").map(str::to_owned);
    assert_eq!(left.as_deref(), Some("1"), "nothing of it was counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_that_cannot_hold_says_what_to_do() {
    let (vendor, house) = house().await;
    let laptop = keys(&house, "laptop").await;
    let right = || Call::new(&house, &laptop);
    let now = SystemTime::now();
    let stale = Call::at(&house, &laptop, now - Duration::from_secs(16 * 60));
    let early = Call::at(&house, &laptop, now + Duration::from_secs(16 * 60));
    let id = &laptop.id;
    let theirs = Keys { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..laptop.clone() };
    let cases = [
        (stale, "InvalidSignatureException", "Signature expired"),
        (early, "InvalidSignatureException", "Set the clock"),
        (
            right().with("x-amz-late", "1"),
            "InvalidSignatureException",
            "'x-amz-late' must be a 'SignedHeader'",
        ),
        (right().bent(";host", ""), "InvalidSignatureException", "'host' must be a 'SignedHeader'"),
        (
            right().bent(";x-amz-date", ""),
            "InvalidSignatureException",
            "'x-amz-date' must be a 'SignedHeader'",
        ),
        (right().bent("/bedrock/", "/s3/"), "InvalidSignatureException", "correct service: 'bedrock'"),
        (right().with("x-amz-security-token", "t"), "UnrecognizedClientException", "Unset AWS_SESSION_TOKEN"),
        (
            right()
                .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
                .bent("x-amz-date", "x-amz-content-sha256;x-amz-date"),
            "InvalidSignatureException",
            "must cover the body",
        ),
        (
            right().bent("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            "IncompleteSignatureException",
            "only AWS4-HMAC",
        ),
        (
            right().bent("Credential=", "Credentials="),
            "IncompleteSignatureException",
            "requires 'Credential'",
        ),
        (right().bent(id, ""), "UnrecognizedClientException", "AWS_BEARER_TOKEN_BEDROCK"),
        (Call::new(&house, &theirs), "UnrecognizedClientException", "openai-proxy keys aws"),
        (Call::new(&house, &keys(&house, "old").await), "ExpiredTokenException", "`old`"),
    ];
    for (call, kind, says) in cases {
        let answer = call.send(&house).await;
        assert_eq!(told(&answer), refused(kind), "{}", answer.text());
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{message}");
    }
    let mut unsigned = right();
    unsigned.head.retain(|(name, _)| name != "authorization");
    assert_eq!(told(&unsigned.send(&house).await), refused("MissingAuthenticationTokenException"));
    assert_eq!(vendor.ledger().begun(), 0);
    // In another language it is told in that one's words.
    let head = [("authorization", &*Call::new(&house, &other_secret(&laptop)).shown())];
    let date = sigv4_date(&right());
    let head = [head[0], ("x-amz-date", &*date)];
    let answer = ask(house.address(), "POST", "/v1/chat/completions", &head, chat("gpt-4o", false)).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (403, Some("invalid_signature")));
}

fn other_secret(keys: &Keys) -> Keys {
    Keys { secret: Secret::new("another"), ..keys.clone() }
}

fn sigv4_date(call: &Call) -> String {
    call.head.iter().find(|(name, _)| name == "x-amz-date").unwrap().1.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_guesses_is_not_heard_for_a_while_and_who_signs_well_still_is() {
    let (_vendor, house) = house().await;
    let laptop = keys(&house, "laptop").await;
    let unknown = Keys { id: "OPAKNOBODYNOBODYNOBO".to_owned(), ..laptop.clone() };
    for guess in 0..20 {
        let keys = if guess % 2 == 0 { other_secret(&laptop) } else { unknown.clone() };
        assert_eq!(Call::new(&house, &keys).send(&house).await.status, 403, "{guess}");
    }
    for keys in [other_secret(&laptop), unknown] {
        let answer = Call::new(&house, &keys).send(&house).await;
        assert_eq!(told(&answer), (429, "ThrottlingException".to_owned()), "{}", answer.text());
    }
    assert_eq!(Call::new(&house, &laptop).send(&house).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_for_nobody_is_refused_before_a_body_is_read() {
    let (_vendor, house) = house().await;
    let theirs = Keys { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..keys(&house, "laptop").await };
    let call = Call::new(&house, &theirs);
    let mut caller = testkit::caller::Caller::connect(house.address()).await;
    let (shown, date) = (call.shown(), sigv4_date(&call));
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: {shown}\r\nx-amz-date: {date}\r\ncontent-length: 1000000\r\n\r\n{{"
    );
    caller.send(head).await.unwrap();
    assert_eq!(told(&caller.read_answer().await), refused("UnrecognizedClientException"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_goes_on_as_it_comes_proves_nobody() {
    let (vendor, house) = house().await;
    let laptop = keys(&house, "laptop").await;
    let call = Call::new(&house, &laptop).with("content-encoding", "gzip");
    let answer = call.send(&house).await;
    assert_eq!((answer.status, vendor.ledger().begun()), (415, 0), "{}", answer.text());
    assert!(answer.text().contains("Bearer KEY"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_with_goes_with_its_key() {
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let yaml = |keys: &str| {
        format!(
            "server: {{listen: \"127.0.0.1:0\", workers: 2}}\n{}models: {{\"eu.vendor.gpt-4o-v1:0\": openai/gpt-4o}}\nauth: {{mode: keys}}\n{keys}",
            provider(&vendor)
        )
    };
    let written = format!("keys: {{laptop: {{key: {LAPTOP}}}}}\n");
    let house = TestHouse::new(&yaml(&written));
    let laptop = keys(&house, "laptop").await;
    assert_eq!(Call::new(&house, &laptop).send(&house).await.status, 200);
    house.rewrite(&yaml(""));
    apply(house.inner().control(), Proposal::Reread).await;
    assert_eq!(told(&Call::new(&house, &laptop).send(&house).await), refused("UnrecognizedClientException"));
    house.rewrite(&yaml(&written));
    apply(house.inner().control(), Proposal::Reread).await;
    assert_eq!(Call::new(&house, &laptop).send(&house).await.status, 200, "the same key has the same again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_asks_for_keys_a_signature_of_others_does_no_harm_and_ours_is_known() {
    let vendor = Vendor::start(|_| Act::text(200, CHAT_ANSWER)).await;
    let house = TestHouse::new(&format!(
        "auth: {{mode: none}}\n{}models: {{\"eu.vendor.gpt-4o-v1:0\": openai/gpt-4o}}\nkeys: {{laptop: {{key: {LAPTOP}}}}}\n",
        provider(&vendor)
    ));
    let laptop = keys(&house, "laptop").await;
    let theirs = Keys { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..laptop.clone() };
    let calls = [
        Call::new(&house, &theirs),
        Call::new(&house, &theirs).bent("Credential=", "Nonsense="),
        Call::at(&house, &theirs, SystemTime::UNIX_EPOCH),
        Call::new(&house, &laptop),
    ];
    for call in &calls {
        assert_eq!(call.send(&house).await.status, 200);
    }
    let wrong = Call::new(&house, &other_secret(&laptop)).send(&house).await;
    assert_eq!(told(&wrong), refused("InvalidSignatureException"), "who names a key of ours has to prove it");
    let records = house.records(|records| records.len() == 5).await;
    let mut callers: Vec<&str> = records.iter().map(|record| &*record.caller).collect();
    callers.sort_unstable();
    assert_eq!(callers, ["", "laptop", "open", "open", "open"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_in_the_query_is_refused_as_a_key_there_is() {
    let (vendor, house) = house().await;
    for name in ["X-Amz-Signature", "x-amz-credential", "X%2DAmz-Security-Token"] {
        let path = format!("{PATH}?{name}=abc");
        let answer = ask(house.address(), "POST", &path, &[], BODY).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        assert!(answer.text().contains("Sign in Authorization"), "{}", answer.text());
    }
    assert_eq!(vendor.ledger().begun(), 0);
}

/// Whom it was sent to is signed, and over HTTP/2 no `Host` says it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_the_authority_is_the_host_that_was_signed() {
    let door = Door::with("timeouts: {headers: 5s}", |_| Act::text(200, CHAT_ANSWER)).await;
    let port = door.house.address().port();
    door.house.extend(&format!("keys: {{laptop: {{key: {LAPTOP}}}}}\n"));
    apply(door.house.inner().control(), Proposal::Reread).await;
    let told = door.house.inner().control().gateway().world().callers.access_key("laptop").unwrap();
    let laptop = Keys { id: told.id, secret: told.secret, session: None };
    for (host, status) in [(format!("localhost:{port}"), 200), ("localhost:1".to_owned(), 403)] {
        let (path, body) = ("/v1/chat/completions", chat("gpt-4o", false));
        let head = [("host", &*host)];
        let request = Signed { method: "POST", target: path, head: &head, body: body.as_bytes() };
        let scope = Scope { region: "us-east-1", service: "bedrock", now: SystemTime::now() };
        let mut request = sigv4::sign(&laptop, scope, request)
            .into_iter()
            .fold(Request::post(format!("https://localhost:{port}{path}")), |request, (name, value)| {
                request.header(name, value)
            })
            .body(())
            .unwrap();
        request.headers_mut().insert("content-length", body.len().into());
        let (mut sender, _driven) = door.h2().await;
        let (answer, mut out) = sender.send_request(request, false).unwrap();
        out.send_data(Bytes::from(body), true).unwrap();
        assert_eq!(answer.await.unwrap().status(), status, "{host}");
    }
}

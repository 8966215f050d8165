//! By the test suite AWS published, and by what botocore makes of the same requests.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::*;

/// Of 2015-08-30T12:36:00Z.
const NOW: u64 = 1_440_938_160;
const HOST: (&str, &str) = ("Host", "example.amazonaws.com");
const SESSION: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

fn keys(session: Option<&str>) -> Keys {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    Keys { id: "AKIDEXAMPLE".to_owned(), secret, session: session.map(Secret::new) }
}

fn scope() -> Scope<'static> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    Scope { region: "us-east-1", service: "service", now }
}

fn signed(session: Option<&str>, request: Signed<'_>) -> (String, String) {
    let added = sign(&keys(session), scope(), request);
    let authorization = &added.last().unwrap().1;
    let (before, signature) = authorization.rsplit_once("Signature=").unwrap();
    let names = before.split("SignedHeaders=").nth(1).unwrap().trim_end_matches(", ");
    (names.to_owned(), signature.to_owned())
}

/// The test suite AWS published with "Signature Version 4 test suite": name, request, signature.
#[test]
fn requests_are_signed_as_aws_signs_them() {
    let plain = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let cases = [
        ("get-vanilla", "GET", "/", plain),
        ("get-relative-relative", "GET", "/example1/example2/../..", plain),
        ("get-slash", "GET", "//", plain),
        ("get-slash-dot-slash", "GET", "/./", plain),
        ("get-relative", "GET", "/example/..", plain),
        ("post-vanilla", "POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "get-unreserved",
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        ("get-utf8", "GET", "/ሴ", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "get-space",
            "GET",
            "/example space/",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "get-slashes",
            "GET",
            "//example//",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "get-vanilla-empty-query-key",
            "GET",
            "/?Param1=value1",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "get-vanilla-query-order-key-case",
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "get-vanilla-query-order-value",
            "GET",
            "/?Param1=value2&Param1=value1",
            "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ),
        (
            "get-vanilla-utf8-query",
            "GET",
            "/?ሴ=bar",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "get-vanilla-utf8-query, encoded",
            "GET",
            "/?%E1%88%B4=bar",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
    ];
    for (name, method, target, signature) in cases {
        let request = Signed { method, target, head: &[HOST], body: b"" };
        assert_eq!(signed(None, request), ("host;x-amz-date".to_owned(), signature.to_owned()), "{name}");
    }
}

#[test]
fn headers_are_signed_as_aws_signs_them() {
    let (one, two) = (("My-Header1", "value2"), ("My-Header1", "value1"));
    let duplicate = Signed { method: "GET", target: "/", head: &[HOST, one, one, two], body: b"" };
    let wanted = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea";
    assert_eq!(signed(None, duplicate), ("host;my-header1;x-amz-date".to_owned(), wanted.to_owned()));
    let head = [HOST, ("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")];
    let trimmed = Signed { method: "GET", target: "/", head: &head, body: b"" };
    let wanted = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736";
    assert_eq!(signed(None, trimmed).1, wanted);
    let head = [("Content-Type", "application/x-www-form-urlencoded"), HOST];
    let form = Signed { method: "POST", target: "/", head: &head, body: b"Param1=value1" };
    let wanted = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a";
    assert_eq!(signed(None, form), ("content-type;host;x-amz-date".to_owned(), wanted.to_owned()));
    let session = Signed { method: "POST", target: "/", head: &[HOST], body: b"" };
    let wanted = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";
    assert_eq!(
        signed(Some(SESSION), session),
        ("host;x-amz-date;x-amz-security-token".to_owned(), wanted.to_owned())
    );
}

/// What botocore 1.44.8 makes of the same request.
#[test]
fn a_question_to_a_model_is_signed_as_awss_own_library_signs_it() {
    let profile = "arn%3Aaws%3Abedrock%3Aeu-central-1%3A1%3Ainference-profile%2Feu.anthropic.claude%3A0";
    let target = format!("/model/{profile}/converse-stream");
    let head = [("content-type", "application/json"), ("host", "bedrock-runtime.eu-central-1.amazonaws.com")];
    let body = br#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
    // 2026-11-29T18:00:00Z
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_975_200);
    let scope = Scope { region: "eu-central-1", service: "bedrock", now };
    for (session, signature) in [
        (None, "092b1b7aa2143475690115efc61700f3dcb00f2209a6075a994c27650e75a87d"),
        (Some("session//token+=="), "84bf4157b02e6fbbb2fe5da80212bc9ef1c9c3a44d3429d4ce220a1267537744"),
    ] {
        let request = Signed { method: "POST", target: &target, head: &head, body };
        let added = sign(&keys(session), scope, request);
        assert_eq!(added[0], ("x-amz-date", "20261129T180000Z".to_owned()));
        assert!(added.last().unwrap().1.ends_with(&format!("Signature={signature}")), "{added:?}");
    }
}

/// A request as AWS's own library signs it, and what is told apart of it.
struct Sent {
    method: &'static str,
    target: String,
    host: &'static str,
    head: HeaderMap,
    body: Vec<u8>,
    shown: String,
}

const TARGET: &str = "/model/a.b%3A0/converse?b=2&a=%2F";

/// Signed at [`NOW`] for this service, with these headers.
fn sent(service: &str, own: &[(&'static str, &'static str)]) -> Sent {
    let body = br#"{"messages":[]}"#.to_vec();
    let head = [&[("host", "gateway:2020"), ("content-type", "application/json")], own].concat();
    let request = Signed { method: "POST", target: TARGET, head: &head, body: &body };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let added = sign(&keys(None), Scope { region: "any-where-1", service, now }, request);
    let mut lines = HeaderMap::new();
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in head.iter().copied().chain(added) {
        lines.append(name, HeaderValue::from_str(value).unwrap());
    }
    let shown = lines.remove("authorization").unwrap().to_str().unwrap().to_owned();
    Sent { method: "POST", target: TARGET.to_owned(), host: "gateway:2020", head: lines, body, shown }
}

impl Sent {
    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.head.insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    fn check_at(&self, seconds: u64) -> Result<(), Flaw> {
        Claim::read(&self.shown)?.check(&self.head, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    fn check(&self) -> Result<(), Flaw> {
        self.check_at(NOW)
    }

    fn holds(&self) -> bool {
        let came = Came { method: self.method, target: &self.target, host: self.host, head: &self.head };
        Claim::read(&self.shown).unwrap().holds(&keys(None).secret, came, &self.body)
    }
}

#[test]
fn what_was_signed_holds_and_nothing_else_does() {
    let right = || sent("bedrock", &[("x-amz-meta", " two   blanks")]);
    assert_eq!((right().check(), right().holds()), (Ok(()), true));
    assert_eq!(Claim::read(&right().shown).unwrap().id(), "AKIDEXAMPLE");
    let unsigned = right().set("user-agent", "what nobody signs may differ").set("x-amzn-trace-id", "too");
    assert_eq!((unsigned.check(), unsigned.holds()), (Ok(()), true));
    let secret = |text: &str| {
        let sent = right();
        let came = Came { method: sent.method, target: &sent.target, host: sent.host, head: &sent.head };
        Claim::read(&sent.shown).unwrap().holds(&Secret::new(text), came, &sent.body)
    };
    assert!(!secret("wrong") && !secret(""));
    let wrong = [
        ("body", Sent { body: b"{}".to_vec(), ..right() }),
        ("no body", Sent { body: Vec::new(), ..right() }),
        ("method", Sent { method: "PUT", ..right() }),
        ("path", Sent { target: TARGET.replace("/converse", "/converse-stream"), ..right() }),
        ("encoding", Sent { target: TARGET.replace("%3A", ":"), ..right() }),
        ("query", Sent { target: TARGET.replace("b=2", "b=3"), ..right() }),
        ("host", Sent { host: "gateway:2021", ..right() }),
        ("header", right().set("content-type", "text/plain")),
        ("date", right().set("x-amz-date", "20150830T123601Z")),
        ("hash of the body", right().set("x-amz-content-sha256", &hash(b"{}"))),
        ("region", Sent { shown: right().shown.replace("any-where-1", "any-where-2"), ..right() }),
        ("names", Sent { shown: right().shown.replace("content-type;host", "host;content-type"), ..right() }),
        ("fewer names", Sent { shown: right().shown.replace("content-type;", ""), ..right() }),
        ("names of nothing", Sent { shown: right().shown.replace("host;", "host;nothing;"), ..right() }),
    ];
    for (what, sent) in wrong {
        assert!(!sent.holds(), "{what}");
    }
    let other_order = Sent { target: "/model/a.b%3A0/converse?a=%2f&b=2".to_owned(), ..right() };
    assert!(other_order.holds(), "a query is the same in any order");
    let spaced = Sent { shown: right().shown.replace(", ", ","), ..right() };
    assert!(spaced.holds());
}

#[test]
fn a_signature_that_cannot_hold_says_why() {
    let right = || sent("bedrock", &[]);
    assert_eq!(sent("s3", &[]).check(), Err(Flaw::Service));
    assert_eq!(right().set("x-amz-security-token", "session").check(), Err(Flaw::Session));
    assert_eq!(right().set("x-amz-late", "1").check(), Err(Flaw::Unsigned("x-amz-late".to_owned())));
    for needed in ["host", "x-amz-date"] {
        let without = [format!("{needed};"), format!(";{needed}")];
        let shown = without.iter().fold(right().shown, |shown, part| shown.replace(part, ""));
        assert_eq!(Sent { shown, ..right() }.check(), Err(Flaw::Unsigned(needed.to_owned())));
    }
    for disorder in ["host;content-type", "content-type;content-type;host", "content-type;host;host"] {
        let shown = right().shown.replace("content-type;host", disorder);
        assert_eq!(Sent { shown, ..right() }.check(), Err(Flaw::Disorder), "{disorder}");
    }
    for date in
        ["yesterday", "20150830T1236Z", "20150230T123600Z", "2015-08-30T12:36:00Z", "20150830T123600", "ä"]
    {
        assert_eq!(right().set("x-amz-date", date).check(), Err(Flaw::Undated), "{date}");
    }
    let mut twice = right();
    twice.head.append("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
    assert_eq!(twice.check(), Err(Flaw::Undated));
    let mut never = right();
    never.head.remove("x-amz-date");
    assert_eq!(never.check(), Err(Flaw::Undated));
    assert_eq!(right().set("x-amz-date", "20150831T003600Z").check(), Err(Flaw::OtherDay));
    for payload in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", &"A".repeat(64)] {
        let own: &'static str = Box::leak(payload.to_owned().into_boxed_str());
        assert_eq!(
            sent("bedrock", &[("x-amz-content-sha256", own)]).check(),
            Err(Flaw::Payload),
            "{payload}"
        );
    }
}

#[test]
fn a_signature_holds_for_a_quarter_of_an_hour_in_either_direction() {
    let sent = sent("bedrock", &[]);
    for near in [NOW - 900, NOW + 900] {
        assert_eq!(sent.check_at(near), Ok(()));
    }
    let [date, earlier, later] =
        ["20150830T123600Z", "20150830T122059Z", "20150830T125101Z"].map(str::to_owned);
    let edges = ["20150830T123559Z", "20150830T123601Z"].map(str::to_owned);
    assert_eq!(sent.check_at(NOW - 901), Err(Flaw::NotYet(date.clone(), edges[0].clone(), earlier)));
    assert_eq!(sent.check_at(NOW + 901), Err(Flaw::Expired(date, edges[1].clone(), later)));
}

/// As programs do that do not know `x-amz-date`.
#[test]
fn a_request_may_say_when_it_was_signed_in_its_date() {
    for date in ["20150830T123600Z", "Sun, 30 Aug 2015 12:36:00 GMT"] {
        let mut sent = sent("bedrock", &[("date", date)]);
        sent.head.remove("x-amz-date");
        assert_eq!(sent.check(), Ok(()), "{date}");
        // What this one signs beside it is not there.
        assert!(!sent.holds());
    }
    let mut unsigned = sent("bedrock", &[]).set("date", "20150830T123600Z");
    unsigned.head.remove("x-amz-date");
    assert_eq!(unsigned.check(), Err(Flaw::Unsigned("date".to_owned())));
}

#[test]
fn what_is_no_signature_is_none() {
    let right = sent("bedrock", &[]).shown;
    let read = |shown: &str| Claim::read(shown).err();
    assert_eq!(read(&right), None);
    assert_eq!(read(&right.replace("HMAC-SHA256", "ECDSA-P256-SHA256")), Some(Flaw::Algorithm));
    assert_eq!(read(&right.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256-PAYLOAD")), Some(Flaw::Algorithm));
    let incomplete = [
        "AWS4-HMAC-SHA256".to_owned(),
        right.replace("Credential=", ""),
        right.replace("Signature=", "Sign="),
        right.replace("/aws4_request", ""),
        right.replace("aws4_request", "aws5_request"),
        right.replace("AKIDEXAMPLE", "AKID/EXAMPLE"),
        format!("{right}, Signature=00"),
        format!("{right}, nonsense"),
    ];
    for shown in incomplete {
        assert_eq!(read(&shown), Some(Flaw::Incomplete), "{shown}");
    }
}

//! AWS Signature Version 4. Source: docs.aws.amazon.com, "Create a signed AWS API request" and "Elements of an AWS API request
//! signature"; its published test suite is in the tests.
//!
//! All of a request is signed as it goes out: method, path and query, the headers that matter, and the hash of the body.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use crate::secret::Secret;
use crate::vendor::encode;

/// The one way of signing.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Keys requests are signed with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// Their name; no secret.
    pub id: String,
    /// What is signed with.
    pub secret: Secret,
    /// What is shown beside the signature, where they hold for a while only.
    pub session: Option<Secret>,
}

/// A request, as it goes out.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, encoded as on the wire.
    pub target: &'a str,
    /// The headers that are signed, in any order; names in any case.
    pub head: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// Where and when a signature holds.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The region.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
    /// When it was made.
    pub now: SystemTime,
}

/// The headers that sign a request: when, with what, and the signature. The request's own headers must not have them.
pub fn sign(keys: &Keys, scope: Scope<'_>, request: Signed<'_>) -> Vec<(&'static str, String)> {
    let date = amz_date(scope.now);
    let mut added = vec![("x-amz-date", date.clone())];
    added.extend(keys.session.as_ref().map(|session| ("x-amz-security-token", session.expose().to_owned())));
    let own = request.head.iter().copied();
    let head: Vec<(&str, &str)> =
        own.chain(added.iter().map(|(name, value)| (*name, value.as_str()))).collect();
    let request = Signed { head: &head, ..request };
    let (canonical, names) = canonical(request);
    let day = date.get(..8).unwrap_or_default();
    let place = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let signature = signature(keys, scope, &date, &canonical);
    let authorization =
        format!("{ALGORITHM} Credential={}/{place}, SignedHeaders={names}, Signature={signature}", keys.id);
    added.push(("authorization", authorization));
    added
}

/// The signature of a canonical request.
fn signature(keys: &Keys, scope: Scope<'_>, date: &str, canonical: &str) -> String {
    let day = date.get(..8).unwrap_or_default();
    let place = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let said = format!("{ALGORITHM}\n{date}\n{place}\n{}", hash(canonical.as_bytes()));
    let mac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    let key = mac(format!("AWS4{}", keys.secret.expose()).as_bytes(), day);
    let key =
        [scope.region, scope.service, "aws4_request"].iter().fold(key, |key, text| mac(key.as_ref(), text));
    hex(mac(key.as_ref(), &said).as_ref())
}

/// The request in the one form that is signed, and the names of its headers.
fn canonical(request: Signed<'_>) -> (String, String) {
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let mut head: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in request.head {
        // Blanks in a row are one, quoted or not.
        let value = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        head.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    let lines: String = head.iter().map(|(name, values)| format!("{name}:{}\n", values.join(","))).collect();
    let names = head.into_keys().collect::<Vec<_>>().join(";");
    let (method, path, query, hash) = (request.method, path_of(path), query_of(query), hash(request.body));
    (format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{hash}"), names)
}

/// A path without dots and double slashes, encoded once more: what is encoded on the wire is so twice (but for S3).
fn path_of(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let last = path.rsplit('/').next().unwrap_or_default();
    let ends = !segments.is_empty() && matches!(last, "" | "." | "..");
    let whole = segments.iter().map(|segment| encode(segment)).collect::<Vec<_>>().join("/");
    format!("/{whole}{}", if ends { "/" } else { "" })
}

/// A query in the order of its names, and of their values, each encoded once.
fn query_of(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (once(name), once(value))
    };
    let mut pairs: Vec<(String, String)> = pairs.map(pair).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A text encoded once, whether it was or not.
fn once(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let byte = match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                at += 2;
                u8::try_from(high * 16 + low).unwrap_or(b'%')
            }
            _ => *byte,
        };
        at += 1;
        match byte {
            b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// `20150830T123600Z`.
fn amz_date(now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    crate::moment::date(since).replace(['-', ':'], "")
}

fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let head =
            [("content-type", "application/json"), ("host", "bedrock-runtime.eu-central-1.amazonaws.com")];
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

    #[test]
    fn what_is_encoded_in_a_path_is_encoded_twice() {
        assert_eq!(path_of("/model/a.b%3A0/converse"), "/model/a.b%253A0/converse");
        assert_eq!(path_of(""), "/");
    }
}

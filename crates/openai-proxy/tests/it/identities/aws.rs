//! Requests signed as AWS wants them, with keys of ours or of a role, and callers' signatures.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use protocol::secret::Secret;
use protocol::vendor::identity::sigv4::{self, Keys, Scope, Signed};
use serde_json::json;
use testkit::caller;
use testkit::vendor::{self, Act, Seen, Vendor};

use super::{call, is_greeted};
use crate::house::TestHouse;

const CONVERSE: &str = r#"{"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":9,"outputTokens":12,"totalTokens":21}}"#;

fn keys(id: &str, secret: &str, session: Option<&str>) -> Keys {
    Keys { id: id.to_owned(), secret: Secret::new(secret), session: session.map(Secret::new) }
}

/// Whether a request is signed with these keys, as its receiver finds out: anew, of what came.
fn is_signed(seen: &Seen, keys: &Keys, service: &str) -> Result<(), String> {
    let said = |name: &str| seen.header(name).unwrap_or_default().to_owned();
    let authorization = said("authorization");
    let part = |name: &str| {
        authorization.split([' ', ',']).find_map(|part| part.strip_prefix(name)).unwrap_or_default()
    };
    let names: Vec<&str> = part("SignedHeaders=").split(';').collect();
    for name in ["host", "x-amz-date"] {
        if !names.contains(&name) {
            return Err(format!("{name} is not signed: {authorization}"));
        }
    }
    let added = ["x-amz-date", "x-amz-security-token"];
    let values: Vec<(&str, String)> = names
        .iter()
        .filter(|name| !added.contains(name))
        .map(|name| (*name, seen.header_all(name).join(",")))
        .collect();
    let head: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let request = Signed { method: &seen.method, target: &seen.target, head: &head, body: &seen.body };
    let mut tried = String::new();
    for back in 0..60 {
        let now = SystemTime::now() - Duration::from_secs(back);
        let lines = sigv4::sign(keys, Scope { region: "eu-west-1", service, now }, request);
        if lines[0].1 == said("x-amz-date") {
            let right = lines.iter().all(|(name, value)| said(name) == *value);
            return if right { Ok(()) } else { Err(format!("{authorization}, and not {lines:?}")) };
        }
        write!(tried, "{} ", lines[0].1).unwrap();
    }
    Err(format!("dated {} and none of {tried}", said("x-amz-date")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_signed_as_they_go_out_whoever_signed_what_came_in() {
    let ours = || keys("AKIAOURS", "our-secret-access-key", None);
    let service = Vendor::start(move |seen: &Seen| match is_signed(seen, &ours(), "bedrock") {
        Ok(()) => vendor::Answer::plain(200, CONVERSE).header("content-type", "application/json").into(),
        Err(why) => vendor::Answer::plain(403, json!({"message": why}).to_string())
            .header("x-amzn-errortype", "InvalidSignatureException")
            .into(),
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  there:\n    type: bedrock\n    base_url: \"{}\"\n    aws: {{region: eu-west-1, access_key_id: AKIAOURS, secret_access_key: our-secret-access-key}}\nmodels: {{m: \"there/eu.anthropic.claude:0\"}}\n",
        service.url()
    ));
    is_greeted(&house).await;
    // In straight passage, asked by somebody who signs with keys of their own.
    let theirs = [
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIATHEIRS/20261129/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
        ),
        ("x-amz-date", "20261129T000000Z"),
        ("x-amz-security-token", "their-session"),
        ("x-amzn-trace-id", "kept"),
        ("content-type", "application/json"),
    ];
    let body = r#"{ "messages":[{"role":"user","content":[{"text":"hi"}]}] }"#;
    let answer = caller::ask(house.address(), "POST", "/model/m/converse", &theirs, body).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, CONVERSE));
    let seen = service.ledger().last().unwrap().seen;
    assert_eq!(
        (seen.target.as_str(), &seen.body[..]),
        ("/model/eu.anthropic.claude%3A0/converse", body.as_bytes())
    );
    let head = String::from_utf8_lossy(&seen.raw_head).into_owned();
    assert!(!head.contains("THEIRS") && !head.contains("their-session") && head.contains("kept"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_taken_and_taken_anew_when_its_keys_hold_no_more() {
    let taken = Arc::new(AtomicUsize::new(0));
    let (giving, current) = (taken.clone(), taken.clone());
    let sts = Vendor::start(move |seen: &Seen| {
        if let Err(why) = is_signed(seen, &keys("AKIABASE", "base-secret-access-key", None), "sts") {
            return Act::text(403, format!("<Code>SignatureDoesNotMatch</Code><Message>{why}</Message>"));
        }
        let number = giving.fetch_add(1, Ordering::SeqCst) + 1;
        Act::text(
            200,
            format!("<Credentials><AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>secret-of-role-{number}</SecretAccessKey><SessionToken>session-of-role-{number}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"),
        )
    })
    .await;
    let service = Vendor::start(move |seen: &Seen| {
        // The first role's keys are good for one call.
        let number = current.load(Ordering::SeqCst);
        let (secret, session) = (format!("secret-of-role-{number}"), format!("session-of-role-{number}"));
        let right = is_signed(seen, &keys(&format!("ASIA{number}"), &secret, Some(&session)), "bedrock");
        match right {
            Err(why) => Act::json(400, &json!({"message": why})),
            Ok(()) if number == 1 && seen.number > 1 => {
                vendor::Answer::plain(403, r#"{"message":"expired"}"#)
                    .header("x-amzn-errortype", "ExpiredTokenException:http://internal.amazon.com/")
                    .into()
            }
            Ok(()) => vendor::Answer::plain(200, CONVERSE).header("content-type", "application/json").into(),
        }
    })
    .await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  there:\n    type: bedrock\n    base_url: \"{}\"\n    aws: {{region: eu-west-1, access_key_id: AKIABASE, secret_access_key: base-secret-access-key, role_arn: \"arn:aws:iam::1:role/r\", sts_url: \"{}\"}}\nmodels: {{m: \"there/model\"}}\n",
        service.url(),
        sts.url()
    ));
    for number in [1, 2, 2] {
        let answer = call(&house).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(taken.load(Ordering::SeqCst), number);
    }
    assert_eq!(service.ledger().begun(), 4);
}

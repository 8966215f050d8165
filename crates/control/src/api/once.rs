//! What is sent twice under one `Idempotency-Key` is done once, and answered twice the same.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use store::{Once, OnceKey};

use super::objection::Objection;
use super::row::{Opened, Row};
use crate::status::now_us;

/// The name of the header.
pub(super) const HEADER: &str = "idempotency-key";
/// How long a key is remembered, microseconds: a day.
const REMEMBERED: u64 = 24 * 3_600_000_000;
/// The longest key.
const LONGEST: usize = 255;

/// Does what a row does; once, where the request has a key for that.
pub(super) async fn once(row: &Row, opened: Opened) -> Result<Response<Bytes>, Objection> {
    let Some(key) = key(row, &opened)? else { return (row.handle)(opened).await };
    let control = opened.control.clone();
    let db = &control.books().db;
    let now = now_us();
    match db.begin_once(&key, now, now + REMEMBERED).await? {
        Once::New => {}
        Once::Running => {
            let detail = "The same request is being done at this moment. Ask again for its answer.";
            return Err(Objection::new(StatusCode::CONFLICT, "running", detail).wait(1));
        }
        Once::Different => {
            let detail = "This `Idempotency-Key` was used for another request. Take a new one for each.";
            return Err(Objection::impossible("key_used", detail));
        }
        Once::Done { status, body } => return Ok(again(status, body)),
    }
    let done = (row.handle)(opened).await;
    let noted = match &done {
        Ok(response) => {
            let body = kept(row, response.body());
            db.finish_once(&key, row.status.as_u16(), &body).await
        }
        Err(_) => db.forget_once(&key).await,
    };
    if let Err(problem) = noted {
        tracing::warn!("what became of a request with a key for once is not remembered: {problem}");
    }
    done
}

/// An answer as it is kept: without what is told once.
fn kept(row: &Row, body: &[u8]) -> String {
    let Some(member) = row.once else { return String::from_utf8_lossy(body).into_owned() };
    let mut answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(told) = answer.get_mut(member) {
        *told = serde_json::Value::Null;
    }
    answer.to_string()
}

fn key(row: &Row, opened: &Opened) -> Result<Option<OnceKey>, Objection> {
    if !row.is_creating() {
        return Ok(None);
    }
    let mut keys = opened.head.get_all(HEADER).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let key = key.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > LONGEST || keys.next().is_some() {
        return Err(Objection::malformed("`Idempotency-Key` takes one key of up to 255 letters."));
    }
    let mut said = opened.uri.to_string().into_bytes();
    said.push(0);
    said.extend_from_slice(&opened.body);
    let digest = digest(&SHA256, &said);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(OnceKey {
        scope: format!("{} {}", opened.actor.name, row.path),
        key: key.to_owned(),
        digest: hex,
    }))
}

fn again(status: u16, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("idempotent-replay", HeaderValue::from_static("true"));
    response
}

//! An answer that has begun for its caller before it has begun upstream (D-29).
//!
//! A model that loads may say nothing for a minute, while proxies and programs give up on silence. A caller that asked for
//! a stream is then promised one, `200 text/event-stream` (or the array it asked for), and hears heartbeats; the attempt goes on in a task of its own,
//! so that its clocks run even when the caller does not read. What comes of it is told once: the stream, or why there is
//! none.

use std::future::Future;

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use protocol::fault::Kind;

use super::answer::{Answer, AnswerBody, Arrival, Awaited, Flowing, Promise};
use super::coding::{self, Coding};
use super::received::{Ahead, WHOLE, read_ahead, withhold_secrets};
use crate::error::ApiError;
use crate::route::Whose;
use crate::spawn;

/// The answer that begins now.
pub(super) fn answer<A>(promise: Promise, attempt: A) -> Answer
where
    A: Future<Output = Result<Answer, ApiError>> + Send + 'static,
{
    let mut head = HeaderMap::with_capacity(8);
    let kind = if promise.array { "application/json; charset=UTF-8" } else { "text/event-stream" };
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let (provider, purse) = (promise.provider.clone(), promise.purse.clone());
    let coming = spawn::detached(async move {
        match attempt.await {
            Ok(answer) => arrived(answer, (&provider, purse.as_ref())).await.unwrap_or_else(Arrival::Ours),
            Err(error) => Arrival::Ours(error),
        }
    });
    let body = AnswerBody::Awaited(Box::new(Awaited::new(coming, promise)));
    Answer { status: StatusCode::OK, head, body, permit: None }
}

/// Whether what came is what was promised.
async fn arrived(answer: Answer, whose: Whose<'_>) -> Result<Arrival, ApiError> {
    let Answer { status, head, body, .. } = answer;
    match body {
        AnswerBody::Flowing(mut flowing) if status.is_success() && (flowing.events || flowing.array) => {
            // A caller over HTTP/2 that opens no window never lets the body be polled: the total holds all the same.
            flowing.rest.cut_at(flowing.deadline);
            Ok(Arrival::Stream(flowing))
        }
        AnswerBody::Flowing(_) if Coding::of(&head) != Coding::Clear && !status.is_success() => {
            Ok(Arrival::Theirs(status, Bytes::new()))
        }
        AnswerBody::Flowing(flowing) if !status.is_success() => {
            Ok(Arrival::Theirs(status, whole(*flowing, whose).await?))
        }
        AnswerBody::Whole(body) if !status.is_success() => {
            // It becomes part of what was promised, which is in the clear.
            let body = coding::in_the_clear(Coding::of(&head), &body).unwrap_or_default();
            Ok(Arrival::Theirs(status, body))
        }
        _ => {
            let name = &whose.0.name;
            let say = format!("`{name}` answered a request for a stream with something that is none.");
            Err(ApiError::new(Kind::UpstreamBadResponse, say))
        }
    }
}

/// An error that would have flowed, or as much of it as anybody reads.
async fn whole(mut flowing: Flowing, whose: Whose<'_>) -> Result<Bytes, ApiError> {
    if !flowing.ahead.is_empty() {
        // It was found to be long already, and this passed.
        return Ok(flowing.ahead);
    }
    let (gap, deadline) = (flowing.timeouts.between_bytes, flowing.deadline);
    let read = read_ahead(&mut flowing.rest, WHOLE, (gap, None), deadline).await;
    let body = match read.map_err(|trouble| trouble.into_error(&whose.0.name))? {
        Ahead::Whole(body) => {
            flowing.rest.finish();
            body
        }
        Ahead::Part(body) => body,
    };
    withhold_secrets(&body, whose)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::dialect::Dialect;

    use super::*;

    #[tokio::test]
    async fn a_panic_behind_a_promise_is_told_and_ends_nothing_else() {
        let loaded = config::parse("providers: {mock: {}}", &std::collections::BTreeMap::new());
        let provider = loaded.map(|loaded| loaded.snapshot.providers[0].clone()).unwrap();
        let every = Duration::from_secs(1);
        let (dialect, named, array) = (Dialect::OpenAi, false, false);
        let promise = Promise { every, provider, purse: None, dialect, named, array };
        let answer = answer(promise, async { panic!("a fault of ours") });
        let AnswerBody::Awaited(mut awaited) = answer.body else { panic!("not awaited") };
        let came = std::future::poll_fn(|cx| awaited.poll(cx)).await;
        assert!(matches!(came, Arrival::Ours(error) if error.kind == Kind::Internal));
    }
}

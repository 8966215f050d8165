//! A route: method, path, right, what it is for, and who handles it, in one row. What the row needs of a request, and what the
//! admin API's document says of it, come from the types of its handler.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, LOCATION,
};
use http::{Method, Response, StatusCode, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::ask::{self, Ask, Dictation};
use super::exact::Open;
use super::objection::Objection;
use super::who::Right;
use crate::{Actor, Control};

/// What a handler answers.
pub(super) struct Reply<A> {
    body: A,
    revision: Option<u64>,
}

impl<A> Reply<A> {
    pub(super) fn of(body: A) -> Self {
        Self { body, revision: None }
    }

    /// The same with another body, made of this one.
    pub(super) fn map<B>(self, make: impl FnOnce(A) -> B) -> Reply<B> {
        Reply { body: make(self.body), revision: self.revision }
    }

    /// It shows the configuration of this revision.
    pub(super) fn at(mut self, revision: u64) -> Self {
        self.revision = Some(revision);
        self
    }
}

/// What comes of a handler.
pub(super) type Outcome<A> = Result<Reply<A>, Objection>;

/// A request that is let in, not understood yet.
pub(super) struct Opened {
    pub(super) control: Control,
    pub(super) actor: Actor,
    pub(super) words: std::collections::BTreeMap<String, String>,
    pub(super) uri: Uri,
    pub(super) head: HeaderMap,
    pub(super) body: Bytes,
}

type Answered = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Objection>> + Send>>;
type Handle = Box<dyn Fn(Opened) -> Answered + Send + Sync>;
type Describe = Box<dyn Fn(&mut Vec<(String, RefOr<Schema>)>) -> Described + Send + Sync>;

/// What the types of a handler say about its route.
pub(super) struct Described {
    pub(super) query: Vec<Parameter>,
    pub(super) body: Option<RefOr<Schema>>,
    /// The kind of an answer, and its description; none: there is no body.
    pub(super) answer: Option<(&'static str, RefOr<Schema>)>,
}

/// A route.
pub(super) struct Row {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) right: Right,
    pub(super) summary: &'static str,
    pub(super) status: StatusCode,
    pub(super) handle: Handle,
    pub(super) describe: Describe,
    /// The member of its answers that is kept nowhere, not even to answer the same again.
    pub(super) once: Option<&'static str>,
}

impl Row {
    /// It makes something that was not there: 201, and it may be sent twice under one `Idempotency-Key`.
    pub(super) fn creates(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }

    /// This member of its answers is told once.
    pub(super) fn tells_once(mut self, member: &'static str) -> Self {
        self.once = Some(member);
        self
    }

    pub(super) fn is_creating(&self) -> bool {
        self.status == StatusCode::CREATED
    }

    /// It changes something, or costs something.
    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// A row with a handler.
pub(super) fn row<Q, B, A, F, Fut>(
    method: Method,
    path: &'static str,
    right: Right,
    summary: &'static str,
    handler: F,
) -> Row
where
    Q: DeserializeOwned + IntoParams + Send + 'static,
    B: Dictation + 'static,
    A: Serialize + ToSchema + 'static,
    F: Fn(Ask<Q, B>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome<A>> + Send + 'static,
{
    let handle = move |opened: Opened| -> Answered {
        match understood(opened) {
            Ok(ask) => {
                let work = handler(ask);
                Box::pin(async move { respond(&work.await?) })
            }
            Err(objection) => Box::pin(std::future::ready(Err(objection))),
        }
    };
    let describe = |into: &mut Vec<(String, RefOr<Schema>)>| Described {
        query: Q::into_params(|| Some(ParameterIn::Query)),
        body: B::describe(into),
        answer: Some((JSON, ask::describe::<A>(into))),
    };
    let (handle, describe) = (Box::new(handle), Box::new(describe));
    Row { method, path, right, summary, status: StatusCode::OK, handle, describe, once: None }
}

fn understood<Q: DeserializeOwned, B: Dictation>(opened: Opened) -> Result<Ask<Q, B>, Objection> {
    let Opened { control, actor, words, uri, head, body } = opened;
    Ok(Ask {
        control,
        actor,
        words,
        query: ask::query(&uri)?,
        body: B::read(&head, &body)?,
        expected: ask::expected(&head)?,
    })
}

const JSON: &str = "application/json";

fn respond<A: Serialize>(reply: &Reply<A>) -> Result<Response<Bytes>, Objection> {
    let text = serde_json::to_vec(&reply.body).map_err(|error| {
        tracing::error!(%error, "an answer of administration is no JSON");
        Objection::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "This gateway made a mistake. It is in the log.",
        )
    })?;
    let mut response = Response::new(Bytes::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(Ok(tag)) = reply.revision.map(|revision| HeaderValue::from_str(&format!("\"{revision}\""))) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

/// A page that is the same for everybody.
pub(super) fn page(path: &'static str, summary: &'static str, kind: &'static str, text: Bytes) -> Row {
    let handle = move |_: Opened| -> Answered {
        let mut response = Response::new(text.clone());
        let head = response.headers_mut();
        head.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        head.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        head.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        head.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        head.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
        Box::pin(std::future::ready(Ok(response)))
    };
    let describe = move |_: &mut Vec<(String, RefOr<Schema>)>| Described {
        query: Vec::new(),
        body: None,
        answer: Some((kind, if kind == JSON { Open::schema() } else { String::schema() })),
    };
    let (handle, describe) = (Box::new(handle), Box::new(describe));
    Row {
        method: Method::GET,
        path,
        right: Right::Anyone,
        summary,
        status: StatusCode::OK,
        handle,
        describe,
        once: None,
    }
}

/// Nothing from elsewhere, no script in the page itself, and nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A path that moved: `{name}` is the same in both.
pub(super) fn moved(path: &'static str, right: Right, to: &'static str, summary: &'static str) -> Row {
    let handle = move |opened: Opened| -> Answered {
        // As it was written, so that what was escaped stays so.
        let name = opened.uri.path().rsplit('/').next().unwrap_or_default();
        let to = to.replace("{name}", name);
        let to = match opened.uri.query() {
            Some(query) => format!("{to}?{query}"),
            None => to,
        };
        let mut response = Response::new(Bytes::new());
        if let Ok(to) = HeaderValue::from_str(&to) {
            response.headers_mut().insert(LOCATION, to);
        }
        Box::pin(std::future::ready(Ok(response)))
    };
    let describe =
        |_: &mut Vec<(String, RefOr<Schema>)>| Described { query: Vec::new(), body: None, answer: None };
    let (handle, describe) = (Box::new(handle), Box::new(describe));
    let status = StatusCode::PERMANENT_REDIRECT;
    Row { method: Method::GET, path, right, summary, status, handle, describe, once: None }
}

/// A path that is no more.
pub(super) fn gone(path: &'static str, right: Right, detail: &'static str) -> Row {
    let handle =
        move |_: Opened| -> Answered { Box::pin(std::future::ready(Err(Objection::not_found(detail)))) };
    let describe =
        |_: &mut Vec<(String, RefOr<Schema>)>| Described { query: Vec::new(), body: None, answer: None };
    let (handle, describe) = (Box::new(handle), Box::new(describe));
    Row {
        method: Method::GET,
        path,
        right,
        summary: detail,
        status: StatusCode::NOT_FOUND,
        handle,
        describe,
        once: None,
    }
}

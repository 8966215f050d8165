//! Paths that are about ourselves: welcome, health, metrics, and what browsers ask before they ask.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use hyper::Request;
use hyper::body::Incoming;
use protocol::dialect::{Dialect, NATIVE_GREETING};
use protocol::fault::Kind;
use protocol::operation::Row;

use crate::Gateway;
use crate::error::ApiError;
use crate::intake::{Cors, Peer, check_door};
use crate::life::State;
use crate::observe::Shown;
use crate::standing::{BreakerWord, Standing};
use config::Snapshot;

/// A page of ours.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) head: HeaderMap,
    pub(crate) text: String,
}

/// Our own answer to a request, if its path is one of ours.
pub(crate) fn page(
    gateway: &Gateway,
    world: &Snapshot,
    peer: &Peer,
    cors: &Cors,
    request: &Request<Incoming>,
) -> Option<Page> {
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    if *request.method() == Method::OPTIONS
        && let Cors::Allowed(origin) = cors
    {
        return Some(preflight(origin, request.headers()));
    }
    if !reading {
        return None;
    }
    let metrics_here = peer.admin || (world.server.admin_listen.is_none() && !peer.native);
    match path {
        "/" if peer.admin => Some(text(StatusCode::OK, "text/plain; charset=utf-8", ADMIN.to_owned())),
        "/" if peer.native => {
            Some(text(StatusCode::OK, "text/plain; charset=utf-8", NATIVE_GREETING.to_owned()))
        }
        "/" => Some(welcome(request.headers())),
        "/livez" => Some(json(StatusCode::OK, r#"{"status":"alive"}"#)),
        "/readyz" | "/health" | "/v1/health" => Some(health(gateway)),
        _ if path == world.metrics.path && world.metrics.enabled && metrics_here => {
            // Numbers are for those who reached us by our own name, not for a page that rebound its own to us.
            check_door(world, peer, request.uri(), request.headers()).is_ok().then(|| metrics(gateway))
        }
        _ => None,
    }
}

/// The admin door answers for the house and serves no calls.
pub(crate) fn refuse_at_admin_door(peer: &Peer) -> Result<(), ApiError> {
    if !peer.admin {
        return Ok(());
    }
    let say = "This door is for health, metrics and administration. Calls go to server.listen.";
    Err(ApiError::new(Kind::UnknownPath, say))
}

/// The door in the place of another kind of server has that one's paths.
pub(crate) fn refuse_at_native_door(peer: &Peer, row: &Row) -> Result<(), ApiError> {
    if !peer.native || row.is_native() {
        return Ok(());
    }
    let say = format!(
        "This door has the paths of one language (`{}`) only. All others are served at server.listen.",
        Dialect::Ollama
    );
    Err(ApiError::new(Kind::UnknownPath, say))
}

/// Ready while the house is open; no detail, for anyone may ask.
fn health(gateway: &Gateway) -> Page {
    match gateway.life().state() {
        State::Open => json(StatusCode::OK, r#"{"status":"ready"}"#),
        State::Draining | State::Closed => json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#),
    }
}

fn metrics(gateway: &Gateway) -> Page {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let providers = gateway.standings().providers.into_iter().map(|standing| shown(gateway, standing));
    text(StatusCode::OK, kind, gateway.metrics.text(gateway.life().calls(), providers))
}

fn shown(gateway: &Gateway, standing: Standing) -> Shown {
    Shown {
        up: standing.takes_calls,
        breaker: match standing.breaker() {
            BreakerWord::Closed => 0,
            BreakerWord::HalfOpen => 1,
            BreakerWord::Open | BreakerWord::Resting => 2,
        },
        keys_disabled: gateway.register.keys.disabled(&standing.provider),
        overridden: standing.overridden.map(|said| said.kind.word()),
        provider: standing.provider,
    }
}

const WELCOME: &str = "This is openai-proxy. It works.\n\n\
    Base URL   /v1 on this address (any OpenAI client: OPENAI_BASE_URL)\n\
    Models     /v1/models\n\
    Health     /health\n";

const ADMIN: &str =
    "This is openai-proxy's door for health, metrics and administration. Calls go to server.listen.\n";

fn welcome(head: &HeaderMap) -> Page {
    let accepts = head.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !accepts.contains("text/html") {
        return text(StatusCode::OK, "text/plain; charset=utf-8", WELCOME.to_owned());
    }
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>openai-proxy</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}}</style>\
         <h1>openai-proxy</h1><pre>{WELCOME}</pre><p><a href=/v1/models>Models</a> · <a href=/health>Health</a></html>\n"
    );
    let mut page = text(StatusCode::OK, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    page.head.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    page
}

/// Yes to a page we trust (Fetch standard, "CORS-preflight request").
fn preflight(origin: &HeaderValue, asked: &HeaderMap) -> Page {
    let mut page = text(StatusCode::NO_CONTENT, "", String::new());
    page.head.clear();
    page.head.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    page.head.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, DELETE, PUT, PATCH"),
    );
    if let Some(headers) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        page.head.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
    }
    page.head.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    page.head.insert(header::VARY, HeaderValue::from_static("origin"));
    page
}

fn json(status: StatusCode, body: &str) -> Page {
    text(status, "application/json", body.to_owned())
}

fn text(status: StatusCode, kind: &'static str, text: String) -> Page {
    let mut head = HeaderMap::new();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Page { status, head, text }
}

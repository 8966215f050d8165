//! The admin API: what may be asked of administration over HTTP. One table of routes (`table.rs`) is router, document and
//! role matrix; this is the way from the gateway's side door to a row of it.

mod alerts;
mod ask;
mod audit;
mod callers;
mod database;
mod document;
mod drills;
mod exact;
mod explaining;
mod instances;
mod keys;
mod list;
mod mappings;
mod objection;
mod once;
mod providers;
mod requests;
mod revisions;
mod routing;
mod row;
mod settings;
mod shown;
mod sources;
mod standing;
mod statistics;
mod stock;
mod table;
mod usage;
mod verification;
mod who;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use config::Snapshot;
use config::snapshot::Role;
use gateway::office::{Leave, Letter, Office, Reply, Sender};
use gateway::tries::{Heed, Tries};
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::json;
use tower::ServiceExt;

pub use who::Right;

use crate::Control;
use objection::Objection;
use row::{Opened, Row};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// The admin API.
pub struct Api {
    desk: Arc<Desk>,
    /// Made when somebody asks first: a gateway that nobody administers does not wait for it at its start.
    router: OnceLock<Router>,
}

/// One route, as the role matrix tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for what differs.
    pub path: &'static str,
    /// Who may ask.
    pub right: Right,
}

/// All routes.
pub fn routes() -> Vec<Route> {
    let route = |row: Row| Route { method: row.method, path: row.path, right: row.right };
    rows().into_iter().map(route).collect()
}

fn rows() -> Vec<Row> {
    document::described(table::rows())
}

/// What a request brings along to its row.
#[derive(Clone)]
struct Around {
    sender: Sender,
    world: Arc<Snapshot>,
}

/// What all rows share.
struct Desk {
    control: Control,
    tries: Tries,
}

impl Api {
    /// The admin API of a gateway.
    pub fn new(control: Control) -> Self {
        Self { desk: Arc::new(Desk { control, tries: Tries::default() }), router: OnceLock::new() }
    }
}

/// The table's way from a path to a row.
fn router(desk: &Arc<Desk>) -> Router {
    let mut router = Router::new();
    for row in rows() {
        let Ok(filter) = MethodFilter::try_from(row.method.clone()) else { continue };
        let (path, row, desk) = (row.path, Arc::new(row), desk.clone());
        let handler = move |words: RawPathParams, request: Request| {
            let (row, desk) = (row.clone(), desk.clone());
            async move { desk.answer(&row, &words, request).await.map(Body::from) }
        };
        router = router.route(path, on(filter, handler));
    }
    router.fallback(nothing_there).method_not_allowed_fallback(other_method)
}

async fn nothing_there() -> Response<Body> {
    let detail = "Nothing is served at this path. All paths are listed at /admin/docs";
    Objection::not_found(detail).respond().map(Body::from)
}

async fn other_method() -> Response<Body> {
    // The router adds which methods there are.
    let detail = "This path is asked with another method; see `allow`.";
    Objection::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).respond().map(Body::from)
}

impl Office for Api {
    fn words(&self) -> &'static [&'static str] {
        &["admin", "instances", "stats", "config", "verification", "health"]
    }

    fn owns(&self, path: &str) -> bool {
        // `/health` alone says whether the gateway is ready, to everybody.
        path != "/health" && (!path.starts_with("/health/") || path.starts_with("/health/instances"))
    }

    fn lets(&self, deed: String, head: &HeaderMap, sender: Sender, world: &Snapshot) -> Leave {
        let asked = self.desk.administers(head, &sender, world);
        let control = self.desk.control.clone();
        Box::pin(async move {
            let actor = asked?;
            let detail = json!({});
            let noted = crate::Deed { action: "models.manage", subject: &deed, outcome: "done", detail };
            control.audit(&actor, noted).await;
            Ok(())
        })
    }

    fn answer(&self, letter: Letter, sender: Sender, world: Arc<Snapshot>) -> Reply {
        let mut request = letter.map(Body::new);
        request.extensions_mut().insert(Around { sender, world });
        let router = self.router.get_or_init(|| router(&self.desk)).clone();
        Box::pin(async move {
            let response = match router.oneshot(request).await {
                Ok(response) => response.into_response(),
                Err(never) => match never {},
            };
            let (head, body) = response.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
            Response::from_parts(head, body)
        })
    }

    fn object(&self, status: StatusCode, code: &str, say: &str) -> Response<Bytes> {
        Objection::new(status, code, say).respond()
    }
}

impl Desk {
    async fn answer(&self, row: &Row, words: &RawPathParams, request: Request) -> Response<Bytes> {
        let words = words.iter().map(|(name, word)| (name.to_owned(), word.to_owned())).collect();
        match self.admit(row, words, request).await {
            Ok(response) => response,
            Err(objection) => objection.respond(),
        }
    }

    async fn admit(
        &self,
        row: &Row,
        words: BTreeMap<String, String>,
        request: Request,
    ) -> Result<Response<Bytes>, Objection> {
        let (parts, body) = request.into_parts();
        let Some(Around { sender, world }) = parts.extensions.get::<Around>().cloned() else {
            return Err(Objection::not_found("Nobody has brought this here."));
        };
        let actor = match row.right {
            Right::Anyone => crate::Actor::itself(crate::Via::Api),
            Right::Role(_) => {
                let actor = self.identify(row, &parts, &sender, &world).await?;
                self.begin().await;
                actor
            }
        };
        let body = tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, ask::LONGEST));
        let body = body.await.map_err(|_elapsed| too_slow())?.map_err(|_| too_long())?;
        let opened =
            Opened { control: self.control.clone(), actor, words, uri: parts.uri, head: parts.headers, body };
        let done = once::once(row, opened).await;
        done.map(|mut response| {
            if response.status() == StatusCode::OK {
                *response.status_mut() = row.status;
            }
            response
        })
    }

    /// What counts is a revision before somebody asks for it: what they read has an ETag, and something leads back to it.
    async fn begin(&self) {
        if self.control.revision() == 0 {
            let begin = crate::Change::from(crate::Proposal::Reread);
            if let Err(refused) = self.control.apply(&crate::Actor::itself(crate::Via::Start), begin).await {
                tracing::warn!("what counts is no revision yet: {refused}");
            }
        }
    }

    /// Who sends something that is not for the table of routes, if they administer.
    fn administers(
        &self,
        head: &HeaderMap,
        sender: &Sender,
        world: &Snapshot,
    ) -> Result<crate::Actor, String> {
        let address = sender.address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
        let now = Instant::now();
        if let Some(seconds) = self.tries.deaf_for(&tries_of(&address), now) {
            return Err(deaf(seconds));
        }
        let asked = who::actor(world, head, sender);
        let asked = asked.and_then(|actor| who::may(&actor, Right::Role(Role::Admin)).map(|()| actor));
        asked.map_err(|objection| {
            if objection.code() == who::WRONG_KEY {
                let _ = self.tries.refused(&tries_of(&address), now);
            }
            objection.detail().to_owned()
        })
    }

    /// Who asks, if they may; else it is noted who tried what.
    async fn identify(
        &self,
        row: &Row,
        parts: &http::request::Parts,
        sender: &Sender,
        world: &Snapshot,
    ) -> Result<crate::Actor, Objection> {
        let address = sender.address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
        let now = Instant::now();
        if let Some(seconds) = self.tries.deaf_for(&tries_of(&address), now) {
            let deaf = Objection::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries", deaf(seconds));
            return Err(deaf.wait(seconds));
        }
        let (actor, objection, heed) = match who::actor(world, &parts.headers, sender) {
            Ok(actor) => match who::may(&actor, row.right) {
                Ok(()) => return Ok(actor),
                // Whose key is known is no guesser: noted, and heard.
                Err(objection) => {
                    let heed = self.tries.told(&format!("role {}", actor.name), now);
                    (actor, objection, heed)
                }
            },
            Err(objection) => {
                let unknown = crate::Actor {
                    name: "unknown".to_owned(),
                    role: Role::Viewer,
                    via: crate::Via::Api,
                    address: address.clone(),
                };
                let heed = match objection.code() == who::WRONG_KEY {
                    true => self.tries.refused(&tries_of(&address), now),
                    false => self.tries.told(&format!("none {address}"), now),
                };
                (unknown, objection, heed)
            }
        };
        if heed == Heed::Note {
            let action = format!("{} {}", row.method, row.path);
            let detail = json!({"code": objection.code()});
            self.control
                .audit(
                    &actor,
                    crate::Deed { action: &action, subject: parts.uri.path(), outcome: "denied", detail },
                )
                .await;
        }
        Err(objection)
    }
}

fn deaf(seconds: u64) -> String {
    format!("Too many wrong keys came from this address. Try again in {seconds} seconds.")
}

/// Under which name tries from an address are counted.
fn tries_of(address: &str) -> String {
    format!("from {address}")
}

fn too_long() -> Objection {
    let detail = "A body has at most 1 MiB here, and comes whole.";
    Objection::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

fn too_slow() -> Objection {
    Objection::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The body did not arrive within 15 seconds.")
}

//! The side door: administration. It is decided on the floor above, and answers on our doors.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use config::Snapshot;
use config::snapshot::Door;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderValue, ORIGIN};
use http::{Response, StatusCode};
use http_body::Body as _;
use hyper::Request;
use hyper::body::Incoming;
use protocol::fault::Kind;

use crate::Gateway;
use crate::error::ApiError;
use crate::intake::{Peer, caller_address, check_host, check_http2, shown};
use crate::relay::{self, RelayBody};
use crate::spawn;

/// A request to the office, as it came in.
pub type Letter = Request<Incoming>;
/// What the office answers, some time.
pub type Reply = Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>;

/// Whether something may be done, some time.
pub type Leave = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// How long the office may think, its visitor's dictation included.
const PATIENCE: Duration = Duration::from_secs(30);

/// Headers in which those who pass letters on say so, besides `X-Forwarded-*`.
const PASSED_ON: [&str; 9] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-envoy-external-address",
    "cf-connecting-ip",
    "true-client-ip",
];

/// Who sent a letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// Its address; none on a Unix socket.
    pub address: Option<std::net::IpAddr>,
    /// It is on this computer, came by a door only this computer reaches, and nobody passed the letter on.
    pub here: bool,
}

/// Who administers this gateway.
pub trait Office: Send + Sync {
    /// The first segments of its paths: what is asked of every request, before anything else.
    fn words(&self) -> &'static [&'static str];

    /// Whether a path that begins with one of them is its own.
    fn owns(&self, path: &str) -> bool;

    /// Whether the sender may have done to a server of models what `deed` names (method and path), by this head; it is noted either
    /// way. An error is what they are told.
    fn lets(&self, deed: String, head: &HeaderMap, sender: Sender, world: &Snapshot) -> Leave;

    /// Answers. Host and origin are checked; who sends it, and whether they may, is for the office to find out.
    fn answer(&self, letter: Letter, sender: Sender, world: Arc<Snapshot>) -> Reply;

    /// The form of a refusal that was decided before the office was asked.
    fn object(&self, status: StatusCode, code: &str, say: &str) -> Response<Bytes>;
}

/// Where the office is, once there is one. The house owns it; we only know the way.
#[derive(Default)]
pub(crate) struct Way(OnceLock<(&'static [&'static str], Weak<dyn Office>)>);

impl Way {
    /// Shows the way. There is one office; a second one is not looked at.
    pub(crate) fn show(&self, office: &Arc<dyn Office>) {
        let _ = self.0.set((office.words(), Arc::downgrade(office)));
    }

    /// The office, if it is served at this door and the path is its own.
    pub(crate) fn find(&self, world: &Snapshot, peer: &Peer, path: &str) -> Option<Arc<dyn Office>> {
        let (words, office) = self.0.get()?;
        let first = path.get(1..)?.split('/').next()?;
        let here = peer.admin || (world.server.admin_listen.is_none() && !peer.native);
        if !words.contains(&first) || !here {
            return None;
        }
        office.upgrade().filter(|office| office.owns(path))
    }

    /// The office, wherever it is served.
    fn anywhere(&self) -> Option<Arc<dyn Office>> {
        self.0.get().and_then(|(_, office)| office.upgrade())
    }
}

/// Lets a request pass that changes which models a server has, where that is served at the doors and its sender may administer.
///
/// # Errors
/// When it is not, or they may not.
pub(crate) async fn let_manage<B>(
    gateway: &Gateway,
    world: &Snapshot,
    peer: &Peer,
    request: &Request<B>,
) -> Result<(), ApiError> {
    let (method, path) = (request.method(), request.uri().path());
    let office = gateway.office.anywhere().filter(|_| world.server.manage_models);
    let Some(office) = office else {
        let say = format!(
            "`{}` changes which models a server has, which is no call. Ask for it by administration (POST /admin/v1/providers/NAME/pulls), \
             or have `server.manage_models` switched on, which lets those do it here who may administer.",
            shown(path)
        );
        return Err(ApiError::new(Kind::NotServed, say));
    };
    check(world, peer, request)?;
    let sender = sender(world, peer, request.headers());
    let leave = office.lets(format!("{method} {path}"), request.headers(), sender, world);
    leave.await.map_err(|say| ApiError::new(Kind::InvalidKey, say))
}

/// Hands a letter in and the answer out.
pub(crate) async fn visit(
    office: &dyn Office,
    world: Arc<Snapshot>,
    peer: &Peer,
    letter: Letter,
) -> Response<RelayBody> {
    let has_body = !letter.body().is_end_stream();
    let error = match check(&world, peer, &letter) {
        Ok(()) => {
            let sender = sender(&world, peer, letter.headers());
            // What has begun is done whole, whether its sender waits for it or not.
            let work = spawn::detached(office.answer(letter, sender, world));
            match tokio::time::timeout(PATIENCE, work).await {
                Ok(Ok(answer)) => return send(answer, has_body, peer),
                Ok(Err(_panic)) => ApiError::mistake(),
                Err(_elapsed) => {
                    let say = "This takes longer than 30 seconds, and goes on. Look whether it has happened before you ask again.";
                    let late = office.object(StatusCode::SERVICE_UNAVAILABLE, "takes_long", say);
                    return send(late, has_body, peer);
                }
            }
        }
        Err(error) => error,
    };
    let meaning = error.kind.meaning();
    send(office.object(meaning.status, error.kind.label(), &error.say), has_body, peer)
}

/// Administration answers to our own names, and to web pages of its own alone: those that may make calls may not
/// administer.
fn check<B>(world: &Snapshot, peer: &Peer, letter: &Request<B>) -> Result<(), ApiError> {
    let head = letter.headers();
    check_http2(letter.uri(), letter.version(), letter.method(), head)?;
    check_host(world, peer, letter.uri(), head)?;
    // What a page elsewhere has its browser fetch has no origin when it is an image, say; browsers tell all the same.
    let site = head.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        let say = "A page elsewhere had this asked, and only pages of this gateway itself may ask for administration.";
        return Err(ApiError::new(Kind::OriginRefused, say));
    }
    let Some(origin) = head.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = head.get(HOST).and_then(|host| host.to_str().ok());
    let host =
        host.or_else(|| letter.uri().authority().map(http::uri::Authority::as_str)).unwrap_or_default();
    match origin.split_once("://") {
        Some(("http" | "https", page)) if page.eq_ignore_ascii_case(host) => Ok(()),
        _ => {
            let say = format!(
                "A page at `{}` asked for administration, which only pages of this gateway itself may.",
                shown(origin)
            );
            Err(ApiError::new(Kind::OriginRefused, say))
        }
    }
}

fn sender(world: &Snapshot, peer: &Peer, head: &HeaderMap) -> Sender {
    let loopback = |ip: std::net::IpAddr| ip.to_canonical().is_loopback();
    let own = world.server.admin_listen.filter(|_| peer.admin);
    let door = match own.or(world.server.native_listen.filter(|_| peer.native)) {
        Some(door) => loopback(door.ip()),
        None => world.server.listen.iter().all(|door| match door {
            Door::Tcp(address) => loopback(address.ip()),
            Door::Unix(_) => true,
        }),
    };
    // Whoever passes letters on for others says so in one of these.
    let says_so = |name: &str| name.starts_with("x-forwarded") || PASSED_ON.contains(&name);
    let passed_on = head.keys().any(|name| says_so(name.as_str()));
    let here = door && !passed_on && peer.ip.is_none_or(loopback);
    Sender { address: caller_address(world, peer, head), here }
}

fn send(answer: Response<Bytes>, has_body: bool, peer: &Peer) -> Response<RelayBody> {
    let (mut head, body) = answer.into_parts();
    if has_body && peer.turn.is_some() && !head.status.is_success() {
        // It may not have been read to its end (RFC 9112, 9.6).
        head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    relay::own(head.status, head.headers, body, peer)
}

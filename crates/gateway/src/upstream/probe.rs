//! Asking the ports of this computer who answers there. Nothing beyond the hosts named is contacted.

use std::time::Duration;

use bytes::Bytes;
use config::snapshot::Origin;
use futures_util::future::join_all;
use http::header::{ACCEPT, HeaderValue};
use http::{Request, StatusCode, Uri};
use protocol::vendor::fingerprint::{FINGERPRINTS, Fingerprint};

use super::visit::{VisitProblem, Visitor};

/// A server that was recognised.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// What it is.
    pub kind: &'static Fingerprint,
    /// Where: host as it was asked, and port.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How many models or voices it named, if it did.
    pub count: Option<usize>,
}

/// To connect; a port of this computer answers at once or not at all.
const PATIENCE: Duration = Duration::from_millis(200);
/// The largest answer looked at.
const LARGEST: usize = 4 * 1024 * 1024;

/// Asks every port on every host, all at once, and returns who was recognised within `patience`, in the order of the
/// fingerprints. Ports that are closed cost nothing; ports that do not answer cost no more than `patience`.
pub async fn look_around(hosts: &[String], ports: &[u16], patience: Duration) -> Vec<Sighting> {
    let places = hosts.iter().flat_map(|host| ports.iter().map(move |port| (host, *port)));
    let asked = places.map(|(host, port)| async move {
        tokio::time::timeout(patience, who_is(host, port)).await.ok().flatten()
    });
    let mut seen: Vec<Sighting> = join_all(asked).await.into_iter().flatten().collect();
    let place = |sighting: &Sighting| FINGERPRINTS.iter().position(|print| print.name == sighting.kind.name);
    seen.sort_by_key(|sighting| (place(sighting), sighting.port));
    seen
}

/// Puts every kind's question to one port, one after the other over one connection: a small server is not flooded. Kinds
/// that usually live at this port are asked for first; the first that recognises its answer wins.
async fn who_is(host: &str, port: u16) -> Option<Sighting> {
    let mut visitor = Visitor::to(Origin::plain(host, port).into(), PATIENCE);
    let (likely, others): (Vec<_>, Vec<_>) = FINGERPRINTS.iter().partition(|kind| kind.ports.contains(&port));
    for kind in likely.into_iter().chain(others) {
        // A port that cannot be connected to has no further answers either.
        let body = match get(&mut visitor, kind.path).await {
            Ok(body) => body,
            Err(problem) if problem.nobody_there() => return None,
            Err(_) => continue,
        };
        if let Some(count) = body.and_then(|body| kind.recognise(&body)) {
            return Some(Sighting { kind, host: host.to_owned(), port, count });
        }
    }
    None
}

/// The body of an answer of 200; `None` for any other status.
async fn get(visitor: &mut Visitor, path: &'static str) -> Result<Option<Bytes>, VisitProblem> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::from_static(path);
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
    let visit = visitor.ask(request).await?;
    let found = visit.status == StatusCode::OK;
    let body = visit.whole(LARGEST).await?;
    Ok(found.then_some(body))
}

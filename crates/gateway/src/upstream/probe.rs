//! Asking the ports of this computer who answers there. Nothing beyond the hosts named is contacted.

use std::time::Duration;

use bytes::Bytes;
use config::snapshot::{Origin, Scheme};
use futures_util::future::join_all;
use http::header::{ACCEPT, HOST, HeaderValue};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use protocol::vendor::fingerprint::{FINGERPRINTS, Fingerprint};

use super::compose::OutBody;
use super::pool::Line;
use super::pool::connect::Connector;
use super::trouble::Trouble;

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
    let mut caller = Caller::new(host, port);
    let (likely, others): (Vec<_>, Vec<_>) = FINGERPRINTS.iter().partition(|kind| kind.ports.contains(&port));
    for kind in likely.into_iter().chain(others) {
        // A port that cannot be connected to has no further answers either.
        let body = match caller.get(kind.path).await {
            Ok(body) => body,
            Err(Trouble::Unreachable(_) | Trouble::Denied(_) | Trouble::ConnectTimeout) => return None,
            Err(_) => continue,
        };
        if let Some(count) = body.and_then(|body| kind.recognise(&body)) {
            return Some(Sighting { kind, host: host.to_owned(), port, count });
        }
    }
    None
}

/// Asks one port, on one connection for as long as it lasts.
struct Caller {
    origin: Origin,
    connector: Connector,
    line: Option<Line>,
}

impl Caller {
    fn new(host: &str, port: u16) -> Self {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let origin = Origin {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port,
            authority: format!("{bracketed}:{port}"),
            allow_private: true,
            proxy: None,
            ca: None,
            accept_any_certificate: false,
        };
        Self { origin, connector: Connector::default(), line: None }
    }

    /// The body of an answer of 200; `None` for any other status.
    async fn get(&mut self, path: &'static str) -> Result<Option<Bytes>, Trouble> {
        let mut line = match self.line.take() {
            Some(line) if !line.sender.is_closed() => line,
            _ => self.connector.connect(&self.origin, PATIENCE).await?,
        };
        let mut request = Request::new(OutBody::Empty);
        *request.uri_mut() = Uri::from_static(path);
        let host =
            HeaderValue::from_str(&self.origin.authority).map_err(|error| Trouble::Protocol(error.into()))?;
        request.headers_mut().insert(HOST, host);
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
        line.expect.head(false);
        let response = line.sender.send_request(request).await.map_err(Trouble::of)?;
        let found = response.status() == StatusCode::OK;
        let body =
            Limited::new(response.into_body(), LARGEST).collect().await.map_err(Trouble::Cut)?.to_bytes();
        if line.sender.ready().await.is_ok() {
            self.line = Some(line);
        }
        Ok(found.then_some(body))
    }
}

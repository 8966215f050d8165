//! Asking the ports of this computer who answers there. Nothing beyond the hosts named is contacted.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use config::snapshot::{Origin, Scheme};
use futures_util::future::join_all;
use http::header::{ACCEPT, HOST, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use protocol::vendor::fingerprint::{FINGERPRINTS, Fingerprint};

use super::compose::OutBody;
use super::pool::connect::Connector;

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

/// Puts every kind's question to one port. The first kind, in order, that recognises its answer wins.
async fn who_is(host: &str, port: u16) -> Option<Sighting> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        // One knock first: a closed port answers for all questions.
        tokio::net::TcpStream::connect(SocketAddr::new(ip, port)).await.ok()?;
    }
    let connector = Connector::default();
    let asked = FINGERPRINTS.iter().map(|kind| async {
        let body = get(&connector, host, port, kind.path).await?;
        kind.recognise(&body).map(|count| Sighting { kind, host: host.to_owned(), port, count })
    });
    join_all(asked).await.into_iter().flatten().next()
}

async fn get(connector: &Connector, host: &str, port: u16, path: &str) -> Option<bytes::Bytes> {
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let authority = format!("{bracketed}:{port}");
    let origin = Origin {
        scheme: Scheme::Http,
        host: host.to_owned(),
        port,
        authority: authority.clone(),
        allow_private: true,
        proxy: None,
        ca: None,
        accept_any_certificate: false,
    };
    let mut line = connector.connect(&origin, Duration::from_secs(1)).await.ok()?;
    let mut request = Request::new(OutBody::Empty);
    *request.uri_mut() = path.parse().ok()?;
    request.headers_mut().insert(HOST, HeaderValue::from_str(&authority).ok()?);
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
    line.expect.head(false);
    let response = line.sender.send_request(request).await.ok()?;
    if response.status() != StatusCode::OK {
        return None;
    }
    Some(Limited::new(response.into_body(), LARGEST).collect().await.ok()?.to_bytes())
}

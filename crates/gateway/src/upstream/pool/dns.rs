//! Names to addresses, with a short memory: an answer is good for 30 seconds, and for five minutes when the resolver
//! fails (F-13).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const FRESH: Duration = Duration::from_secs(30);
const STALE: Duration = Duration::from_secs(300);
/// The resolver has this long; then the last good answer serves.
const PATIENCE: Duration = Duration::from_secs(2);

/// Remembered answers of one worker.
#[derive(Default)]
pub(super) struct Dns {
    known: Mutex<HashMap<String, (Vec<IpAddr>, Instant)>>,
}

impl Dns {
    /// The addresses of a host.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        if let Ok(literal) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(literal, port)]);
        }
        let with_port = |ips: Vec<IpAddr>| ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        if let Some(ips) = self.remembered(host, FRESH) {
            return Ok(with_port(ips));
        }
        let asked = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
        let found: io::Result<Vec<IpAddr>> = match asked {
            Ok(Ok(addresses)) => Ok(addresses.map(|address| address.ip()).collect()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the resolver did not answer")),
        };
        match found {
            Ok(ips) if !ips.is_empty() => {
                self.remember(host, ips.clone());
                Ok(with_port(ips))
            }
            failed => match self.remembered(host, STALE) {
                Some(ips) => Ok(with_port(ips)),
                None => {
                    Err(failed.err().unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address")))
                }
            },
        }
    }

    fn remembered(&self, host: &str, for_long: Duration) -> Option<Vec<IpAddr>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(host).filter(|(_, since)| since.elapsed() < for_long).map(|(ips, _)| ips.clone())
    }

    fn remember(&self, host: &str, ips: Vec<IpAddr>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(host.to_owned(), (ips, Instant::now()));
    }
}

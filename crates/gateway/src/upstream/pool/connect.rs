//! The one connector for everything that goes out: look up, check the address, connect, tunnel, encrypt.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use config::snapshot::{Origin, Scheme};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::dns::Dns;
use super::{address, outbound, tls::Tls};
use crate::mock;
use crate::upstream::engine::{Line, Socket};
use crate::upstream::trouble::Trouble;

/// When a name has several addresses, the next one is tried beside a silent one after this (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);

/// What making connections needs to remember.
#[derive(Default)]
pub(in crate::upstream) struct Connector {
    dns: Dns,
    tls: Tls,
}

impl Connector {
    /// A new connection to the origin, within `patience`.
    pub(in crate::upstream) async fn connect(
        &self,
        origin: &Origin,
        patience: Duration,
    ) -> Result<Line, Trouble> {
        match tokio::time::timeout(patience, self.connect_now(origin)).await {
            Ok(line) => line,
            Err(_) => Err(Trouble::ConnectTimeout),
        }
    }

    async fn connect_now(&self, origin: &Origin) -> Result<Line, Trouble> {
        if origin.scheme == Scheme::Inside {
            return Ok(Line::new(Socket::Inside(mock::open())));
        }
        let tcp = self.open(origin).await?;
        Ok(Line::new(match origin.scheme {
            Scheme::Https => Socket::Tls(Box::new(self.encrypt(origin, tcp).await?)),
            Scheme::Http | Scheme::Inside => Socket::Tcp(tcp),
        }))
    }

    /// The first step: the addresses of the origin's own name.
    pub(in crate::upstream) async fn look_up(&self, origin: &Origin) -> Result<Vec<SocketAddr>, Trouble> {
        let found = self.dns.resolve(&origin.host, origin.port).await;
        found.map_err(|error| Trouble::Unreachable(error.into()))
    }

    /// The second: a way to the origin, through the proxy if there is one, and in plain text.
    pub(in crate::upstream) async fn open(&self, origin: &Origin) -> Result<TcpStream, Trouble> {
        let Some(proxy) = &origin.proxy else {
            return self.reach(&origin.host, origin.port, |ip| address::allowed_for(origin, ip)).await;
        };
        // The proxy is the operator's own; where the tunnel leads is the proxy's to decide.
        let mut tcp = self.reach(&proxy.host, proxy.port, |ip| address::allowed(ip, true)).await?;
        outbound::tunnel(&mut tcp, proxy, origin).await?;
        Ok(tcp)
    }

    /// The third, where the origin speaks TLS.
    pub(in crate::upstream) async fn encrypt(
        &self,
        origin: &Origin,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Trouble> {
        let connector = self.tls.connector(origin).map_err(Trouble::Tls)?;
        let name = ServerName::try_from(origin.host.clone()).map_err(|error| Trouble::Tls(error.into()))?;
        connector.connect(name, tcp).await.map_err(|error| Trouble::Tls(error.into()))
    }

    /// A TCP connection to the first address that answers, among those allowed.
    async fn reach(
        &self,
        host: &str,
        port: u16,
        allowed: impl Fn(IpAddr) -> bool,
    ) -> Result<TcpStream, Trouble> {
        let found = self.dns.resolve(host, port).await.map_err(|error| Trouble::Unreachable(error.into()))?;
        let (good, denied): (Vec<SocketAddr>, Vec<SocketAddr>) =
            found.into_iter().partition(|found| allowed(found.ip()));
        match (good.is_empty(), denied.first()) {
            (true, Some(address)) => Err(Trouble::Denied(address.ip())),
            (true, None) => Err(Trouble::Unreachable("the name has no address".into())),
            (false, _) => race(good).await,
        }
    }
}

/// Tries the addresses in order, the next one beside a silent one.
async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, Trouble> {
    use futures_util::stream::{FuturesUnordered, StreamExt};
    let mut attempts = FuturesUnordered::new();
    for (number, address) in addresses.into_iter().take(8).enumerate() {
        attempts.push(async move {
            if number > 0 {
                tokio::time::sleep(STAGGER * u32::try_from(number).unwrap_or(8)).await;
            }
            TcpStream::connect(address).await
        });
    }
    let mut last = None;
    while let Some(result) = attempts.next().await {
        match result {
            Ok(stream) => {
                // A streamed token must not wait for the next one.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(Trouble::Unreachable(last.map_or_else(|| "no address answered".into(), Into::into)))
}

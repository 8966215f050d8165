//! The way out through an HTTP proxy: CONNECT, for every scheme (RFC 9110, 9.3.6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::snapshot::{Origin, OutboundProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::upstream::trouble::Trouble;

/// The largest answer to a CONNECT.
const MAX_HEAD: usize = 16 * 1024;

/// Asks the proxy at the other end of `stream` for a tunnel to the origin.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    proxy: &OutboundProxy,
    origin: &Origin,
) -> Result<(), Trouble> {
    let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.clone() };
    let target = format!("{host}:{}", origin.port);
    let login = proxy
        .login
        .as_ref()
        .map(|login| format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(login.expose())));
    let ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{}\r\n", login.unwrap_or_default());
    let failed = |error: std::io::Error| Trouble::Proxy(error.to_string());
    stream.write_all(ask.as_bytes()).await.map_err(failed)?;
    let mut head = Vec::with_capacity(512);
    // One byte at a time: what follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MAX_HEAD {
            return Err(Trouble::Proxy("its answer to CONNECT has no end".to_owned()));
        }
        head.push(stream.read_u8().await.map_err(failed)?);
    }
    let status = head.get(9..12).unwrap_or_default();
    if head.starts_with(b"HTTP/1.") && status == b"200" {
        return Ok(());
    }
    Err(Trouble::Proxy(format!("it answered CONNECT with status {}", String::from_utf8_lossy(status))))
}

//! The upstream of a run: our own mock in a process of its own, told over HTTP how to behave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::authority::Authority;
use super::machine::Cores;
use super::process::Process;
use super::{free_port, local};
use crate::mock::{Behaviour, Counts};

/// An upstream that runs.
pub(crate) struct Upstream {
    /// The process.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) port: u16,
    encrypted: bool,
}

impl Upstream {
    /// Starts one, encrypted if an authority is given.
    pub(crate) fn start(folder: &Path, cores: &Cores, authority: Option<&Authority>) -> Result<Self> {
        let port = free_port()?;
        let bench = std::env::current_exe()?.display().to_string();
        let mut command = vec![bench, "mock".to_owned(), "--listen".to_owned(), local(port).to_string()];
        if let Some(Authority { cert, key, .. }) = authority {
            command.extend(["--cert".to_owned(), cert.display().to_string()]);
            command.extend(["--key".to_owned(), key.display().to_string()]);
        }
        let name = if authority.is_some() { "upstream-tls" } else { "upstream" };
        let mut process = Process::start(name, &command, cores, &folder.join(name))?;
        process.until(|| TcpStream::connect(local(port)).is_ok())?;
        Ok(Self { process, port, encrypted: authority.is_some() })
    }

    /// Tells it how to behave. Over TLS it cannot be told, and behaves as by default.
    pub(crate) fn behave(&self, behaviour: &Behaviour) -> Result<()> {
        if !self.encrypted {
            get(local(self.port), &format!("/bench/behave?{}", behaviour.query()))?;
        }
        Ok(())
    }

    /// What it served so far.
    pub(crate) fn counts(&self) -> Result<Counts> {
        Counts::read(&get(local(self.port), "/bench/counts")?)
    }
}

/// The body of an answer with status 200.
pub(crate) fn get(from: SocketAddr, path: &str) -> Result<Vec<u8>> {
    exchange(from, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Sends a request by hand that closes its connection, and gives the body of an answer with status 200.
pub(crate) fn exchange(with: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut socket = TcpStream::connect_timeout(&with, Duration::from_secs(2))?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    socket.write_all(request)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let head = crate::engine::head::answer(&answer)?.with_context(|| format!("{with} gave no answer"))?;
    let mut content = Vec::new();
    let mut body = head.body;
    body.read(&answer[head.length..], |part| content.extend_from_slice(part))?;
    let said = String::from_utf8_lossy(&content);
    ensure!(
        head.status == 200,
        "{with} answered {} with {}",
        head.status,
        said.chars().take(300).collect::<String>()
    );
    Ok(content)
}

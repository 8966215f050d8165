//! A caller which writes the bytes it is given and reads answers strictly. Every read has a deadline of 10 s, so a
//! test fails and never hangs.

use crate::line::{Io, Line};
use crate::wire::{Body, Head, Length, Wire, header};
use bytes::Bytes;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// How long a read or a write may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status of the final answer.
    pub status: u16,
    /// Statuses of the 1xx answers before it.
    pub interim: Vec<u16>,
    /// Header lines in order.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Bytes,
    /// Head and body data as they came (chunk sizes and trailers after them).
    pub raw: Bytes,
    /// Whether the body ended as its framing says.
    pub complete: bool,
}

impl Answer {
    /// The first value of a header, its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `error.code` of an OpenAI-shaped error.
    pub fn error_code(&self) -> Option<String> {
        self.json()["error"]["code"].as_str().map(str::to_owned)
    }

    /// The events of the body: (event name or empty, data with its lines joined by `\n`). An unfinished last event
    /// is left out, as a browser does.
    pub fn sse_events(&self) -> Vec<(String, String)> {
        let text = self.text().replace("\r\n", "\n").replace('\r', "\n");
        let mut events = Vec::new();
        let (mut name, mut data) = (String::new(), Vec::new());
        for line in text.split_inclusive('\n') {
            let Some(line) = line.strip_suffix('\n') else { break };
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => {
                    if !data.is_empty() {
                        events.push((std::mem::take(&mut name), data.join("\n")));
                    }
                    name.clear();
                    data.clear();
                }
                "event" => value.clone_into(&mut name),
                "data" => data.push(value.to_owned()),
                _ => {}
            }
        }
        events
    }
}

/// One connection of a caller.
pub struct Caller {
    wire: Wire<Line>,
}

impl Caller {
    /// Connects, without Nagle's delay.
    pub async fn connect(addr: SocketAddr) -> Caller {
        Self::connect_patiently(addr, PATIENCE).await
    }

    /// Connects, for reads that may take that long.
    pub async fn connect_patiently(addr: SocketAddr, patience: Duration) -> Caller {
        let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(addr)).await;
        let stream = stream.expect("a connection within the deadline").expect("a listener");
        stream.set_nodelay(true).expect("a fresh socket takes options");
        Caller { wire: Wire::new(Line::Plain(stream), Some(patience)) }
    }

    /// Speaks over a layer (TLS) which a test has set up; `reset` is then a plain close.
    pub fn over(layer: Box<dyn Io>) -> Caller {
        Caller { wire: Wire::new(Line::Layered(layer, None), Some(PATIENCE)) }
    }

    /// Sends and flushes.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let line = &mut self.wire.from;
        let send = async {
            line.write_all(bytes.as_ref()).await?;
            line.flush().await
        };
        tokio::time::timeout(PATIENCE, send).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Sends in pieces cut at these offsets, with a moment between them so that they arrive apart.
    pub async fn send_split(&mut self, bytes: &[u8], at: &[usize]) -> io::Result<()> {
        let mut from = 0;
        for to in at.iter().copied().chain([bytes.len()]) {
            if to <= from || to > bytes.len() {
                continue;
            }
            if from > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            self.send(&bytes[from..to]).await?;
            from = to;
        }
        Ok(())
    }

    /// Reads one answer; panics when none comes.
    pub async fn read_answer(&mut self) -> Answer {
        self.try_read_answer().await.expect("an answer")
    }

    /// Reads one final answer, and the 1xx ones before it (101 is final). `UnexpectedEof` when the peer closed before
    /// a whole head, `InvalidData` when what came is none.
    pub async fn try_read_answer(&mut self) -> io::Result<Answer> {
        self.answer_to("").await
    }

    /// Reads the answer to a HEAD request, which has no body whatever its head says.
    pub async fn try_read_answer_to_head(&mut self) -> io::Result<Answer> {
        self.answer_to("HEAD").await
    }

    /// Waits until a head has come, which the next `read_answer` will read as if nothing had happened.
    pub async fn wait_for_head(&mut self) -> io::Result<()> {
        while memchr::memmem::find(&self.wire.ahead, b"\r\n\r\n").is_none() {
            if self.wire.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    async fn answer_to(&mut self, method: &str) -> io::Result<Answer> {
        let begun = self.read_head().await?;
        let length = if method == "HEAD" { Length::Exactly(0) } else { begun.length };
        let mut body = Body::new(true);
        let complete = match self.wire.body(length, &mut body).await {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
            ended => ended.unwrap_or(false),
        };
        Ok(Answer {
            status: begun.status,
            interim: begun.interim,
            headers: begun.headers,
            raw: [&begun.raw[..], &body.bytes, &body.framing].concat().into(),
            body: body.bytes.freeze(),
            complete,
        })
    }

    /// Reads the head of a final answer, and the 1xx ones before it.
    pub(crate) async fn read_head(&mut self) -> io::Result<Begun> {
        let mut interim = Vec::new();
        loop {
            let raw = self.wire.through(b"\r\n\r\n").await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let (head, status) = parse(&raw).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("no head: {:?}", String::from_utf8_lossy(&raw)),
                )
            })?;
            if status < 200 && status != 101 {
                interim.push(status);
                continue;
            }
            let length = if matches!(status, 101 | 204 | 304) {
                Length::Exactly(0)
            } else if head.is_chunked() {
                Length::Chunked
            } else {
                head.content_length().map_or(Length::ToClose, Length::Exactly)
            };
            return Ok(Begun { status, interim, headers: head.headers, raw, length });
        }
    }

    /// The next piece of a body delimited so, as soon as it is there; `None`: it has ended as it should.
    pub(crate) async fn read_piece(&mut self, length: &mut Length) -> io::Result<Option<Bytes>> {
        self.wire.piece(length).await
    }

    /// What comes next, at least one byte; empty when the peer has closed.
    pub async fn read_some(&mut self) -> io::Result<Bytes> {
        if self.wire.ahead.is_empty() {
            self.wire.fill().await?;
        }
        Ok(self.wire.ahead.split().freeze())
    }

    /// Everything until the peer closes. A reset counts as closing; only the deadline is an error.
    pub async fn read_to_close(&mut self) -> io::Result<Bytes> {
        loop {
            match self.wire.fill().await {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
                Ok(1..) => {}
                _ => return Ok(self.wire.ahead.split().freeze()),
            }
        }
    }

    /// Sends FIN and goes on reading.
    pub async fn finish_writing(&mut self) -> io::Result<()> {
        self.wire.from.shutdown().await
    }

    /// Ends the connection with RST.
    pub fn reset(self) {
        self.wire.from.reset();
    }
}

/// An answer whose body is still to come.
pub(crate) struct Begun {
    pub(crate) status: u16,
    pub(crate) interim: Vec<u16>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) raw: Bytes,
    pub(crate) length: Length,
}

fn parse(raw: &[u8]) -> Option<(Head, u16)> {
    let head = Head::parse(raw)?;
    let status = head.first.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    Some((head, status))
}

/// One request on a fresh connection, with `host`, `content-length` and `connection: close` added.
pub async fn ask(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Answer {
    let body = body.as_ref();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    let mut caller = Caller::connect(addr).await;
    // An early answer may close while we still send: what was answered counts, not that the rest was refused.
    drop(caller.send([head.as_bytes(), b"\r\n", body].concat()).await);
    caller.answer_to(method).await.expect("an answer")
}

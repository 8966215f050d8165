//! What a caller of a streamed chat sees, as an OpenAI client reads it: text, finish reason, usage, `[DONE]`, errors, and when.

use crate::caller::Caller;
use crate::failing::same;
use serde_json::Value;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As its framing says.
    Whole,
    /// It broke off, or never began: a library throws here.
    Cut,
    /// Nothing more came for as long as the caller would wait.
    Never,
}

/// One answer, as its caller saw it. Times count from the moment the request was sent.
#[derive(Clone)]
pub struct View {
    /// When the request was sent.
    pub asked: Instant,
    /// The status; 0 without an answer.
    pub status: u16,
    /// Header lines in order.
    pub headers: Vec<(String, String)>,
    /// The assistant's text of the first choice.
    pub text: String,
    /// When the first of it came.
    pub first_text: Option<Duration>,
    /// Each finish reason that was said, and when.
    pub finish: Vec<(String, Duration)>,
    /// Each usage that was told.
    pub usage: Vec<Value>,
    /// The models that answered, each once, in order.
    pub models: Vec<String>,
    /// The ids of the answer, each once, in order.
    pub ids: Vec<String>,
    /// Each error that was told: an event of a stream, or the whole answer.
    pub errors: Vec<Value>,
    /// Events that are no JSON: official clients throw here.
    pub malformed: Vec<String>,
    /// How often `[DONE]` came.
    pub done: usize,
    /// Something came behind `[DONE]`.
    pub after_done: bool,
    /// How it ended.
    pub ended: Ended,
    /// How long it all took.
    pub took: Duration,
    /// A line that has not ended, and the data of an event that has not.
    unread: (Vec<u8>, Vec<String>),
}

impl View {
    /// Asks for a chat, and reads until the answer ends or nothing has come for `patience`.
    pub async fn of(addr: SocketAddr, body: &str, patience: Duration) -> View {
        let mut view = View::empty();
        let ended = view.read(addr, body, patience).await;
        view.took = view.asked.elapsed();
        view.ended = match ended {
            Ok(()) => Ended::Whole,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ended::Never,
            Err(_) => Ended::Cut,
        };
        view
    }

    /// Whether the caller has the whole text of the failing vendors, once, properly finished, and not a word of trouble.
    pub fn is_whole(&self) -> bool {
        self.status == 200
            && self.ended == Ended::Whole
            && same(&self.text)
            && self.finish.iter().map(|(reason, _)| reason).eq(["stop"])
            && self.done <= 1
            && !self.is_troubled()
    }

    /// Whether anything came that an official client would stumble over or raise.
    pub fn is_troubled(&self) -> bool {
        !self.errors.is_empty() || !self.malformed.is_empty() || self.after_done
    }

    /// `code` of the first error.
    pub fn error_code(&self) -> Option<&str> {
        self.errors.first()?["code"].as_str()
    }

    /// The first value of a header, its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        crate::wire::header(&self.headers, name)
    }

    fn empty() -> View {
        View {
            asked: Instant::now(),
            status: 0,
            headers: Vec::new(),
            text: String::new(),
            first_text: None,
            finish: Vec::new(),
            usage: Vec::new(),
            models: Vec::new(),
            ids: Vec::new(),
            errors: Vec::new(),
            malformed: Vec::new(),
            done: 0,
            after_done: false,
            ended: Ended::Never,
            took: Duration::ZERO,
            unread: (Vec::new(), Vec::new()),
        }
    }

    async fn read(&mut self, addr: SocketAddr, body: &str, patience: Duration) -> io::Result<()> {
        let mut caller = Caller::connect_patiently(addr, patience).await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.asked = Instant::now();
        caller.send([head.as_bytes(), body.as_bytes()].concat()).await?;
        let mut begun = caller.read_head().await?;
        self.status = begun.status;
        let kind = crate::wire::header(&begun.headers, "content-type").unwrap_or_default();
        let streamed = kind.starts_with("text/event-stream");
        self.headers = begun.headers;
        let mut plain = Vec::new();
        while let Some(piece) = caller.read_piece(&mut begun.length).await? {
            if streamed {
                self.takes(&piece);
            } else {
                plain.extend_from_slice(&piece);
            }
        }
        if !streamed {
            self.event(&String::from_utf8_lossy(&plain));
        }
        Ok(())
    }

    /// Takes bytes of an event stream, and looks at each event that is whole.
    fn takes(&mut self, piece: &[u8]) {
        self.unread.0.extend_from_slice(piece);
        while let Some(end) = self.unread.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread.0.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() {
                let data = std::mem::take(&mut self.unread.1);
                if !data.is_empty() {
                    self.event(&data.join("\n"));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                self.unread.1.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
            }
        }
    }

    fn event(&mut self, data: &str) {
        let now = self.asked.elapsed();
        self.after_done |= self.done > 0;
        if data == "[DONE]" {
            self.done += 1;
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(data) else {
            self.malformed.push(data.to_owned());
            return;
        };
        if event["error"].is_object() {
            self.errors.push(event["error"].clone());
        }
        note(&mut self.models, &event["model"]);
        note(&mut self.ids, &event["id"]);
        if event["usage"].is_object() {
            self.usage.push(event["usage"].clone());
        }
        let choice = &event["choices"][0];
        for part in [&choice["delta"]["content"], &choice["message"]["content"]] {
            if let Some(text) = part.as_str().filter(|text| !text.is_empty()) {
                self.first_text.get_or_insert(now);
                self.text.push_str(text);
            }
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish.push((reason.to_owned(), now));
        }
    }
}

/// On one line, and no more than somebody needs who looks for what went wrong.
impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.text.split_whitespace().count();
        write!(f, "status {}, {words} words, finish {:?}, ", self.status, self.finish)?;
        write!(f, "[DONE] {} times, {} usages, by {:?}, ", self.done, self.usage.len(), self.models)?;
        for (what, some) in [("errors", &self.errors), ("usage", &self.usage)] {
            for value in some {
                write!(f, "{what} {value}, ")?;
            }
        }
        if !self.malformed.is_empty() || self.after_done {
            write!(f, "no JSON: {:?}, more behind [DONE]: {}, ", self.malformed, self.after_done)?;
        }
        let told = |(name, _): &&(String, String)| {
            name.starts_with("retry-after") || name.starts_with("x-openai-proxy-")
        };
        for (name, value) in self.headers.iter().filter(told) {
            write!(f, "{name}: {value}, ")?;
        }
        write!(f, "ended {:?} after {:?}", self.ended, self.took)
    }
}

fn note(known: &mut Vec<String>, value: &Value) {
    if let Some(value) = value.as_str().filter(|value| !known.iter().any(|known| known == value)) {
        known.push(value.to_owned());
    }
}

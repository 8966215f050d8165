//! What a vendor does about a request, from a polite answer to a reset in the middle of a chunk.

use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// One deed.
#[derive(Clone, Debug)]
pub enum Act {
    /// A head built from parts, then a body in steps.
    Answer(Answer),
    /// Bytes as they are; `Ending::Clean` means the connection goes on with the next request.
    Raw(Vec<Step>, Ending),
    /// Says nothing, and keeps the connection until the peer closes it.
    Hang,
    /// Closes (FIN) without a byte.
    Close,
    /// Resets (RST) without a byte.
    Reset,
    /// 101 with the right `Sec-WebSocket-Accept`, then every byte is recorded and sent back.
    Upgrade,
}

/// A piece of a body, or a pause in it.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends these bytes, as one chunk when the answer is chunked.
    Send(Bytes),
    /// Sends these bytes unframed, also in a chunked answer: to break the framing on purpose.
    Verbatim(Bytes),
    /// Waits that long.
    Wait(Duration),
    /// Waits until the test says go on.
    WaitFor(Arc<Notify>),
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As its framing says; the connection can be used again (unless the framing is `Close`).
    Clean,
    /// As its framing says, then FIN, unannounced: an idle connection closed under the pool.
    CleanThenFin,
    /// FIN where we are, without the end of the framing.
    Fin,
    /// RST where we are.
    Reset,
    /// Nothing more, until the peer closes.
    Hang,
}

/// How an answer's body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `content-length`, the sum of the steps.
    Length,
    /// `content-length` as claimed here, true or not.
    Claimed(u64),
    /// `transfer-encoding: chunked`.
    Chunked,
    /// No length: the end is the end of the connection.
    Close,
}

/// An answer in parts.
#[derive(Clone, Debug)]
pub struct Answer {
    /// How long before the head.
    pub late: Duration,
    /// Status code.
    pub status: u16,
    /// Header lines; the framing's own is added to them.
    pub headers: Vec<(String, String)>,
    /// How the body is delimited.
    pub framing: Framing,
    /// The body.
    pub steps: Vec<Step>,
    /// How it ends.
    pub ending: Ending,
}

impl Act {
    /// A JSON answer with its length.
    pub fn json(status: u16, body: &Value) -> Act {
        Answer::plain(status, body.to_string()).header("content-type", "application/json").into()
    }

    /// A text answer with its length.
    pub fn text(status: u16, body: impl Into<Bytes>) -> Act {
        Answer::plain(status, body).header("content-type", "text/plain").into()
    }

    /// A chunked event stream, one chunk per event; each string is the `data` of one event.
    pub fn sse<S: AsRef<str>>(events: impl IntoIterator<Item = S>) -> Act {
        events.into_iter().fold(Answer::events(), |answer, event| answer.event(event.as_ref())).into()
    }

    /// Raw bytes, then the given ending.
    pub fn raw(bytes: impl Into<Bytes>, ending: Ending) -> Act {
        Act::Raw(vec![Step::Send(bytes.into())], ending)
    }
}

impl Answer {
    /// A body with `content-length`.
    pub fn plain(status: u16, body: impl Into<Bytes>) -> Answer {
        Answer {
            late: Duration::ZERO,
            status,
            headers: Vec::new(),
            framing: Framing::Length,
            steps: vec![Step::Send(body.into())],
            ending: Ending::Clean,
        }
    }

    /// A chunked answer without a body yet.
    pub fn stream(status: u16) -> Answer {
        Answer {
            late: Duration::ZERO,
            status,
            headers: Vec::new(),
            framing: Framing::Chunked,
            steps: Vec::new(),
            ending: Ending::Clean,
        }
    }

    /// A chunked `text/event-stream` without an event yet.
    pub fn events() -> Answer {
        Answer::stream(200).header("content-type", "text/event-stream")
    }

    /// Adds a header line.
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Begins that late.
    pub fn late(mut self, late: Duration) -> Answer {
        self.late = late;
        self
    }

    /// Sets the framing.
    pub fn framing(mut self, framing: Framing) -> Answer {
        self.framing = framing;
        self
    }

    /// Adds a piece of body.
    pub fn send(self, bytes: impl Into<Bytes>) -> Answer {
        self.step(Step::Send(bytes.into()))
    }

    /// Adds one server-sent event with this data.
    pub fn event(self, data: &str) -> Answer {
        self.send(format!("data: {data}\n\n"))
    }

    /// Adds a pause.
    pub fn wait(self, pause: Duration) -> Answer {
        self.step(Step::Wait(pause))
    }

    /// Adds a stop until `go` is notified (`notify_one` also works when it comes first).
    pub fn wait_for(self, go: &Arc<Notify>) -> Answer {
        self.step(Step::WaitFor(go.clone()))
    }

    /// Adds a step.
    pub fn step(mut self, step: Step) -> Answer {
        self.steps.push(step);
        self
    }

    /// Sets the ending.
    pub fn ending(mut self, ending: Ending) -> Answer {
        self.ending = ending;
        self
    }

    /// The bytes of the body, without its framing and pauses.
    pub fn body(&self) -> Vec<u8> {
        let bytes = self.steps.iter().filter_map(|step| match step {
            Step::Send(bytes) | Step::Verbatim(bytes) => Some(&bytes[..]),
            Step::Wait(_) | Step::WaitFor(_) => None,
        });
        bytes.collect::<Vec<_>>().concat()
    }

    pub(crate) fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} Testkit\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // 204 and 304 have no body, and a length on them would be a lie nobody asked for.
        if !matches!(self.status, 204 | 304) {
            head.push_str(&match self.framing {
                Framing::Length => {
                    format!("content-length: {}\r\n", self.steps.iter().map(Step::len).sum::<usize>())
                }
                Framing::Claimed(length) => format!("content-length: {length}\r\n"),
                Framing::Chunked => "transfer-encoding: chunked\r\n".to_owned(),
                Framing::Close => "connection: close\r\n".to_owned(),
            });
        }
        head + "\r\n"
    }
}

impl From<Answer> for Act {
    fn from(answer: Answer) -> Act {
        Act::Answer(answer)
    }
}

impl Step {
    fn len(&self) -> usize {
        match self {
            Step::Send(bytes) | Step::Verbatim(bytes) => bytes.len(),
            Step::Wait(_) | Step::WaitFor(_) => 0,
        }
    }
}

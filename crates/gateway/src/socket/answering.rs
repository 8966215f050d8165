//! One answer, told in messages: each event of its stream is one, its JSON as it came.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body::Body as _;
use protocol::dialect::Dialect;
use protocol::fault::{self, Kind};
use protocol::frame::sse::Splitter;
use protocol::kept::{self, Create};
use serde::Deserialize;

use super::Hearing;
use crate::relay::RelayBody;

/// Headers of a refusal that are told with it.
const TOLD: [&str; 3] = ["x-request-id", "retry-after", "retry-after-ms"];
/// A longer event is no event.
const LONGEST: usize = 64 << 20;

/// An answer that is being told.
pub(super) struct Answering {
    create: Create,
    stage: Stage,
}

enum Stage {
    Coming(Hearing),
    Flowing(Box<Flow>),
    /// It is told whole.
    Whole(Box<Whole>),
    Over {
        refused: bool,
    },
}

/// A stream of events.
struct Flow {
    body: Pin<Box<RelayBody>>,
    splitter: Splitter,
    /// Events that have come, and what has come of the next.
    events: std::collections::VecDeque<Bytes>,
    begun: BytesMut,
    /// Its last event has been told.
    complete: bool,
}

/// An answer that is no stream.
struct Whole {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Pin<Box<RelayBody>>,
    read: BytesMut,
}

/// What is said.
pub(super) enum Said {
    /// A message.
    Event(String),
    /// That is all; or its caller is none that may ask.
    Over { refused: bool },
}

/// What is looked at of an event.
#[derive(Deserialize)]
struct Kinded<'e> {
    #[serde(default, borrow)]
    r#type: Option<std::borrow::Cow<'e, str>>,
}

impl Answering {
    pub(super) fn new(create: Create, hearing: Hearing) -> Self {
        Self { create, stage: Stage::Coming(hearing) }
    }

    /// What is said next. Dropped before it is ready it loses nothing.
    pub(super) async fn next(&mut self) -> Said {
        loop {
            match &mut self.stage {
                Stage::Coming(hearing) => self.stage = Stage::of(hearing.as_mut().await),
                Stage::Flowing(flow) => match flow.next().await {
                    Some(data) => return Said::Event(self.create.event(&data)),
                    None => self.stage = Stage::Over { refused: false },
                },
                Stage::Whole(whole) => {
                    let text = whole.read().await;
                    let refused = whole.status == StatusCode::UNAUTHORIZED;
                    self.stage = Stage::Over { refused };
                    return Said::Event(self.create.event(&text));
                }
                Stage::Over { refused } => return Said::Over { refused: *refused },
            }
        }
    }
}

impl Stage {
    fn of(response: http::Response<RelayBody>) -> Self {
        let (head, body) = response.into_parts();
        let body = Box::pin(body);
        let kind = head.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()).unwrap_or_default();
        if head.status.is_success() && kind.starts_with(b"text/event-stream") {
            let (splitter, events, begun) = Default::default();
            return Self::Flowing(Box::new(Flow { body, splitter, events, begun, complete: false }));
        }
        let told = |name: &&'static str| {
            let value = head.headers.get(*name)?.to_str().ok()?;
            Some((*name, value.to_owned()))
        };
        let headers = TOLD.iter().filter_map(told).collect();
        Self::Whole(Box::new(Whole { status: head.status, headers, body, read: BytesMut::new() }))
    }
}

impl Flow {
    /// The data of the next event; `None`: that was the last.
    async fn next(&mut self) -> Option<String> {
        loop {
            while let Some(event) = self.events.pop_front() {
                if let Some(data) = data(&event) {
                    return Some(self.told(data));
                }
            }
            match piece(&mut self.body).await {
                Some(Ok(piece)) if self.begun.len() <= LONGEST => self.take(&piece),
                None if self.complete => return None,
                // Its caller would wait for an end that does not come.
                _ => {
                    self.complete = true;
                    self.begun.clear();
                    let (kind, say) =
                        (Kind::UpstreamInterrupted, "The answer broke off before it was complete.");
                    let body = fault::body(kind, say, None, Dialect::OpenAi);
                    return Some(kept::error(kind.meaning().status.as_u16(), body.as_bytes(), &[]));
                }
            }
        }
    }

    fn take(&mut self, piece: &[u8]) {
        let (mut from, begun, events) = (0, &mut self.begun, &mut self.events);
        self.splitter.push(piece, |end| {
            begun.extend_from_slice(&piece[from..end]);
            from = end;
            events.push_back(begun.split().freeze());
        });
        self.begun.extend_from_slice(&piece[from..]);
    }

    /// An event as a message: an error has another form there.
    fn told(&mut self, data: String) -> String {
        let kind = serde_json::from_str::<Kinded<'_>>(&data).ok().and_then(|event| event.r#type);
        match kind.as_deref() {
            Some("response.completed" | "response.incomplete" | "response.failed") => self.complete = true,
            Some("error") | None => {
                self.complete = true;
                return kept::error(StatusCode::BAD_GATEWAY.as_u16(), data.as_bytes(), &[]);
            }
            Some(_) => {}
        }
        data
    }
}

impl Whole {
    /// A refusal; or an answer that was to be a stream, and is its last event.
    async fn read(&mut self) -> String {
        while let Some(Ok(piece)) = piece(&mut self.body).await {
            self.read.extend_from_slice(&piece);
        }
        if self.status.is_success()
            && let Ok(response) = serde_json::from_slice::<serde_json::Value>(&self.read)
            && response["object"] == "response"
        {
            return serde_json::json!({"type": "response.completed", "response": response}).to_string();
        }
        let status = if self.status.is_success() { StatusCode::BAD_GATEWAY } else { self.status };
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        kept::error(status.as_u16(), &self.read, &headers)
    }
}

/// The next piece of a body.
async fn piece(body: &mut Pin<Box<RelayBody>>) -> Option<Result<Bytes, crate::error::BoxError>> {
    loop {
        let frame = std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await?;
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            // Trailers.
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// The data of an event, if it has any that is JSON.
fn data(event: &[u8]) -> Option<String> {
    let event = std::str::from_utf8(event).ok()?;
    let event = event.strip_prefix('\u{feff}').unwrap_or(event);
    let lines = event.split(['\n', '\r']).filter_map(|line| line.strip_prefix("data:"));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let data = lines.join("\n");
    (data.starts_with('{')).then_some(data)
}

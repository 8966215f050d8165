//! The conversation over one WebSocket: what its caller asks is answered one after the other.
//!
//! Source: OpenAI's guide "WebSocket mode", November 2026: requests are answered in the order in which they come, a connection lasts an hour
//! at most, and what went wrong with a request is told as an event and ends nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::Snapshot;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::Method;
use hyper::Request;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::dialect::Dialect;
use protocol::fault::{self, Kind};
use protocol::kept::{self, Create, Unsaid};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::answering::{Answering, Said};
use super::pending::{Followed, Pending};
use super::{House, Letterhead};
use crate::account::Meter;
use crate::intake::{Arriving, Peer};
use crate::life::State;
use crate::shelf::Recent;

/// How long one lasts.
const LONGEST: Duration = Duration::from_secs(3600);
/// So many requests wait, and so much of them as one may have; then nothing more is read until one of them is begun.
const WAITING: usize = 16;
/// How often is looked whether it may go on.
const LOOK: Duration = Duration::from_secs(1);
/// How long its caller has to close it, too.
const FAREWELL: Duration = Duration::from_secs(2);
/// What of a message is read at once.
const READ: usize = 8 * 1024;

type Socket = WebSocketStream<Followed<TokioIo<Upgraded>>>;

/// One WebSocket.
pub(super) struct Session {
    house: House,
    peer: Peer,
    letterhead: Letterhead,
    recent: Arc<Recent>,
    waiting: VecDeque<Create>,
    answering: Option<Answering>,
    pending: Pending,
}

/// Why it ends.
enum Over {
    /// Its caller has left, or does not read: there is nobody to tell.
    Gone,
    /// Its caller closed it, and is told so by the same code (RFC 6455, 5.5.1).
    Left,
    /// This is told.
    Closed(CloseCode, &'static str),
}

/// What happened.
enum Event {
    Heard(Option<Result<Message, Error>>),
    Said(Said),
    Look,
    Drains,
}

/// What its clocks know.
struct Clocks {
    opened: Instant,
    heard: Instant,
    pinged: Instant,
    /// The configuration its caller was last admitted by.
    world: Arc<Snapshot>,
}

impl Session {
    pub(super) fn new(house: House, peer: Peer, letterhead: Letterhead, recent: Arc<Recent>) -> Self {
        let (waiting, pending) = Default::default();
        Self { house, peer, letterhead, recent, waiting, answering: None, pending }
    }

    /// Speaks until either side ends it. The meter is that of its opening.
    pub(super) async fn run(mut self, upgrade: OnUpgrade, mut meter: Box<Meter>) {
        let Ok(upgraded) = upgrade.await else { return };
        let most = usize::try_from(self.house.gateway.world().server.limits.body).unwrap_or(usize::MAX);
        let followed = Followed::new(TokioIo::new(upgraded), self.pending.clone());
        let config = WebSocketConfig::default()
            .read_buffer_size(READ)
            .write_buffer_size(0)
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        let socket = WebSocketStream::from_raw_socket(followed, Role::Server, Some(config)).await;
        let (mut out, mut input) = socket.split();
        let mut state = self.house.gateway.life().watch();
        let closed = async {
            let _ = state.wait_for(|state| *state == State::Closed).await;
        };
        let over = tokio::select! {
            over = self.speak(&mut out, &mut input) => over,
            () = closed => Over::Gone,
        };
        // Whatever is still being answered ends with it, and its upstream hears of that.
        self.answering = None;
        let farewell = match over {
            Over::Gone => None,
            // The library has its answer ready.
            Over::Left => Some(None),
            Over::Closed(code, reason) => {
                Some(Some(Message::Close(Some(CloseFrame { code, reason: reason.into() }))))
            }
        };
        if let Some(farewell) = farewell {
            let goodbye = async {
                let _ = match farewell {
                    Some(farewell) => out.send(farewell).await,
                    None => out.flush().await,
                };
                while let Some(Ok(_)) = input.next().await {}
                // What may still come is read, for a connection that ends before takes the farewell along.
                let Ok(mut socket) = out.reunite(input) else { return };
                let _ = socket.get_mut().shutdown().await;
                let mut rest = [0; 1024];
                while matches!(socket.get_mut().read(&mut rest).await, Ok(1..)) {}
            };
            let _ = tokio::time::timeout(FAREWELL, goodbye).await;
        }
        meter.completes();
    }

    async fn speak(&mut self, out: &mut SplitSink<Socket, Message>, input: &mut SplitStream<Socket>) -> Over {
        let now = Instant::now();
        let world = self.house.gateway.world();
        let mut clocks = Clocks { opened: now, heard: now, pinged: now, world };
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut state = self.house.gateway.life().watch();
        let mut draining = false;
        loop {
            if self.answering.is_none() {
                if draining {
                    return Over::Closed(CloseCode::Away, "this gateway is closing");
                }
                self.begin();
            }
            let waits = self.waiting.iter().map(|create| create.body.len() as u64).sum::<u64>();
            let reads = self.waiting.len() < WAITING && waits < clocks.world.server.limits.body;
            let event = tokio::select! {
                said = next(&mut self.answering) => Event::Said(said),
                heard = input.next(), if reads => Event::Heard(heard),
                _ = look.tick() => Event::Look,
                _ = state.wait_for(|state| *state != State::Open), if !draining => Event::Drains,
            };
            if !reads {
                clocks.heard = Instant::now();
                self.pending.excuse(clocks.heard);
            }
            let step = match event {
                Event::Drains => {
                    draining = true;
                    self.waiting.clear();
                    Ok(())
                }
                Event::Said(said) => self.tell(said, out).await,
                Event::Look => self.look(&mut clocks, out).await,
                Event::Heard(heard) => {
                    clocks.heard = Instant::now();
                    self.hear(heard, out).await
                }
            };
            if let Err(over) = step {
                return over;
            }
        }
    }

    /// Begins to answer the next request, if one waits.
    fn begin(&mut self) {
        let Some(create) = self.waiting.pop_front() else { return };
        let (body, recent) = (create.body.clone(), self.recent.clone());
        let mut request = Request::new(Arriving::Message(body, recent));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.letterhead.uri.clone();
        *request.headers_mut() = self.letterhead.head.clone();
        let hearing = (self.house.hear)(self.house.gateway.clone(), self.peer.clone(), request);
        self.answering = Some(Answering::new(create, hearing));
    }

    async fn tell(&mut self, said: Said, out: &mut SplitSink<Socket, Message>) -> Result<(), Over> {
        match said {
            Said::Event(text) => self.send(Message::text(text), out).await,
            Said::Over { refused } => {
                self.answering = None;
                if refused {
                    Err(Over::Closed(CloseCode::Policy, "the key is not one that holds"))
                } else {
                    Ok(())
                }
            }
        }
    }

    async fn hear(
        &mut self,
        heard: Option<Result<Message, Error>>,
        out: &mut SplitSink<Socket, Message>,
    ) -> Result<(), Over> {
        match heard {
            None => Err(Over::Gone),
            Some(Ok(Message::Close(_))) => Err(Over::Left),
            Some(Ok(Message::Text(text))) => self.asked(text.as_bytes(), out).await,
            Some(Ok(Message::Binary(_))) => {
                let say = "Messages are JSON, as text.";
                self.send(Message::text(refusal(Kind::InvalidJson, say, None)), out).await
            }
            // Pings are answered by the library, with the next that is sent.
            Some(Ok(Message::Ping(_))) => self.in_time(out.flush()).await,
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Err(Error::Capacity(_))) => {
                Err(Over::Closed(CloseCode::Size, "a message is larger than server.limits.body"))
            }
            Some(Err(Error::Utf8(_))) => Err(Over::Closed(CloseCode::Invalid, "a text is no UTF-8")),
            Some(Err(Error::Protocol(_))) => {
                Err(Over::Closed(CloseCode::Protocol, "a frame is none of RFC 6455"))
            }
            Some(Err(_)) => Err(Over::Gone),
        }
    }

    async fn asked(&mut self, message: &[u8], out: &mut SplitSink<Socket, Message>) -> Result<(), Over> {
        match kept::create(message) {
            Ok(create) => {
                self.waiting.push_back(create);
                Ok(())
            }
            Err(Unsaid::Nothing) => Ok(()),
            Err(Unsaid::Twice(field)) => {
                let say = format!("`{field}` is given twice. Give it once.");
                self.send(Message::text(refusal(Kind::DuplicateKey, &say, Some(field))), out).await
            }
            Err(Unsaid::Wrong(field, why)) => {
                self.send(Message::text(refusal(Kind::Unsupported, &why, Some(field))), out).await
            }
        }
    }

    /// Looks whether it may go on, and whether its caller is still there.
    async fn look(&mut self, clocks: &mut Clocks, out: &mut SplitSink<Socket, Message>) -> Result<(), Over> {
        let (now, world) = (Instant::now(), self.house.gateway.world());
        let idle = world.server.timeouts.idle;
        if !Arc::ptr_eq(&world, &clocks.world) {
            clocks.world = world;
            let mut opening = Request::new(());
            *opening.method_mut() = Method::POST;
            *opening.uri_mut() = self.letterhead.uri.clone();
            *opening.headers_mut() = self.letterhead.head.clone();
            if !(self.house.admits)(&self.house.gateway, &self.peer, opening) {
                return Err(Over::Closed(CloseCode::Policy, "the key is not one that holds any more"));
            }
        }
        if now - clocks.heard >= idle {
            return Err(Over::Closed(CloseCode::Normal, "nothing was heard"));
        }
        if self.pending.gap(now) >= clocks.world.server.timeouts.body_gap {
            return Err(Over::Closed(CloseCode::Policy, "the rest of a message did not come in time"));
        }
        if now - clocks.opened >= LONGEST && self.answering.is_none() {
            let _ = self.send(Message::text(too_old()), out).await;
            return Err(Over::Closed(CloseCode::Normal, "an hour is over"));
        }
        if now - clocks.pinged >= idle / 3 {
            clocks.pinged = now;
            return self.send(Message::Ping(Bytes::new()), out).await;
        }
        Ok(())
    }

    /// Sends a message to a caller who reads it before long.
    async fn send(&mut self, message: Message, out: &mut SplitSink<Socket, Message>) -> Result<(), Over> {
        self.in_time(out.send(message)).await
    }

    async fn in_time(&mut self, sends: impl Future<Output = Result<(), Error>>) -> Result<(), Over> {
        let patience = self.house.gateway.world().server.timeouts.body_gap;
        match tokio::time::timeout(patience, sends).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Over::Gone),
        }
    }
}

/// What is said next, if anything is being answered.
async fn next(answering: &mut Option<Answering>) -> Said {
    match answering {
        Some(answering) => answering.next().await,
        None => std::future::pending().await,
    }
}

/// A refusal of a message that asks for nothing.
fn refusal(kind: Kind, say: &str, param: Option<&str>) -> String {
    let body = fault::body(kind, say, param, Dialect::OpenAi);
    kept::error(kind.meaning().status.as_u16(), body.as_bytes(), &[])
}

/// It has lasted as long as one does.
fn too_old() -> String {
    const BODY: &str = r#"{"error":{"type":"invalid_request_error","code":"websocket_connection_limit_reached","message":"Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.","param":null}}"#;
    kept::error(400, BODY.as_bytes(), &[])
}

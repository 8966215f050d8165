//! One connection to the upstream: reads requests, and answers each when its time has come.

use std::io::{self, ErrorKind};

use memchr::memmem;

use crate::clock;
use crate::engine::body::Body;
use crate::engine::head;
use crate::engine::wire::Wire;

use super::{Behaviour, House, answers};

/// How much of a body is looked at for whether it asks for a stream.
const LOOKED_AT: usize = 4096;

/// How many chunks are written in a turn when there is no pace.
const BURST: u64 = 16;

/// One connection.
pub(crate) struct Caller {
    wire: Wire,
    token: u64,
    /// Bytes of a request that is not whole, or came before its turn.
    early: Vec<u8>,
    /// The first bytes of the body.
    opening: Vec<u8>,
    state: State,
    close: bool,
}

enum State {
    /// A head is awaited.
    Head,
    /// A body is awaited.
    Body { body: Body, asks: Asks },
    /// The answer goes out at this instant.
    Answer { at: u64, streams: bool },
    /// A stream flows; it began then, and so many chunks have gone out.
    Stream { began: u64, sent: u64, chunks: u64, cut: bool },
    /// Nothing more comes but the rest of what was written.
    Last,
}

/// What a request is for.
#[derive(Clone, Copy)]
enum Asks {
    Chat,
    Models,
    Behave(Option<Behaviour>),
    Counts,
    Other,
}

impl Caller {
    /// Someone has called.
    pub(crate) fn new(wire: Wire, token: u64) -> Self {
        Self { wire, token, early: Vec::new(), opening: Vec::new(), state: State::Head, close: false }
    }

    /// The number this connection is watched under.
    pub(crate) fn token(&self) -> u64 {
        self.token
    }

    /// Is an answer on its way?
    pub(crate) fn is_owed(&self) -> bool {
        matches!(self.state, State::Answer { .. } | State::Stream { .. })
    }

    /// Reads all that is there; the end of the connection is an error.
    pub(crate) fn read(&mut self, buffer: &mut [u8], ended: bool, house: &mut House) -> io::Result<()> {
        loop {
            let count = match self.wire.read(buffer) {
                Ok(0) => return Err(ErrorKind::ConnectionReset.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.take(&buffer[..count], house)?;
            if count < buffer.len() && self.wire.short_read_is_last() && !ended {
                return Ok(());
            }
        }
    }

    /// Writes what was kept, and goes on with a stream that waited for it.
    pub(crate) fn flush(&mut self, house: &mut House) -> io::Result<()> {
        if self.wire.is_clear() {
            return Ok(());
        }
        self.wire.flush()?;
        match self.state {
            State::Last if self.wire.is_clear() => Err(ErrorKind::ConnectionAborted.into()),
            State::Stream { .. } if house.behaviour.pace_us == 0 => self.go_on(clock::now(), house),
            _ => Ok(()),
        }
    }

    /// The instant has come that a timer was set for.
    pub(crate) fn go_on(&mut self, due: u64, house: &mut House) -> io::Result<()> {
        match self.state {
            State::Answer { at, streams } if due >= at => self.answer(streams, house),
            State::Stream { .. } => self.stream(house),
            _ => return Ok(()),
        }?;
        if self.early.is_empty() { Ok(()) } else { self.take_early(house) }
    }

    fn take(&mut self, bytes: &[u8], house: &mut House) -> io::Result<()> {
        if self.early.is_empty() {
            let used = self.parse(bytes, house)?;
            self.early.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        self.early.extend_from_slice(bytes);
        self.take_early(house)
    }

    fn take_early(&mut self, house: &mut House) -> io::Result<()> {
        let early = std::mem::take(&mut self.early);
        let used = self.parse(&early, house)?;
        self.early.extend_from_slice(&early[used..]);
        Ok(())
    }

    /// Reads requests as far as they go, and says how many bytes they were.
    fn parse(&mut self, bytes: &[u8], house: &mut House) -> io::Result<usize> {
        let mut at = 0;
        loop {
            match &mut self.state {
                State::Head => {
                    let Some(asked) = head::request(&bytes[at..]).map_err(io::Error::other)? else {
                        return Ok(at);
                    };
                    at += asked.length;
                    self.close = asked.close;
                    let asks = asks(asked.path);
                    self.opening.clear();
                    let waits = asked.waits;
                    self.state = State::Body { body: asked.body, asks };
                    if waits {
                        self.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                    }
                }
                State::Body { body, asks } => {
                    let opening = &mut self.opening;
                    let used = body.read(&bytes[at..], |part| {
                        let room = LOOKED_AT - opening.len();
                        opening.extend_from_slice(&part[..part.len().min(room)]);
                    });
                    at += used.map_err(io::Error::other)?;
                    if !body.is_done() {
                        return Ok(at);
                    }
                    let asks = *asks;
                    self.asked(asks, house)?;
                }
                _ => return Ok(at),
            }
        }
    }

    /// A request is whole.
    fn asked(&mut self, asks: Asks, house: &mut House) -> io::Result<()> {
        let said = match asks {
            Asks::Chat => {
                house.counts.asked += 1;
                return self.chat(house);
            }
            Asks::Models => house.answers.models.clone(),
            Asks::Behave(Some(behaviour)) => {
                house.behaviour = behaviour;
                answers::whole("200 OK", b"{}")
            }
            Asks::Counts => answers::whole("200 OK", house.counts.write().as_bytes()),
            Asks::Behave(None) | Asks::Other => house.answers.unknown.clone(),
        };
        self.wire.write(&said)?;
        self.answered()
    }

    fn chat(&mut self, house: &mut House) -> io::Result<()> {
        let streams = [b"\"stream\":true".as_slice(), b"\"stream\": true"];
        let streams = streams.iter().any(|wish| memmem::find(&self.opening, wish).is_some());
        if house.behaviour.delay_us == 0 {
            return self.answer(streams, house);
        }
        let at = clock::now() + house.behaviour.delay_us * 1_000;
        self.state = State::Answer { at, streams };
        house.timers.at(at, self.token);
        Ok(())
    }

    fn answer(&mut self, streams: bool, house: &mut House) -> io::Result<()> {
        let Behaviour { broken, busy, cut, chunks, .. } = house.behaviour;
        let fate = if broken + busy + cut > 0.0 { house.dice.share() } else { 1.0 };
        if fate < broken + busy {
            house.counts.failed += 1;
            self.wire.write(if fate < broken { &house.answers.broken } else { &house.answers.busy })?;
            return self.answered();
        }
        let cut = fate < broken + busy + cut;
        house.counts.failed += u64::from(cut);
        if streams {
            self.state = State::Stream { began: clock::now(), sent: 0, chunks, cut };
            return self.stream(house);
        }
        let whole = &house.answers.chat;
        if cut {
            self.wire.write(&whole[..whole.len() / 2])?;
            return self.end();
        }
        self.wire.write(whole)?;
        house.counts.answered += 1;
        self.answered()
    }

    /// Writes the chunks whose time has come, each on its own as a model's words come, and sets a timer for the next.
    fn stream(&mut self, house: &mut House) -> io::Result<()> {
        let State::Stream { began, sent, chunks, cut } = self.state else { return Ok(()) };
        let pace = house.behaviour.pace_us * 1_000;
        let now = clock::now();
        let due = match now.saturating_sub(began).checked_div(pace) {
            Some(steps) => (steps + 1).min(chunks),
            None => (sent + BURST).min(chunks),
        };
        let mut out = Vec::with_capacity(2 * 1024);
        for chunk in sent..due {
            if pace == 0 && !self.wire.is_clear() {
                return Ok(()); // `flush` goes on when there is room
            }
            out.clear();
            if chunk == 0 {
                out.extend_from_slice(&house.answers.stream);
            }
            house.answers.append_chunk(clock::now(), &mut out);
            house.counts.chunks += 1;
            let last = chunk + 1 == chunks;
            if last && !cut {
                out.extend_from_slice(&house.answers.end);
            }
            self.wire.write(&out)?;
            self.state = State::Stream { began, sent: chunk + 1, chunks, cut };
            if cut && (chunk + 1) * 2 >= chunks {
                return self.end();
            }
            if last {
                house.counts.answered += 1;
                return self.answered();
            }
        }
        // Without a pace the others have their turn first.
        house.timers.at(if pace == 0 { clock::now() + 1 } else { began + due * pace }, self.token);
        Ok(())
    }

    /// An answer has gone out: the next request may come, and may be there.
    fn answered(&mut self) -> io::Result<()> {
        if self.close {
            return self.end();
        }
        self.state = State::Head;
        Ok(())
    }

    /// The connection ends when what was written has gone out.
    fn end(&mut self) -> io::Result<()> {
        self.state = State::Last;
        if self.wire.is_clear() { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

fn asks(path: &str) -> Asks {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    match path {
        _ if path.ends_with("/chat/completions") => Asks::Chat,
        _ if path.ends_with("/models") => Asks::Models,
        "/bench/behave" => Asks::Behave(Behaviour::read(query).ok()),
        "/bench/counts" => Asks::Counts,
        _ => Asks::Other,
    }
}

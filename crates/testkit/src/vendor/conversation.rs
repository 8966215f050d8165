//! One connection of the vendor: read a request, ask the script, do what it says, until somebody has had enough.
//!
//! While it sends or waits it also listens: that is how the ledger knows when a peer has gone, and not only when the
//! next write happens to fail.

use super::act::{Act, Answer, Ending, Framing, Step};
use super::handshake;
use super::ledger::{Ledger, Outcome};
use super::{Seen, Setup};
use crate::line::Line;
use crate::wire::{Body, Head, Length, Wire};
use bytes::Bytes;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};

/// The peer closed, or the socket broke.
struct Gone;

/// What becomes of the connection after an act.
enum After {
    Next,
    Fin,
    Cut,
    Reset,
}

struct Conversation<'v> {
    wire: Wire<ReadHalf<Line>>,
    out: WriteHalf<Line>,
    ledger: &'v Ledger,
    number: u64,
}

pub(super) async fn converse(line: Line, connection: u64, setup: &Setup, ledger: &Ledger) {
    let (from, out) = tokio::io::split(line);
    let mut talk = Conversation { wire: Wire::new(from, None), out, ledger, number: 0 };
    let after = loop {
        match talk.exchange(connection, setup).await {
            Ok(After::Next) => {}
            Ok(after) => break after,
            Err(Gone) => break After::Fin,
        }
    };
    ledger.junk(connection, talk.wire.ahead.split().freeze());
    if matches!(after, After::Fin) {
        drop(talk.out.shutdown().await);
    }
    let line = talk.wire.from.unsplit(talk.out);
    match after {
        After::Reset => line.reset(),
        _ => line.cut(),
    }
}

impl Conversation<'_> {
    async fn exchange(&mut self, connection: u64, setup: &Setup) -> Result<After, Gone> {
        let raw = self.wire.through(b"\r\n\r\n").await.ok().flatten().ok_or(Gone)?;
        let head = Head::parse(&raw);
        let Some((head, seen)) =
            head.and_then(|h| Seen::from_head(&h, raw.clone(), connection).map(|s| (h, s)))
        else {
            self.ledger.junk(connection, raw);
            return Ok(After::Fin);
        };
        let mut seen = self.ledger.begin(seen);
        self.number = seen.number;
        let early = setup.early.as_ref().and_then(|early| early(&seen));
        let act = match &early {
            Some(act) => act.clone(),
            None => {
                self.arrive(&head, &mut seen, setup).await?;
                (setup.script)(&seen)
            }
        };
        let head_only = seen.method == "HEAD";
        let result = self.perform(act, &seen, head_only).await;
        self.ledger.end(
            self.number,
            match &result {
                Err(Gone) => Outcome::PeerClosed,
                Ok((_, true)) => Outcome::Delivered,
                Ok((_, false)) => Outcome::Cut,
            },
        );
        let (after, _) = result?;
        if early.is_some() && matches!(after, After::Next) {
            self.arrive(&head, &mut seen, setup).await?;
        }
        Ok(after)
    }

    /// Reads the body into `seen` and into the ledger.
    async fn arrive(&mut self, head: &Head, seen: &mut Seen, setup: &Setup) -> Result<(), Gone> {
        if seen.header("expect").is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue")) {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let length = if head.is_chunked() {
            Length::Chunked
        } else {
            Length::Exactly(head.content_length().unwrap_or(0))
        };
        let mut body = Body::new(setup.keep_bodies);
        let complete = matches!(self.wire.body(length, &mut body).await, Ok(true));
        seen.body = body.bytes.freeze();
        seen.framing = body.framing.freeze();
        (seen.body_len, seen.body_hash) = (body.len, body.hash);
        self.ledger.body(seen, complete);
        if complete {
            return Ok(());
        }
        self.ledger.end(self.number, Outcome::PeerClosed);
        Err(Gone)
    }

    /// Returns what becomes of the connection, and whether the answer was complete.
    async fn perform(&mut self, act: Act, seen: &Seen, head_only: bool) -> Result<(After, bool), Gone> {
        match act {
            Act::Answer(answer) => self.answer(&answer, head_only).await,
            Act::Raw(steps, ending) => {
                self.steps(&steps, false).await?;
                self.finish(ending, true).await
            }
            Act::Hang => self.finish(Ending::Hang, false).await,
            Act::Close => Ok((After::Cut, false)),
            Act::Reset => Ok((After::Reset, false)),
            Act::Upgrade => self.upgrade(seen).await,
        }
    }

    async fn answer(&mut self, answer: &Answer, head_only: bool) -> Result<(After, bool), Gone> {
        if !answer.late.is_zero() {
            self.unless_gone(tokio::time::sleep(answer.late)).await?;
        }
        self.write(answer.head().as_bytes()).await?;
        if head_only {
            return self.finish(answer.ending, false).await;
        }
        let chunked = answer.framing == Framing::Chunked && !matches!(answer.status, 204 | 304);
        self.steps(&answer.steps, chunked).await?;
        if chunked && matches!(answer.ending, Ending::Clean | Ending::CleanThenFin) {
            self.write(b"0\r\n\r\n").await?;
        }
        match (answer.framing, answer.ending) {
            (Framing::Close, Ending::Clean) => self.finish(Ending::CleanThenFin, false).await,
            (_, ending) => self.finish(ending, false).await,
        }
    }

    async fn steps(&mut self, steps: &[Step], chunked: bool) -> Result<(), Gone> {
        for step in steps {
            match step {
                // An empty chunk would be the last one.
                Step::Send(bytes) if chunked && bytes.is_empty() => {}
                Step::Send(bytes) if chunked => {
                    let size = format!("{:x}\r\n", bytes.len());
                    self.write(&[size.as_bytes(), bytes, b"\r\n"].concat()).await?;
                }
                Step::Send(bytes) | Step::Verbatim(bytes) => self.write(bytes).await?,
                Step::Wait(pause) => self.unless_gone(tokio::time::sleep(*pause)).await?,
                Step::WaitFor(go) => self.unless_gone(go.notified()).await?,
            }
        }
        Ok(())
    }

    async fn finish(&mut self, ending: Ending, raw: bool) -> Result<(After, bool), Gone> {
        match ending {
            Ending::Clean => Ok((After::Next, true)),
            Ending::CleanThenFin => Ok((After::Fin, true)),
            // Raw bytes know no framing: once they are out they are delivered, whatever follows.
            Ending::Fin => Ok((After::Cut, raw)),
            Ending::Reset => Ok((After::Reset, false)),
            Ending::Hang => {
                self.wire.until_closed().await;
                Err(Gone)
            }
        }
    }

    async fn upgrade(&mut self, seen: &Seen) -> Result<(After, bool), Gone> {
        self.write(handshake::answer(seen).as_bytes()).await?;
        loop {
            let bytes: Bytes = self.wire.ahead.split().freeze();
            if !bytes.is_empty() {
                self.ledger.upgraded(self.number, &bytes);
                self.write(&bytes).await?;
            }
            if !matches!(self.wire.fill().await, Ok(1..)) {
                return Ok((After::Fin, true));
            }
        }
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let sent = tokio::select! {
                biased;
                sent = self.out.write(bytes) => sent.map_err(|_| Gone)?,
                () = self.wire.until_closed() => return Err(Gone),
            };
            self.ledger.sent(self.number, sent);
            bytes = &bytes[sent..];
        }
        self.out.flush().await.map_err(|_| Gone)
    }

    async fn unless_gone(&mut self, pause: impl Future<Output = ()>) -> Result<(), Gone> {
        tokio::select! {
            biased;
            () = pause => Ok(()),
            () = self.wire.until_closed() => Err(Gone),
        }
    }
}

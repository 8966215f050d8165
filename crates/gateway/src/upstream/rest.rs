//! The rest of an answer: its body, piece by piece as it comes, and the connection it comes through.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use protocol::codec::{Passing, Progress, Tap, Unusable};
use protocol::fault::Kind;
use protocol::frame::chunks::Chunks;
use protocol::usage::Usage;
use protocol::vendor::identity::Grant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::breaking::Breaking;
use super::engine::{Behind, Left, NotSent, Sending, Socket};
use super::pool::Lease;
use super::sieve::{Caught, Repeats, Sieve};
use super::trouble::Trouble;
use crate::spawn;

/// An answer's body. Dropped before its end, its connection is cut at once, which is how an upstream learns that its
/// caller has left.
pub(crate) struct Rest {
    lease: Lease,
    left: Left,
    /// What is still to be sent of the request.
    sending: Option<Sending>,
    keeps: bool,
    watchdog: Option<Watchdog>,
    /// It breaks on purpose.
    drill: Option<Box<Breaking>>,
    /// It is put into its caller's words.
    passing: Option<Box<Passing>>,
    /// It is read beside: what it counts, how far it has come, whether it is complete.
    tap: Option<Box<Tap>>,
    repeats: Option<Repeats>,
    /// It is an error that is looked through as it comes.
    sieve: Option<Box<Sieve>>,
    /// The vendor's own error was not passed on.
    withheld: bool,
    /// What was shown for it. It is held to the end, so that it is known when it is repeated (`Purse::grants`).
    shown: Option<Arc<Grant>>,
}

/// Cuts a connection at its time, unless it ends before.
struct Watchdog(AbortHandle);

impl Rest {
    /// What comes behind the head of an answer.
    pub(in crate::upstream) fn of(behind: Behind, lease: Lease) -> Self {
        let Behind { left, sending, keeps } = behind;
        Self {
            lease,
            left,
            sending,
            keeps,
            watchdog: None,
            drill: None,
            passing: None,
            tap: None,
            repeats: None,
            sieve: None,
            withheld: false,
            shown: None,
        }
    }

    /// Whether all of it has come.
    pub(crate) fn is_over(&self) -> bool {
        self.passing.is_none() && self.sieve.is_none() && self.has_come()
    }

    fn has_come(&self) -> bool {
        matches!(self.left, Left::Nothing) && !self.drill.as_ref().is_some_and(|drill| drill.is_due())
    }

    /// Lets it break on purpose.
    pub(super) fn drill(&mut self, breaking: Breaking) {
        self.drill = Some(Box::new(breaking));
    }

    /// Holds on to what was shown for it.
    pub(super) fn answers(&mut self, shown: Arc<Grant>) {
        self.shown = Some(shown);
    }

    /// How many bytes are still to come, where that is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self.left {
            _ if self.drill.is_some() || self.passing.is_some() || self.sieve.is_some() => None,
            Left::Nothing => Some(0),
            Left::Length(left) => Some(left),
            Left::Chunked(_) | Left::Close => None,
        }
    }

    /// Puts it into its caller's words from here on.
    pub(super) fn translate(&mut self, passing: Passing) {
        self.passing = Some(Box::new(passing));
    }

    /// Reads it beside from here on.
    pub(super) fn tap(&mut self, tap: Option<Tap>) {
        self.tap = tap.map(Box::new);
    }

    /// What it counted so far, where its own language has to be understood for that.
    pub(crate) fn counted(&self) -> Option<Usage> {
        match (&self.passing, &self.tap) {
            (Some(passing), _) => passing.counted(),
            (None, Some(tap)) => tap.counted(),
            (None, None) => None,
        }
    }

    /// How much of the prompt was read, where it was surely cut.
    pub(crate) fn cut(&self) -> Option<u64> {
        self.passing.as_ref().and_then(|passing| passing.cut())
    }

    /// Whether its end is looked for beside its framing, so that words of ours may stand behind it.
    pub(crate) fn is_tapped(&self) -> bool {
        self.tap.is_some()
    }

    /// How far the answer has come, where its language is understood.
    pub(crate) fn progress(&self) -> Option<Progress> {
        match (&self.passing, &self.tap) {
            (Some(passing), _) => Some(passing.progress()),
            (None, tap) => tap.as_ref().map(|tap| tap.progress()),
        }
    }

    /// Nothing more comes: whether an answer that is passed as it came wants its end.
    pub(crate) fn is_cut(&mut self) -> bool {
        self.tap.as_mut().is_some_and(|tap| tap.is_cut())
    }

    /// An error in it that repeats a credential of ours is withheld (T-44).
    pub(super) fn withholds(&mut self, repeats: Repeats) {
        self.repeats = Some(repeats);
    }

    /// Looks it through from here on; what passes at once of what was read ahead.
    ///
    /// # Errors
    /// When that does not pass.
    pub(super) fn sifts(&mut self, mut sieve: Sieve, ahead: Bytes) -> Result<Bytes, Caught> {
        sieve.push(ahead)?;
        let passes = sieve.next().unwrap_or_default();
        self.sieve = Some(Box::new(sieve));
        Ok(passes)
    }

    /// Whether its caller has read in it that it failed.
    pub(crate) fn has_failed(&self) -> bool {
        if self.withheld {
            return false;
        }
        match (&self.passing, &self.tap) {
            (Some(passing), _) => passing.has_failed(),
            (None, tap) => tap.as_ref().is_some_and(|tap| tap.has_failed()),
        }
    }

    /// Whether white space is nothing to the reader of an array, after what has come.
    pub(crate) fn is_between(&self) -> bool {
        // What is put into other words goes out in whole elements.
        self.tap.as_ref().is_none_or(|tap| tap.is_between())
    }

    /// The end of an answer that was complete before its connection broke.
    pub(crate) fn completes(&mut self) -> Option<Bytes> {
        let rest = match (&mut self.passing, &mut self.tap) {
            (Some(passing), _) => passing.end().ok().flatten()?,
            (None, Some(tap)) => tap.is_complete().then(Vec::new)?,
            (None, None) => return None,
        };
        self.passing = None;
        self.left = Left::Nothing;
        self.keeps = false;
        Some(rest.into())
    }

    /// What says in its caller's words that it broke off, where they are understood and there is a place for it.
    pub(crate) fn broken_off(&mut self, kind: Kind, say: &str) -> Option<Bytes> {
        match (&mut self.passing, &self.tap) {
            (Some(passing), _) => Some(passing.broken(kind, say).into()),
            (None, tap) => tap.as_ref()?.broken(kind, say).map(Bytes::from),
        }
    }

    /// Whether all of it has come and is of no use to its caller.
    pub(crate) fn is_spent(&self) -> bool {
        self.passing.as_ref().is_some_and(|passing| passing.is_spent())
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks or ends before the body does, or an answer does that is put into other words.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        let Some(mut passing) = self.passing.take() else {
            let polled = self.poll_sifted(cx);
            if let (Poll::Ready(Some(Ok(piece))), Some(tap)) = (&polled, &mut self.tap) {
                tap.piece(piece);
                if tap.has_failed() && self.repeats_secrets(piece) {
                    return Poll::Ready(Some(Err(self.withhold())));
                }
            }
            return polled;
        };
        let told = loop {
            let polled = self.poll_theirs(cx);
            let told = match polled {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(Some(Ok(piece))) => passing.piece(&piece).map(Some),
                Poll::Ready(Some(Err(trouble))) => break Poll::Ready(Some(Err(trouble))),
                Poll::Ready(None) => match passing.end() {
                    Ok(Some(rest)) if rest.is_empty() => break Poll::Ready(None),
                    Ok(Some(rest)) => Ok(Some(rest)),
                    Ok(None) => {
                        let why = "it ended without saying that its answer was complete";
                        break Poll::Ready(Some(Err(Trouble::Cut(why.into()))));
                    }
                    Err(why) => Err(why),
                },
            };
            match told {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) if passing.has_failed() && self.repeats_secrets(&bytes) => {
                    break Poll::Ready(Some(Err(self.withhold())));
                }
                Ok(bytes) => break Poll::Ready(bytes.map(|bytes| Ok(bytes.into()))),
                Err(why) => break Poll::Ready(Some(Err(self.broken(unusable(why))))),
            }
        };
        self.passing = Some(passing);
        told
    }

    /// What passes the sieve, where there is one.
    fn poll_sifted(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        let Some(mut sieve) = self.sieve.take() else { return self.poll_theirs(cx) };
        loop {
            if let Some(piece) = sieve.next() {
                self.sieve = Some(sieve).filter(|sieve| !sieve.is_over());
                return Poll::Ready(Some(Ok(piece)));
            }
            if sieve.is_over() {
                return Poll::Ready(None);
            }
            let sifted = match self.poll_theirs(cx) {
                Poll::Pending => {
                    self.sieve = Some(sieve);
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok(piece))) => sieve.push(piece),
                Poll::Ready(None) => sieve.end(),
                broken @ Poll::Ready(Some(Err(_))) => return broken,
            };
            if let Err(caught) = sifted {
                return Poll::Ready(Some(Err(self.catch(caught))));
            }
        }
    }

    fn poll_theirs(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        let Some(mut drill) = self.drill.take() else { return self.poll_sent(cx) };
        if drill.is_due() {
            // Once told, it is over.
            let broken = drill.breaks().map(|trouble| Some(Err(self.broken(trouble))));
            self.drill = Some(drill).filter(|_| broken.is_pending());
            return broken;
        }
        let polled = self.poll_sent(cx).map_ok(|piece| drill.passes(piece));
        self.drill = Some(drill);
        polled
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Trouble>>> {
        if let Err(error) = self.go_on_sending(cx) {
            self.left = Left::Nothing;
            self.keeps = false;
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.held_piece() {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if self.has_come() => return Poll::Ready(None),
                Ok(None) => {}
                Err(what) => return Poll::Ready(Some(Err(self.broken(Trouble::Protocol(what.into()))))),
            }
            match ready!(self.lease.line.poll_fill(cx)) {
                Ok(0) if matches!(self.left, Left::Close) => self.left = Left::Nothing,
                Ok(0) => {
                    let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it ended within its answer");
                    return Poll::Ready(Some(Err(self.broken(Trouble::Cut(error.into())))));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(self.broken(Trouble::of(error))))),
            }
        }
    }

    /// The next piece, for those who wait.
    ///
    /// # Errors
    /// As for [`Self::poll_piece`].
    pub(crate) async fn piece(&mut self) -> Option<Result<Bytes, Trouble>> {
        std::future::poll_fn(|cx| self.poll_piece(cx)).await
    }

    /// An upstream that has answered may still be reading: what it does not take any more, it does not need.
    fn go_on_sending(&mut self, cx: &mut Context<'_>) -> Result<(), Trouble> {
        let Some(sending) = &mut self.sending else { return Ok(()) };
        match sending.poll(cx, &self.lease.line) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.sending = None,
            Poll::Ready(Err(NotSent::Socket(_))) => {
                self.sending = None;
                self.keeps = false;
            }
            Poll::Ready(Err(NotSent::Body(error))) => return Err(Trouble::Cut(error)),
        }
        Ok(())
    }

    /// A piece of what was read already.
    fn held_piece(&mut self) -> Result<Option<Bytes>, &'static str> {
        let held = &mut self.lease.line.held;
        loop {
            match &mut self.left {
                Left::Nothing => return Ok(None),
                _ if held.is_empty() => return Ok(None),
                Left::Close => return Ok(Some(held.split().freeze())),
                Left::Length(left) => {
                    let step = held.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= step as u64;
                    if *left == 0 {
                        self.left = Left::Nothing;
                    }
                    return Ok(Some(held.split_to(step).freeze()));
                }
                Left::Chunked(chunks) => {
                    let (coding, data) = chunks.data(held).map_err(|bad| bad.what)?;
                    held.advance(coding);
                    if *chunks == Chunks::Done {
                        self.left = Left::Nothing;
                    }
                    if data > 0 {
                        return Ok(Some(held.split_to(data).freeze()));
                    }
                }
            }
        }
    }

    fn repeats_secrets(&self, told: &[u8]) -> bool {
        self.repeats.as_ref().is_some_and(|repeats| repeats(told))
    }

    /// What was found in an error that was looked through.
    fn catch(&mut self, caught: Caught) -> Trouble {
        match caught {
            Caught::Secret => self.withhold(),
            Caught::Unreadable => self.broken(Trouble::Protocol("its error cannot be unpacked".into())),
            Caught::TooLong => self.broken(Trouble::Protocol("its error does not end".into())),
        }
    }

    /// The vendor's own error is not passed on.
    fn withhold(&mut self) -> Trouble {
        self.withheld = true;
        self.broken(Trouble::Cut("its error had our key in it".into()))
    }

    fn broken(&mut self, trouble: Trouble) -> Trouble {
        self.left = Left::Nothing;
        self.keeps = false;
        trouble
    }

    /// The answer was read to its end: its connection may serve again.
    pub(crate) fn finish(self) {
        if self.keeps && self.has_come() && self.sending.is_none() {
            self.lease.give_back();
        }
    }

    /// Cuts the connection at an instant, unless this has ended by then.
    pub(crate) fn cut_at(&mut self, deadline: Instant) {
        let cutter = self.lease.line.cutter();
        let watchdog = spawn::detached(async move {
            tokio::time::sleep_until(deadline).await;
            cutter.cut();
        });
        self.watchdog = Some(Watchdog(watchdog.abort_handle()));
    }

    /// The connection, which is no longer HTTP (101).
    pub(in crate::upstream) fn switched(self) -> Option<Switched> {
        let (socket, held) = self.lease.line.into_parts()?;
        Some(Switched { socket, held })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The trouble with an answer that cannot be put into its caller's words.
fn unusable(why: Unusable) -> Trouble {
    match why {
        Unusable::Unreadable(why) => Trouble::Protocol(why.to_string().into()),
        Unusable::Malformed(why) => Trouble::Unfit(why.to_string().into()),
        Unusable::OffSchema(why) => Trouble::Unfit(why.to_string().into()),
    }
}

/// A socket that is no longer HTTP.
pub(crate) struct Switched {
    socket: Socket,
    /// Came behind the agreement.
    held: Bytes,
}

impl AsyncRead for Switched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.held.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, out);
        }
        let step = self.held.len().min(out.remaining());
        out.put_slice(&self.held.split_to(step));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Switched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

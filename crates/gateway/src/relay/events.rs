//! A stream of events in passing: what it counts, whether it is over, and what is taken out of it.
//!
//! Bytes pass as they came. Events are held until they are whole where something may have to be taken out of them: the usage chunk
//! we asked for and the caller did not, an event that is no JSON; and where they are joined to what another stream has said.

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use protocol::frame::said::{self, Joined, Joiner, Weighed};
use protocol::frame::sse::{self, Splitter};
use protocol::frame::unasked;
use protocol::usage::Usage;

use crate::intake::Gathered;

/// The longest event read (T-54). A longer one passes, unread; in a stream that is edited it ends the stream.
const LONGEST: usize = 8 * 1024 * 1024;

/// A delta that says something.
const SAYS: &[u8] = b"\"delta\":{\"";

/// UTF-8's byte order mark.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// What is known of a stream so far.
#[derive(Default)]
pub(crate) struct Events {
    splitter: Splitter,
    /// The beginning of an event that is not whole yet.
    begun: BytesMut,
    /// An event longer than anything sensible has been met.
    too_long: bool,
    hide_usage: bool,
    /// Events that are no JSON are passed over.
    repairs: bool,
    /// How many were.
    pub(super) skipped: u32,
    /// What makes one stream of this and the one before it.
    joiner: Option<Joiner>,
    /// This stream says something else than the one before it did.
    diverged: bool,
    /// An error of the upstream's own goes to the caller: nobody else can go on.
    told: bool,
    /// Something of the stream has come.
    begun_at_all: bool,
    /// How much of a byte order mark has been taken out, while one may still begin the stream.
    mark: Option<usize>,
    /// What was handed on last is the middle of an event.
    within: bool,
    /// Some event said that the answer is complete.
    pub(super) over: bool,
    /// Some choice of it is.
    pub(super) finished: bool,
    /// Another choice has gone on behind that.
    goes_on: bool,
    /// The events have names.
    pub(super) named: bool,
    /// The last count.
    pub(super) usage: Option<Usage>,
}

/// What may be handed on of a piece.
pub(crate) enum Pass {
    /// These bytes.
    Bytes(Bytes),
    /// Nothing yet.
    Nothing,
    /// The stream cannot be read any further.
    TooLong,
    /// Some bytes; behind them the upstream tells an error in place of the rest (its event), or something else than what its
    /// caller already has. Then what follows.
    Fails { before: Bytes, theirs: Option<Bytes>, rest: Bytes },
}

impl Events {
    pub(crate) fn new(hide_usage: bool) -> Self {
        Self { hide_usage, ..Self::default() }
    }

    /// One whose events are looked at one by one, and that may go on with another stream.
    pub(super) fn mending(hide_usage: bool, joiner: Option<Joiner>) -> Self {
        Self { hide_usage, repairs: true, joiner, ..Self::default() }
    }

    /// Whether events are held until they are whole.
    fn holds(&self) -> bool {
        self.hide_usage || self.repairs || self.joiner.is_some()
    }

    /// The caller hears a heartbeat now. A byte order mark behind it would stand in the middle, where it is none: to its
    /// reader the first field would have another name.
    pub(super) fn beats(&mut self) {
        if !self.begun_at_all {
            self.mark.get_or_insert(0);
        }
    }

    /// The piece without a mark that may not pass.
    fn unmarked(&mut self, piece: Bytes) -> Bytes {
        self.begun_at_all |= !piece.is_empty();
        let Some(met) = self.mark else { return piece };
        let awaited = &MARK[met..];
        if awaited.starts_with(&piece) {
            self.mark = Some(met + piece.len()).filter(|met| *met < MARK.len());
            return Bytes::new();
        }
        self.mark = None;
        match piece.strip_prefix(awaited) {
            Some(rest) => piece.slice_ref(rest),
            None => [&MARK[..met], &piece].concat().into(),
        }
    }

    /// Takes the next piece in; says what may go on to the caller.
    pub(crate) fn push(&mut self, piece: Bytes) -> Pass {
        let piece = self.unmarked(piece);
        let mut ends = Vec::new();
        self.splitter.push(&piece, |end| ends.push(end));
        // Mostly one event, which then passes as it is.
        let mut out = Gathered::default();
        let mut from = 0;
        for end in ends {
            let event = self.whole_event(piece.slice(from..end));
            from = end;
            if self.repairs {
                match said::weigh(&event) {
                    Weighed::Malformed => {
                        self.skipped += 1;
                        continue;
                    }
                    Weighed::Failed(_) if !self.told => {
                        let rest = piece.slice(from..);
                        return Pass::Fails { before: out.into_bytes(), theirs: Some(event.clone()), rest };
                    }
                    Weighed::Failed(_) => {}
                    Weighed::Content | Weighed::Nothing => {}
                }
            }
            self.read(&event);
            if self.holds()
                && let Some(kept) = self.kept(event)
            {
                out.push(kept);
            }
            if self.diverged {
                return Pass::Fails { before: out.into_bytes(), theirs: None, rest: Bytes::new() };
            }
        }
        self.begin(&piece[from..]);
        let (whole, passes) =
            if self.holds() { (true, out.into_bytes()) } else { (from == piece.len(), piece) };
        if let Some(last) = passes.last() {
            // Behind a lone CR a line feed may belong to it.
            self.within = !whole || *last != b'\n';
        }
        match passes.is_empty() {
            _ if self.holds() && self.too_long => Pass::TooLong,
            true => Pass::Nothing,
            false => Pass::Bytes(passes),
        }
    }

    /// What of an event is for the caller.
    fn kept(&mut self, event: Bytes) -> Option<Bytes> {
        let event = if self.hide_usage { unasked::take_out(event)? } else { event };
        let Some(joiner) = &mut self.joiner else { return Some(event) };
        match joiner.event(event) {
            Joined::Pass(event) => Some(event),
            Joined::Nothing => None,
            Joined::Diverged => {
                self.diverged = true;
                None
            }
        }
    }

    /// Whether it has said everything but that this is all.
    pub(super) fn said_everything(&self) -> bool {
        self.finished && !self.goes_on && !self.over
    }

    /// Whether a proper end of the connection may be taken for the answer's end: something said so, or an event was too
    /// long to be read and may have.
    pub(super) fn may_end(&self) -> bool {
        self.over || self.finished || self.too_long
    }

    /// Whether an empty line would be nothing to its reader: no event has begun, and the answer is not over.
    pub(super) fn may_pause(&self) -> bool {
        !self.within && !self.over
    }

    /// An error of the upstream's own goes to the caller, and what comes behind it as well.
    pub(super) fn tells(&mut self, event: &[u8]) {
        self.told = true;
        self.read(event);
    }

    /// What was held at the end of the stream: an event without its empty line, which is nobody's to judge.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        let rest = std::mem::take(&mut self.begun).freeze();
        // Half of one is none (WHATWG HTML, "Server-sent events"); but some forget the empty line behind `[DONE]`.
        if rest.is_empty() || (self.repairs && !said::is_done(&rest)) {
            return None;
        }
        self.read(&rest);
        self.holds().then_some(rest)
    }

    fn whole_event(&mut self, tail: Bytes) -> Bytes {
        if self.begun.is_empty() {
            return tail;
        }
        let mut event = std::mem::take(&mut self.begun);
        event.extend_from_slice(&tail);
        event.freeze()
    }

    fn begin(&mut self, bytes: &[u8]) {
        if self.too_long || self.begun.len() + bytes.len() > LONGEST {
            self.too_long = true;
            self.begun = BytesMut::new();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }

    fn read(&mut self, event: &[u8]) {
        let told = sse::read(event);
        self.over |= told.ends;
        self.named |= told.named;
        self.goes_on |= self.finished && !told.finishes && memmem::find(event, SAYS).is_some();
        self.finished |= told.finishes;
        self.usage = match (self.usage, told.usage) {
            (Some(earlier), Some(later)) => Some(earlier.and(later)),
            (earlier, later) => later.or(earlier),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What passes of these pieces, behind a heartbeat or not.
    fn passed(pieces: &[&[u8]], beaten: bool) -> Vec<u8> {
        let mut events = Events::new(false);
        if beaten {
            events.beats();
        }
        let mut out = Vec::new();
        for piece in pieces {
            if let Pass::Bytes(bytes) = events.push(Bytes::copy_from_slice(piece)) {
                out.extend_from_slice(&bytes);
            }
            events.beats();
        }
        out
    }

    #[test]
    fn a_byte_order_mark_does_not_stand_behind_a_heartbeat() {
        let marked = "\u{feff}data: x\n\n".as_bytes();
        let plain = &marked[3..];
        for cut in 0..marked.len() {
            let pieces = [&marked[..cut], &marked[cut..]];
            assert_eq!(passed(&pieces, true), plain, "cut at {cut}");
            assert_eq!(passed(&[plain, marked], true), [plain, marked].concat(), "only at the beginning");
        }
        assert_eq!(passed(&[marked], false), marked, "bytes pass as they came");
        assert_eq!(passed(&[b"\xef", b"data: x\n\n"], true), b"\xefdata: x\n\n");
    }
}

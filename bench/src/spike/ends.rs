//! The two ends of the line: callers and upstreams, each by a token that is never given twice.

use super::duties::Call;
use super::follow::Follow;
use crate::engine::wire::Wire;

/// Connections of one kind, by token: how often places were taken, the kind, the place.
pub(super) struct Ends<T> {
    kind: u64,
    places: Vec<Option<(u64, T)>>,
    free: Vec<usize>,
    taken: u64,
}

/// A caller.
pub(super) struct Caller {
    pub(super) wire: Wire,
    pub(super) turn: Turn,
    /// Bytes of a request whose head is not whole, or that came before its turn.
    pub(super) early: Vec<u8>,
    /// The upstream that is asked.
    pub(super) upstream: Option<u64>,
    /// There may be more to read, which nobody will tell us again.
    pub(super) unread: bool,
    /// The connection is to be closed behind the answer.
    pub(super) last: bool,
    /// Since when it is in this turn.
    pub(super) since: u64,
}

/// Whose turn it is on a caller's connection.
pub(super) enum Turn {
    /// The caller's, with a head.
    Head,
    /// The caller's, with a body that is kept until it is whole.
    Body(Box<Kept>),
    /// The caller's, with a body that is passed on as it comes.
    Passing(Follow),
    /// The upstream's.
    Answer,
    /// Nobody's: what was written goes out, and the caller is waited for to close.
    Last,
}

/// A request whose body is not whole.
pub(super) struct Kept {
    /// The head as it goes out.
    pub(super) head: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) follow: Follow,
    /// Who asks.
    pub(super) who: usize,
}

/// A connection to the upstream.
pub(super) struct Upstream {
    pub(super) wire: Wire,
    /// Who is answered; nobody while it is idle.
    pub(super) caller: Option<u64>,
    /// The body that comes; nothing as long as the head is awaited.
    pub(super) body: Option<Follow>,
    /// Bytes of an answer that must be whole before it is passed on.
    pub(super) early: Vec<u8>,
    /// What is kept of the call, with duties.
    pub(super) call: Option<Box<Call>>,
    /// It will say nothing behind what can be read now.
    pub(super) ended: bool,
    /// It is of no use behind this answer.
    pub(super) last: bool,
}

impl Caller {
    /// Someone has called.
    pub(super) fn new(wire: Wire, now: u64) -> Self {
        Self {
            wire,
            turn: Turn::Head,
            early: Vec::new(),
            upstream: None,
            unread: false,
            last: false,
            since: now,
        }
    }
}

impl Upstream {
    /// A new connection.
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, caller: None, body: None, early: Vec::new(), call: None, ended: false, last: false }
    }
}

impl<T> Ends<T> {
    /// None yet, of this kind: 0 or 1.
    pub(super) fn new(kind: u64) -> Self {
        Self { kind, places: Vec::new(), free: Vec::new(), taken: 0 }
    }

    /// Is this token of this kind?
    pub(super) fn owns(&self, token: u64) -> bool {
        token >> 31 & 1 == self.kind
    }

    /// Keeps one, and gives its token.
    pub(super) fn put(&mut self, end: T) -> u64 {
        let place = self.free.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        self.taken += 1;
        let token = self.taken << 32 | self.kind << 31 | place as u64;
        self.places[place] = Some((token, end));
        token
    }

    /// The one with this token, if it is still there.
    pub(super) fn get(&mut self, token: u64) -> Option<&mut T> {
        let (taken, end) = self.places.get_mut(place(token))?.as_mut()?;
        (*taken == token).then_some(end)
    }

    /// Takes it away.
    pub(super) fn take(&mut self, token: u64) -> Option<T> {
        self.get(token)?;
        self.free.push(place(token));
        self.places.get_mut(place(token))?.take().map(|(_, end)| end)
    }

    /// The tokens of those of which something is true.
    pub(super) fn those(&self, is: impl Fn(&T) -> bool) -> Vec<u64> {
        self.places.iter().flatten().filter(|(_, end)| is(end)).map(|(token, _)| *token).collect()
    }
}

fn place(token: u64) -> usize {
    (token & 0x7FFF_FFFF) as usize
}

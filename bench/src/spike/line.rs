//! The line: a request in and out, an answer in and out, one turn at a time.

use std::io::ErrorKind;
use std::net::SocketAddr;

use protocol::frame::head::Framing;

use super::duties::{self, Duties};
use super::ends::{Caller, Ends, Kept, Turn, Upstream};
use super::follow::Follow;
use super::{Trouble, connect, head};
use crate::clock::SECOND;
use crate::engine::poll::{Poll, Ready};

/// How much may wait to go out before no more is read for it.
const HIGH: usize = 256 * 1024;
/// How long a head may take, a connection be idle, an upstream silent, a caller take to close.
const LIMITS: [u64; 4] = [10 * SECOND, 75 * SECOND, 600 * SECOND, 5 * SECOND];

/// Everything between two events.
pub(super) struct Line {
    pub(super) callers: Ends<Caller>,
    pub(super) upstreams: Ends<Upstream>,
    /// Upstreams nobody asks, the last one used on top.
    pub(super) idle: Vec<u64>,
    pub(super) address: SocketAddr,
    pub(super) authority: String,
    pub(super) duties: Option<Duties>,
    /// The head that is being written.
    pub(super) out: Vec<u8>,
    pub(super) now: u64,
}

impl Line {
    /// Something became possible with a connection.
    pub(super) fn serve(&mut self, ready: Ready, poll: &Poll, buffer: &mut [u8]) {
        if self.callers.owns(ready.token) {
            let served = self.caller(ready, poll, buffer);
            self.judge(ready.token, served);
        } else {
            self.upstream(ready, poll, buffer);
        }
    }

    /// Looks at the clocks, and hands over records.
    pub(super) fn sweep(&mut self) {
        let now = self.now;
        let late = self.callers.those(|caller| {
            let [head, idle, answer, close] = LIMITS;
            let limit = match caller.turn {
                Turn::Head if caller.early.is_empty() => idle,
                Turn::Head | Turn::Body(_) | Turn::Passing(_) => head,
                Turn::Answer => answer,
                Turn::Last => close,
            };
            now.saturating_sub(caller.since) > limit
        });
        for token in late {
            self.leave(token, "timeout");
        }
        if let Some(duties) = &mut self.duties {
            duties.rest();
        }
    }

    fn caller(&mut self, ready: Ready, poll: &Poll, buffer: &mut [u8]) -> Result<(), Trouble> {
        let caller = self.callers.get(ready.token).ok_or(Trouble::Gone)?;
        if ready.writable && !caller.wire.is_clear() {
            caller.wire.flush()?;
            if caller.wire.is_clear() {
                if matches!(caller.turn, Turn::Last) {
                    caller.wire.finish()?;
                } else if let Some(upstream) = caller.upstream {
                    self.resume(upstream, false, poll, buffer);
                }
            }
        }
        let caller = self.callers.get(ready.token).ok_or(Trouble::Gone)?;
        // Whoever leaves while it is answered is not answered to the end.
        if ready.ended && matches!(caller.turn, Turn::Answer | Turn::Passing(_)) {
            return Err(Trouble::Gone);
        }
        if ready.readable { self.read_caller(ready.token, ready.ended, poll, buffer) } else { Ok(()) }
    }

    fn read_caller(
        &mut self,
        token: u64,
        ended: bool,
        poll: &Poll,
        buffer: &mut [u8],
    ) -> Result<(), Trouble> {
        loop {
            let caller = self.callers.get(token).ok_or(Trouble::Gone)?;
            let blocked = caller.upstream.and_then(|upstream| self.upstreams.get(upstream));
            let blocked = blocked.is_some_and(|upstream| upstream.wire.unsent() > HIGH);
            if blocked || matches!(caller.turn, Turn::Answer) {
                caller.unread = true;
                return Ok(());
            }
            let count = match caller.wire.read(buffer) {
                Ok(0) => return Err(Trouble::Gone),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if caller.early.is_empty() {
                self.take(token, &buffer[..count], poll)?;
            } else {
                caller.early.extend_from_slice(&buffer[..count]);
                self.take_early(token, poll)?;
            }
            if count < buffer.len() && !ended {
                return Ok(());
            }
        }
    }

    fn take_early(&mut self, token: u64, poll: &Poll) -> Result<(), Trouble> {
        let caller = self.callers.get(token).ok_or(Trouble::Gone)?;
        let early = std::mem::take(&mut caller.early);
        self.take(token, &early, poll)
    }

    /// Takes what a caller has sent as far as it goes; the rest is kept.
    fn take(&mut self, token: u64, bytes: &[u8], poll: &Poll) -> Result<(), Trouble> {
        let mut at = 0;
        while at < bytes.len() {
            let caller = self.callers.get(token).ok_or(Trouble::Gone)?;
            let rest = &bytes[at..];
            at += match &mut caller.turn {
                Turn::Head => match self.head(token, rest, poll)? {
                    Some(used) => used,
                    None if rest.len() > head::LONGEST => return Err(Trouble::Refused(431, "a long head")),
                    None => break,
                },
                Turn::Body(kept) => {
                    let used = kept.follow.read(rest, |part| kept.body.extend_from_slice(part));
                    let used = used.map_err(|bad| Trouble::Refused(400, bad.what))?;
                    if kept.body.len() > duties::MOST {
                        return Err(Trouble::Refused(413, "a long body"));
                    }
                    if kept.follow.is_done()
                        && let Turn::Body(kept) = std::mem::replace(&mut caller.turn, Turn::Answer)
                    {
                        self.out = kept.head;
                        self.ask(token, kept.who, &kept.body, poll)?;
                    }
                    used
                }
                Turn::Passing(follow) => {
                    let used = follow.read(rest, |_| {}).map_err(|bad| Trouble::Refused(400, bad.what))?;
                    let upstream = caller.upstream.and_then(|upstream| self.upstreams.get(upstream));
                    upstream.ok_or(Trouble::Gone)?.wire.write(&rest[..used])?;
                    if follow.is_done() {
                        (caller.turn, caller.since) = (Turn::Answer, self.now);
                    }
                    used
                }
                Turn::Last => rest.len(), // what comes behind a refusal is nobody's
                Turn::Answer => break,
            };
        }
        let caller = self.callers.get(token).ok_or(Trouble::Gone)?;
        caller.early.extend_from_slice(&bytes[at..]);
        Ok(())
    }

    /// Takes a head, with as much of its body as is there; says how much that was, or nothing if the head is not whole.
    fn head(&mut self, token: u64, bytes: &[u8], poll: &Poll) -> Result<Option<usize>, Trouble> {
        let Self { callers, duties, out, .. } = self;
        let caller = callers.get(token).ok_or(Trouble::Gone)?;
        let Some(head) = head::request(bytes, duties.is_some(), &self.authority, out)? else {
            if caller.early.is_empty() {
                caller.since = self.now;
            }
            return Ok(None);
        };
        (caller.last, caller.since) = (head.last, self.now);
        let behind = &bytes[head.length..];
        if head.path == "/spike/figures" {
            let said = duties.as_ref().map(Duties::figures).unwrap_or_default();
            self.say(token, 200, &said)?;
            return Ok(Some(bytes.len()));
        }
        let Some(duties) = duties else {
            return self.pass(token, &head, bytes, poll).map(Some);
        };
        let who = duties.identify(&head)?;
        if head.waits && behind.is_empty() {
            caller.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        match head.framing {
            Framing::Length(length) if length > duties::MOST as u64 => {
                Err(Trouble::Refused(413, "a long body"))
            }
            Framing::Length(length) if length <= behind.len() as u64 => {
                caller.turn = Turn::Answer;
                let length = length as usize;
                let used = head.length + length;
                self.ask(token, who, &behind[..length], poll)?;
                Ok(Some(used))
            }
            framing => {
                let kept = Kept { head: out.clone(), body: Vec::new(), follow: Follow::new(framing), who };
                caller.turn = Turn::Body(Box::new(kept));
                Ok(Some(head.length))
            }
        }
    }

    /// Passes a head on, and its body as far as it has come.
    fn pass(
        &mut self,
        token: u64,
        head: &head::Head<'_>,
        bytes: &[u8],
        poll: &Poll,
    ) -> Result<usize, Trouble> {
        head::end(&mut self.out, head.framing, false);
        let mut follow = Follow::new(head.framing);
        let behind = &bytes[head.length..];
        let used = follow.read(behind, |_| {}).map_err(|bad| Trouble::Refused(400, bad.what))?;
        let place = connect(self, poll)?;
        let (Some(caller), Some(upstream)) = (self.callers.get(token), self.upstreams.get(place)) else {
            return Err(Trouble::Gone);
        };
        (caller.upstream, upstream.caller) = (Some(place), Some(token));
        caller.turn = if follow.is_done() { Turn::Answer } else { Turn::Passing(follow) };
        upstream.wire.write_both(&self.out, &behind[..used])?;
        Ok(head.length + used)
    }

    /// Asks the upstream with a body that is whole, behind the head in `out`.
    fn ask(&mut self, token: u64, who: usize, body: &[u8], poll: &Poll) -> Result<(), Trouble> {
        let Some(duties) = &mut self.duties else { return Err(Trouble::Gone) };
        let (call, edited) = duties.admit(who, self.now, body, &mut self.out)?;
        let body = edited.as_deref().unwrap_or(body);
        head::end(&mut self.out, Framing::Length(body.len() as u64), false);
        let place = match connect(self, poll) {
            Ok(place) => place,
            Err(trouble) => {
                if let Some(duties) = &mut self.duties {
                    duties.ended(call, self.now, "failed");
                }
                return Err(trouble);
            }
        };
        let (Some(caller), Some(upstream)) = (self.callers.get(token), self.upstreams.get(place)) else {
            return Err(Trouble::Gone);
        };
        caller.since = self.now;
        (caller.upstream, upstream.caller, upstream.call) = (Some(place), Some(token), Some(call));
        upstream.wire.write_both(&self.out, body)?;
        Ok(())
    }

    fn upstream(&mut self, ready: Ready, poll: &Poll, buffer: &mut [u8]) {
        let Some(upstream) = self.upstreams.get(ready.token) else { return };
        let caller = upstream.caller;
        let Some(caller) = caller else {
            // An idle one has nothing to say but that it goes.
            if ready.readable {
                self.upstreams.take(ready.token);
            }
            return;
        };
        if ready.writable
            && !upstream.wire.is_clear()
            && upstream.wire.flush().is_ok()
            && upstream.wire.is_clear()
        {
            self.go_on(caller, poll, buffer);
        }
        if ready.readable {
            self.resume(ready.token, ready.ended, poll, buffer);
        }
    }

    /// Reads an upstream's answer as far as it goes, and has the caller's next turn when it is over.
    fn resume(&mut self, token: u64, ended: bool, poll: &Poll, buffer: &mut [u8]) {
        let Some(upstream) = self.upstreams.get(token) else { return };
        upstream.ended |= ended;
        let Some(caller) = upstream.caller else { return };
        let over = self.read_upstream(token, caller, buffer);
        match over {
            Ok(true) => {
                let turned = self.over(token, caller);
                self.judge(caller, turned);
                self.go_on(caller, poll, buffer);
            }
            Ok(false) => {}
            Err(trouble) => self.judge(caller, Err(trouble)),
        }
    }

    /// Reads what came while it was not this caller's turn.
    fn go_on(&mut self, token: u64, poll: &Poll, buffer: &mut [u8]) {
        let Some(caller) = self.callers.get(token) else { return };
        if matches!(caller.turn, Turn::Answer) || (caller.early.is_empty() && !caller.unread) {
            return;
        }
        let unread = std::mem::take(&mut caller.unread);
        let mut served = if caller.early.is_empty() { Ok(()) } else { self.take_early(token, poll) };
        if unread && served.is_ok() {
            served = self.read_caller(token, false, poll, buffer);
        }
        self.judge(token, served);
    }

    /// Reads an answer; is it over?
    fn read_upstream(&mut self, token: u64, caller: u64, buffer: &mut [u8]) -> Result<bool, Trouble> {
        loop {
            let upstream = self.upstreams.get(token).ok_or(Trouble::Gone)?;
            let blocked = self.callers.get(caller).ok_or(Trouble::Gone)?.wire.unsent() > HIGH;
            if blocked {
                return Ok(false);
            }
            let ended = upstream.ended;
            let count = match upstream.wire.read(buffer) {
                Ok(0) if matches!(upstream.body, Some(Follow::Close)) => return Ok(true),
                Ok(0) => return Err(Trouble::Upstream("the answer was cut off")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(_) => return Err(Trouble::Upstream("the answer was cut off")),
            };
            let over = if upstream.early.is_empty() {
                self.answer(token, caller, &buffer[..count])?
            } else {
                upstream.early.extend_from_slice(&buffer[..count]);
                let early = std::mem::take(&mut upstream.early);
                self.answer(token, caller, &early)?
            };
            if over || (count < buffer.len() && !ended) {
                return Ok(over);
            }
        }
    }

    /// Takes bytes of an answer and passes them on; is it over?
    fn answer(&mut self, token: u64, caller: u64, bytes: &[u8]) -> Result<bool, Trouble> {
        let Self { callers, upstreams, duties, out, now, .. } = self;
        let (Some(caller), Some(upstream)) = (callers.get(caller), upstreams.get(token)) else {
            return Err(Trouble::Gone);
        };
        caller.since = *now;
        let Upstream { body, call, last, early, .. } = upstream;
        let mut at = 0;
        let mut has_head = false;
        while body.is_none() {
            let leaks = |value: &[u8]| duties.as_ref().is_some_and(|duties| duties.leaks(value));
            let Some(head) = head::answer(&bytes[at..], duties.is_some(), leaks, out)? else {
                if bytes.len() - at > head::LONGEST {
                    return Err(Trouble::Upstream("a long head"));
                }
                early.extend_from_slice(&bytes[at..]);
                return Ok(false);
            };
            let behind = &bytes[at + head.length..];
            if matches!(head.status, 100..=199) {
                if head.status == 101 {
                    return Err(Trouble::Upstream("an upgrade nobody asked for"));
                }
                at += head.length;
                continue;
            }
            let follow = Follow::new(head.framing);
            if let (Some(duties), Some(call)) = (duties.as_mut(), call.as_mut()) {
                if duties::is_small(&head) {
                    // One that is cut off, or broken, is to become an honest 502: so it is waited for.
                    let mut whole = Follow::new(head.framing);
                    whole.read(behind, |_| {}).map_err(|bad| Trouble::Upstream(bad.what))?;
                    if !whole.is_done() && behind.len() < duties::SMALL {
                        early.extend_from_slice(&bytes[at..]);
                        return Ok(false);
                    }
                    if duties.leaks(behind) {
                        return Err(Trouble::Upstream("an answer that gives a secret away"));
                    }
                }
                duties.answers(call, &head, out);
            }
            *last |= head.last || matches!(follow, Follow::Close);
            caller.last |= matches!(follow, Follow::Close);
            head::end(out, head.framing, caller.last);
            at += head.length;
            *body = Some(follow);
            has_head = true;
        }
        let Some(follow) = body else { return Ok(false) };
        let rest = &bytes[at..];
        let used = follow.read(rest, |part| {
            if let Some(call) = call {
                call.passes(part);
            }
        });
        if used.is_err() && has_head {
            // Nothing of it is out yet.
            *body = None;
        }
        let used = used.map_err(|bad| Trouble::Upstream(bad.what))?;
        if has_head {
            caller.wire.write_both(out, &rest[..used])?;
        } else {
            caller.wire.write(&rest[..used])?;
        }
        // Whoever says more than its length is not asked again.
        *last |= used < rest.len();
        Ok(body.as_ref().is_some_and(Follow::is_done))
    }

    /// An answer is over: the upstream is idle, and it is the caller's turn.
    fn over(&mut self, token: u64, caller: u64) -> Result<(), Trouble> {
        let upstream = self.upstreams.get(token).ok_or(Trouble::Gone)?;
        (upstream.caller, upstream.body) = (None, None);
        if let (Some(duties), Some(call)) = (&mut self.duties, upstream.call.take()) {
            duties.ended(call, self.now, "complete");
        }
        let early = !matches!(self.callers.get(caller).ok_or(Trouble::Gone)?.turn, Turn::Answer);
        // One that has answered before the request was whole still waits for the rest.
        if upstream.last || upstream.ended || early || !upstream.wire.is_clear() {
            self.upstreams.take(token);
        } else {
            self.idle.push(token);
        }
        let caller = self.callers.get(caller).ok_or(Trouble::Gone)?;
        (caller.upstream, caller.since, caller.turn) = (None, self.now, Turn::Head);
        if caller.last || early {
            caller.turn = Turn::Last;
            if caller.wire.is_clear() {
                caller.wire.finish()?;
            }
        }
        Ok(())
    }

    /// What becomes of a caller whose call does not go on.
    fn judge(&mut self, token: u64, served: Result<(), Trouble>) {
        let (status, why) = match served {
            Ok(()) => return,
            Err(Trouble::Gone) => return self.leave(token, "left"),
            Err(Trouble::Refused(status, why)) => (status, why),
            Err(Trouble::Upstream(why)) => (502, why),
        };
        let begun = self.part(token, "failed");
        // Behind a head that is out an error can only be told by the connection's end.
        if begun || self.say(token, status, why).is_err() {
            self.callers.take(token);
        }
    }

    /// Answers a caller ourselves, and has its connection closed.
    fn say(&mut self, token: u64, status: u16, what: &str) -> Result<(), Trouble> {
        let caller = self.callers.get(token).ok_or(Trouble::Gone)?;
        let code = if status == 502 { "upstream_protocol_error" } else { "spike" };
        let error = serde_json::json!({"message": what, "type": "spike", "param": null, "code": code});
        let body = serde_json::json!({ "error": error }).to_string();
        let mut head = format!("HTTP/1.1 {}", head::status_line(status)).into_bytes();
        head::line(&mut head, "content-type", b"application/json");
        head::end(&mut head, Framing::Length(body.len() as u64), true);
        caller.wire.write_both(&head, body.as_bytes())?;
        (caller.turn, caller.since, caller.early) = (Turn::Last, self.now, Vec::new());
        if caller.wire.is_clear() {
            caller.wire.finish()?;
        }
        Ok(())
    }

    /// A caller goes, and with it whoever works for it.
    fn leave(&mut self, token: u64, outcome: &'static str) {
        self.part(token, outcome);
        self.callers.take(token);
    }

    /// Parts a caller from its upstream, whose connection is of no more use; had an answer begun?
    fn part(&mut self, token: u64, outcome: &'static str) -> bool {
        let upstream = self.callers.get(token).and_then(|caller| caller.upstream.take());
        let Some(mut upstream) = upstream.and_then(|upstream| self.upstreams.take(upstream)) else {
            return false;
        };
        if let (Some(duties), Some(call)) = (&mut self.duties, upstream.call.take()) {
            duties.ended(call, self.now, outcome);
        }
        upstream.body.is_some()
    }
}

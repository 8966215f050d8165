//! Two sockets joined: bytes pass as they come until either side has left, or the house closes.
//!
//! A side that ends its connection has left (D-33): what it said before is handed over, then the other side is closed, too.
//! The session owns the meter and the permit, so that it is one call with one record, from the 101 to its end.

use std::io;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

use crate::account::Meter;
use crate::admit::Permit;
use crate::life::{Life, State};
use crate::spawn;
use crate::upstream::Session;

/// How much passes at once.
const PIECE: usize = 16 * 1024;

/// Joins both sides in the background, once the 101 has gone out.
pub(super) fn join(session: Session, meter: Box<Meter>, permit: Option<Permit>, life: &Arc<Life>) {
    let mut state = life.watch();
    spawn::detached(async move {
        let _permit = permit;
        let closed = async move {
            let _ = state.wait_for(|state| *state == State::Closed).await;
        };
        tokio::select! {
            () = run(session, meter) => {}
            () = closed => {}
        }
    });
}

async fn run(session: Session, mut meter: Box<Meter>) {
    let _taken = session.taken;
    let Ok(caller) = session.caller.await else { return };
    let (mut from_caller, mut to_caller) = split(TokioIo::new(caller));
    let (mut from_upstream, mut to_upstream) = split(session.upstream);
    let (mut up, mut down) = (0, 0);
    // Whichever side ends first has been heard out: its own direction is finished by then.
    tokio::select! {
        _ = pass(&mut from_caller, &mut to_upstream, &mut up) => {}
        _ = pass(&mut from_upstream, &mut to_caller, &mut down) => {}
    }
    meter.received(up);
    meter.sent(usize::try_from(down).unwrap_or(usize::MAX));
    meter.completes();
    drop(meter);
    let _ = tokio::join!(to_upstream.shutdown(), to_caller.shutdown());
}

/// Passes bytes on until the sender ends or either side breaks.
async fn pass<R, W>(from: &mut R, to: &mut W, count: &mut u64) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut piece = vec![0; PIECE];
    loop {
        let n = from.read(&mut piece).await?;
        if n == 0 {
            return to.flush().await;
        }
        to.write_all(&piece[..n]).await?;
        // A message must not wait for the next one.
        to.flush().await?;
        *count += n as u64;
    }
}

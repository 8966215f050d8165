//! Connections to upstreams: made by one connector for everything that goes out, kept while idle.

pub(super) mod address;
pub(super) mod connect;
mod dns;
mod outbound;
mod tls;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::snapshot::Origin;
use tokio::time::Instant;

use super::engine::Line;
use crate::spawn;

/// A kept connection is not used again after this: upstreams close theirs after about a minute.
const KEPT: Duration = Duration::from_secs(50);
/// Idle connections kept per upstream and worker.
const MOST: usize = 256;

/// Idle connections of one worker, by origin. The lock is the worker's own and never contended.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Kept>>,
    /// Somebody is going to sweep.
    sweeping: AtomicBool,
}

/// A connection at work. Dropped, it is cut.
pub(super) struct Lease {
    pub(super) line: Line,
    origin: Arc<Origin>,
    pool: Arc<Pool>,
}

impl Lease {
    /// A connection to this origin, out of this pool or for it.
    pub(super) fn of(line: Line, origin: &Arc<Origin>, pool: &Arc<Pool>) -> Self {
        Self { line, origin: origin.clone(), pool: pool.clone() }
    }

    /// The connection may carry another request.
    pub(super) fn give_back(self) {
        self.pool.put(&self.origin, self.line);
        sweep_later(&self.pool);
    }
}

/// Idle connections are let go of after their time, even when nobody asks any more.
fn sweep_later(pool: &Arc<Pool>) {
    if pool.sweeping.load(Ordering::Relaxed) || pool.sweeping.swap(true, Ordering::AcqRel) {
        return;
    }
    let weak = Arc::downgrade(pool);
    spawn::detached(async move {
        loop {
            tokio::time::sleep(KEPT / 2).await;
            let Some(pool) = weak.upgrade() else { return };
            if !pool.sweep() {
                pool.sweeping.store(false, Ordering::Release);
                return;
            }
        }
    });
}

/// Idle connections to one origin.
struct Kept {
    origin: Arc<Origin>,
    /// Each with the instant since when it is idle, the youngest last.
    lines: Vec<(Line, Instant)>,
}

/// Those to this origin. A configuration has it in one place; another configuration's is the same if all of it is.
fn of<'k>(idle: &'k mut [Kept], origin: &Arc<Origin>) -> Option<&'k mut Kept> {
    let same = idle.iter().position(|kept| Arc::ptr_eq(&kept.origin, origin));
    let place = same.or_else(|| idle.iter().position(|kept| *kept.origin == **origin))?;
    let kept = &mut idle[place];
    if same.is_none() {
        kept.origin = origin.clone();
    }
    Some(kept)
}

impl Pool {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<Kept>) -> T) -> T {
        change(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A kept connection that is still good, the youngest first.
    pub(super) fn take(&self, origin: &Arc<Origin>, now: Instant) -> Option<Line> {
        self.with(|idle| {
            let lines = &mut of(idle, origin)?.lines;
            while let Some((mut line, since)) = lines.pop() {
                if now.duration_since(since) < KEPT && line.is_quiet() {
                    line.used = true;
                    return Some(line);
                }
            }
            None
        })
    }

    /// Lets go of connections that were idle too long; false when none is left.
    pub(super) fn sweep(&self) -> bool {
        self.with(|idle| {
            for kept in idle.iter_mut() {
                kept.lines.retain_mut(|(line, since)| since.elapsed() < KEPT && line.is_quiet());
            }
            idle.retain(|kept| !kept.lines.is_empty());
            !idle.is_empty()
        })
    }

    /// Keeps a connection for the next call.
    pub(super) fn put(&self, origin: &Arc<Origin>, line: Line) {
        self.with(|idle| {
            let now = Instant::now();
            match of(idle, origin) {
                Some(kept) if kept.lines.len() < MOST => kept.lines.push((line, now)),
                Some(_full) => {}
                None => idle.push(Kept { origin: origin.clone(), lines: vec![(line, now)] }),
            }
        });
    }
}

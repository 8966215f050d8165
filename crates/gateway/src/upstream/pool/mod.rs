//! Connections to upstreams: made by one connector for everything that goes out, kept while idle.

pub(super) mod address;
pub(super) mod connect;
mod dns;
mod outbound;
mod tls;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::snapshot::Origin;
use futures_util::FutureExt;
use hyper::client::conn::http1::SendRequest;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::compose::OutBody;
use super::watch::Expect;

/// A kept connection is not used again after this: upstreams close theirs after about a minute.
pub(super) const KEPT: Duration = Duration::from_secs(50);
/// Idle connections kept per upstream and worker.
const MOST: usize = 256;

/// One connection to an upstream.
pub(super) struct Line {
    pub(super) sender: SendRequest<OutBody>,
    pub(super) expect: Arc<Expect>,
    /// Ends the connection at once.
    pub(super) cut: AbortHandle,
    /// It has carried a request before.
    pub(super) used: bool,
}

/// Idle connections of one worker, by origin. The lock is the worker's own and never contended.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<HashMap<Origin, Vec<(Line, Instant)>>>,
}

impl Pool {
    fn with<T>(&self, change: impl FnOnce(&mut HashMap<Origin, Vec<(Line, Instant)>>) -> T) -> T {
        change(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A kept connection that is still good, the youngest first.
    pub(super) fn take(&self, origin: &Origin) -> Option<Line> {
        self.with(|idle| {
            let lines = idle.get_mut(origin)?;
            let now = Instant::now();
            while let Some((mut line, since)) = lines.pop() {
                let ready = line.sender.ready().now_or_never();
                if now.duration_since(since) < KEPT && matches!(ready, Some(Ok(()))) {
                    line.used = true;
                    return Some(line);
                }
                line.cut.abort();
            }
            None
        })
    }

    /// Lets go of connections that were idle too long; false when none is left.
    pub(super) fn sweep(&self) -> bool {
        self.with(|idle| {
            for lines in idle.values_mut() {
                lines.retain(|(line, since)| {
                    let keep = since.elapsed() < KEPT && !line.sender.is_closed();
                    if !keep {
                        line.cut.abort();
                    }
                    keep
                });
            }
            idle.retain(|_, lines| !lines.is_empty());
            !idle.is_empty()
        })
    }

    /// Keeps a connection for the next call.
    pub(super) fn put(&self, origin: &Origin, line: Line) {
        if line.sender.is_closed() {
            return;
        }
        self.with(|idle| {
            let lines = match idle.get_mut(origin) {
                Some(lines) => lines,
                None => idle.entry(origin.clone()).or_default(),
            };
            if lines.len() < MOST {
                lines.push((line, Instant::now()));
            } else {
                line.cut.abort();
            }
        });
    }
}

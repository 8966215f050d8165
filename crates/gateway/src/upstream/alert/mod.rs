//! Telling people when something is wrong (docs/alerts.md): beside the line, from what is known of providers anyway.
//!
//! `notice.rs` says what is to be told, `letter.rs` how each service wants it written, `send.rs` brings it there.

mod letter;
mod notice;
mod send;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use config::Snapshot;
use config::snapshot::Alerts;

pub use send::Delivery;

use crate::Gateway;
use letter::Letter;
use notice::{Line, Notices, Seen};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// What happens within this time is told in one message.
const GATHER: Duration = Duration::from_secs(3);

/// Watches, and tells, until it is dropped.
pub(crate) async fn watch(gateway: Gateway) {
    let mut notices = Notices::default();
    let mut lines: Vec<Line> = Vec::new();
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        let world = gateway.world();
        if world.alerts.to.is_empty() {
            (notices, lines) = (Notices::default(), Vec::new());
            continue;
        }
        let now = Instant::now();
        let fresh = notices.turn(&seen(&gateway, &world), &world.alerts, now);
        if lines.is_empty() {
            since = now;
        }
        lines.extend(fresh);
        if !lines.is_empty() && now.saturating_duration_since(since) >= GATHER {
            let letter = Letter::of(std::mem::take(&mut lines), unix_seconds());
            send::to_all(&world.alerts.to, &letter).await;
        }
    }
}

/// Sends everybody a word that says that it is only a test.
pub(crate) async fn test(world: &Snapshot) -> Vec<Delivery> {
    let letter = Letter::of(vec![Line::test()], unix_seconds());
    send::to_all(&world.alerts.to, &letter).await
}

/// How all stands at this moment.
fn seen(gateway: &Gateway, world: &Snapshot) -> Seen {
    let standings = gateway.register.standings(world).providers;
    Seen { errors: errors(gateway, &world.alerts), standings }
}

/// The share of calls that ended with an error which is none of the request's own, and how many calls there were.
fn errors(gateway: &Gateway, alerts: &Alerts) -> Option<(f64, u64)> {
    let windows = gateway.windows.statistics().house.windows;
    let long = alerts.error_rate.during.as_secs();
    let window = windows.iter().find(|window| window.window_seconds >= long).or(windows.last())?;
    let (errors, calls) = (window.sums.errors, window.sums.calls);
    let theirs = errors.rate_limited + errors.provider_failed + errors.key_refused + errors.transport;
    (calls > 0).then(|| (theirs as f64 / calls as f64, calls))
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

//! A caller that does by hand what a gateway should: it waits for a short hint, tries once more, gives up on silence, and
//! begins anew at the fallback. It may throw away what it has heard; a gateway that streams may not.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use testkit::failing::Case;
use testkit::view::{Ended, View};

use super::stage;

/// A hint up to this is waited for.
const LONGEST_HINT: u64 = 5;
/// Before a second try without a hint.
const PAUSE: Duration = Duration::from_millis(100);

/// What to do about what was seen.
enum Next {
    Enough,
    Again(Duration),
    Elsewhere,
}

/// One chat, at whoever answers it.
pub(super) async fn chat(primary: SocketAddr, fallback: SocketAddr, case: Case, patience: Duration) -> View {
    let asked = Instant::now();
    let mut view = heard(primary, &case.model(), patience).await;
    if let Next::Again(wait) = next(&view) {
        tokio::time::sleep(wait).await;
        view = heard(primary, &case.model(), patience).await;
    }
    if !matches!(next(&view), Next::Enough) {
        view = heard(fallback, &case.spare(), patience).await;
    }
    view.asked = asked;
    view.took = asked.elapsed();
    view
}

/// One try. A broken event is passed over, and behind a finish reason nobody waits for more.
async fn heard(address: SocketAddr, model: &str, patience: Duration) -> View {
    let mut view = View::of(address, &stage::chat(model, true), patience).await;
    view.malformed.clear();
    if !view.finish.is_empty() {
        view.ended = Ended::Whole;
    }
    view
}

fn next(view: &View) -> Next {
    let hint = view.header("retry-after").and_then(|hint| hint.parse().ok());
    match (view.status, hint) {
        (200, _) if !view.finish.is_empty() => Next::Enough,
        (400, _) => Next::Enough,
        (429, Some(hint)) if hint <= LONGEST_HINT => Next::Again(Duration::from_secs(hint)),
        (429 | 500..600, _) => Next::Again(PAUSE),
        // It broke off before it said anything.
        (0, _) if view.ended == Ended::Cut => Next::Again(PAUSE),
        _ => Next::Elsewhere,
    }
}

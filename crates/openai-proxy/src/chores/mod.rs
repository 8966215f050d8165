//! What is done to the database now and then, on a thread of its own that holds up nobody: what is too old is deleted, room
//! given back, a copy made, everything looked through. When each was last done stands in the database, so that a start
//! forgets nothing, and gateways that share it share the work.

mod schedule;
#[cfg(test)]
mod tests;
mod work;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gateway::Gateway;
use gateway::life::State;
use store::Books;
use tokio::sync::watch;

pub(crate) use schedule::Kind;
use schedule::{Moment, us};
use work::{Chores, Worlds};

/// A start has better things to do.
const FIRST_MINUTE: Duration = Duration::from_secs(60);
/// Within this time after it, what was missed is made up for: not by all computers at once that were switched on together.
const SPREAD: u64 = 600;
/// Between two chores.
const BREATH: Duration = Duration::from_millis(100);

/// Begins to do the chores of a gateway's database, until the house begins to close.
pub(crate) fn start(gateway: &Gateway, books: Arc<Books>) {
    if !books.db.outlasts_the_process() {
        return;
    }
    let (worlds, life) = (Box::new(gateway.worlds()), gateway.life().watch());
    let thread = std::thread::Builder::new().name("chores".to_owned());
    // Nobody waits for its end: whatever it is at may be broken off at any time.
    if let Err(error) = thread.spawn(move || live(books, worlds, life)) {
        tracing::error!(%error, "there is no thread for copies and the like: none are made");
    }
}

fn live(books: Arc<Books>, worlds: Worlds, mut life: watch::Receiver<State>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime.inspect_err(|error| tracing::error!(%error, "no copies are made")) else {
        return;
    };
    let started = Instant::now();
    let mut chores = Chores::new(books, worlds, moment(started), FIRST_MINUTE + spread());
    runtime.block_on(async {
        let work = async {
            loop {
                let wait = chores.round(moment(started)).await;
                tokio::time::sleep(wait.clamp(BREATH, work::LOOK)).await;
            }
        };
        tokio::select! {
            () = work => {}
            _closing = life.wait_for(|state| *state != State::Open) => {}
        }
    });
}

fn moment(started: Instant) -> Moment {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment { wall_us: us(wall), up: started.elapsed() }
}

/// Another one in each process: the keys of a hasher are.
fn spread() -> Duration {
    Duration::from_secs(RandomState::new().build_hasher().finish() % SPREAD)
}

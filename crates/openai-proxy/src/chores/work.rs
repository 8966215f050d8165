//! The chores themselves: each is done in one go and leaves one line in the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Snapshot;
use config::snapshot::Database;
use store::{Books, Chore, StoreProblem};

use super::schedule::{self, Kind, Moment, Trust, us};

/// The configuration of the moment.
pub(super) type Worlds = Box<dyn Fn() -> Arc<Snapshot> + Send>;

/// Nobody waits longer than this before looking again: settings may have changed, and a computer that slept has not
/// counted.
pub(super) const LOOK: Duration = Duration::from_secs(60);
/// A log beside the database that is larger than this wants a person.
const LARGE_LOG: u64 = 256 << 20;
/// How many broken rows of the audit are named in the log.
const NAMED: usize = 10;

/// Who does the chores of a database, one after the other.
pub(super) struct Chores {
    books: Arc<Books>,
    worlds: Worlds,
    trust: Trust,
    /// How long after the start nothing is made up for that was missed.
    quiet: Duration,
    /// It was said that the log is large.
    log_is_large: bool,
    /// It was said that nothing is copied.
    no_copies_said: bool,
}

impl Chores {
    pub(super) fn new(books: Arc<Books>, worlds: Worlds, now: Moment, quiet: Duration) -> Self {
        let trust = Trust::new(now);
        Self { books, worlds, trust, quiet, log_is_large: false, no_copies_said: false }
    }

    /// Does what is due first, if anything is, and says how long nothing is from now on.
    pub(super) async fn round(&mut self, now: Moment) -> Duration {
        self.trust.look(now);
        self.look_at_the_log();
        let world = (self.worlds)();
        // While the database is away, others say so.
        let Ok(known) = self.books.db.chores().await else { return LOOK };
        let mut soonest = LOOK;
        for kind in Kind::ALL {
            let Some(every) = self.every(kind, &world) else { continue };
            let last = known.iter().find(|chore| chore.name == kind.name()).cloned().unwrap_or_default();
            let mut wait = schedule::wait(every, &last, now, self.quiet);
            if kind == Kind::Retention {
                wait = wait.max(self.trust.wait(every));
            }
            if wait.is_zero() {
                return self.begin(kind, &last, &world, now).await;
            }
            soonest = soonest.min(wait);
        }
        soonest
    }

    fn every(&mut self, kind: Kind, world: &Snapshot) -> Option<Duration> {
        let every = kind.every(world)?;
        if kind == Kind::Backup && matches!(world.storage.database, Database::Postgres(_)) {
            if !std::mem::replace(&mut self.no_copies_said, true) {
                tracing::info!("a PostgreSQL database is not copied by the gateway: use pg_dump");
            }
            return None;
        }
        Some(every)
    }

    async fn begin(&self, kind: Kind, last: &Chore, world: &Snapshot, now: Moment) -> Duration {
        match self.books.db.begin_chore(kind.name(), last.begun_us, now.wall_us).await {
            Ok(true) => {}
            // Another gateway does it.
            Ok(false) => return Duration::ZERO,
            Err(problem) => {
                // Whoever brings records there says so, too, and louder.
                tracing::debug!(chore = kind.name(), "it could not be begun and is tried again: {problem}");
                return LOOK;
            }
        }
        let began = Instant::now();
        let done = match kind {
            Kind::Retention => self.delete_what_is_old(world, now, began).await,
            Kind::Vacuum => self.give_back_room(began).await,
            Kind::Backup => self.copy(world, began).await,
            Kind::Health => self.look_through(began).await,
        };
        let done = match done {
            Ok(bytes) => self.books.db.finish_chore(kind.name(), now.wall_us, bytes).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = done {
            tracing::warn!(chore = kind.name(), "it has failed and is tried again: {problem}");
        }
        Duration::ZERO
    }

    async fn delete_what_is_old(
        &self,
        world: &Snapshot,
        now: Moment,
        began: Instant,
    ) -> Result<u64, StoreProblem> {
        let db = &self.books.db;
        let kept = &world.upkeep.kept;
        let most = world.responses.map_or(u64::MAX, |responses| responses.most);
        let before = |age: Option<Duration>| age.map(|age| now.wall_us.saturating_sub(us(age)));
        let (mut records, mut sums, mut audit, mut revisions) = (0, 0, 0, 0);
        // While none are kept any more, those that are there end in their own time.
        let responses = db.prune_responses(now.wall_us, most).await?;
        if let Some(before) = before(kept.requests) {
            records = db.prune(before).await?;
        }
        if let Some(before) = before(kept.sums) {
            sums = db.prune_hours(before).await?;
        }
        if let Some(before) = before(kept.audit).filter(|_| db.has_audit_key()) {
            audit = db.prune_audit(before).await?;
        }
        if kept.revisions > 0 {
            revisions = db.prune_revisions(kept.revisions).await?;
        }
        let bytes = db.bytes().await?;
        tracing::info!(
            records,
            sums,
            audit,
            revisions,
            responses,
            bytes,
            duration_ms = ms(began),
            "what is too old was deleted"
        );
        Ok(bytes)
    }

    async fn give_back_room(&self, began: Instant) -> Result<u64, StoreProblem> {
        let db = &self.books.db;
        let before = db.bytes().await?;
        if !db.is_worth_a_vacuum().await? {
            tracing::info!(bytes = before, "the database has next to no holes and stays as it is");
            return Ok(before);
        }
        db.vacuum().await?;
        let bytes = db.bytes().await?;
        tracing::info!(before, bytes, duration_ms = ms(began), "the database was made as small as it can be");
        Ok(bytes)
    }

    async fn copy(&self, world: &Snapshot, began: Instant) -> Result<u64, StoreProblem> {
        let Some(backup) = &world.upkeep.backup else { return Ok(0) };
        let copied = self.books.db.back_up(&backup.to, backup.keep, backup.verify).await?;
        let (file, bytes) = (copied.file.display(), copied.bytes);
        tracing::info!(%file, bytes, removed = copied.removed.len(), duration_ms = ms(began), "the database was copied");
        Ok(bytes)
    }

    async fn look_through(&self, began: Instant) -> Result<u64, StoreProblem> {
        let db = &self.books.db;
        let health = db.health(true).await?;
        if let Some(first) = health.damages.first() {
            let damages = health.damages.len();
            tracing::error!(
                damages,
                first,
                "the database is damaged: stop the gateway and put back the newest good copy: openai-proxy db restore --recover"
            );
        }
        if db.has_audit_key() {
            let report = db.verify_audit().await?;
            for broken in report.broken.iter().take(NAMED) {
                tracing::error!("the audit is not as it was written: {broken}");
            }
        }
        tracing::info!(
            bytes = health.bytes,
            damages = health.damages.len(),
            duration_ms = ms(began),
            "the database was looked through"
        );
        Ok(health.bytes)
    }

    /// It grows as long as somebody reads, and no longer.
    fn look_at_the_log(&mut self) {
        let bytes = self.books.db.log_bytes().unwrap_or(0);
        let large = bytes > LARGE_LOG;
        if large && !self.log_is_large {
            tracing::warn!(
                bytes,
                "the log beside the database grows: another program has kept it open for reading for long"
            );
        }
        self.log_is_large = large;
    }
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

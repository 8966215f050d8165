//! Chores by clocks that are set by hand.

use std::sync::Arc;
use std::time::Duration;

use store::{Books, Chore, Place, UsageRecord};

use super::schedule::{self, Kind, Moment, Trust, us};
use super::work::Chores;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Some day in 2026.
const THEN: u64 = 1_790_000_000_000_000;

fn at(up: Duration) -> Moment {
    Moment { wall_us: THEN + us(up), up }
}

fn done(ago: Duration) -> Chore {
    let then = THEN - us(ago);
    Chore { name: "x".into(), begun_us: then, done_us: then, bytes: 0 }
}

#[test]
fn it_is_waited_until_the_time_has_passed_since_it_was_last_done() {
    let wait = |ago, up| schedule::wait(DAY, &done(ago), at(up), 5 * MINUTE);
    assert_eq!(wait(HOUR, 10 * MINUTE), 23 * HOUR - 10 * MINUTE);
    assert_eq!(wait(DAY, 10 * MINUTE), Duration::ZERO);
}

#[test]
fn what_was_missed_is_made_up_for_some_time_after_the_start() {
    let never = Chore::default();
    for last in [&never, &done(3 * DAY), &done(DAY - SECOND)] {
        assert_eq!(schedule::wait(DAY, last, at(Duration::ZERO), 5 * MINUTE), 5 * MINUTE);
        assert_eq!(schedule::wait(DAY, last, at(4 * MINUTE), 5 * MINUTE), MINUTE);
        assert_eq!(schedule::wait(DAY, last, at(5 * MINUTE), 5 * MINUTE), Duration::ZERO);
    }
    // Whoever wants it often does not wait longer than that.
    assert_eq!(schedule::wait(SECOND, &never, at(Duration::ZERO), 5 * MINUTE), SECOND);
}

#[test]
fn what_has_failed_or_is_being_done_elsewhere_is_left_alone_for_a_while() {
    let begun = Chore { begun_us: THEN, ..done(2 * DAY) };
    let wait = |every, up| schedule::wait(every, &begun, at(up), Duration::ZERO);
    assert_eq!(wait(DAY, 10 * MINUTE), 50 * MINUTE);
    assert_eq!(wait(DAY, HOUR), Duration::ZERO);
    assert_eq!(wait(MINUTE, 10 * SECOND), 50 * SECOND);
}

#[test]
fn a_clock_that_was_set_back_keeps_nothing_from_being_done() {
    let (future, begun_in_the_future) = (THEN + us(3_650 * DAY), THEN + us(3_651 * DAY));
    let last = Chore { begun_us: future, done_us: future, ..done(DAY) };
    assert_eq!(schedule::wait(DAY, &last, at(HOUR), MINUTE), Duration::ZERO);
    let failed = Chore { begun_us: begun_in_the_future, ..last };
    assert_eq!(schedule::wait(DAY, &failed, at(HOUR), MINUTE), Duration::ZERO);
}

#[test]
fn a_clock_that_has_jumped_is_not_believed_for_a_while() {
    let mut trust = Trust::new(at(Duration::ZERO));
    trust.look(at(20 * MINUTE));
    assert_eq!(trust.wait(DAY), Duration::ZERO);
    for jump in [3_650 * DAY, 10 * MINUTE] {
        let later = |up| Moment { wall_us: THEN + us(jump) + us(up), up };
        trust.look(later(21 * MINUTE));
        assert_eq!(trust.wait(DAY), 10 * MINUTE);
        trust.look(later(30 * MINUTE));
        assert_eq!(trust.wait(DAY), MINUTE);
        // Back again.
        trust.look(at(31 * MINUTE));
        assert_eq!(trust.wait(DAY), 10 * MINUTE);
        assert_eq!(trust.wait(MINUTE), MINUTE, "no longer than what is done so often");
        trust = Trust::new(at(Duration::ZERO));
        trust.look(at(20 * MINUTE));
    }
}

#[test]
fn what_is_kept_for_an_hour_is_not_there_for_a_day() {
    let every = |yaml: &str| Kind::Retention.every(&world(yaml));
    assert_eq!(every("{}"), Some(DAY));
    assert_eq!(every("{retention: {requests: 1h}}"), Some(15 * MINUTE));
    assert_eq!(every("{responses: {age: 1h}}"), Some(15 * MINUTE));
    assert_eq!(every("{retention: {requests: forever, audit: forever}}"), Some(DAY), "revisions");
}

fn world(storage: &str) -> Arc<config::Snapshot> {
    let yaml = format!("providers: {{mock: {{}}}}\nstorage: {storage}\n");
    let loaded = config::parse(&yaml, &std::collections::BTreeMap::new());
    Arc::new(loaded.unwrap_or_else(|problems| panic!("{problems}")).snapshot)
}

/// A database in a folder, and somebody who does its chores.
struct Ground {
    folder: tempfile::TempDir,
    books: Arc<Books>,
    world: Arc<config::Snapshot>,
}

impl Ground {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let books =
            Arc::new(Books::open(&Place::Sqlite(file.clone()), &folder.path().join("spool")).unwrap());
        let world = world(&format!("{{database: \"sqlite:{}\", {settings}}}", file.display()));
        Self { folder, books, world }
    }

    fn chores(&self) -> Chores {
        let world = self.world.clone();
        Chores::new(self.books.clone(), Box::new(move || world.clone()), at(Duration::ZERO), 5 * MINUTE)
    }

    /// Lets time pass in steps, and returns how often each chore was done.
    async fn pass(&self, chores: &mut Chores, from: Duration, until: Duration) -> [usize; 4] {
        let mut times = [0; 4];
        let mut up = from;
        let mut seen = self.done().await;
        while up < until {
            let wait = chores.round(at(up)).await;
            let now = self.done().await;
            for (n, kind) in Kind::ALL.iter().enumerate() {
                let of = |all: &[Chore]| {
                    all.iter().find(|one| one.name == kind.name()).map_or(0, |one| one.done_us)
                };
                times[n] += usize::from(of(&seen) != of(&now));
            }
            seen = now;
            up += wait.max(SECOND);
        }
        times
    }

    async fn done(&self) -> Vec<Chore> {
        self.books.db.chores().await.unwrap()
    }

    fn copies(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("backups")).map_or(0, Iterator::count)
    }
}

#[tokio::test]
async fn each_is_done_as_often_as_is_written_and_a_start_forgets_nothing() {
    let ground = Ground::new("upkeep: {vacuum_every: 12h, health_every: 6h}");
    let mut chores = ground.chores();
    assert_eq!(ground.pass(&mut chores, Duration::ZERO, 5 * MINUTE).await, [0; 4], "not at once");
    let times = ground.pass(&mut chores, 5 * MINUTE, 23 * HOUR).await;
    assert_eq!(times, [1, 2, 1, 4], "retention and copy once a day, vacuum twice, four looks");
    assert_eq!(ground.copies(), 1);
    drop(chores);
    let mut again = ground.chores();
    assert_eq!(ground.pass(&mut again, 23 * HOUR, 24 * HOUR).await, [0; 4], "nothing is due yet");
    let times = ground.pass(&mut again, 24 * HOUR, 24 * HOUR + 20 * MINUTE).await;
    assert_eq!(times[0..3], [1, 1, 1]);
}

#[tokio::test]
async fn nothing_is_deleted_because_of_a_clock_that_has_jumped() {
    let ground = Ground::new("backup: {every: off}, retention: {requests: 90d}");
    let record = UsageRecord { record_id: "a".into(), started_us: THEN, ..UsageRecord::default() };
    ground.books.db.append(vec![record]).await.unwrap();
    let mut chores = ground.chores();
    ground.pass(&mut chores, Duration::ZERO, HOUR).await;
    let rows = async || ground.books.db.health(false).await.unwrap().tables[0].1;
    // Ten years later, in a moment; then somebody sets it right.
    for seconds in 0..300 {
        let up = HOUR + seconds * SECOND;
        chores.round(Moment { wall_us: THEN + us(3_650 * DAY) + us(up), up }).await;
    }
    assert_eq!(rows().await, 1);
    ground.pass(&mut chores, HOUR + 5 * MINUTE, 2 * DAY).await;
    assert_eq!(rows().await, 1);
    // Time that really passes, by both clocks.
    for day in 3..90 {
        chores.round(at(day * DAY)).await;
    }
    assert_eq!(rows().await, 1);
    chores.round(at(91 * DAY)).await;
    assert_eq!(rows().await, 0);
}

#[tokio::test]
async fn a_copy_that_fails_is_tried_again_later_and_costs_nothing() {
    let ground = Ground::new("backup: {every: 1d}, upkeep: {vacuum_every: off, health_every: off}");
    let blocked = ground.folder.path().join("backups");
    std::fs::write(&blocked, "a file in the place of the folder").unwrap();
    let mut chores = ground.chores();
    assert_eq!(ground.pass(&mut chores, Duration::ZERO, 30 * MINUTE).await[2], 0);
    assert_eq!(ground.done().await.len(), 2, "it was begun");
    std::fs::remove_file(&blocked).unwrap();
    assert_eq!(ground.pass(&mut chores, 30 * MINUTE, HOUR).await[2], 0, "it is left alone for a while");
    assert_eq!(ground.pass(&mut chores, HOUR, 2 * HOUR).await[2], 1);
    assert_eq!(ground.copies(), 1);
}

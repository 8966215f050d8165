//! Revisions: one chain, whoever writes, and each comes back as it was recorded.

use std::sync::atomic::{AtomicU64, Ordering};

use store::db::History;
use store::revision::{NewRevision, Recorded};
use store::{AuditEntry, AuditFilter, Db, Place, StoreProblem};

use crate::place::{Ground, let_in, odd_texts, only_to_be_read, wait};

crate::on_both!(
    a_revision_that_was_rewritten_is_damage,
    what_was_recorded_outlasts_the_process,
    what_cannot_be_written_is_not_half_written;
    in memory, too:
    what_was_recorded_comes_back,
    of_two_who_record_at_once_one_is_told_the_other_was_faster,
    old_ones_go_the_newest_stays_and_numbers_are_not_used_again,
    any_text_comes_back_as_it_was,
    a_text_that_would_not_come_back_is_refused,
    nothing_is_recorded_without_the_audit,
);

pub(crate) fn new(say: &str) -> NewRevision {
    NewRevision {
        actor: "ada".into(),
        via: "api".into(),
        reason: Some(format!("because of {say}")),
        sheet: format!("sheet {say}"),
        layer: format!("layer {say}"),
        changed: format!("changed {say}"),
    }
}

pub(crate) fn entry(at_us: u64) -> AuditEntry {
    AuditEntry {
        at_us,
        actor: "ada".into(),
        role: "admin".into(),
        address: "127.0.0.1".into(),
        action: "config.change".into(),
        subject: "providers.openai".into(),
        outcome: "done".into(),
        detail: "{}".into(),
    }
}

fn record(db: &Db, after: u64, say: &str) -> Recorded {
    wait(db.record_revision(after, &new(say), &entry(1_000 + after))).unwrap()
}

fn what_was_recorded_comes_back(ground: &Ground) {
    let db = ground.audited();
    assert_eq!(wait(db.head()).unwrap(), None);
    assert_eq!(wait(db.head_number()).unwrap(), 0);
    for after in 0..5 {
        assert_eq!(record(&db, after, "x"), Recorded::Done(after + 1));
    }
    let NewRevision { actor, via, reason, sheet, layer, changed } = new("x");
    let third = wait(db.revision(3)).unwrap().unwrap();
    assert_eq!((third.number, third.made_us), (3, 1_002));
    assert_eq!(
        (third.actor, third.via, third.reason, third.sheet, third.layer, third.changed),
        (actor, via, reason, sheet, layer, changed)
    );
    assert_eq!(wait(db.revision(9)).unwrap(), None);
    assert_eq!((wait(db.head()).unwrap().unwrap().number, wait(db.head_number()).unwrap()), (5, 5));
    let numbers = |before, limit| {
        let lines = wait(db.revisions(before, limit)).unwrap();
        lines.into_iter().map(|line| line.number).collect::<Vec<_>>()
    };
    assert_eq!((numbers(None, 2), numbers(Some(4), 10)), (vec![5, 4], vec![3, 2, 1]));
    assert_eq!(wait(db.revisions(Some(2), 1)).unwrap()[0].changed, "changed x");
    assert_eq!(record(&db, 3, "late"), Recorded::Moved(5));
    assert_eq!(record(&db, 7, "early"), Recorded::Moved(5));
    assert_eq!(wait(db.audit_page(&AuditFilter::default(), None, 100)).unwrap().len(), 5, "one for each");
}

fn of_two_who_record_at_once_one_is_told_the_other_was_faster(ground: &Ground) {
    const ROUNDS: u64 = 200;
    let open = || ground.audited();
    // In memory, two who share it.
    let all = if ground.place == Place::Memory { vec![open()] } else { vec![open(), open()] };
    let lost = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (db, lost) = (&all[writer % all.len()], &lost);
            scope.spawn(move || {
                let mut after = 0;
                while after < ROUNDS {
                    match record(db, after, &writer.to_string()) {
                        Recorded::Done(number) => {
                            assert_eq!(number, after + 1);
                            after = number;
                        }
                        Recorded::Moved(head) => {
                            assert!(head > after, "told {head} after {after}");
                            lost.fetch_add(1, Ordering::Relaxed);
                            after = head;
                        }
                    }
                }
            });
        }
    });
    let db = &all[0];
    // Each may have gone on to one more than asked for.
    let head = wait(db.head_number()).unwrap();
    assert!((ROUNDS..ROUNDS + 2).contains(&head), "{head}");
    let numbers: Vec<u64> = wait(db.revisions(None, 1_000)).unwrap().iter().map(|line| line.number).collect();
    assert_eq!(numbers, (1..=head).rev().collect::<Vec<_>>(), "one chain without gaps");
    let rows = wait(db.audit_page(&AuditFilter::default(), None, 1_000)).unwrap();
    assert_eq!(rows.len() as u64, head, "whoever lost has recorded nothing");
    assert_eq!(wait(db.verify_audit()).unwrap().broken, []);
    assert!(lost.load(Ordering::Relaxed) > 0, "they never met");
}

fn old_ones_go_the_newest_stays_and_numbers_are_not_used_again(ground: &Ground) {
    let db = ground.audited();
    assert_eq!(wait(db.prune_revisions(0)).unwrap(), 0);
    for after in 0..10 {
        record(&db, after, "x");
    }
    assert_eq!(wait(db.prune_revisions(4)).unwrap(), 6);
    assert_eq!(wait(db.revision(6)).unwrap(), None);
    assert_eq!(wait(db.revisions(None, 100)).unwrap().len(), 4);
    assert_eq!(wait(db.prune_revisions(0)).unwrap(), 3, "the newest one stays");
    assert_eq!(wait(db.prune_revisions(1)).unwrap(), 0);
    assert_eq!(wait(db.prune_revisions(u64::MAX)).unwrap(), 0);
    assert_eq!(record(&db, 10, "x"), Recorded::Done(11));
}

fn any_text_comes_back_as_it_was(ground: &Ground) {
    let db = ground.audited();
    for (after, text) in (0..).zip(odd_texts()) {
        let fields = || text.clone();
        let new = NewRevision {
            actor: fields(),
            via: fields(),
            reason: Some(fields()),
            sheet: fields(),
            layer: fields(),
            changed: fields(),
        };
        wait(db.record_revision(after, &new, &entry(1))).unwrap();
        let back = wait(db.head()).unwrap().unwrap();
        for field in [&back.actor, &back.via, &back.reason.unwrap(), &back.sheet, &back.layer, &back.changed]
        {
            assert_eq!(*field, text);
        }
    }
}

fn a_text_that_would_not_come_back_is_refused(ground: &Ground) {
    let db = ground.audited();
    let new = NewRevision { sheet: "a\0b".into(), ..new("x") };
    let problem = wait(db.record_revision(0, &new, &entry(1))).unwrap_err();
    assert!(matches!(problem, StoreProblem::Unfit(_)), "{problem}");
    assert_eq!(wait(db.head_number()).unwrap(), 0);
}

fn nothing_is_recorded_without_the_audit(ground: &Ground) {
    let db = ground.open();
    assert!(wait(db.record_revision(0, &new("x"), &entry(1))).is_err());
    assert_eq!(wait(db.head_number()).unwrap(), 0);
    ground.execute("ALTER TABLE audit RENAME TO elsewhere");
    if ground.place != Place::Memory {
        let db = ground.open();
        db.set_audit_key(store::AuditKey::new(&[7; 32]));
        assert!(wait(db.record_revision(0, &new("x"), &entry(1))).is_err());
        assert_eq!(wait(db.head_number()).unwrap(), 0, "neither of the two");
    }
}

fn what_was_recorded_outlasts_the_process(ground: &Ground) {
    record(&ground.audited(), 0, "x");
    let db = ground.audited();
    assert_eq!(wait(db.head()).unwrap().unwrap().sheet, "sheet x");
    assert_eq!(record(&db, 1, "y"), Recorded::Done(2));
    let told = wait(db.health(false)).unwrap().history.unwrap();
    let expected = History { oldest: 1, oldest_us: 1_000, newest: 2, newest_us: 1_001, actor: "ada".into() };
    assert_eq!(told, expected);
    assert_eq!(wait(db.verify_audit()).unwrap().broken, [], "the same key is found again");
}

/// A database that another process has locked for longer than we wait, or that takes nothing any more.
fn what_cannot_be_written_is_not_half_written(ground: &Ground) {
    let db = ground.audited();
    record(&db, 0, "x");
    match &ground.place {
        Place::Sqlite(path) => {
            use sqlx::{ConnectOptions, Connection};
            wait(async {
                let mut other =
                    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap();
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
                let problem = db.record_revision(1, &new("y"), &entry(2)).await.unwrap_err();
                assert!(!problem.is_final(), "{problem}");
                assert_eq!(db.head_number().await.unwrap(), 1, "it is read all the same");
                other.close().await.unwrap();
            });
        }
        _server => {
            let_in(&ground.place, false);
            let problem = wait(db.record_revision(1, &new("y"), &entry(2))).unwrap_err();
            assert!(!problem.is_final(), "{problem}");
            let_in(&ground.place, true);
            only_to_be_read(&ground.place, true);
            let problem = wait(db.record_revision(1, &new("y"), &entry(2))).unwrap_err();
            assert!(!problem.is_final(), "{problem}");
            assert_eq!(wait(db.head_number()).unwrap(), 1, "it is read all the same");
            only_to_be_read(&ground.place, false);
        }
    }
    assert_eq!(wait(db.head_number()).unwrap(), 1);
    assert_eq!(record(&db, 1, "z"), Recorded::Done(2));
    assert_eq!(wait(db.verify_audit()).unwrap().broken, []);
}

/// Whoever can only write rows makes no revision that counts.
fn a_revision_that_was_rewritten_is_damage(ground: &Ground) {
    let db = ground.audited();
    record(&db, 0, "x");
    record(&db, 1, "y");
    for column in ["actor", "via", "reason", "sheet", "layer", "changed"] {
        let found = |wanted: bool| {
            let head = wait(db.head());
            let damaged = matches!(head, Err(StoreProblem::Damaged { .. }));
            assert_eq!((damaged, head.is_ok()), (wanted, !wanted), "{column}: {head:?}");
        };
        ground.tamper(&format!("UPDATE revisions SET {column} = {column} || ' ' WHERE number = 2"));
        found(true);
        ground.tamper(&format!(
            "UPDATE revisions SET {column} = SUBSTR({column}, 1, LENGTH({column}) - 1) WHERE number = 2"
        ));
        found(false);
    }
    ground.tamper("INSERT INTO revisions SELECT number + 1, made_us, actor, via, reason, sheet, layer, changed, seal FROM revisions WHERE number = 2");
    assert!(
        matches!(wait(db.head()), Err(StoreProblem::Damaged { .. })),
        "an old seal is none for another number"
    );
}

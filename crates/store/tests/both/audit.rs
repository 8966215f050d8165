//! The audit: what is done to its rows by somebody who can write into the database, and lacks its key, is found.

use store::audit::{Broken, Wrong};
use store::{AuditEntry, AuditFilter, AuditReport, Db, Place};

use crate::place::{Ground, odd_texts, vault, wait};
use crate::revisions::entry;

crate::on_both!(
    those_who_write_at_once_make_one_chain,
    a_change_of_any_column_names_the_row,
    a_row_taken_away_is_named_wherever_it_was,
    rows_that_changed_places_are_named,
    hashes_made_without_the_key_are_found,
    ends_that_were_changed_are_found_and_stay_so,
    pruning_does_not_hide_what_was_changed,
    a_key_is_made_once;
    in memory, too:
    rows_are_found_by_who_and_what_and_when,
    whatever_somebody_sends_is_recorded_and_found,
    what_is_pruned_leaves_a_chain_that_is_whole,
);

const ROWS: u64 = 10;

fn ten(ground: &Ground) -> Db {
    let db = ground.audited();
    for n in 0..ROWS {
        let one =
            AuditEntry { actor: format!("actor {}", n % 2), action: format!("action {}", n % 3), ..entry(n) };
        assert_eq!(wait(db.audit(&one)).unwrap(), n + 1);
    }
    db
}

fn report(db: &Db) -> AuditReport {
    wait(db.verify_audit()).unwrap()
}

/// From which row to which, and what.
type Found = (u64, u64, Wrong);

fn found(db: &Db) -> Vec<Found> {
    report(db).broken.iter().map(|Broken { number, through, wrong }| (*number, *through, *wrong)).collect()
}

fn numbers(db: &Db, filter: &AuditFilter, before: Option<u64>, limit: usize) -> Vec<u64> {
    wait(db.audit_page(filter, before, limit)).unwrap().iter().map(|row| row.number).collect()
}

fn rows_are_found_by_who_and_what_and_when(ground: &Ground) {
    let db = ten(ground);
    let all = AuditFilter::default();
    assert_eq!(numbers(&db, &all, None, 3), [10, 9, 8]);
    assert_eq!(numbers(&db, &all, Some(3), 100), [2, 1]);
    let by = AuditFilter { actor: Some("actor 1".into()), ..all.clone() };
    assert_eq!(numbers(&db, &by, None, 100), [10, 8, 6, 4, 2]);
    let both = AuditFilter { action: Some("action 0".into()), ..by };
    assert_eq!(numbers(&db, &both, None, 100), [10, 4]);
    let span = AuditFilter { from_us: Some(3), until_us: Some(5), ..all.clone() };
    assert_eq!(numbers(&db, &span, None, 100), [5, 4]);
    let nobody = AuditFilter { actor: Some("' OR 1=1 --".into()), ..all };
    assert!(numbers(&db, &nobody, None, 100).is_empty());
    let report = report(&db);
    assert_eq!((report.rows, report.first, report.last, report.broken), (10, 1, 10, vec![]));
}

fn whatever_somebody_sends_is_recorded_and_found(ground: &Ground) {
    let db = ground.audited();
    for text in odd_texts().into_iter().chain(["a\0b".into()]) {
        let of = || text.clone();
        let one = AuditEntry {
            at_us: u64::MAX,
            actor: of(),
            role: of(),
            address: of(),
            action: of(),
            subject: of(),
            outcome: of(),
            detail: of(),
        };
        let number = wait(db.audit(&one)).unwrap();
        let filter = AuditFilter { actor: Some(of()), action: Some(of()), ..AuditFilter::default() };
        let row = wait(db.audit_page(&filter, None, 10)).unwrap().remove(0);
        assert_eq!((row.number, row.entry.detail), (number, text.replace('\0', "\u{fffd}")));
        assert!(text.starts_with(&row.entry.actor) || text.contains('\0'));
    }
    assert_eq!(found(&db), []);
}

fn what_is_pruned_leaves_a_chain_that_is_whole(ground: &Ground) {
    let db = ten(ground);
    assert_eq!(wait(db.prune_audit(4)).unwrap(), 4);
    assert_eq!(numbers(&db, &AuditFilter::default(), None, 100), [10, 9, 8, 7, 6, 5]);
    let looked = report(&db);
    assert_eq!((looked.rows, looked.first, looked.last, looked.broken), (6, 5, 10, vec![]));
    assert_eq!(wait(db.prune_audit(u64::MAX)).unwrap(), 6);
    assert_eq!(found(&db), []);
    assert_eq!(wait(db.audit(&entry(1))).unwrap(), 11, "a number is not used again");
    assert_eq!(found(&db), []);
    if ground.place != Place::Memory {
        ground.execute("DELETE FROM audit");
        assert_eq!(found(&db), [(11, 11, Wrong::Cut)]);
    }
}

fn those_who_write_at_once_make_one_chain(ground: &Ground) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let db = ground.audited();
                for n in 0..25 {
                    wait(db.audit(&entry(n))).unwrap();
                }
            });
        }
    });
    let report = report(&ground.audited());
    assert_eq!((report.rows, report.broken), (100, vec![]));
}

fn a_change_of_any_column_names_the_row(ground: &Ground) {
    let db = ten(ground);
    let texts = ["actor", "role", "address", "action", "subject", "outcome", "detail", "previous", "hash"];
    let odd = texts.map(|column| (column, format!("{column} || 'x'")));
    let short = texts[..7].iter().map(|column| (*column, "''".to_owned()));
    let changes = odd.into_iter().chain(short).chain([("at_us", "at_us + 1".to_owned())]);
    ground.execute("CREATE TABLE kept AS SELECT * FROM audit");
    for (column, value) in changes {
        for number in [1, 5, 10] {
            ground.tamper(&format!("UPDATE audit SET {column} = {value} WHERE number = {number}"));
            assert_eq!(found(&db), [(number, number, Wrong::Changed)], "{column} = {value}");
            ground.tamper("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
        }
    }
    ground.execute("UPDATE audit SET actor = action, action = actor WHERE number = 5");
    assert_eq!(found(&db), [(5, 5, Wrong::Changed)], "two columns, exchanged");
    // What moves from one text into the next is no other way to write the same.
    ground.tamper("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
    ground.execute("UPDATE audit SET actor = actor || role, role = '' WHERE number = 5");
    assert_eq!(found(&db), [(5, 5, Wrong::Changed)]);
    ground.tamper("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
    assert_eq!(found(&db), []);
}

fn a_row_taken_away_is_named_wherever_it_was(ground: &Ground) {
    let db = ten(ground);
    ground.execute("CREATE TABLE kept AS SELECT * FROM audit");
    let cases: [(&str, &[Found]); 5] = [
        ("number = 1", &[(1, 1, Wrong::Missing)]),
        ("number = 5", &[(5, 5, Wrong::Missing)]),
        ("number IN (3, 4, 8)", &[(3, 4, Wrong::Missing), (8, 8, Wrong::Missing)]),
        ("number >= 10", &[(10, 10, Wrong::Cut)]),
        ("number > 0", &[(1, 10, Wrong::Cut)]),
    ];
    for (rows, wrong) in cases {
        ground.tamper(&format!("DELETE FROM audit WHERE {rows}"));
        assert_eq!(found(&db), wrong, "{rows}");
        ground.tamper("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept");
    }
    // What is written afterwards does not hide it.
    ground.execute("DELETE FROM audit WHERE number >= 9");
    assert_eq!(wait(db.audit(&entry(1))).unwrap(), 11);
    assert_eq!(found(&db), [(9, 10, Wrong::Missing)]);
}

fn rows_that_changed_places_are_named(ground: &Ground) {
    let db = ten(ground);
    ground.execute(
        "UPDATE audit SET number = 99 WHERE number = 3; UPDATE audit SET number = 3 WHERE number = 4; UPDATE audit SET number = 4 WHERE number = 99",
    );
    assert_eq!(found(&db), [(3, 4, Wrong::Moved)]);
}

/// Somebody who knows how it is done, and guesses the key.
fn hashes_made_without_the_key_are_found(ground: &Ground) {
    ground.audited();
    let forger = ground.open();
    forger.set_audit_key(store::AuditKey::new(&[7; 32]));
    for n in 0..3 {
        wait(forger.audit(&entry(n))).unwrap();
    }
    assert_eq!(found(&ground.audited()), [(1, 3, Wrong::Changed), (3, 3, Wrong::Ends)]);
}

fn ends_that_were_changed_are_found_and_stay_so(ground: &Ground) {
    let db = ten(ground);
    ground.execute(
        "CREATE TABLE kept AS SELECT * FROM audit; CREATE TABLE kept_ends AS SELECT * FROM audit_ends",
    );
    let back = "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DELETE FROM audit_ends; INSERT INTO audit_ends SELECT * FROM kept_ends";
    // The newest two go, and the ends are made to say so; or the oldest two; or everything.
    let cuts = [
        "DELETE FROM audit WHERE number > 8; UPDATE audit_ends SET last_number = 8, last_hash = (SELECT hash FROM audit WHERE number = 8)",
        "UPDATE audit_ends SET before_hash = (SELECT hash FROM audit WHERE number = 2), before_number = 2; DELETE FROM audit WHERE number <= 2",
        "DELETE FROM audit; UPDATE audit_ends SET last_number = 0, last_hash = '', seal = ''",
        "DELETE FROM audit; DELETE FROM audit_ends",
    ];
    for cut in cuts {
        ground.tamper(cut);
        assert!(found(&db).iter().any(|(_, _, wrong)| *wrong == Wrong::Ends), "{cut}: {:?}", found(&db));
        wait(db.audit(&entry(1))).unwrap();
        assert!(found(&db).iter().any(|(_, _, wrong)| *wrong == Wrong::Severed), "{cut}: {:?}", found(&db));
        // Nor does a start anew make it good again.
        wait(ground.audited().audit(&entry(1))).unwrap();
        assert!(found(&db).iter().any(|(_, _, wrong)| *wrong == Wrong::Severed), "{cut}: {:?}", found(&db));
        ground.tamper(back);
        assert_eq!(found(&db), []);
    }
    // Old ends, which are ours, put back under newer rows.
    wait(db.audit(&entry(1))).unwrap();
    ground.execute("DELETE FROM audit_ends; INSERT INTO audit_ends SELECT * FROM kept_ends");
    assert_eq!(found(&db), [(11, 11, Wrong::Ends)]);
}

fn pruning_does_not_hide_what_was_changed(ground: &Ground) {
    let db = ten(ground);
    ground.execute("UPDATE audit SET actor = 'nobody' WHERE number = 5");
    assert_eq!(wait(db.prune_audit(u64::MAX)).unwrap(), 4);
    assert_eq!(found(&db), [(5, 5, Wrong::Changed)]);
    assert_eq!(wait(db.prune_audit(u64::MAX)).unwrap(), 0);
}

fn a_key_is_made_once(ground: &Ground) {
    std::thread::scope(|scope| {
        for n in 0..6 {
            scope.spawn(move || wait(ground.audited().audit(&entry(n))).unwrap());
        }
    });
    let db = ground.audited();
    assert_eq!(found(&db), [], "all have the same key");
    let names: Vec<String> = wait(db.shown_secrets()).unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["audit-key"]);
    assert_eq!(wait(db.open_secrets(&vault())).unwrap().len(), 0, "it is the house's own");
}

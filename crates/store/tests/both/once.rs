//! Requests that are done once, however often and by how many they are sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use store::{Db, Once, OnceKey, Place};

use crate::place::{Ground, odd_texts, wait};

crate::on_both!(
    ; in memory, too:
    what_was_done_is_told_again_and_not_done_again,
    what_failed_may_be_tried_again,
    a_key_whose_time_is_over_is_free,
    any_key_will_do,
    of_many_who_send_the_same_one_does_it,
);

fn key(scope: &str, key: &str, digest: &str) -> OnceKey {
    OnceKey { scope: scope.into(), key: key.into(), digest: digest.into() }
}

fn begin(db: &Db, key: &OnceKey, now_us: u64) -> Once {
    wait(db.begin_once(key, now_us, now_us + 100)).unwrap()
}

fn what_was_done_is_told_again_and_not_done_again(ground: &Ground) {
    let db = ground.open();
    let (mine, other) = (key("keys", "k", "a"), key("keys", "k", "b"));
    assert_eq!(begin(&db, &mine, 1), Once::New);
    assert_eq!(begin(&db, &mine, 2), Once::Running);
    assert_eq!(begin(&db, &other, 2), Once::Different);
    assert_eq!(begin(&db, &key("providers", "k", "b"), 2), Once::New, "another scope");
    wait(db.finish_once(&other, 500, "not theirs")).unwrap();
    wait(db.finish_once(&mine, 201, "made")).unwrap();
    let done = Once::Done { status: 201, body: "made".into() };
    assert_eq!(begin(&db, &mine, 3), done);
    wait(db.finish_once(&mine, 500, "again")).unwrap();
    wait(db.forget_once(&mine)).unwrap();
    assert_eq!(begin(&db, &mine, 4), done, "what was answered stays answered");
    assert_eq!(begin(&db, &other, 4), Once::Different);
}

fn what_failed_may_be_tried_again(ground: &Ground) {
    let db = ground.open();
    let (mine, other) = (key("keys", "k", "a"), key("keys", "k", "b"));
    begin(&db, &mine, 1);
    wait(db.forget_once(&other)).unwrap();
    assert_eq!(begin(&db, &mine, 1), Once::Running);
    wait(db.forget_once(&mine)).unwrap();
    assert_eq!(begin(&db, &other, 1), Once::New);
}

fn a_key_whose_time_is_over_is_free(ground: &Ground) {
    let db = ground.open();
    let (mine, other) = (key("keys", "k", "a"), key("keys", "k", "b"));
    begin(&db, &mine, 1);
    wait(db.finish_once(&mine, 200, "")).unwrap();
    assert!(matches!(begin(&db, &mine, 100), Once::Done { .. }));
    assert_eq!(begin(&db, &other, 101), Once::New);
    for n in 0..20 {
        begin(&db, &key("keys", &n.to_string(), "a"), 101);
    }
    begin(&db, &mine, 500);
    if ground.place != Place::Memory {
        let health = wait(db.health(false)).unwrap();
        assert!(health.tables.contains(&("once_requests".into(), 1)), "{:?}", health.tables);
    }
}

fn any_key_will_do(ground: &Ground) {
    let db = ground.open();
    for text in odd_texts().into_iter().chain(["k\0".into()]) {
        let one = key(&text, &text, &text.replace('\0', ""));
        assert_eq!(begin(&db, &one, 1), Once::New);
        wait(db.finish_once(&one, 200, &text.replace('\0', ""))).unwrap();
        assert_eq!(begin(&db, &one, 1), Once::Done { status: 200, body: text.replace('\0', "") });
    }
    assert!(wait(db.finish_once(&key("", "", ""), 200, "\0")).is_err());
    // Where one text ends and the next begins is part of it.
    begin(&db, &key("ab", "c", "x"), 1);
    assert_eq!(begin(&db, &key("a", "bc", "y"), 1), Once::New);
}

fn of_many_who_send_the_same_one_does_it(ground: &Ground) {
    let all = match &ground.place {
        Place::Memory => vec![ground.open()],
        _ => (0..4).map(|_| ground.open()).collect(),
    };
    for round in 0..50 {
        let done = AtomicUsize::new(0);
        let key = key("keys", &round.to_string(), "a");
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (db, key, done) = (&all[n % all.len()], &key, &done);
                scope.spawn(move || match begin(db, key, 1) {
                    Once::New => {
                        done.fetch_add(1, Ordering::Relaxed);
                        wait(db.finish_once(key, 200, "done")).unwrap();
                    }
                    Once::Different => panic!("it is the same"),
                    Once::Running | Once::Done { .. } => {}
                });
            }
        });
        assert_eq!(done.load(Ordering::Relaxed), 1, "in round {round}");
        assert_eq!(begin(&all[0], &key, 1), Once::Done { status: 200, body: "done".into() });
    }
}

//! Answers that are kept for callers: found by whom they are for, unreadable to everybody else, and gone in time.

use std::sync::Arc;

use store::{Db, KeptResponse, Place, ResponsesKey, Vault};

use crate::place::{Ground, wait};

crate::on_both!(
    ; in memory, too:
    a_conversation_is_found_by_its_last_answer_and_by_its_owner_alone,
    what_a_conversation_began_with_stays_as_long_as_it_goes_on,
    what_is_too_old_goes_and_then_what_was_used_longest_ago,
    changing_the_keys_of_the_vault_touches_no_answer,
);

fn vault(lines: &[&str]) -> Vault {
    Vault::of(&lines.join("\n")).unwrap()
}

const FIRST: &str = "0123456789abcdef0123456789abcdef";
const SECOND: &str = "fedcba9876543210fedcba9876543210";
const HOUR: u64 = 3_600_000_000;

async fn key(db: &Db) -> ResponsesKey {
    db.responses_key(&vault(&[FIRST])).await.unwrap()
}

fn kept(id: &str, previous: Option<&str>, until_us: u64) -> Arc<KeptResponse> {
    Arc::new(KeptResponse {
        id: id.to_owned(),
        owner: "key:ada".to_owned(),
        previous: previous.map(str::to_owned),
        until_us,
        text: format!("what was said to {id}: canary \0 é"),
    })
}

async fn ids(db: &Db, key: &ResponsesKey, owner: &str, id: &str, now_us: u64) -> Vec<String> {
    db.conversation(key, (owner, id), now_us).await.unwrap().into_iter().map(|kept| kept.id).collect()
}

fn a_conversation_is_found_by_its_last_answer_and_by_its_owner_alone(ground: &Ground) {
    let db = ground.open();
    wait(async {
        let key = key(&db).await;
        let all = [
            kept("a", None, HOUR),
            kept("b", Some("a"), HOUR),
            kept("c", Some("b"), HOUR),
            kept("d", Some("a"), HOUR),
        ];
        db.keep_responses(&key, &all).await.unwrap();
        // What comes twice is there once.
        db.keep_responses(&key, &all[..1]).await.unwrap();
        let found = db.conversation(&key, ("key:ada", "c"), 0).await.unwrap();
        assert!(found.iter().eq([&*all[2], &*all[1], &*all[0]]), "{found:?}");
        assert_eq!(ids(&db, &key, "key:ada", "d", 0).await, ["d", "a"]);
        assert_eq!(db.kept_response(&key, ("key:ada", "b"), 0).await.unwrap(), Some((*all[1]).clone()));
        assert_eq!(ids(&db, &key, "key:bob", "c", 0).await, [""; 0]);
        assert_eq!(db.kept_response(&key, ("key:bob", "b"), 0).await.unwrap(), None);
        assert!(!db.remove_response(&key, ("key:bob", "b")).await.unwrap());
        assert!(db.remove_response(&key, ("key:ada", "b")).await.unwrap());
        assert!(!db.remove_response(&key, ("key:ada", "b")).await.unwrap());
        assert_eq!(ids(&db, &key, "key:ada", "c", 0).await, [""; 0], "not all of it is there");
        assert_eq!(db.kept_response(&key, ("key:ada", "c"), 0).await.unwrap(), Some((*all[2]).clone()));
    });
    if let Place::Sqlite(file) = &ground.place {
        for ending in ["", "-wal"] {
            let bytes = std::fs::read(format!("{}{ending}", file.display())).unwrap_or_default();
            let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!has(b"canary") && !has(b"key:ada"), "nobody's words lie readable in the file{ending}");
        }
    }
}

fn what_a_conversation_began_with_stays_as_long_as_it_goes_on(ground: &Ground) {
    let db = ground.open();
    wait(async {
        let key = key(&db).await;
        db.keep_responses(&key, &[kept("a", None, 2 * HOUR), kept("b", Some("a"), 10 * HOUR)]).await.unwrap();
        assert_eq!(ids(&db, &key, "key:ada", "b", 5 * HOUR).await, ["b", "a"]);
        db.keep_responses(&key, &[kept("c", Some("b"), 20 * HOUR)]).await.unwrap();
        assert_eq!(db.prune_responses(15 * HOUR, u64::MAX).await.unwrap(), 0);
        assert_eq!(ids(&db, &key, "key:ada", "c", 15 * HOUR).await, ["c", "b", "a"]);
        assert_eq!(ids(&db, &key, "key:ada", "c", 20 * HOUR).await, [""; 0]);
    });
}

fn what_is_too_old_goes_and_then_what_was_used_longest_ago(ground: &Ground) {
    let db = ground.open();
    wait(async {
        let key = key(&db).await;
        let all: Vec<Arc<KeptResponse>> =
            (1..=5).map(|nth| kept(&format!("r{nth}"), None, nth * HOUR)).collect();
        db.keep_responses(&key, &all).await.unwrap();
        assert_eq!(db.prune_responses(HOUR, u64::MAX).await.unwrap(), 1);
        let each = all[0].text.len() as u64 + 28;
        assert_eq!(db.prune_responses(HOUR, each * 3).await.unwrap(), 1);
        let mut left = Vec::new();
        for one in &all {
            left.extend(db.kept_response(&key, ("key:ada", &one.id), 0).await.unwrap().map(|kept| kept.id));
        }
        assert_eq!(left, ["r3", "r4", "r5"]);
        let mut large = (*kept("large", None, 9 * HOUR)).clone();
        large.text = "x".repeat(each as usize * 4);
        db.keep_responses(&key, &[Arc::new(large)]).await.unwrap();
        assert_eq!(db.prune_responses(HOUR, each * 3).await.unwrap(), 1, "the too large one alone");
        assert!(db.kept_response(&key, ("key:ada", "r3"), 0).await.unwrap().is_some());
    });
}

fn changing_the_keys_of_the_vault_touches_no_answer(ground: &Ground) {
    let db = ground.open();
    wait(async {
        let one = kept("a", None, HOUR);
        db.keep_responses(&key(&db).await, std::slice::from_ref(&one)).await.unwrap();
        assert_eq!(db.rotate_secrets(&vault(&[SECOND, FIRST])).await.unwrap(), 1);
        let key = db.responses_key(&vault(&[SECOND])).await.unwrap();
        assert_eq!(db.kept_response(&key, ("key:ada", "a"), 0).await.unwrap(), Some((*one).clone()));
        assert!(db.responses_key(&vault(&[FIRST])).await.is_err());
    });
}

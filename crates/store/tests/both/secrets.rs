//! Secrets: sealed in the database, bound to their rows, rotated while they are used.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{StoreProblem, Vault};

use crate::place::{Ground, wait};

crate::on_both!(
    a_secret_comes_back_and_nothing_of_it_is_in_the_database,
    a_row_that_was_moved_or_changed_does_not_open,
    keys_are_rotated_while_secrets_are_used,
    a_vault_that_lacks_a_key_is_not_opened,
    a_secret_without_a_name_is_kept_once_under_one_that_tells_nothing,
    a_secret_nobody_refers_to_goes_when_it_is_old,
    those_who_name_the_same_secret_at_once_get_the_same_name,
);

const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "a new key with many characters, as a person writes it";
const CANARY: &str = "sk-proj-canary-0123456789-Wxyz";

fn vault(lines: &[&str]) -> Vault {
    Vault::of(&lines.join("\n")).unwrap()
}

fn a_secret_comes_back_and_nothing_of_it_is_in_the_database(ground: &Ground) {
    let (db, vault) = (ground.open(), vault(&[OLD]));
    wait(async {
        db.keep_secret(&vault, "provider/openai", "the first one, too short").await.unwrap();
        db.keep_secret(&vault, "provider/openai", CANARY).await.unwrap();
        db.keep_secret(&vault, "provider/local", "none").await.unwrap();
        let opened = db.open_secret(&vault, "provider/openai").await.unwrap().unwrap();
        assert_eq!((opened.expose(), format!("{opened:?}").as_str()), (CANARY, "***"));
        assert!(db.open_secret(&vault, "provider/nobody").await.unwrap().is_none());
        let shown = db.shown_secrets().await.unwrap();
        let last: Vec<_> = shown.iter().map(|one| (one.name.as_str(), one.last_four.as_str())).collect();
        assert_eq!(last, [("provider/local", ""), ("provider/openai", "Wxyz")], "a short one shows nothing");
        assert!(db.remove_secret("provider/local").await.unwrap());
        assert!(!db.remove_secret("provider/local").await.unwrap());
    });
    drop(db);
    for file in walk(ground.folder.path()) {
        let bytes = match std::fs::read(&file) {
            // The log goes when the last one has left the database, which may be now.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            read => read.unwrap(),
        };
        for secret in ["canary-0123", OLD] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", file.display());
        }
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

fn a_row_that_was_moved_or_changed_does_not_open(ground: &Ground) {
    let (db, vault) = (ground.open(), vault(&[OLD]));
    let keep = |name: &str, secret: &str| wait(db.keep_secret(&vault, name, secret)).unwrap();
    let fails = |name: &str| {
        let problem = wait(db.open_secret(&vault, name)).unwrap_err();
        assert!(matches!(problem, StoreProblem::Secret(_)), "{problem}");
        assert!(!problem.to_string().contains("canary"), "{problem}");
    };
    keep("cheap", "sk-cheap-0123456789");
    keep("dear", CANARY);
    ground.execute(
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = 'dear'), wrapped_key = (SELECT wrapped_key FROM secrets WHERE name = 'dear') WHERE name = 'cheap'",
    );
    fails("cheap");
    keep("cheap", "sk-cheap-0123456789");
    ground.execute("UPDATE secrets SET sealed = wrapped_key WHERE name = 'cheap'");
    fails("cheap");
    ground.execute("UPDATE secrets SET sealed = 'ff' || substr(sealed, 3) WHERE name = 'dear'");
    fails("dear");
    for odd in ["''", "'zz'", "'0'", "'00112233'"] {
        keep("cheap", "sk-cheap-0123456789");
        // Four statements of the test's own, nobody's input.
        let change: &'static str =
            Box::leak(format!("UPDATE secrets SET sealed = {odd} WHERE name = 'cheap'").into());
        ground.execute(change);
        fails("cheap");
    }
}

fn keys_are_rotated_while_secrets_are_used(ground: &Ground) {
    let (before, both, after) = (vault(&[OLD]), vault(&[NEW, OLD]), vault(&[NEW]));
    let db = ground.open();
    let secret = |n: usize| format!("{CANARY}-{n:04}");
    wait(async {
        for n in 0..100 {
            db.keep_secret(&before, &format!("p{n}"), &secret(n)).await.unwrap();
        }
    });
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Another gateway, which has both keys: it reads all the time, and changes some.
        scope.spawn(|| {
            let db = ground.open();
            wait(async {
                for round in 0.. {
                    for n in 0..100 {
                        let opened = db.open_secret(&both, &format!("p{n}")).await.unwrap().unwrap();
                        assert_eq!(opened.expose(), secret(n));
                    }
                    // It has not heard of the new key as the current one yet.
                    db.keep_secret(&vault(&[OLD, NEW]), &format!("p{}", round % 100), &secret(round % 100))
                        .await
                        .unwrap();
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        });
        assert!(wait(db.rotate_secrets(&both)).unwrap() >= 100);
        done.store(true, Ordering::Relaxed);
    });
    wait(db.rotate_secrets(&both)).unwrap();
    assert_eq!(wait(db.keys_in_use()).unwrap(), [after.current()]);
    wait(async {
        for n in 0..100 {
            assert_eq!(db.open_secret(&after, &format!("p{n}")).await.unwrap().unwrap().expose(), secret(n));
        }
        assert!(db.open_secret(&before, "p1").await.is_err(), "the old key opens nothing any more");
    });
}

fn a_vault_that_lacks_a_key_is_not_opened(ground: &Ground) {
    let file = ground.folder.path().join("keys/vault.key");
    let db = ground.open();
    let used = || wait(db.keys_in_use()).unwrap();
    let made = Vault::open(&file, &used()).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    wait(db.keep_secret(&made, "p", CANARY)).unwrap();
    let again = Vault::open(&file, &used()).unwrap();
    assert_eq!(wait(db.open_secret(&again, "p")).unwrap().unwrap().expose(), CANARY);
    let text = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, format!("{NEW}\n")).unwrap();
    let problem = Vault::open(&file, &used()).unwrap_err().to_string();
    assert!(problem.contains(made.current()) && problem.contains("lacks the key"), "{problem}");
    std::fs::write(&file, format!("{NEW}\n{text}")).unwrap();
    Vault::open(&file, &used()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let problem = Vault::open(&file, &used()).unwrap_err().to_string();
    assert!(problem.contains("others may read it"), "{problem}");
    std::fs::remove_file(&file).unwrap();
    let problem = Vault::open(&file, &used()).unwrap_err().to_string();
    assert!(problem.contains("it is gone"), "{problem}");
    assert!(!file.exists(), "no new key is made where an old one is missed");
}

#[test]
fn those_who_make_a_key_file_at_once_get_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vault.key");
    let open = || Vault::open(&file, &[]).unwrap().current().to_owned();
    let ids: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(ids.len(), 1);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_short_key_is_refused_without_being_repeated() {
    let problem = Vault::of("canary\n").unwrap_err();
    assert!(problem.contains("32") && !problem.contains("canary"), "{problem}");
    assert!(Vault::of("\n\n").is_err());
}

fn a_secret_without_a_name_is_kept_once_under_one_that_tells_nothing(ground: &Ground) {
    let (db, vault) = (ground.open(), vault(&[OLD]));
    let named = |plain: &str| wait(db.secret_named_after(&vault, plain)).unwrap();
    let (first, other) = (named(CANARY), named("another"));
    assert_eq!(named(CANARY), first);
    assert!(first != other && first.starts_with("value-") && first.len() == 38, "{first}");
    let elsewhere = wait(Ground::memory().open().secret_named_after(&vault, CANARY)).unwrap();
    assert_ne!(elsewhere, first, "each database names by a key of its own");
    let all = wait(db.open_secrets(&vault)).unwrap();
    let mut texts: Vec<_> = all.iter().map(|(name, opened)| (name.as_str(), opened.expose())).collect();
    texts.sort_by_key(|(_, text)| *text);
    assert_eq!(texts, [(other.as_str(), "another"), (first.as_str(), CANARY)]);
}

fn a_secret_nobody_refers_to_goes_when_it_is_old(ground: &Ground) {
    let (db, vault) = (ground.open(), vault(&[OLD]));
    let named = |plain: &str| wait(db.secret_named_after(&vault, plain)).unwrap();
    let prune = |keep: &str| wait(db.prune_secrets(&|name| name == keep)).unwrap();
    let (kept, gone, again) = (named("kept"), named("gone"), named("again"));
    wait(db.keep_secret(&vault, "provider/openai", CANARY)).unwrap();
    assert_eq!(prune(&kept), 0, "they may be needed by a change that is being made");
    ground.execute("UPDATE secrets SET changed_us = 1");
    assert_eq!(named("again"), again);
    assert_eq!(prune(&kept), 1);
    assert!(wait(db.open_secret(&vault, &gone)).unwrap().is_none());
    let left: Vec<_> = wait(db.open_secrets(&vault)).unwrap().into_iter().map(|(name, _)| name).collect();
    assert!(left.len() == 3 && left.contains(&again) && left.contains(&kept), "{left:?}");
    assert_eq!(named("gone"), gone, "it is named by the same key as before");
}

fn those_who_name_the_same_secret_at_once_get_the_same_name(ground: &Ground) {
    let names: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let name = || wait(ground.open().secret_named_after(&vault(&[OLD]), CANARY)).unwrap();
        let all: Vec<_> = (0..6).map(|_| scope.spawn(name)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(names.len(), 1);
    assert_eq!(wait(ground.open().open_secrets(&vault(&[OLD]))).unwrap().len(), 1);
}

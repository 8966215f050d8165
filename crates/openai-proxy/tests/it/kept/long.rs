//! A conversation of very many turns: each holds what it said, and not what was said before it.

use serde_json::{Value, json};
use testkit::vendor::Vendor;

use super::{id, last_heard, parrot, says, yaml};
use crate::house::TestHouse;

const TURNS: usize = 40;
/// What is said in a turn, bytes.
const WORDS: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_conversation_is_stored_once_and_not_with_every_turn() {
    let vendor = Vendor::start(parrot).await;
    let dir = tempfile::tempdir().unwrap();
    let storage = format!("storage: {{database: \"sqlite:{}\"}}\n", dir.path().join("usage.db").display());
    let house = TestHouse::new(&yaml(&vendor, &storage));
    let mut previous = Value::Null;
    for turn in 0..TURNS {
        let said = json!([{"role": "user", "content": format!("{} {turn}", "x".repeat(WORDS))}]);
        let answer =
            says(&house, json!({"model": "m", "input": said, "previous_response_id": previous})).await;
        assert_eq!(answer.status, 200, "turn {turn}: {}", answer.text());
        previous = id(&answer).into();
    }
    let heard = last_heard(&vendor);
    assert_eq!(
        (heard.len() / WORDS, heard.split("user: ").count() - 1),
        (TURNS, TURNS),
        "all of it was told"
    );
    drop(house);
    let files = std::fs::read_dir(dir.path()).unwrap().flatten();
    let stored: u64 = files.map(|file| file.metadata().unwrap().len()).sum();
    let said = (TURNS * WORDS) as u64;
    assert!((said..4 * said).contains(&stored), "{stored} bytes for a conversation of {said}");
}

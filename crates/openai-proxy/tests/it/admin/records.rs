//! What is recorded, read over the API: calls, sums, the trail, the database.

use serde_json::Value;
use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use super::{get, good, house_before, open_house, refused, send};
use crate::house::{CHAT_ANSWER, TestHouse, chat};

async fn busy(calls: usize) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(|_| Act::json(200, &CHAT_ANSWER.parse().unwrap())).await;
    let house = house_before(&vendor);
    for _ in 0..calls {
        let answer = ask(house.address(), "POST", "/v1/chat/completions", &[], chat("m-1", false)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    ask(house.address(), "POST", "/v1/chat/completions", &[], chat("nobodys", false)).await;
    house.records(|records| records.len() == calls + 1).await;
    (vendor, house)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_on_exactly_one_page_newest_first() {
    let (_vendor, house) = busy(7).await;
    let (mut ids, mut cursor, mut last) = (Vec::new(), String::new(), u64::MAX);
    loop {
        let page = good(&get(&house, &format!("/admin/v1/requests?limit=3{cursor}")).await);
        for call in page["data"].as_array().unwrap() {
            assert!(call["started_unix_ms"].as_u64().unwrap() <= last);
            last = call["started_unix_ms"].as_u64().unwrap();
            ids.push(call["id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(ids.len(), 8);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    let found = |query: &'static str| {
        let house = &house;
        async move {
            good(&get(house, &format!("/admin/v1/requests?{query}")).await)["data"].as_array().unwrap().len()
        }
    };
    assert_eq!(found("model=m-1").await, 7);
    assert_eq!(found("provider=one").await, 7);
    assert_eq!(found("status=404").await, 1);
    assert_eq!(found("status=4xx").await, 1);
    assert_eq!(found("status=200-299").await, 7);
    assert_eq!(found("until=1").await, 0);
    assert_eq!(found("caller=open").await, 8);
    for wrong in
        ["limit=0", "limit=1001", "status=9x", "status=a-b", "from=-1", "cursor=x", "cursor=AAAA", "by=1"]
    {
        refused(&get(&house, &format!("/admin/v1/requests?{wrong}")).await, 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sums_are_those_of_the_calls() {
    let (_vendor, house) = busy(5).await;
    let by_model = good(&get(&house, "/admin/v1/usage?by=all&group=model,provider").await);
    let sums = by_model["data"].as_array().unwrap();
    let of = |model: &str| sums.iter().find(|sum| sum["model"] == model).cloned().unwrap_or(Value::Null);
    assert_eq!((of("m-1")["calls"].as_u64(), of("m-1")["input_tokens"].as_u64()), (Some(5), Some(45)));
    assert_eq!(of("nobodys")["calls"], 1);
    for by in ["hour", "day"] {
        let all = good(&get(&house, &format!("/admin/v1/usage?by={by}")).await);
        let calls: u64 =
            all["data"].as_array().unwrap().iter().map(|sum| sum["calls"].as_u64().unwrap()).sum();
        assert_eq!(calls, 6, "{all}");
    }
    for wrong in ["group=prompt", "by=week", "from=9&until=8", "from=0"] {
        refused(&get(&house, &format!("/admin/v1/usage?{wrong}")).await, 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_of_providers_are_told_under_their_names_and_counted_anew() {
    let (_vendor, house) = busy(3).await;
    let state = good(&get(&house, "/instances/one").await);
    assert_eq!(
        (state["stats"]["total"]["calls"].as_u64(), state["status"].as_str()),
        (Some(3), Some("healthy"))
    );
    assert_eq!(good(&get(&house, "/stats").await)["total"]["calls"], 4);
    let windows = good(&get(&house, "/stats/windows").await);
    let seconds: Vec<u64> = windows["windows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["window_seconds"].as_u64().unwrap())
        .collect();
    assert_eq!(seconds, [300, 900, 1800, 3600]);
    let health = good(&get(&house, "/stats/health").await);
    assert_eq!(
        (health["status"].as_str(), health["summary"]["healthy"].as_u64()),
        (Some("healthy"), Some(1))
    );
    good(&send(&house, "POST", "/stats/reset", "").await);
    assert_eq!(good(&get(&house, "/stats").await)["total"]["calls"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_comes_in_pieces_and_a_changed_row_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let house = super::routes::kept(folder.path());
    for priority in 1..=5 {
        good(&send(&house, "PATCH", "/instances/one", &format!("{{\"priority\": {priority}}}")).await);
    }
    let (mut numbers, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = good(&get(&house, &format!("/admin/v1/audit?limit=2{cursor}")).await);
        numbers.extend(page["data"].as_array().unwrap().iter().map(|row| row["number"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(numbers.len() >= 6 && numbers.windows(2).all(|pair| pair[0] == pair[1] + 1), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&1));
    let file = format!("sqlite:{}", folder.path().join("openai-proxy.db").display());
    let mut other = <sqlx::SqliteConnection as sqlx::Connection>::connect(&file).await.unwrap();
    sqlx::raw_sql("UPDATE audit SET actor = 'somebody else' WHERE number = 3")
        .execute(&mut other)
        .await
        .unwrap();
    let verified = good(&send(&house, "POST", "/admin/v1/audit/verify", "").await);
    assert_eq!(
        (verified["whole"].as_bool(), verified["broken"][0]["number"].as_u64()),
        (Some(false), Some(3)),
        "{verified}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_a_file_is_looked_through_copied_and_made_smaller() {
    let folder = tempfile::tempdir().unwrap();
    let house = super::routes::kept(folder.path());
    let health = good(&get(&house, "/admin/v1/database?thorough=true").await);
    assert_eq!(
        (health["kind"].as_str(), health["outlasts_the_process"].as_bool()),
        (Some("sqlite"), Some(true))
    );
    assert!(health["tables"].as_array().unwrap().len() >= 4, "{health}");
    let copied = good(&send(&house, "POST", "/admin/v1/database/backup?keep=2", "").await);
    let name = copied["name"].as_str().unwrap();
    assert!(folder.path().join("backups").join(name).is_file(), "{copied}");
    assert!(!copied.to_string().contains(&*folder.path().to_string_lossy()), "no path of ours: {copied}");
    good(&send(&house, "POST", "/admin/v1/database/vacuum", "").await);
    assert_eq!(
        good(&send(&house, "POST", "/admin/v1/database/prune", r#"{"older_than_days": 1}"#).await)["removed"],
        0
    );
    refused(&send(&house, "POST", "/admin/v1/database/prune", r#"{"older_than_days": 0}"#).await, 422);
    refused(&send(&open_house(), "POST", "/admin/v1/database/backup", "").await, 409);
}

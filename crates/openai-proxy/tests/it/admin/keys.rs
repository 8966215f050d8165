//! The keys we show to providers: added, exchanged, taken away, and never shown.

use serde_json::json;
use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use super::{get, good, house_before, open_house, refused, send};
use crate::house::{CHAT_ANSWER, chat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchanged_key_is_used_from_the_next_call_on() {
    let vendor = Vendor::start(|_| Act::json(200, &CHAT_ANSWER.parse().unwrap())).await;
    let house = house_before(&vendor);
    let call = || async {
        assert_eq!(
            ask(house.address(), "POST", "/v1/chat/completions", &[], chat("m-1", false)).await.status,
            200
        );
        vendor.ledger().requests().last().and_then(|seen| seen.header("authorization").map(str::to_owned))
    };
    assert_eq!(call().await.as_deref(), Some("Bearer sk-first-key-abcd"));
    let keys = good(&get(&house, "/admin/v1/providers/one/keys").await);
    assert_eq!(
        keys["data"][0],
        json!({"id": "default", "last_four": "***abcd", "in_use": true, "status": "healthy", "used": null})
    );
    let rotate = "/admin/v1/providers/one/keys/default/rotate";
    let changed =
        send(&house, "POST", rotate, r#"{"key":"sk-next-key-wxyz","keep_until":"2099-12-31"}"#).await;
    assert!(!good(&changed).to_string().contains("wxyz"), "{}", changed.text());
    assert!(!changed.text().contains("not in use yet"), "the old one counts, too: {}", changed.text());
    assert_eq!(call().await.as_deref(), Some("Bearer sk-next-key-wxyz"));
    let keys = good(&get(&house, "/admin/v1/providers/one/keys").await);
    assert_eq!(keys["data"][0]["last_four"], "***wxyz");
    assert_eq!(
        (keys["data"][1]["id"].as_str(), keys["data"][1]["expires"].as_str()),
        (Some("default-old"), Some("2099-12-31"))
    );
    for path in [
        "/config",
        "/admin/v1/config",
        "/admin/config/sources",
        "/admin/v1/revisions",
        "/admin/v1/audit",
        "/instances/one",
    ] {
        let text = get(&house, path).await.text();
        assert!(!text.contains("sk-first") && !text.contains("sk-next"), "{path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_keys_are_kept_by_name_and_not_overwritten() {
    let house = open_house();
    let keys = "/admin/v1/providers/one/keys";
    let add = |id: &'static str| {
        let house = &house;
        async move {
            send(house, "POST", keys, &json!({"id": id, "key": "sk-spare-key-mnop", "weight": 3}).to_string())
                .await
        }
    };
    let added = add("spare").await;
    assert_eq!((added.status, good(&added)["changed"].as_bool()), (201, Some(true)));
    assert_eq!(refused(&add("spare").await, 409), "exists");
    assert_eq!(refused(&send(&house, "POST", keys, r#"{"key":"sk-other-key-mnop"}"#).await, 409), "exists");
    let spare = good(&get(&house, &format!("{keys}/spare")).await);
    assert_eq!(
        (spare["last_four"].as_str(), spare["in_use"].as_bool(), spare["weight"].as_i64()),
        (Some("***mnop"), Some(true), Some(3))
    );
    let over = r#"{"id": "over", "key": "sk-older-key-qrst", "expires": "2001-01-01"}"#;
    good(&send(&house, "POST", keys, over).await);
    let over = good(&get(&house, &format!("{keys}/over")).await);
    assert_eq!((over["last_four"].as_str(), over["in_use"].as_bool()), (Some("***qrst"), Some(false)));
    assert_eq!(over["status"], json!(null));
    good(&send(&house, "DELETE", &format!("{keys}/spare"), "").await);
    refused(&get(&house, &format!("{keys}/spare")).await, 404);
    refused(&send(&house, "POST", keys, r#"{"id":"x","key":"two words\nin lines"}"#).await, 422);
    refused(
        &send(&house, "POST", "/admin/v1/providers/nobody/keys", r#"{"key":"sk-other-key-mnop"}"#).await,
        404,
    );
}

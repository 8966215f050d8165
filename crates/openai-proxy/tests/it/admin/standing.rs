//! What an operator says of a provider by hand.

use testkit::caller::ask;
use testkit::vendor::{Act, Vendor};

use super::{get, good, house_before, open_house, refused, send};
use crate::house::{CHAT_ANSWER, chat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_provider_gets_no_call_until_it_is_resumed() {
    let vendor = Vendor::start(|_| Act::json(200, &CHAT_ANSWER.parse().unwrap())).await;
    let house = house_before(&vendor);
    let call = || async {
        ask(house.address(), "POST", "/v1/chat/completions", &[], chat("m-1", false)).await.status
    };
    assert_eq!(call().await, 200);
    let told = good(
        &send(
            &house,
            "POST",
            "/admin/v1/providers/one/pause",
            r#"{"action":"pause","for_seconds":600,"reason":"work"}"#,
        )
        .await,
    );
    assert_eq!(
        (
            told["override"]["kind"].as_str(),
            told["override"]["by"].as_str(),
            told["override"]["why"].as_str()
        ),
        (Some("paused"), Some("local"), Some("work"))
    );
    assert!((599..=600).contains(&told["override"]["seconds_left"].as_u64().unwrap()), "{told}");
    assert_eq!(call().await, 503);
    assert_eq!(good(&get(&house, "/instances?status=paused").await)["data"][0]["name"], "one");
    good(&send(&house, "POST", "/admin/v1/providers/one/pause", r#"{"action":"resume"}"#).await);
    assert_eq!(call().await, 200);
    for (action, status) in [("force_open", 503), ("force_closed", 200), ("reset", 200)] {
        good(
            &send(&house, "POST", "/admin/v1/providers/one/breaker", &format!("{{\"action\":\"{action}\"}}"))
                .await,
        );
        assert_eq!(call().await, status, "{action}");
    }
    refused(&send(&house, "POST", "/admin/v1/providers/one/pause", r#"{"action":"sleep"}"#).await, 400);
    refused(
        &send(&house, "POST", "/admin/v1/providers/one/pause", r#"{"action":"pause","for_seconds":0}"#).await,
        422,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_by_hand_outlasts_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let house = super::routes::kept(folder.path());
    good(
        &send(
            &house,
            "POST",
            "/admin/v1/providers/two/breaker",
            r#"{"action":"force_open","for_seconds":3600,"reason":"broken"}"#,
        )
        .await,
    );
    drop(house);
    let house = super::routes::kept(folder.path());
    let told = good(&get(&house, "/admin/v1/providers/two/breaker").await);
    assert_eq!(
        (told["override"]["kind"].as_str(), told["override"]["why"].as_str()),
        (Some("forced_open"), Some("broken")),
        "{told}"
    );
    assert!((3500..=3600).contains(&told["override"]["seconds_left"].as_u64().unwrap()), "{told}");
    drop(open_house());
}

//! How a session is opened: by which key and name, and where none comes about.

use testkit::caller::Caller;
use testkit::vendor::{Act, Ending, Vendor};
use tokio_tungstenite::tungstenite::Error;

use super::{KEY, Sessions, connect, knock_early, protocols};
use crate::house::{TestHouse, UPSTREAM_KEY, once, provider, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_key_goes_up_and_the_callers_does_not() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    let (_caller, agreed) = connect(
        &house,
        "model=gpt-realtime",
        &[KEY, ("openai-beta", "realtime=v1"), ("cookie", "session=canary")],
    )
    .await
    .unwrap();
    let _vendor = sessions.socket().await;
    let knock = sessions.knock();
    assert_eq!(knock.headers()["authorization"], format!("Bearer {UPSTREAM_KEY}").as_str());
    assert_eq!(knock.headers().get_all("authorization").iter().count(), 1);
    assert_eq!(knock.headers()["openai-beta"], "realtime=v1");
    assert!(
        !format!("{knock:?}").contains("sk-callers-own") && !format!("{knock:?}").contains("canary"),
        "{knock:?}"
    );
    let answer = format!("{agreed:?}");
    assert!(!answer.contains(UPSTREAM_KEY) && !answer.contains("canary-organisation"), "{answer}");
    assert!(agreed.headers().contains_key("x-request-id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_in_the_query_becomes_the_targets_own_name() {
    let mut sessions = Sessions::start().await;
    let house = sessions
        .house("models: {voice: openai/gpt-realtime-2026, \"our voice\": openai/gpt-realtime-mini}\n");
    for (asked, sent) in [
        ("model=voice&intent=conversation", "/v1/realtime?model=gpt-realtime-2026&intent=conversation"),
        ("intent=conversation&model=our%20voice", "/v1/realtime?intent=conversation&model=gpt-realtime-mini"),
    ] {
        let (_caller, agreed) = connect(&house, asked, &[KEY]).await.unwrap();
        let _vendor = sessions.socket().await;
        assert_eq!(sessions.knock().uri().to_string(), sent);
        assert_eq!(agreed.headers()["x-openai-proxy-provider"], "openai");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browsers_key_is_taken_out_of_the_subprotocols() {
    let mut sessions = Sessions::start().await;
    let house = sessions.house("");
    for (offered, passed) in [
        ("realtime, openai-insecure-api-key.sk-x", vec!["realtime"]),
        (
            "realtime, openai-insecure-api-key.sk-x, openai-beta.realtime-v1",
            vec!["realtime", "openai-beta.realtime-v1"],
        ),
        ("openai-insecure-api-key.sk-x,realtime", vec!["realtime"]),
    ] {
        let (_caller, agreed) =
            connect(&house, "model=gpt-realtime", &[("sec-websocket-protocol", offered)]).await.unwrap();
        let _vendor = sessions.socket().await;
        let knock = sessions.knock();
        assert_eq!(protocols(&knock), passed, "{offered}");
        assert!(!format!("{knock:?}").contains("sk-x"), "{knock:?}");
        assert_eq!(knock.headers()["authorization"], format!("Bearer {UPSTREAM_KEY}").as_str());
        let chosen: Vec<_> = agreed.headers().get_all("sec-websocket-protocol").iter().collect();
        assert_eq!(chosen, ["realtime"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_refuses_stays_http_and_hears_nothing_more() {
    for (theirs, ours, code) in [
        (403, 502, "upstream_auth_failed"),
        (401, 502, "upstream_auth_failed"),
        (404, 404, "model_not_found"),
        (429, 429, "model_not_found"),
    ] {
        let refusal = serde_json::json!({"error": {"message": "no", "type": "t", "param": null, "code": "model_not_found"}});
        let (vendor, house) = once(move |_| Act::json(theirs, &refusal)).await;
        let mut caller = Caller::connect(house.address()).await;
        caller
            .send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime") + "EARLY-CANARY\r\n\r\n")
            .await
            .unwrap();
        let answer = caller.read_answer().await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (ours, Some(code)));
        assert_eq!((answer.header("upgrade"), answer.header("sec-websocket-accept")), (None, None));
        drop(caller);
        assert_eq!(house.record().await.status, ours);
        assert!(!vendor.ledger().contains(b"EARLY-CANARY"), "{theirs}");
        assert_eq!(vendor.ledger().begun(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_says_early_reaches_the_vendor_after_it_agreed() {
    let (vendor, house) = with(|_| Act::Upgrade).await;
    let mut caller = Caller::connect(house.address()).await;
    caller
        .send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime") + "early bytes")
        .await
        .unwrap();
    let answer = caller.read_answer().await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-accept")),
        (101, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    );
    let mut echoed = Vec::new();
    while echoed.len() < 11 {
        echoed.extend_from_slice(&caller.read_some().await.unwrap());
    }
    assert_eq!(echoed, b"early bytes");
    assert_eq!(&vendor.ledger().last().unwrap().upgraded[..], b"early bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_one_piece_with_the_agreement_is_not_lost() {
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst words";
    let (_vendor, house) = with(move |_| Act::raw(agreed, Ending::Hang)).await;
    let mut caller = Caller::connect(house.address()).await;
    caller.send(knock_early(house.address(), "/v1/realtime?model=gpt-realtime")).await.unwrap();
    assert_eq!(caller.read_answer().await.status, 101);
    let mut words = Vec::new();
    while words.len() < 11 {
        words.extend_from_slice(&caller.read_some().await.unwrap());
    }
    assert_eq!(words, b"first words");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn responses_over_a_websocket_is_refused_at_once_where_it_is_switched_off() {
    let vendor = Vendor::start(|_| Act::Upgrade).await;
    let off = "server: {listen: \"127.0.0.1:0\", workers: 1, responses_websocket: off}\n";
    let house = TestHouse::new(&format!("{off}{}", provider(&vendor)));
    for path in ["/v1/responses", "/v1/responses?model=gpt-4o", "/responses"] {
        let mut caller = Caller::connect(house.address()).await;
        caller.send(knock_early(house.address(), path)).await.unwrap();
        let answer = caller.read_answer().await;
        assert_eq!(
            (answer.status, answer.error_code().as_deref()),
            (426, Some("websocket_not_served")),
            "{path}"
        );
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert_eq!(vendor.ledger().accepted(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_elsewhere_is_never_joined() {
    let (vendor, house) = with(|_| Act::Upgrade).await;
    for path in ["/v1/chat/completions", "/v1/files", "/v1/embeddings", "/v1/realtime/client_secrets"] {
        let mut caller = Caller::connect(house.address()).await;
        caller.send(knock_early(house.address(), path) + "EARLY-CANARY").await.unwrap();
        let answer = caller.read_answer().await;
        assert!((400..503).contains(&answer.status), "{path}: {}", answer.status);
        drop(caller);
    }
    let open = house.records(|records| records.len() == 4).await;
    assert!(open.iter().all(|record| record.status >= 400), "{open:?}");
    assert!(!vendor.ledger().contains(b"EARLY-CANARY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_stranger_gets_no_session() {
    let (vendor, house) = with(|_| Act::Upgrade).await;
    let refused = connect(&house, "model=gpt-realtime", &[("origin", "https://evil.example.org")]).await;
    let Err(Error::Http(answer)) = refused else { panic!("refused as HTTP") };
    assert_eq!(answer.status(), 403);
    assert_eq!(vendor.ledger().accepted(), 0);
}

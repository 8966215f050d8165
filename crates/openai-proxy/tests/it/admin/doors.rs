//! Where administration is served, under which names, and to which pages (T-36, D-3).

use serde_json::json;
use testkit::caller::{Caller, ask};

use super::{ADMIN, TWO, get, good, open_house, refused, send};
use crate::house::TestHouse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_our_own_names_and_our_own_pages_are_answered() {
    let house = open_house();
    let own = format!("http://{}", house.address());
    let port = house.address().port();
    let rows: Vec<(String, Option<String>, u16)> = vec![
        (house.address().to_string(), None, 200),
        (format!("localhost:{port}"), None, 200),
        (format!("[::1]:{port}"), None, 200),
        ("localhost".to_owned(), None, 200),
        ("evil.example".to_owned(), None, 421),
        (format!("evil.example:{port}"), None, 421),
        ("127.0.0.1.evil.example".to_owned(), None, 421),
        (house.address().to_string(), Some(own.clone()), 200),
        (format!("localhost:{port}"), Some(format!("http://localhost:{port}")), 200),
        // A page of this computer that is not ours may make calls, and may not administer.
        (house.address().to_string(), Some("http://localhost:3000".to_owned()), 403),
        (house.address().to_string(), Some(format!("http://localhost:{port}")), 403),
        (house.address().to_string(), Some("http://evil.example".to_owned()), 403),
        (house.address().to_string(), Some("null".to_owned()), 403),
        (house.address().to_string(), Some(format!("{own}.evil.example")), 403),
        (house.address().to_string(), Some(format!("file://{}", house.address())), 403),
    ];
    for (host, origin, status) in rows {
        for (method, path) in [("GET", "/config"), ("POST", "/config/reload"), ("POST", "/stats/reset")] {
            let mut head = format!(
                "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\nconnection: close\r\n"
            );
            if let Some(origin) = &origin {
                head.push_str(&format!("origin: {origin}\r\n"));
            }
            let mut caller = Caller::connect(house.address()).await;
            caller.send(format!("{head}\r\n")).await.unwrap();
            let answer = caller.read_answer().await;
            assert_eq!(answer.status, status, "{method} {path} {host} {origin:?}: {}", answer.text());
            assert_eq!(answer.header("access-control-allow-origin"), None, "no page elsewhere may read it");
            if status != 200 {
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_page_is_told_that_it_may_ask_even_one_that_may_make_calls() {
    let house = TestHouse::new(&format!(
        "server: {{listen: \"127.0.0.1:0\", workers: 1, cors: {{allow_origins: [\"https://app.example\"]}}}}\n{TWO}"
    ));
    let headers = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    let call = ask(house.address(), "OPTIONS", "/v1/chat/completions", &headers, "").await;
    assert_eq!((call.status, call.header("access-control-allow-origin")), (204, Some("https://app.example")));
    let admin = ask(house.address(), "OPTIONS", "/config/reload", &headers, "").await;
    assert_eq!((admin.status, admin.header("access-control-allow-origin")), (403, None));
    let get = ask(house.address(), "GET", "/config", &headers[..1], "").await;
    assert_eq!((get.status, get.header("access-control-allow-origin")), (403, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_on_a_page_elsewhere_asks_for_nothing() {
    let house = open_house();
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        let answer = ask(house.address(), "GET", "/config", &[("sec-fetch-site", site)], "").await;
        assert_eq!(answer.status, status, "{site}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_others_reach_us_administration_is_at_its_own_door_alone() {
    let yaml = format!("server: {{listen: \"0.0.0.0:0\", admin_listen: \"127.0.0.1:0\", workers: 1}}\n{TWO}");
    let house = TestHouse::new(&yaml);
    let public = std::net::SocketAddr::from(([127, 0, 0, 1], house.address().port()));
    let inner = house.inner().admin().unwrap();
    for path in ["/config", "/instances", "/stats", "/admin/v1/config", "/admin/docs", "/admin/openapi.json"]
    {
        assert_eq!(ask(public, "GET", path, &[], "").await.status, 404, "{path} at the public door");
        assert_eq!(ask(inner, "GET", path, &[], "").await.status, 200, "{path} at the inner door");
    }
    let answer = ask(public, "POST", "/config/reload", &[], "").await;
    assert_eq!(answer.status, 404, "{}", answer.text());
    // The outer door answers to any name; the inner one to this computer's alone.
    let mut caller = Caller::connect(inner).await;
    caller.send("GET /config HTTP/1.1\r\nhost: evil.example\r\n\r\n").await.unwrap();
    assert_eq!(refused(&caller.read_answer().await, 421), "host_not_allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_only_this_computer_administers_and_not_what_it_passes_on() {
    let house = open_house();
    good(&get(&house, "/config").await);
    for header in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
        let answer = ask(house.address(), "GET", "/config", &[(header, "203.0.113.7")], "").await;
        assert_eq!(refused(&answer, 401), "key_needed", "{header}");
        assert!(answer.text().contains("admin.api_key"), "{}", answer.text());
    }
    let change = json!({"admin": {"api_key": ADMIN}}).to_string();
    good(&send(&house, "PATCH", "/admin/v1/config", &change).await);
    refused(&get(&house, "/config").await, 401);
    good(&super::with_key(&house, ADMIN, "GET", "/config", "").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn administration_is_no_call_and_leaves_what_is_not_its_own_alone() {
    let house = open_house();
    good(&get(&house, "/stats").await);
    refused(&get(&house, "/instances/nobody").await, 404);
    assert!(house.inner().records().await.is_empty(), "no record of it");
    assert_eq!(get(&house, "/health").await.status, 200);
    assert_eq!(get(&house, "/health").await.header("content-type"), Some("application/json"));
    assert_eq!(get(&house, "/healthy").await.error_code().as_deref(), Some("unknown_path"));
    assert_eq!(get(&house, "/configs").await.status, 404);
}

//! The description of the admin API, and the page that shows it.

use std::collections::BTreeSet;

use control::api::routes;
use serde_json::Value;

use super::{get, good, locked_house};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_has_every_route_with_its_right_and_every_reference_leads_somewhere() {
    let house = locked_house();
    let api = good(&get(&house, "/admin/openapi.json").await);
    assert_eq!(api["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for route in routes() {
        let method = route.method.as_str().to_lowercase();
        let told = &api["paths"][route.path][&method];
        assert!(told.is_object(), "{} {} is not described", route.method, route.path);
        assert!(ids.insert(told["operationId"].to_string()), "two have the name {}", told["operationId"]);
        assert!(told["summary"].is_string() && told["responses"]["default"].is_object(), "{told}");
    }
    let described =
        api["paths"].as_object().unwrap().values().map(|methods| methods.as_object().unwrap().len());
    assert_eq!(described.sum::<usize>(), routes().len(), "nothing else is described");
    let mut broken = Vec::new();
    each_reference(&api, &mut |reference| {
        let place = reference.strip_prefix('#').unwrap_or("/nowhere");
        if api.pointer(place).is_none() {
            broken.push(reference.to_owned());
        }
    });
    assert_eq!(broken, Vec::<String>::new());
}

fn each_reference(value: &Value, seen: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                seen(reference);
            }
            members.values().for_each(|value| each_reference(value, seen));
        }
        Value::Array(items) => items.iter().for_each(|value| each_reference(value, seen)),
        _ => {}
    }
}

/// T-38.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_needs_nothing_from_elsewhere_and_runs_no_script_of_its_own_text() {
    let house = locked_house();
    let page = get(&house, "/admin/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let text = page.text();
    for script in text.split("<script").skip(1) {
        assert!(script.trim_start().starts_with("src=\"/admin/docs/"), "{script}");
    }
    for file in ["/admin/docs/page.js", "/admin/docs/page.css"] {
        assert!(text.contains(file), "{file}");
        let answer = get(&house, file).await;
        assert_eq!(answer.status, 200);
        assert!(
            !answer.text().contains("http://") && !answer.text().contains("https://"),
            "{file} leads elsewhere"
        );
        assert!(!answer.text().contains("innerHTML"), "{file}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

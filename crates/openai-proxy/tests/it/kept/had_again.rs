//! An answer that is had again, listed and deleted by its owner, and by nobody else; and what is not kept at all.

use serde_json::json;
use testkit::caller::{Answer, ask};

use super::{ADA, asks, id, parrots, says};

const BOB: &str = "sk-bob-0123456789abcdefghijklmnopqrst";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_had_again_listed_and_deleted() {
    let (vendor, house) = parrots("").await;
    let first = says(&house, json!({"model": "m", "input": "one", "metadata": {"a": "b"}})).await;
    let second =
        says(&house, json!({"model": "m", "input": "two", "previous_response_id": id(&first)})).await;
    let (address, path) = (house.address(), format!("/v1/responses/{}", id(&second)));
    let calls = vendor.ledger().requests().len();
    let again = asks(address, "GET", &path, ADA, "").await;
    assert_eq!((again.status, again.json()), (200, second.json()));
    let head = ask(address, "HEAD", &path, &[("authorization", &format!("Bearer {ADA}"))], "").await;
    assert_eq!(head.status, 200);
    let texts = |page: &Answer| -> Vec<String> {
        let items = page.json()["data"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["content"][0]["text"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let page = asks(address, "GET", &format!("{path}/input_items"), ADA, "").await;
    assert_eq!(texts(&page), ["two", "one!", "one"], "{}", page.text());
    assert_eq!((&page.json()["object"], &page.json()["has_more"]), (&json!("list"), &json!(false)));
    let page = asks(address, "GET", &format!("{path}/input_items?order=asc&limit=2"), ADA, "").await;
    assert_eq!(texts(&page), ["one", "one!"]);
    assert_eq!(
        (&page.json()["has_more"], &page.json()["last_id"]),
        (&json!(true), &page.json()["data"][1]["id"])
    );
    let after = page.json()["last_id"].as_str().unwrap().to_owned();
    let page = asks(address, "GET", &format!("{path}/input_items?order=asc&after={after}"), ADA, "").await;
    assert_eq!(texts(&page), ["two"]);
    let wrong = asks(address, "GET", &format!("{path}/input_items?limit=1000"), ADA, "").await;
    assert_eq!(
        (wrong.status, wrong.json()["error"]["param"].as_str().map(str::to_owned)),
        (400, Some("limit".to_owned()))
    );
    let cancelled = asks(address, "POST", &format!("{path}/cancel"), ADA, "").await;
    assert_eq!((cancelled.status, cancelled.error_code().as_deref()), (400, Some("not_in_background")));
    for query in
        ["stream=true", "stream=1", "stream=True", "starting_after=3&%73tream=%74rue", "stream", "stream=yes"]
    {
        let stream = asks(address, "GET", &format!("{path}?{query}"), ADA, "").await;
        let told = (stream.status, &stream.json()["error"]["param"]);
        assert_eq!(told, (400, &json!("stream")), "{query}: {}", stream.text());
    }
    for query in ["stream=false", "stream=0", "starting_after=3", "stream=true&stream=false"] {
        let whole = asks(address, "GET", &format!("{path}?{query}"), ADA, "").await;
        assert_eq!(whole.status, 200, "{query}: {}", whole.text());
    }

    let deleted = asks(address, "DELETE", &path, ADA, "").await;
    assert_eq!(
        (deleted.status, deleted.json()),
        (200, json!({"id": id(&second), "object": "response", "deleted": true}))
    );
    for method in ["GET", "DELETE"] {
        let gone = asks(address, method, &path, ADA, "").await;
        assert_eq!(
            (gone.status, gone.error_code().as_deref()),
            (404, Some("response_not_found")),
            "{method}"
        );
    }
    let gone =
        says(&house, json!({"model": "m", "input": "three", "previous_response_id": id(&second)})).await;
    assert_eq!((gone.status, gone.error_code().as_deref()), (400, Some("previous_response_not_found")));
    assert_eq!(gone.json()["error"]["param"], "previous_response_id");
    assert_eq!(vendor.ledger().requests().len(), calls, "nobody else was asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_keys_answer_is_not_there() {
    let keys = format!("auth: {{mode: keys}}\nkeys: {{ada: {{key: {ADA}}}, bob: {{key: {BOB}}}}}\n");
    let (vendor, house) = parrots(&keys).await;
    let first = says(&house, json!({"model": "m", "input": "a secret"})).await;
    let path = format!("/v1/responses/{}", id(&first));
    for (method, path) in [
        ("GET", path.clone()),
        ("DELETE", path.clone()),
        ("GET", format!("{path}/input_items")),
        ("POST", format!("{path}/cancel")),
    ] {
        let answer = asks(house.address(), method, &path, BOB, "").await;
        assert_eq!(
            (answer.status, answer.error_code().as_deref()),
            (404, Some("response_not_found")),
            "{method} {path}"
        );
    }
    let body = json!({"model": "m", "input": "what was it?", "previous_response_id": id(&first)}).to_string();
    let answer = asks(house.address(), "POST", "/v1/responses", BOB, &body).await;
    assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some("previous_response_not_found")));
    assert_eq!(vendor.ledger().requests().len(), 1);
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_key_is_asked_for_an_answer_belongs_to_whatever_was_shown() {
    let (_vendor, house) = parrots("").await;
    let first = says(&house, json!({"model": "m", "input": "one"})).await;
    let path = format!("/v1/responses/{}", id(&first));
    assert_eq!(asks(house.address(), "GET", &path, "sk-somebody-else", "").await.status, 404);
    assert_eq!(ask(house.address(), "GET", &path, &[], "").await.status, 404);
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_false_and_a_gateway_that_keeps_nothing_say_so() {
    let (_vendor, house) = parrots("").await;
    let answer = says(&house, json!({"model": "m", "input": "one", "store": false})).await;
    assert_eq!((answer.status, &answer.json()["store"]), (200, &json!(false)));
    let path = format!("/v1/responses/{}", id(&answer));
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 404);

    let (_vendor, house) = parrots("storage: {responses: {keep: off}}\n").await;
    let answer = says(&house, json!({"model": "m", "input": "one", "store": true})).await;
    assert_eq!((answer.status, &answer.json()["store"]), (200, &json!(false)));
    assert_eq!(answer.header("x-openai-proxy-dropped"), Some("store"));
    let path = format!("/v1/responses/{}", id(&answer));
    assert_eq!(asks(house.address(), "GET", &path, ADA, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_to_be_kept_is_never_in_doubt() {
    let (vendor, house) = parrots("").await;
    for (more, code, param) in [
        (r#""store":false,"store":true"#, "duplicate_key", "store"),
        (r#""store":"false""#, "invalid_json", "store"),
        (r#""store":0"#, "invalid_json", "store"),
        (r#""input":"two""#, "duplicate_key", "input"),
        (r#""previous_response_id":7"#, "invalid_json", "previous_response_id"),
        (r#""previous_response_id":{}"#, "invalid_json", "previous_response_id"),
        (r#""previous_response_id":[]"#, "invalid_json", "previous_response_id"),
        (
            r#""previous_response_id":"resp_1","previous_response_id":null"#,
            "duplicate_key",
            "previous_response_id",
        ),
        (r#""conversation":"conv_1","conversation":null"#, "duplicate_key", "conversation"),
        (r#""conversation":7"#, "invalid_json", "conversation"),
    ] {
        let body = format!(r#"{{"model":"m","input":"one",{more}}}"#);
        let answer = asks(house.address(), "POST", "/v1/responses", ADA, &body).await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (400, Some(code)), "{body}");
        assert_eq!(answer.json()["error"]["param"], param, "{body}");
    }
    assert_eq!(vendor.ledger().requests().len(), 0);
}

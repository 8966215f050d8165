//! Vectors and orders: asked for at any door, made by any kind of service, told in the caller's language and booked.

use std::fmt::Write;

use serde_json::{Value, json};
use store::usage_record::Outcome;
use testkit::caller::{Answer, ask};
use testkit::vendor::{self, Act, Seen, Vendor};

use crate::house::TestHouse;

/// A kind of service: its word, the path of its base URL, and its own name for the model.
const KINDS: [(&str, &str, &str); 6] = [
    ("openai-compatible", "/v1", "real"),
    ("gemini", "/v1beta", "real"),
    ("cohere", "/v2", "real"),
    ("ollama", "/v1", "real"),
    ("bedrock", "", "cohere.embed-v4:0"),
    ("bedrock", "", "amazon.titan-embed-text-v2:0"),
];

/// The doors: where to ask, and whether for one text only.
const DOORS: [(&str, bool); 6] = [
    ("/v1/embeddings", false),
    ("/v2/embed", false),
    ("/api/embed", false),
    ("/api/embeddings", true),
    ("/v1beta/models/m:embedContent", true),
    ("/v1/models/m:batchEmbedContents", false),
];

const TOKENS: u64 = 7;

/// The vector of a text, as the fake services make it: its letters, so that each is another.
fn vector(text: &str) -> Vec<f32> {
    text.bytes().map(|byte| f32::from(byte) / 256.0).collect()
}

/// What a service says to any question for vectors, in the language it is asked in.
fn says(seen: &Seen) -> Act {
    let body = seen.json();
    let texts = |list: &Value, text: fn(&Value) -> &Value| {
        list.as_array()
            .into_iter()
            .flatten()
            .map(|item| vector(text(item).as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let itself = |value: &Value| -> Vec<Vec<f32>> {
        if value.is_string() { vec![vector(value.as_str().unwrap())] } else { texts(value, |item| item) }
    };
    match seen.path() {
        "/v1/embeddings" => {
            let mut data: Vec<Value> = itself(&body["input"])
                .into_iter()
                .enumerate()
                .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
                .collect();
            // They are numbered, and may come in any order.
            data.reverse();
            let usage = json!({"prompt_tokens": TOKENS, "total_tokens": TOKENS});
            Act::json(200, &json!({"object": "list", "data": data, "model": body["model"], "usage": usage}))
        }
        "/v1beta/models/real:batchEmbedContents" => {
            let vectors = texts(&body["requests"], |item| &item["content"]["parts"][0]["text"]);
            let values: Vec<Value> = vectors.into_iter().map(|values| json!({"values": values})).collect();
            Act::json(200, &json!({"embeddings": values, "usageMetadata": {"promptTokenCount": TOKENS}}))
        }
        "/v2/embed" => {
            assert_eq!((&body["model"], &body["embedding_types"]), (&json!("real"), &json!(["float"])));
            let meta = json!({"api_version": {"version": "2"}, "billed_units": {"input_tokens": TOKENS}});
            Act::json(
                200,
                &json!({"id": "x", "embeddings": {"float": itself(&body["texts"])}, "meta": meta, "response_type": "embeddings_by_type"}),
            )
        }
        "/api/embed" => Act::json(
            200,
            &json!({"model": body["model"], "embeddings": itself(&body["input"]), "total_duration": 5, "prompt_eval_count": TOKENS}),
        ),
        "/model/cohere.embed-v4%3A0/invoke" => {
            let told = json!({"embeddings": {"float": itself(&body["texts"])}, "id": "x", "response_type": "embeddings_by_type"});
            vendor::Answer::plain(200, told.to_string())
                .header("content-type", "application/json")
                .header("x-amzn-bedrock-input-token-count", &TOKENS.to_string())
                .into()
        }
        "/model/amazon.titan-embed-text-v2%3A0/invoke" => {
            let vector = vector(body["inputText"].as_str().unwrap());
            Act::json(
                200,
                &json!({"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": TOKENS}),
            )
        }
        other => Act::text(404, other.to_owned()),
    }
}

fn house_of(kind: &str, base: &str, model: &str, service: &Vendor) -> TestHouse {
    TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders: {{there: {{type: {kind}, base_url: \"{}{base}\", api_key: sk-there}}}}\nmodels: {{m: \"there/{model}\"}}\n",
        service.url()
    ))
}

/// A question for vectors at a door.
fn question(door: &str, texts: &[&str]) -> String {
    let content = |text: &&str| json!({"content": {"parts": [{"text": text}]}});
    match door {
        "/v1/embeddings" | "/api/embed" => json!({"model": "m", "input": texts}),
        "/v2/embed" => json!({"model": "m", "texts": texts, "input_type": "search_document", "embedding_types": ["float"]}),
        "/api/embeddings" => json!({"model": "m", "prompt": texts[0]}),
        _ if door.ends_with(":embedContent") => content(&texts[0]),
        _ => json!({"requests": texts.iter().map(content).collect::<Vec<Value>>()}),
    }
    .to_string()
}

/// The vectors a caller reads.
fn heard(door: &str, answer: &Answer) -> Vec<Vec<f32>> {
    let body = answer.json();
    let numbers = |list: &Value| -> Vec<f32> { serde_json::from_value(list.clone()).unwrap() };
    let all = |list: &Value, one: fn(&Value) -> &Value| {
        list.as_array().unwrap().iter().map(|item| numbers(one(item))).collect::<Vec<_>>()
    };
    match door {
        "/v1/embeddings" => all(&body["data"], |item| &item["embedding"]),
        "/v2/embed" => all(&body["embeddings"]["float"], |item| item),
        "/api/embed" => all(&body["embeddings"], |item| item),
        "/api/embeddings" => vec![numbers(&body["embedding"])],
        _ if door.ends_with(":embedContent") => vec![numbers(&body["embedding"]["values"])],
        _ => all(&body["embeddings"], |item| &item["values"]),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_asked_for_at_any_door_are_made_by_any_vendor_in_order_and_booked() {
    let (mut wrong, texts) = (String::new(), ["one", "two", "six"]);
    for (kind, base, model) in KINDS {
        let service = Vendor::start(says).await;
        let house = house_of(kind, base, model, &service);
        let mut calls = 0;
        for (door, single) in DOORS {
            // Who speaks the caller's own language is asked as it was, and the fakes have one way only.
            let own = (kind == "ollama" && door == "/api/embeddings")
                || (kind == "gemini" && door.ends_with(":embedContent"));
            if own {
                continue;
            }
            let texts = if single || model.contains("titan") { &texts[..1] } else { &texts[..] };
            let answer = ask(
                house.address(),
                "POST",
                door,
                &[("content-type", "application/json")],
                &question(door, texts),
            )
            .await;
            calls += 1;
            if answer.status != 200 {
                writeln!(wrong, "{door} at {model} of {kind}: {} {}", answer.status, answer.text()).unwrap();
                continue;
            }
            let mut meant: Vec<Vec<f32>> = texts.iter().map(|text| vector(text)).collect();
            if door == "/v1/embeddings" && matches!(kind, "openai-compatible" | "ollama") {
                // Straight: as the service has them.
                meant.reverse();
            }
            if heard(door, &answer) != meant {
                writeln!(wrong, "{door} at {model} of {kind}: {}", answer.text()).unwrap();
            }
        }
        for record in house.records(|records| records.len() == calls).await {
            let counted = record.tokens.map(|tokens| (tokens.input, tokens.output));
            if record.outcome != Outcome::Answered || counted != Some((TOKENS, 0)) {
                writeln!(wrong, "{model} of {kind}: booked as {record:?}").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_ask_for_base64_get_it_from_services_that_have_numbers_only() {
    let service = Vendor::start(says).await;
    for (kind, base, model) in
        [("gemini", "/v1beta", "real"), ("cohere", "/v2", "real"), ("bedrock", "", "cohere.embed-v4:0")]
    {
        let house = house_of(kind, base, model, &service);
        let body = r#"{"model":"m","input":["one","two"],"encoding_format":"base64","input_type":"query"}"#;
        let answer = ask(house.address(), "POST", "/v1/embeddings", &[], body).await;
        // The letters of the texts, a 256th each, as little-endian floats.
        for (nth, packed) in ["AADePgAA3D4AAMo+", "AADoPgAA7j4AAN4+"].into_iter().enumerate() {
            assert_eq!(answer.json()["data"][nth]["embedding"], packed, "{kind}: {}", answer.text());
        }
        assert_eq!(answer.json()["usage"]["prompt_tokens"], TOKENS, "{kind}");
        assert_eq!(answer.header("x-openai-proxy-dropped"), None, "{kind}: nothing is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_on_is_refused_in_the_callers_language_and_not_sent() {
    let service = Vendor::start(says).await;
    let many = question("/v1/embeddings", &["x"; 97]);
    let tokens = r#"{"model":"m","input":[[1,2],[3]]}"#.to_owned();
    let picture =
        r#"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}}"#.to_owned();
    for (kind, base, model, door, body, says) in [
        ("cohere", "/v2", "real", "/v1/embeddings", &many, "at most 96 texts"),
        ("cohere", "/v2", "real", "/v1/embeddings", &tokens, "Send the text"),
        (
            "bedrock",
            "",
            "amazon.titan-embed-text-v2:0",
            "/v1/embeddings",
            &many,
            "at most 1 text in one request, and this one has 97",
        ),
        ("bedrock", "", "amazon.nova-pro-v1:0", "/v1/embeddings", &tokens, "cannot be told by its id"),
        ("openai-compatible", "/v1", "real", "/v1beta/models/m:embedContent", &picture, "`content.parts[0]`"),
    ] {
        let house = house_of(kind, base, model, &service);
        let refused = ask(house.address(), "POST", door, &[], body).await;
        let said = refused.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(
            refused.status == 400 && said.contains(says),
            "{kind}: {} {}",
            refused.status,
            refused.text()
        );
    }
    let house = house_of("cohere", "/v2", "real", &service);
    let unsaid = question("/v1/embeddings", &["x"]);
    let strict = [("x-openai-proxy-strict", "true")];
    let refused = ask(house.address(), "POST", "/v1/embeddings", &strict, &unsaid).await;
    assert!(refused.status == 400 && refused.text().contains("no input_type"), "{}", refused.text());
    assert_eq!(service.ledger().begun(), 0, "nothing was sent");
    let told = ask(house.address(), "POST", "/v1/embeddings", &[], &unsaid).await;
    assert_eq!((told.status, told.header("x-openai-proxy-dropped")), (200, Some("no input_type")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendors_refusal_of_vectors_and_a_broken_answer_are_told_in_the_callers_language() {
    let service = Vendor::start(|seen| match seen.path() {
        "/v2/embed" => Act::json(400, &json!({"id": "x", "message": "input_type is wrong"})),
        // One vector for two texts.
        _ => Act::json(200, &json!({"results": [], "embeddings": [{"values": [0.5]}]})),
    })
    .await;
    let house = house_of("cohere", "/v2", "real", &service);
    for (door, at) in [
        ("/v1/embeddings", "/error/message"),
        ("/api/embed", "/error"),
        ("/v1/models/m:batchEmbedContents", "/error/message"),
    ] {
        let refused = ask(house.address(), "POST", door, &[], &question(door, &["a", "b"])).await;
        let said = refused.json().pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        assert!(refused.status == 400 && said.contains("input_type is wrong"), "{door}: {}", refused.text());
    }
    let house = house_of("gemini", "/v1beta", "real", &service);
    let short = ask(house.address(), "POST", "/v2/embed", &[], &question("/v2/embed", &["a", "b"])).await;
    let said = short.json()["message"].as_str().unwrap_or_default().to_owned();
    assert!(short.status == 502 && said.contains("`there`"), "{} {}", short.status, short.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_language_passes_as_it_came_and_is_counted() {
    let billed =
        r#"{"id":"x","embeddings":{"int8":[[1,2]]},"meta":{"billed_units":{"input_tokens":7.0}},"new":1e2}"#;
    let evaluated = r#"{"model":"real","embeddings":[[0.50]],"prompt_eval_count":7}"#;
    let long = format!(
        r#"{{"embeddings":{{"float":[[{}0.5]]}},"meta":{{"billed_units":{{"input_tokens":7}}}}}}"#,
        "0.25, ".repeat(200_000)
    );
    let sent = long.clone();
    let service = Vendor::start(move |seen| {
        let body = match (seen.path(), seen.text().contains("long")) {
            ("/v2/embed", false) => billed,
            ("/v2/embed", true) => sent.as_str(),
            _ => evaluated,
        };
        vendor::Answer::plain(200, body.to_owned()).header("content-type", "application/json").into()
    })
    .await;
    for (kind, base, door, asked, told) in [
        (
            "cohere",
            "/v2",
            "/v2/embed",
            r#"{"texts":["a"],"model":"real", "embedding_types":["int8"],"new":null}"#,
            billed,
        ),
        ("cohere", "/v2", "/v2/embed", r#"{"texts":["long"],"model":"real"}"#, long.as_str()),
        ("ollama", "/v1", "/api/embed", r#"{"model":"real", "input":"a","options":{}}"#, evaluated),
    ] {
        let house = TestHouse::new(&format!(
            "discovery: {{enabled: never}}\nproviders: {{there: {{type: {kind}, base_url: \"{}{base}\", api_key: sk-there}}}}\nrouting: {{unknown_model: there}}\n",
            service.url()
        ));
        let answer = ask(house.address(), "POST", door, &[], asked).await;
        assert!(answer.text() == told, "{door}: {} bytes for {}", answer.body.len(), told.len());
        assert_eq!(service.ledger().requests().last().unwrap().text(), asked);
        let tokens = house.record().await.tokens.map(|tokens| tokens.input);
        assert_eq!(tokens, Some(7), "{door}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_for_a_model_of_another_name_names_it_in_each_of_its_requests() {
    let service = Vendor::start(|seen| {
        let body = seen.json();
        let requests = body["requests"].as_array().unwrap();
        assert!(requests.iter().all(|request| request["model"] == "models/real"), "{body}");
        says(seen)
    })
    .await;
    let house = house_of("gemini", "/v1beta", "real", &service);
    let door = "/v1beta/models/m:batchEmbedContents";
    let request = |text: &str| json!({"model": "models/m", "content": {"parts": [{"text": text}]}});
    let body = json!({"requests": [request("one"), request("two")]}).to_string();
    let answer = ask(house.address(), "POST", door, &[], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(heard(door, &answer), [vector("one"), vector("two")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_json_however_its_media_type_is_written() {
    for kind in ["Application/JSON", "application/json; charset=UTF-8", "application/vnd.there+JSON; v=1"] {
        let service = Vendor::start(move |_| {
            let told = json!({"embeddings": [{"values": [1.88671875]}]}).to_string();
            vendor::Answer::plain(200, told).header("content-type", kind).into()
        })
        .await;
        let house = house_of("gemini", "/v1beta", "real", &service);
        let body = question("/v1/embeddings", &["a"]);
        let answer = ask(house.address(), "POST", "/v1/embeddings", &[], &body).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
        assert!(answer.text().contains("[1.88671875]"), "{kind}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vectors_of_another_model_stand_in_for_nobody_whatever_the_language() {
    let broken = Vendor::start(|_| Act::json(500, &json!({"message": "no"}))).await;
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nproviders:\n  one: {{type: cohere, base_url: \"{}/v2\", api_key: sk-one}}\n  two: {{type: openai-compatible, base_url: \"{}/v1\", api_key: sk-two}}\nmodels: {{m: [one/real, two/another]}}\n",
        broken.url(),
        service.url()
    ));
    for (door, _) in DOORS {
        let answer = ask(house.address(), "POST", door, &[], &question(door, &["a"])).await;
        assert!(answer.status >= 500, "{door}: {} {}", answer.status, answer.text());
    }
    assert_eq!(service.ledger().begun(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_some_models_makes_vectors_with_them_at_every_door() {
    let service = Vendor::start(says).await;
    let house = TestHouse::new(&format!(
        "discovery: {{enabled: never}}\nauth: {{mode: keys}}\nkeys: {{k: {{key: sk-k-0123456789abcdefghijklmnopqrstu, models: [m, real]}}}}\nmodels: {{m: there/real, evil: there/real}}\nproviders: {{there: {{type: cohere, base_url: \"{}/v2\", api_key: sk-there}}}}\n",
        service.url()
    ));
    let key = [("authorization", "Bearer sk-k-0123456789abcdefghijklmnopqrstu")];
    for (door, _) in DOORS {
        let body = question(door, &["a"]);
        let answer = ask(house.address(), "POST", door, &key, &body).await;
        assert_eq!(answer.status, 200, "{door}: {}", answer.text());
        let (door, body) = (door.replace("/m:", "/evil:"), body.replace("\"m\"", "\"evil\""));
        assert_eq!(ask(house.address(), "POST", &door, &key, &body).await.status, 404, "{door}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_put_in_order_at_either_door_by_either_kind() {
    let service = Vendor::start(|seen| {
        let body = seen.json();
        assert_eq!(
            (&body["model"], &body["query"], &body["top_n"]),
            (&json!("real"), &json!("q"), &json!(2))
        );
        assert_eq!(body["documents"], json!(["a", "b", "c"]));
        let results = json!([{"index": 2, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.5}]);
        match seen.path() {
            "/v2/rerank" => Act::json(
                200,
                &json!({"id": "x", "results": results, "meta": {"billed_units": {"search_units": 1}}}),
            ),
            "/v1/rerank" => Act::json(
                200,
                &json!({"model": "real", "results": results, "usage": {"total_tokens": TOKENS}}),
            ),
            other => Act::text(404, other.to_owned()),
        }
    })
    .await;
    let body = r#"{"model":"m","query":"q","documents":["a","b","c"],"top_n":2}"#;
    for (kind, base, tokens) in
        [("cohere", "/v2", None), ("openai-compatible", "/v1", Some(TOKENS)), ("vllm", "/v1", Some(TOKENS))]
    {
        for door in ["/v1/rerank", "/rerank", "/v2/rerank"] {
            let house = house_of(kind, base, "real", &service);
            let answer = ask(house.address(), "POST", door, &[], body).await;
            let told = answer.json();
            let order: Vec<&Value> =
                told["results"].as_array().unwrap().iter().map(|result| &result["index"]).collect();
            assert_eq!((answer.status, order), (200, vec![&json!(2), &json!(0)]), "{door} of {kind}: {told}");
            if kind == "cohere" && door != "/v2/rerank" {
                assert_eq!(told["results"][0]["document"]["text"], "c", "{told}");
                assert_eq!(told["meta"]["billed_units"]["search_units"], 1, "{told}");
            }
            let record = house.record().await;
            assert_eq!(
                (record.outcome, record.tokens.map(|tokens| tokens.input)),
                (Outcome::Answered, tokens),
                "{door} of {kind}"
            );
        }
    }
    let house = house_of("gemini", "/v1beta", "real", &service);
    let nobody = ask(house.address(), "POST", "/v2/rerank", &[], body).await;
    assert!(
        nobody.status == 404 && nobody.json()["message"].is_string(),
        "{} {}",
        nobody.status,
        nobody.text()
    );
}

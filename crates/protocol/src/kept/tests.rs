//! What is kept, joined, listed and said over a WebSocket.

use serde_json::{Value, json};

use super::*;

#[test]
fn ids_of_ours_are_told_from_those_of_vendors() {
    let ours = id(7);
    assert!(is_ours(&ours) && ours.starts_with("resp_"), "{ours}");
    for other in [
        "resp_677efb5139a88190b512bc3fef8e535d",
        "resp_67c9fdcecf488190bdd9a0409de3a1ec07b8b0ad4e5eb654",
        "resp_op",
        "resp_opus",
        "",
        &ours[..ours.len() - 1],
        &format!("{ours}0"),
        &ours.to_uppercase(),
    ] {
        assert!(!is_ours(other), "{other}");
    }
}

#[test]
fn a_wish_is_read_and_one_in_doubt_is_none() {
    assert_eq!(wish(b"{}"), Ok(Wish::default()));
    assert!(wish(b"no json").is_err());
    for (doubtful, name) in [
        (r#"{"store":true,"st\u006fre":false}"#, "store"),
        (r#"{"previous_response_id":"a","previous_response_id":"b"}"#, "previous_response_id"),
        (r#"{"conversation":"a","conversation":null}"#, "conversation"),
        (r#"{"input":"a","input":"b"}"#, "input"),
    ] {
        assert_eq!(wish(doubtful.as_bytes()), Err(EnvelopeProblem::Duplicate(name)), "{doubtful}");
    }
    for (doubtful, name) in [
        (r#"{"store":"false"}"#, "store"),
        (r#"{"store":0}"#, "store"),
        (r#"{"previous_response_id":7}"#, "previous_response_id"),
        (r#"{"previous_response_id":[]}"#, "previous_response_id"),
        (r#"{"conversation":7}"#, "conversation"),
    ] {
        assert_eq!(wish(doubtful.as_bytes()), Err(EnvelopeProblem::WrongType(name)), "{doubtful}");
    }
    let asked = wish(
        br#"{"store":false,"previous_response_id":"resp_1","conversation":{"id":"conv_1"},"generate":false}"#,
    );
    let previous = Some("resp_1".to_owned());
    assert_eq!(asked, Ok(Wish { store: Some(false), previous, conversation: true, warms: true }));
    let nothing = wish(br#"{"store":null,"previous_response_id":null,"conversation":null,"generate":true}"#);
    assert_eq!(nothing, Ok(Wish::default()));
}

#[test]
fn what_was_said_before_stands_before_what_is_said_now() {
    let before = r#"{"role":"user","content":"a"}"#;
    let joins = |body: &str| serde_json::from_slice::<Value>(&joined(body.as_bytes(), before)).unwrap();
    let first = json!({"role": "user", "content": "a"});
    let text =
        json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "b\"é"}]});
    for (body, input) in [
        (r#" {"model":"m","previous_response_id":"resp_1","input":"b\"é"}"#, json!([first, text])),
        (r#"{"input":[{"x":1}],"previous_response_id":"resp_1","model":"m"}"#, json!([first, {"x": 1}])),
        (r#"{"previous_response_id":"resp_1","input":[ ],"model":"m"}"#, json!([first])),
        (r#"{"previous_response_id":"resp_1","model":"m"}"#, json!([first])),
    ] {
        assert_eq!(joins(body), json!({"model": "m", "input": input}), "{body}");
    }
    assert_eq!(joins(r#"{"previous_response_id":"resp_1"}"#), json!({"input": [first]}));
}

#[test]
fn what_is_kept_is_given_back_without_ids_and_listed_with_them() {
    let body = br#"{"input":[{"role":"user","content":"hi"},{"type":"function_call_output","call_id":"c","output":"4"}]}"#;
    let input = own_input(body, 5);
    let ids: Vec<&str> = input.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert!(ids[0].starts_with("msg_") && ids[1].starts_with("fc_") && ids[0][4..] != ids[1][3..], "{ids:?}");
    assert_eq!(input[0]["content"], json!([{"type": "input_text", "text": "hi"}]));
    let output = json!({"id": "rs_1", "type": "reasoning", "status": "completed", "summary": [], "encrypted_content": "opx"});
    let kept = Conversation { response: json!({"id": "resp_1", "output": [output]}), input };
    let again = Conversation::read(&kept.text()).unwrap();
    assert_eq!(again, kept);
    let said: Vec<Value> = again.said().collect();
    assert!(said.iter().all(|item| item.get("id").is_none() && item.get("status").is_none()), "{said:?}");
    assert_eq!(said[2], json!({"type": "reasoning", "summary": [], "encrypted_content": "opx"}));
    assert_eq!(again.listed().count(), 3);
}

#[test]
fn items_are_listed_page_by_page() {
    let items = || (0..5).map(|nth| json!({"id": format!("i{nth}")})).collect::<Vec<_>>();
    let ids = |query: &str| {
        let page = page(items(), &Wanted::read(Some(query)).unwrap()).unwrap();
        let ids: Vec<String> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.join(" "), page["has_more"].as_bool().unwrap())
    };
    assert_eq!(ids(""), ("i4 i3 i2 i1 i0".to_owned(), false));
    assert_eq!(ids("limit=2&order=asc"), ("i0 i1".to_owned(), true));
    assert_eq!(ids("limit=2&order=asc&after=i1&include=x"), ("i2 i3".to_owned(), true));
    assert_eq!(ids("limit=2&after=i1"), ("i0".to_owned(), false));
    assert_eq!(page(items(), &Wanted::read(Some("after=nobody")).unwrap()), None);
    for wrong in ["limit=0", "limit=101", "limit=x", "order=up"] {
        assert!(Wanted::read(Some(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn a_message_is_a_request_for_a_stream() {
    let message = br#"{"type":"response.create","model":"m","stream":false,"big":12345678901234567890123,"stream_id":"a.b-1","input":"x"}"#;
    let made = create(message).unwrap();
    assert_eq!(&made.body[..], br#"{"stream":true,"model":"m","big":12345678901234567890123,"input":"x"}"#);
    assert_eq!(made.event(r#"{"type":"x","n":1.0}"#), r#"{"stream_id":"a.b-1","type":"x","n":1.0}"#);
    assert_eq!(&create(br#"{"type":"response.create"}"#).unwrap().body[..], br#"{"stream":true}"#);
    assert_eq!(create(br#"{"type":"response.processed","response_id":"r"}"#), Err(Unsaid::Nothing));
    for (wrong, field) in [
        (&br#"{"model":"m"}"#[..], "type"),
        (br#"{"type":"session.update"}"#, "type"),
        (br#"{"type":7}"#, "type"),
        (br#"{"type":"response.create","background":true}"#, "background"),
        (br#"{"type":"response.create","stream_id":""}"#, "stream_id"),
        (br#"{"type":"response.create","stream_id":"a b"}"#, "stream_id"),
    ] {
        assert!(matches!(create(wrong), Err(Unsaid::Wrong(name, _)) if name == field), "{field}");
    }
}

#[test]
fn a_message_that_says_a_field_of_ours_twice_is_none_however_often_it_does() {
    for name in ["type", "background", "stream_id", "generate", "stream"] {
        let again = format!(",\"{name}\":null").repeat(200_000);
        let message = format!("{{\"type\":\"response.create\",\"model\":\"m\"{again}}}");
        assert_eq!(create(message.as_bytes()), Err(Unsaid::Twice(name)));
    }
}

#[test]
fn what_only_warms_up_is_remembered_as_it_was_written_and_without_ids() {
    let said = |body: &str| own_said(body.as_bytes());
    assert_eq!(
        said(r#"{"input":[{"id":"m","role":"user","content":"a"} , {"type":"item_reference","id":"r"},{}]}"#),
        r#"{"role":"user","content":"a"},{"type":"item_reference","id":"r"},{}"#
    );
    assert_eq!(said(r#"{"model":"m"}"#), "");
    assert!(said(r#"{"input":"x"}"#).contains(r#""text":"x""#));
}

#[test]
fn a_refusal_is_a_message_of_its_own_form() {
    let body = br#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"x"}}"#;
    let told: Value = serde_json::from_str(&error(400, body, &[("retry-after", "3")])).unwrap();
    assert_eq!(told["error"]["code"], "x");
    assert_eq!((told["type"].as_str(), told["status"].as_u64()), (Some("error"), Some(400)));
    assert_eq!(told["headers"], json!({"retry-after": "3"}));
    let event = br#"{"type":"error","code":"upstream_stream_interrupted","message":"broke","param":null}"#;
    let told: Value = serde_json::from_str(&error(502, event, &[])).unwrap();
    assert_eq!(told["error"]["message"], "broke");
    assert_eq!(told["error"]["type"], "server_error");
}

#[test]
fn warming_up_is_answered_with_nothing_and_an_id() {
    let ours = id(1);
    let body =
        b"{\"model\":\"m\",\"input\":\"x\",\"generate\":false,\"tools\":[\n{\"type\":\"web_search\"}\r\n]}";
    let events = warmed(body, &ours, 9);
    let datas: Vec<Value> = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(datas[0]["type"], "response.created");
    assert_eq!((&datas[1]["response"]["id"], &datas[1]["response"]["output"]), (&json!(ours), &json!([])));
    assert_eq!(datas[1]["response"]["tools"], json!([{"type": "web_search"}]));
    assert_eq!(
        (&datas[0]["response"]["model"], &datas[0]["response"]["tool_choice"]),
        (&json!("m"), &json!("auto"))
    );
}

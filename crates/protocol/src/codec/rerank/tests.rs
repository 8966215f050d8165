//! What a caller who has documents put in order would notice.

use serde_json::json;

use super::*;

const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };

fn asked(door: Door, place: Place, body: &Value) -> Result<Translation, Unreadable> {
    Translation::read((door, place), body.to_string().as_bytes(), "real", MINT)
}

fn heard(translation: &Translation, answer: &Value) -> Result<(Value, Option<u64>), Unreadable> {
    let (body, usage) = translation.response(answer.to_string().as_bytes())?;
    Ok((serde_json::from_slice(&body).unwrap(), usage.map(|usage| usage.input)))
}

#[test]
fn documents_come_back_to_who_wants_them_though_their_vendor_keeps_them() {
    let answer = json!({"id": "x", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 1}}});
    let mut ask =
        json!({"model": "m", "query": "q", "documents": ["a", {"text": "b", "title": "B"}], "top_n": 1});
    let wanted = asked(Door::Jina, Place::Cohere, &ask).unwrap();
    let (sent, losses) = wanted.request();
    assert_eq!(
        serde_json::from_slice::<Value>(&sent).unwrap(),
        json!({"model": "real", "query": "q", "documents": ["a", "b"], "top_n": 1})
    );
    assert_eq!(losses.iter().collect::<Vec<_>>(), ["fields of documents"]);
    let (told, tokens) = heard(&wanted, &answer).unwrap();
    assert_eq!(
        told["results"],
        json!([{"index": 1, "relevance_score": 0.9, "document": {"text": "b", "title": "B"}}])
    );
    assert_eq!(told["meta"]["billed_units"]["search_units"], 1);
    assert_eq!((tokens, told.get("usage")), (None, None), "searches are no tokens");
    ask["return_documents"] = json!(false);
    let (told, _) = heard(&asked(Door::Jina, Place::Cohere, &ask).unwrap(), &answer).unwrap();
    assert_eq!(told["results"], json!([{"index": 1, "relevance_score": 0.9}]));
}

#[test]
fn what_was_counted_is_told_and_booked() {
    let ask = json!({"model": "m", "query": "q", "documents": ["a"]});
    let asked = asked(Door::Cohere, Place::Jina, &ask).unwrap();
    let (sent, losses) = asked.request();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert!(losses.is_empty() && sent["return_documents"] == false, "{sent}");
    for usage in [json!({"total_tokens": 7}), json!({"prompt_tokens": 7, "total_tokens": 7})] {
        let answer = json!({"results": [{"index": 0, "relevance_score": 0.5}], "usage": usage});
        let (told, tokens) = heard(&asked, &answer).unwrap();
        assert_eq!((&told["meta"]["billed_units"]["input_tokens"], tokens), (&json!(7), Some(7)));
    }
}

#[test]
fn a_document_nobody_sent_is_no_answer() {
    let ask = json!({"model": "m", "query": {"text": "q"}, "documents": ["a"]});
    let asked = asked(Door::Jina, Place::Cohere, &ask).unwrap();
    for results in
        [json!([{"index": 1, "relevance_score": 0.5}]), json!([{"index": 0}]), json!([7]), json!(7)]
    {
        assert!(heard(&asked, &json!({"results": results})).is_err(), "{results}");
    }
}

#[test]
fn the_best_come_first_each_once_and_no_more_than_were_wanted() {
    let ask = json!({"model": "m", "query": "q", "documents": ["a", "b", "c"], "top_n": 2});
    let asked = asked(Door::Cohere, Place::Cohere, &ask).unwrap();
    let item = |index: usize, score: f64| json!({"index": index, "relevance_score": score});
    let (told, _) = heard(&asked, &json!({"results": [item(0, 0.1), item(2, 0.9)]})).unwrap();
    assert_eq!(told["results"], json!([item(2, 0.9), item(0, 0.1)]));
    for broken in [json!([item(0, 0.9), item(0, 0.8)]), json!([item(0, 0.9), item(1, 0.8), item(2, 0.7)])] {
        assert!(heard(&asked, &json!({"results": broken})).is_err(), "{broken}");
    }
}

#[test]
fn an_order_with_an_odd_count_is_given_and_not_counted() {
    let ask = json!({"model": "m", "query": "q", "documents": ["a"]});
    for (place, odd) in [
        (Place::Jina, json!({"usage": {"total_tokens": "x"}})),
        (Place::Jina, json!({"usage": 7, "model": 5})),
        (Place::Cohere, json!({"meta": []})),
        (Place::Cohere, json!({"meta": {"billed_units": {"search_units": "1", "input_tokens": -1}}})),
    ] {
        let mut answer = odd;
        answer["results"] = json!([{"index": 0, "relevance_score": 0.5}]);
        let asked = asked(Door::Jina, place, &ask).unwrap();
        let (told, tokens) = heard(&asked, &answer).unwrap_or_else(|why| panic!("{answer}: {why}"));
        assert_eq!((told["results"].as_array().map(Vec::len), tokens), (Some(1), None), "{answer}");
        assert_eq!(told.get("meta"), None, "{answer}");
    }
}

#[test]
fn documents_that_are_no_texts_are_refused_with_their_place() {
    for (documents, at) in [
        (json!([{"image": "https://x"}]), "documents[0]"),
        (json!(["a", 7]), "documents[1]"),
        (json!("a"), "documents"),
    ] {
        let ask = json!({"model": "m", "query": "q", "documents": documents});
        assert_eq!(asked(Door::Jina, Place::Cohere, &ask).unwrap_err().param.as_deref(), Some(at));
    }
}

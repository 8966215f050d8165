//! What a caller of vectors would notice.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use testkit::recordings::load;

use super::*;

const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };

fn asked(door: Door, place: Place, model: &str, body: &Value) -> Result<Translation, Unreadable> {
    Translation::read((door, place), body.to_string().as_bytes(), model, MINT)
}

fn sent(translation: &Translation) -> Value {
    serde_json::from_slice(&translation.request().unwrap().0).unwrap()
}

/// What a caller reads of an answer, and how many tokens are booked.
fn heard(translation: &Translation, answer: &Value) -> Result<(Value, Option<u64>), Unreadable> {
    let (body, usage) = translation.response(&HeaderMap::new(), answer.to_string().as_bytes())?;
    Ok((serde_json::from_slice(&body).unwrap(), usage.map(|usage| usage.input)))
}

fn why(refused: Result<impl std::fmt::Debug, Unreadable>) -> String {
    refused.unwrap_err().to_string()
}

#[test]
fn base64_is_made_of_little_endian_floats_and_read_again() {
    let ask = json!({"model": "m", "input": ["one"], "encoding_format": "base64"});
    let asked = asked(Door::OpenAi, Place::Ollama, "real", &ask).unwrap();
    let (told, _) = heard(&asked, &json!({"embeddings": [[1.0, -0.5, 0.1]]})).unwrap();
    let packed = told["data"][0]["embedding"].as_str().unwrap();
    let bytes: Vec<u8> = [1.0_f32, -0.5, 0.1].iter().flat_map(|float| float.to_le_bytes()).collect();
    assert_eq!(STANDARD.decode(packed).unwrap(), bytes);
    // And a vendor's own base64 is numbers again, exactly those.
    let answer = json!({"data": [{"index": 0, "embedding": packed}], "model": "real"}).to_string();
    let read = read_response(Place::OpenAi, answer.as_bytes()).unwrap();
    let to = To { request: &Request::default(), mint: MINT };
    let written = String::from_utf8(write_response(Door::Ollama, &read, &to)).unwrap();
    assert!(written.contains("[[1.0,-0.5,0.10000000149011612]]"), "{written}");
}

#[test]
fn numbers_go_out_as_the_doubles_they_came_as() {
    let answer = br#"{"embeddings":[[0.0023064254969358444,-0.009327292,1e-9,3,1.88671875]]}"#;
    let read = read_response(Place::Ollama, answer).unwrap();
    let to = To { request: &Request::default(), mint: MINT };
    let written = String::from_utf8(write_response(Door::OpenAi, &read, &to)).unwrap();
    let told: Value = serde_json::from_str(&written).unwrap();
    let vector: Vec<f64> =
        told["data"][0]["embedding"].as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect();
    assert_eq!(vector[1..], [-0.009327292, 1e-9, 3.0, 1.88671875], "{written}");
    assert!(written.contains("[0.0023064254969358444,-0.009327292,1e-9,3.0,1.88671875]"), "{written}");
}

#[test]
fn vectors_come_in_the_order_of_their_texts_and_each_has_one() {
    let ask = json!({"model": "m", "texts": ["a", "b", "c"], "input_type": "search_document"});
    let asked = asked(Door::Cohere, Place::OpenAi, "real", &ask).unwrap();
    let item = |index: usize, number: f64| json!({"index": index, "embedding": [number]});
    let mixed = json!({"data": [item(2, 3.0), item(0, 1.0), item(1, 2.0)], "usage": {"prompt_tokens": 9, "total_tokens": 9}});
    let (told, tokens) = heard(&asked, &mixed).unwrap();
    assert_eq!((&told["embeddings"]["float"], tokens), (&json!([[1.0], [2.0], [3.0]]), Some(9)));
    assert_eq!(told["texts"], json!(["a", "b", "c"]));
    assert_eq!(told["meta"]["billed_units"]["input_tokens"], 9);
    for broken in [
        json!({"data": [item(0, 1.0), item(1, 2.0)]}),
        json!({"data": [item(0, 1.0), item(1, 2.0), item(3, 4.0)]}),
        json!({"data": [item(0, 1.0), item(0, 1.0), item(1, 2.0)]}),
        json!({"data": [item(0, 1.0), item(1, 2.0), json!({"index": 2, "embedding": "AAA="})]}),
        json!({"data": [item(0, 1.0), item(1, 2.0), json!({"index": 2, "embedding": "AADAfw=="})]}),
        json!({"data": [item(0, 1.0), item(1, 2.0), json!({"index": 2, "embedding": [null]})]}),
        json!({"data": [item(2, 1.0), json!({"embedding": [2.0]}), item(0, 3.0)]}),
        json!({"data": [item(0, 1.0), item(1, 2.0), json!({"index": 2, "embedding": []})]}),
        json!({"data": [item(0, 1.0), item(1, 2.0), json!({"index": 2, "embedding": [1.0, 2.0]})]}),
        json!({"object": "list"}),
    ] {
        assert!(heard(&asked, &broken).is_err(), "{broken}");
    }
}

#[test]
fn an_answer_with_an_odd_count_is_given_and_not_counted() {
    let ask = json!({"model": "m", "input": ["a"]});
    for (odd, tokens) in [(json!(7.0), Some(7)), (json!("7"), None), (json!(-7), None), (json!([]), None)] {
        for (place, answer) in [
            (
                Place::Gemini,
                json!({"embeddings": [{"values": [1.5]}], "usageMetadata": {"promptTokenCount": odd}}),
            ),
            (
                Place::OpenAi,
                json!({"data": [{"embedding": [1.5]}], "model": 5, "usage": {"prompt_tokens": odd}}),
            ),
            (Place::Ollama, json!({"embeddings": [[1.5]], "model": 5, "prompt_eval_count": odd})),
            (Place::Bedrock, json!({"embedding": [1.5], "inputTextTokenCount": odd})),
            (
                Place::Cohere,
                json!({"id": 5, "embeddings": {"float": [[1.5]]}, "meta": {"billed_units": {"input_tokens": odd}}}),
            ),
        ] {
            let asked = asked(Door::OpenAi, place, "amazon.titan-embed-text-v2:0", &ask).unwrap();
            let (told, counted) = heard(&asked, &answer).unwrap_or_else(|why| panic!("{answer}: {why}"));
            assert_eq!((&told["data"][0]["embedding"], counted), (&json!([1.5]), tokens), "{answer}");
        }
    }
    let asked = asked(Door::OpenAi, Place::Gemini, "m", &ask).unwrap();
    let answer = json!({"embeddings": [{"values": [1.5]}], "usageMetadata": []});
    assert_eq!(heard(&asked, &answer).unwrap().1, None);
}

#[test]
fn a_number_no_float_is_near_to_is_no_base64() {
    let ask = json!({"model": "m", "input": ["a"], "encoding_format": "base64"});
    let asked = asked(Door::OpenAi, Place::Ollama, "m", &ask).unwrap();
    assert!(heard(&asked, &json!({"embeddings": [[1e300]]})).is_err());
}

#[test]
fn tokens_of_another_dictionary_are_refused_and_passed_where_they_mean_something() {
    for input in [json!([1, 2, 3]), json!([[1, 2], [3]])] {
        let ask = json!({"model": "m", "input": input});
        for place in [Place::Gemini, Place::Cohere, Place::Ollama, Place::Bedrock] {
            let asked = asked(Door::OpenAi, place, "cohere.embed-v4:0", &ask).unwrap();
            assert!(why(asked.request()).contains("Send the text"), "{place}");
        }
        assert_eq!(sent(&asked(Door::OpenAi, Place::OpenAi, "real", &ask).unwrap())["input"], input);
    }
}

#[test]
fn a_batch_larger_than_is_taken_is_refused_with_the_number_that_is() {
    let texts = |count: usize| json!({"model": "m", "input": vec!["text"; count]});
    for (place, model, most) in [
        (Place::Gemini, "gemini-embedding-001", 100),
        (Place::Cohere, "embed-v4.0", 96),
        (Place::Bedrock, "cohere.embed-english-v3", 96),
        (Place::Bedrock, "amazon.titan-embed-text-v2:0", 1),
    ] {
        let fits = asked(Door::OpenAi, place, model, &texts(most)).unwrap();
        assert!(fits.request().is_ok(), "{place}");
        let more = asked(Door::OpenAi, place, model, &texts(most + 1)).unwrap();
        let said = why(more.request());
        assert!(said.contains(&format!("at most {most} text")) && said.contains("smaller batches"), "{said}");
    }
}

#[test]
fn bedrock_is_asked_in_the_form_of_the_model() {
    let ask = json!({"model": "m", "input": "hi", "dimensions": 256, "input_type": "query"});
    let of = |model: &str| asked(Door::OpenAi, Place::Bedrock, model, &ask).unwrap();
    assert_eq!(sent(&of("amazon.titan-embed-text-v2:0")), json!({"inputText": "hi", "dimensions": 256}));
    let cohere = json!({"texts": ["hi"], "input_type": "search_query", "output_dimension": 256});
    assert_eq!(sent(&of("eu.cohere.embed-v4:0")), cohere);
    for model in ["amazon.titan-embed-text-v1", "cohere.embed-multilingual-v3"] {
        assert!(why(of(model).request()).contains("one length only"), "{model}");
    }
    let profile = "arn:aws:bedrock:us-east-1:1:application-inference-profile/x";
    assert!(why(of(profile).request()).contains("cannot be told by its id"));
}

#[test]
fn tokens_that_only_a_head_counts_are_counted() {
    let ask = json!({"model": "m", "input": "hi"});
    let asked = asked(Door::OpenAi, Place::Bedrock, "cohere.embed-english-v3", &ask).unwrap();
    let head = HeaderMap::from_iter([(
        http::header::HeaderName::from_static("x-amzn-bedrock-input-token-count"),
        HeaderValue::from_static("4"),
    )]);
    let answer = json!({"embeddings": [[0.5]], "response_type": "embeddings_floats"}).to_string();
    let (told, usage) = asked.response(&head, answer.as_bytes()).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!((usage.map(|usage| usage.input), &told["usage"]["prompt_tokens"]), (Some(4), &json!(4)));
    let (told, usage) = asked.response(&HeaderMap::new(), answer.as_bytes()).unwrap();
    let told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!((usage, told.get("usage")), (None, None), "what nobody counted is not made up");
}

#[test]
fn what_a_vector_is_for_goes_along() {
    let aim = |ask: &Value| asked(Door::OpenAi, Place::Cohere, "m", ask).unwrap().request().unwrap();
    let (body, losses) = aim(&json!({"model": "m", "input": "x", "input_type": "passage"}));
    assert!(String::from_utf8(body).unwrap().contains("search_document") && losses.is_empty());
    let (_, losses) = aim(&json!({"model": "m", "input": "x"}));
    assert_eq!(losses.iter().collect::<Vec<_>>(), ["no input_type"], "what is filled in is told");
    let ask = json!({"model": "m", "texts": ["x"], "input_type": "classification"});
    let gemini = sent(&asked(Door::Cohere, Place::Gemini, "models/g", &ask).unwrap());
    assert_eq!(gemini["requests"][0]["taskType"], "CLASSIFICATION");
    assert_eq!(gemini["requests"][0]["model"], "models/g");
}

#[test]
fn a_batch_of_different_wishes_and_pictures_are_refused_with_their_place() {
    let text = json!({"parts": [{"text": "x"}]});
    let batch = json!({"requests": [
        {"content": text, "outputDimensionality": 8},
        {"content": text, "outputDimensionality": 9},
    ]});
    assert!(why(asked(Door::GeminiBatch, Place::OpenAi, "m", &batch)).starts_with("`requests[1]`"));
    let picture = json!({"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}});
    assert!(why(asked(Door::Gemini, Place::OpenAi, "m", &picture)).starts_with("`content.parts[0]`"));
    let picture = json!({"model": "m", "images": ["data:image/png;base64,AA=="], "input_type": "image"});
    assert!(why(asked(Door::Cohere, Place::OpenAi, "m", &picture)).starts_with("`images`"));
    let packed = json!({"model": "m", "texts": ["x"], "embedding_types": ["int8"]});
    let packed = asked(Door::Cohere, Place::OpenAi, "m", &packed).unwrap();
    assert!(why(packed.request()).starts_with("`embedding_types`"));
}

#[test]
fn nothing_that_is_sent_breaks_a_reader() {
    let odd = [
        "",
        "null",
        "[]",
        "{}",
        "{\"input\":[]}",
        "{\"input\":[[]]}",
        "{\"input\":{\"a\":1}}",
        "{\"input\":[1.5]}",
        "{\"input\":[-1]}",
        "{\"model\":\"m\",\"input\":[\"a\",[1],null]}",
        "{\"model\":\"m\",\"texts\":[]}",
        "{\"model\":\"m\",\"inputs\":[{\"content\":[]}]}",
        "{\"requests\":[]}",
        "{\"content\":{\"parts\":[]}}",
        "{\"content\":\"x\"}",
        "{\"model\":\"m\",\"prompt\":7}",
        "{\"embedding\":[]}",
        "{\"embeddings\":{}}",
        "{\"embeddings\":[[1e999]]}",
        "{\"data\":[{\"embedding\":\"!\"}]}",
    ];
    for text in odd {
        for &door in Door::ALL {
            if let Ok(request) = read_request(door, text.as_bytes()) {
                for &place in Place::ALL {
                    drop(write_request(place, &request, &mut Losses::default()));
                }
            }
        }
        for &place in Place::ALL {
            if let Ok(response) = read_response(place, text.as_bytes()) {
                let to = To { request: &Request::default(), mint: MINT };
                Door::ALL.iter().for_each(|door| drop(write_response(*door, &response, &to)));
            }
        }
    }
}

/// What was recorded of vectors, of one vendor: how many questions and answers were read.
fn recorded(vendor: &str, place: Place, door: impl Fn(&str) -> Option<Option<Door>>) -> usize {
    let Some(recordings) = load(Path::new(env!("CARGO_MANIFEST_DIR")), vendor) else {
        eprintln!("skipped: ../shared/recordings is not beside this checkout");
        return usize::MAX;
    };
    let mut read = 0;
    for recording in recordings.iter().filter(|recording| recording.status == 200) {
        let Some(door) = door(&recording.path) else { continue };
        let id = &recording.id;
        let asked = door.map(|door| read_request(door, &recording.req_body));
        let asked = asked.transpose().unwrap_or_else(|error| panic!("{id}: {error}"));
        let answer =
            read_response(place, &recording.resp_body).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(!answer.vectors.is_empty() && answer.vectors.iter().all(|vector| vector.len() > 100), "{id}");
        if let Some(asked) = asked {
            assert_eq!(answer.vectors.len(), asked.inputs.len(), "{id}");
        }
        read += 1;
    }
    read
}

#[test]
fn everything_recorded_of_vectors_is_read() {
    let at = |end: &'static str, door: Door| move |path: &str| path.ends_with(end).then_some(Some(door));
    assert!(recorded("openai", Place::OpenAi, at("/v1/embeddings", Door::OpenAi)) > 10);
    assert!(recorded("cohere", Place::Cohere, at("/v2/embed", Door::Cohere)) > 3);
    assert!(recorded("gemini", Place::Gemini, at(":batchEmbedContents", Door::GeminiBatch)) > 0);
    // Nova is asked in another form, and by nobody here.
    let known = |path: &str| path.contains("embed-") && path.ends_with("/invoke");
    let invoked = |path: &str| known(path).then_some(None);
    assert!(recorded("bedrock", Place::Bedrock, invoked) > 13);
}

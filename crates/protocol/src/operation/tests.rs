//! The router as a user meets it: spellings, refusals, and every operation OpenAI has.

use http::Method;

use super::*;

fn found(path: &str) -> Found<'_> {
    find(&Method::POST, path).unwrap_or_else(|problem| panic!("{path}: {problem:?}"))
}

#[test]
fn every_spelling_reaches_the_same_operation() {
    for path in [
        "/v1/chat/completions",
        "/chat/completions",
        "/v1/v1/chat/completions",
        "/v1/chat/completions/",
        "/openai/v1/chat/completions",
        "/openai/chat/completions",
        "/openai/deployments/gpt-4o/chat/completions",
    ] {
        let found = found(path);
        assert_eq!((found.row.operation, found.rest), (Operation::Chat, "/chat/completions"), "{path}");
    }
    assert_eq!(found("/openai/deployments/my-dep/embeddings").model, Some("my-dep"));
    assert_eq!(found("/anthropic/v1/messages").row.operation, Operation::Messages);
    assert_eq!(found("/v1beta/models/g:generateContent").row.operation, Operation::Generate);
    assert_eq!(found("/api/chat").row.operation, Operation::Native);
}

#[test]
fn the_path_of_another_server_reaches_the_same_operation() {
    for path in ["/inference", "/inference/"] {
        let found = found(path);
        let reached = (found.row.operation, found.rest, found.spelling);
        assert_eq!(reached, (Operation::Transcriptions, "/audio/transcriptions", Spelling::Foreign));
    }
    assert_eq!(find(&Method::GET, "/inference").unwrap_err(), PathProblem::Method("POST".into()));
    assert_eq!(found("/v1/inference").row.operation, Operation::Other);
    assert!(matches!(find(&Method::POST, "/inference/x"), Err(PathProblem::Unknown { .. })));
}

#[test]
fn a_models_name_may_have_slashes() {
    for path in ["/v1/models/org/model:tag", "/v1/models/org%2Fmodel:tag"] {
        let found = find(&Method::GET, path).unwrap();
        assert_eq!(found.row.operation, Operation::Models);
        assert_eq!(found.model, Some(&path["/v1/models/".len()..]));
    }
    assert!(matches!(find(&Method::GET, "/v1/files/a%2Fb"), Err(PathProblem::NotCanonical(_))));
}

#[test]
fn a_model_before_a_verb_is_found_and_renamed() {
    for (path, model) in [
        ("/v1beta/models/g:generateContent", "g"),
        ("/v1beta/models/org/m:8b:streamGenerateContent", "org/m:8b"),
        ("/v1beta/models/org%2Fm:countTokens", "org%2Fm"),
    ] {
        let found = found(path);
        assert_eq!((found.row.model, found.model), (ModelAt::Path, Some(model)), "{path}");
    }
    for path in ["/v1beta/models/g", "/v1beta/models/m:8b", "/v1beta/files", "/v1beta/models/:x"] {
        let found = found(path);
        assert_eq!((found.row.operation, found.row.model), (Operation::Generate, ModelAt::Nowhere), "{path}");
        assert_eq!(rename(path, "other"), path);
    }
    assert_eq!(rename("/v1beta/models/a/b:verb", "c%20d%2Fe%3Ff"), "/v1beta/models/c%20d%2Fe%3Ff:verb");
    for path in ["/v1beta/models/..%2Fx:generateContent", "/v1beta/files/a%2Fb:download"] {
        assert!(matches!(find(&Method::POST, path), Err(PathProblem::NotCanonical(_))), "{path}");
    }
}

#[test]
fn what_is_not_canonical_is_refused_not_mended() {
    for path in [
        "/v1/../admin",
        "/v1/./chat",
        "/v1/%2e%2e/x",
        "/v1//chat/completions",
        "/v1/chat/completions//",
        "/v1/a;x",
        "/v1\\a",
        "/v1/%00",
        "/v1/%5c",
        "/v1/%252e",
        "/v1/a%zz",
        "/v1/chat/completions.",
        "/v1/chat/completions%20",
        "v1/x",
    ] {
        assert!(matches!(find(&Method::POST, path), Err(PathProblem::NotCanonical(_))), "{path}");
    }
}

#[test]
fn an_unknown_path_below_v1_passes_and_others_do_not() {
    assert_eq!(found("/v1/tomorrow/new").row.operation, Operation::Other);
    assert_eq!(find(&Method::PATCH, "/v1/tomorrow").unwrap().row.operation, Operation::Other);
    let PathProblem::Unknown { nearest } = find(&Method::POST, "/chat/completion").unwrap_err() else {
        panic!()
    };
    assert_eq!(nearest, Some("/chat/completions"));
    assert!(matches!(find(&Method::POST, "/V1/Chat/Completions"), Err(PathProblem::Unknown { .. })));
    assert!(find(&Method::GET, "/v1").is_err());
    assert_eq!(find(&Method::GET, "/v1/embeddings").unwrap_err(), PathProblem::Method("POST".into()));
    assert!(matches!(find(&Method::TRACE, "/v1/files"), Err(PathProblem::Method(_))));
}

/// The 389 method and path pairs of OpenAI's own description and library, each recognised by name.
#[test]
fn every_operation_of_the_reference_has_a_row() {
    let list = include_str!("openai_operations.txt");
    let mut count = 0;
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (method, path) = line.split_once(' ').unwrap();
        let path = format!("/v1{}", path.split('?').next().unwrap());
        let found =
            find(&method.parse().unwrap(), &path).unwrap_or_else(|problem| panic!("{line}: {problem:?}"));
        assert_ne!(found.row.operation, Operation::Other, "{line}");
        count += 1;
    }
    assert_eq!(count, 389);
}

#[test]
fn the_last_alt_of_a_query_says_whether_a_stream_is_an_array() {
    let found = find(&Method::POST, "/v1beta/models/m:streamGenerateContent").unwrap();
    for (query, array) in [
        (None, true),
        (Some("alt=sse"), false),
        (Some("$alt=sse&key=x"), false),
        (Some("%24alt=sse"), false),
        (Some("alt=sse&alt=json"), true),
        (Some("alt=json&$alt=sse"), false),
        (Some("$alt=sse&alt=json"), true),
        (Some("salt=sse"), true),
        (Some("alt=sse&salt=json"), false),
    ] {
        assert_eq!(found.row.streams_array(found.rest, query), array, "{query:?}");
    }
}

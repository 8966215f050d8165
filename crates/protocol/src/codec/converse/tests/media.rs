//! Documents and sounds.

use super::*;

#[test]
fn documents_have_valid_names_and_no_two_the_same() {
    let file = |name: Option<&str>| {
        let source = Source::Data { kind: "application/pdf".into(), base64: "JVBERi0=".into() };
        Part::File(File { source, name: name.map(str::to_owned) })
    };
    let parts =
        [Some("a\t b.v2.PDF"), Some("A b-v2"), None, None, Some("分析.pdf"), Some("plain [1] (x)_y-z")];
    let parts: Vec<Part> = parts.into_iter().map(file).collect();
    let (body, losses) = written(&Request { turns: vec![user(parts)], ..Request::default() });
    let names: Vec<&str> = body["messages"][0]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["document"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["a b-v2", "A b-v2 (2)", "document", "document (2)", "document (3)", "plain [1] (x)_y-z"]
    );
    assert_eq!(losses, ["document name"]);
    // Names that were never given are nobody's loss.
    let (_, losses) =
        written(&Request { turns: vec![user(vec![file(None), file(None)])], ..Request::default() });
    assert!(losses.is_empty());
}

#[test]
fn documents_are_known_by_type_or_ending() {
    let file = |kind: &str, name: &str| {
        let source = Source::Data { kind: kind.into(), base64: "AA==".into() };
        Part::File(File { source, name: Some(name.into()) })
    };
    let parts = vec![
        file("text/csv; charset=utf-8", "table"),
        file("application/octet-stream", "paper.docx"),
        file("application/zip", "pack.zip"),
        Part::File(File { source: Source::Stored("file_1".into()), name: None }),
        Part::File(File {
            source: Source::Url { url: "https://example.com/a.pdf".into(), kind: None },
            name: None,
        }),
    ];
    let (body, losses) = written(&Request { turns: vec![user(parts)], ..Request::default() });
    let content = &body["messages"][0]["content"];
    assert_eq!(
        (&content[0]["document"]["format"], &content[1]["document"]["format"]),
        (&json!("csv"), &json!("docx"))
    );
    assert_eq!(content.as_array().unwrap().len(), 2);
    assert_eq!(losses, ["document name", "document type", "stored files"]);
}

#[test]
fn a_sound_that_cannot_be_sent_refuses_the_request() {
    for source in [
        Source::Url { url: "https://example.com/a.wav".into(), kind: None },
        Source::Data { kind: "audio/midi".into(), base64: "AA==".into() },
        Source::Stored("file_1".into()),
    ] {
        let turns = vec![user(vec![Part::Audio(Media::new(source))])];
        let refused = CODEC.write_request(
            &Request { turns, ..Request::default() },
            Habits::default(),
            &mut Losses::default(),
        );
        assert_eq!(refused.unwrap_err().param.as_deref(), Some("messages"));
    }
}

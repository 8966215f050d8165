//! Embeddings, audio and images.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn form(path: &str, fields: &[(&str, &str)], file: Option<&str>) -> Script {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    if let Some(name) = file {
        body +=
            &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\r\n\r\nxyz\r\n");
    }
    ask(&Method::POST, path, "multipart/form-data; boundary=b", body + "--b--\r\n")
}

#[test]
fn embeddings() {
    let vectors = |input: serde_json::Value, extra: (&str, serde_json::Value)| {
        let answer = body(&post("/v1/embeddings", &json!({"model": "m", "input": input, extra.0: extra.1})));
        assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!("m")));
        assert_eq!(answer["usage"]["prompt_tokens"], answer["usage"]["total_tokens"]);
        answer["data"].as_array().unwrap().iter().map(|row| row["embedding"].clone()).collect::<Vec<_>>()
    };
    let usual = vectors(json!("hello"), ("user", json!("u")));
    let floats: Vec<f64> = usual[0].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert_eq!(floats.len(), 1536);
    assert!((floats.iter().map(|value| value * value).sum::<f64>() - 1.0).abs() < 1e-5);
    let several = vectors(json!(["hello", "world"]), ("dimensions", json!(8)));
    assert_eq!(several[0].as_array().unwrap().len(), 8);
    assert_ne!(several[0], several[1]);
    assert_eq!(vectors(json!([1, 2, 3]), ("dimensions", json!(8))).len(), 1);
    let tokens = vectors(json!([[1, 2], [3]]), ("dimensions", json!(8)));
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
    let packed = vectors(json!("hello"), ("encoding_format", json!("base64")));
    let bytes = STANDARD.decode(packed[0].as_str().unwrap()).unwrap();
    let first = f32::from_le_bytes(bytes[..4].try_into().unwrap());
    assert_eq!((bytes.len(), json!(first)), (1536 * 4, usual[0][0].clone()));
}

#[test]
fn speech() {
    let speak = |extra: serde_json::Value| {
        let mut question = json!({"model": "m", "input": "one two", "voice": "alloy"});
        question.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        post("/v1/audio/speech", &question)
    };
    let all =
        |script: &Script| script.pieces.iter().flat_map(|(_, piece)| piece.clone()).collect::<Vec<u8>>();
    let mp3 = speak(json!({}));
    assert_eq!(mp3.headers["content-type"], "audio/mpeg");
    assert_eq!(all(&mp3).len(), 2 * 12 * 96);
    assert!(all(&mp3).chunks(96).all(|frame| frame.starts_with(&[0xff, 0xfb, 0x14, 0xc4])));
    let wav = all(&speak(json!({"response_format": "wav"})));
    assert_eq!((&wav[..4], &wav[8..12], &wav[36..40]), (&b"RIFF"[..], &b"WAVE"[..], &b"data"[..]));
    let length = |at: usize| u32::from_le_bytes(wav[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((length(4) + 8, length(40) + 44), (wav.len(), wav.len()));
    assert_eq!(all(&speak(json!({"response_format": "pcm"}))).len() + 44, wav.len());
    let (status, _, message) = error(&speak(json!({"response_format": "opus"})));
    assert!(status == 400 && message.contains("'mp3'"));
    let events = values(&speak(json!({"stream_format": "sse"})));
    let (done, deltas) = events.split_last().unwrap();
    let sound: Vec<u8> =
        deltas.iter().flat_map(|event| STANDARD.decode(event["audio"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(sound, all(&mp3));
    assert_eq!(done["usage"]["total_tokens"], 4);
    assert_eq!(error(&speak(json!({"voice": null}))).2, "Missing required parameter: 'voice'.");
}

#[test]
fn transcripts() {
    let path = "/v1/audio/transcriptions";
    let heard = |fields: &[(&str, &str)]| {
        form(path, &[&[("model", "mock/say?text=a%20b")], fields].concat(), Some("file"))
    };
    assert_eq!(body(&heard(&[]))["text"], "a b");
    assert_eq!(text(&heard(&[("response_format", "text")])), "a b\n");
    assert_eq!(text(&heard(&[("response_format", "srt")])), "1\n00:00:00,000 --> 00:00:02,000\na b\n\n");
    assert!(
        text(&heard(&[("response_format", "vtt")])).starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n")
    );
    let verbose = body(&heard(&[("response_format", "verbose_json"), ("language", "de")]));
    assert_eq!((&verbose["language"], &verbose["segments"][0]["text"]), (&json!("de"), &json!("a b")));
    let events = values(&heard(&[("stream", "true")]));
    assert_eq!((&events[1]["delta"], &events[2]["text"]), (&json!(" b"), &json!("a b")));
    assert_eq!(error(&heard(&[("response_format", "docx")])).0, 400);
    assert_eq!(error(&form(path, &[("model", "m")], None)).2, "Missing required parameter: 'file'.");
    assert_eq!(error(&form(path, &[("model", "mock/429")], None)).0, 429);
    assert_eq!(error(&post(path, &json!({"model": "m"}))).0, 400);
    assert_eq!(error(&ask(&Method::POST, path, "multipart/form-data; boundary=b", "--b")).0, 400);
    let translated =
        body(&form("/v1/audio/translations", &[("model", "m"), ("stream", "true")], Some("file")));
    assert!(translated["text"].as_str().unwrap().contains("mock"));
}

#[test]
fn images() {
    let path = "/v1/images/generations";
    let made = body(&post(path, &json!({"prompt": "a cat", "n": 2, "size": "auto"})));
    assert_eq!(made["data"].as_array().unwrap().len(), 2);
    let png = STANDARD.decode(made["data"][0]["b64_json"].as_str().unwrap()).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xaeB`\x82"));
    assert_eq!(made["usage"]["total_tokens"], 4);
    let url = body(&post(path, &json!({"prompt": "a", "response_format": "url"})));
    assert!(url["data"][0]["url"].as_str().unwrap().starts_with("data:image/png;base64,"));
    let events = values(&post(path, &json!({"prompt": "a", "stream": true, "partial_images": 1})));
    assert_eq!(events[0]["partial_image_index"], 0);
    assert_eq!(events[1]["type"], "image_generation.completed");
    assert_eq!(error(&post(path, &json!({}))).2, "Missing required parameter: 'prompt'.");
    let edit = "/v1/images/edits";
    assert_eq!(form(edit, &[("prompt", "a"), ("n", "1")], Some("image")).status, 200);
    assert_eq!(post(edit, &json!({"prompt": "a", "images": [{"file_id": "f"}]})).status, 200);
    assert_eq!(error(&form(edit, &[("prompt", "a")], None)).2, "Missing required parameter: 'image'.");
}

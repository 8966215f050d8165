//! Programs and servers of whisper.cpp, which has one path of its own and several ways to write a transcript.

use testkit::caller::{Answer as Got, ask};
use testkit::vendor::{Answer, Vendor};

use crate::house::{TestHouse, UPSTREAM_KEY};

/// What a program made for whisper.cpp sends: no model anywhere.
fn form(format: &str) -> String {
    let field = |name: &str, value: &str| {
        format!("--XbX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--XbX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n";
    let fields = [("temperature", "0.0"), ("response_format", format), ("language", "de")];
    let fields: String = fields.map(|(name, value)| field(name, value)).concat();
    format!("{file}{fields}--XbX--\r\n")
}

async fn transcribe(house: &TestHouse, path: &str, form: &str) -> Got {
    let kind = [("content-type", "multipart/form-data; boundary=XbX")];
    ask(house.address(), "POST", path, &kind, form).await
}

async fn says(kind: Option<&'static str>, text: &'static str) -> Vendor {
    Vendor::start(move |_| {
        let answer = Answer::plain(200, text);
        kind.map_or(answer.clone(), |kind| answer.header("content-type", kind)).into()
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_programs_are_routed_like_any_other_and_each_provider_is_asked_at_its_own_path() {
    let json = Some("application/json");
    let (own, cloud) = (says(json, "{\"text\":\"own\"}").await, says(json, "{\"text\":\"cloud\"}").await);
    let yaml = |rules: &str| {
        format!(
            "providers:\n  cloud: {{type: openai, base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}\n  own: {{type: whisper.cpp, base_url: \"{}\"}}\n{rules}",
            cloud.url(),
            own.url()
        )
    };
    for (rules, vendor, target) in [
        ("", &own, "/inference"),
        ("routes: {/v1/audio/transcriptions: cloud}", &cloud, "/v1/audio/transcriptions"),
        ("routes: {/inference: cloud}", &cloud, "/v1/audio/transcriptions"),
    ] {
        let house = TestHouse::new(&yaml(rules));
        for path in ["/inference", "/v1/audio/transcriptions"] {
            let sent = form("json");
            let answer = transcribe(&house, path, &sent).await;
            assert_eq!(answer.status, 200, "{rules} {path}: {}", answer.text());
            let seen = vendor.ledger().last().unwrap().seen;
            assert_eq!((seen.target.as_str(), seen.text()), (target, sent), "{rules} {path}");
        }
        let records = house.records(|records| records.len() == 2).await;
        assert!(records.iter().all(|record| record.operation == "transcriptions"), "{records:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transcript_passes_in_every_form_it_is_written_in() {
    let verbose = "{\"task\":\"transcribe\",\"duration\":1.0,\"segments\":[{\"id\":0,\"text\":\" hi\"}]}";
    let cases: [(&str, Option<&'static str>, &'static str); 10] = [
        ("json", Some("application/json"), "{\"text\":\" hi\\n\"}"),
        ("verbose_json", Some("application/json"), verbose),
        // Its own word for plain text.
        ("text", Some("text/html; charset=utf-8"), " Say <b>hi</b>.\n"),
        ("text", Some("text/plain"), " hi\n"),
        ("text", None, " hi\n"),
        // Nobody spoke.
        ("text", Some("text/html; charset=utf-8"), ""),
        ("srt", Some("application/x-subrip"), "1\n00:00:00,000 --> 00:00:01,000\nhi\n\n"),
        ("srt", Some("application/x-subrip"), ""),
        ("vtt", Some("text/vtt"), "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nhi\n\n"),
        ("vtt", None, "WEBVTT\n\n"),
    ];
    for (format, kind, text) in cases {
        let vendor = says(kind, text).await;
        let house = TestHouse::new(&format!(
            "providers: {{own: {{type: whisper.cpp, base_url: \"{}\"}}}}\n",
            vendor.url()
        ));
        let answer = transcribe(&house, "/inference", &form(format)).await;
        let got = (answer.status, answer.text(), answer.header("content-type").map(str::to_owned));
        assert_eq!(got, (200, text.to_owned(), kind.map(str::to_owned)), "{format}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_page_is_no_transcript() {
    for page in ["<html><body>Login</body></html>", "\n<!DOCTYPE html>\n<title>x</title>"] {
        let vendor = says(Some("text/html"), page).await;
        let house = TestHouse::new(&format!(
            "providers: {{own: {{type: whisper.cpp, base_url: \"{}\"}}}}\n",
            vendor.url()
        ));
        let answer = transcribe(&house, "/inference", &form("text")).await;
        assert_eq!((answer.status, answer.error_code().as_deref()), (502, Some("upstream_bad_response")));
    }
}

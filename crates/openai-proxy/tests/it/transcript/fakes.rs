//! Servers a person may have on this computer, as far as their answers go: what they list, one chat, one transcription, one
//! voice. They stand on their usual ports inside the sandbox of a document.

use testkit::vendor::{Act, Answer, Seen, Setup};

/// Not a test of anything: the program that a document's sandbox starts beside the shell.
#[test]
fn serve() {
    #[expect(clippy::disallowed_methods, reason = "how the sandbox tells this program what it is")]
    let Ok(kinds) = std::env::var("FAKES") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut servers = Vec::new();
        for kind in kinds.split_whitespace() {
            let (port, answer): (u16, fn(&Seen) -> Act) = match kind {
                "ollama" => (11434, ollama),
                "whisper.cpp" => (9000, whisper),
                "kokoro" => (8880, kokoro),
                other => panic!("`{other}` is no fake"),
            };
            servers.push(Setup::new(answer).port(port).start().await);
        }
        println!("\nfakes ready");
        std::future::pending::<()>().await;
    });
}

fn json(text: &str) -> Act {
    Answer::plain(200, text.to_owned()).header("content-type", "application/json").into()
}

fn ollama(seen: &Seen) -> Act {
    match seen.path() {
        "/api/tags" => json(r#"{"models":[{"name":"llama3.2:latest"},{"name":"nomic-embed-text:latest"}]}"#),
        "/v1/models" => json(
            r#"{"object":"list","data":[{"id":"llama3.2:latest","object":"model","owned_by":"library"},{"id":"nomic-embed-text:latest","object":"model","owned_by":"library"}]}"#,
        ),
        "/api/chat" => {
            let line = |text: &str, rest: &str| {
                format!(
                    "{{\"model\":\"llama3.2:latest\",\"created_at\":\"2026-11-21T09:30:00Z\",\"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},{rest}}}\n"
                )
            };
            let end = r#""done":true,"done_reason":"stop","prompt_eval_count":26,"eval_count":4"#;
            if !seen.text().contains("\"stream\":true") {
                return json(&line("Hello there.", end));
            }
            let lines = [line("Hello", "\"done\":false"), line(" there.", "\"done\":false"), line("", end)];
            let answer = Answer::stream(200).header("content-type", "application/x-ndjson");
            lines.into_iter().fold(answer, Answer::send).into()
        }
        "/v1/chat/completions" if seen.text().contains("\"stream\":true") => {
            let chunk = |delta: &str, finish: &str| {
                format!(
                    "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"llama3.2:latest\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
                )
            };
            let events = [
                chunk(r#"{"role":"assistant","content":"Hello"}"#, "null"),
                chunk(r#"{"content":" there."}"#, "null"),
                chunk("{}", "\"stop\""),
                "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"llama3.2:latest\",\"choices\":[],\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":4,\"total_tokens\":30}}\n\n".to_owned(),
                "data: [DONE]\n\n".to_owned(),
            ];
            events.into_iter().fold(Answer::events(), |answer, event| answer.send(event)).into()
        }
        "/v1/chat/completions" => json(
            r#"{"id":"chatcmpl-1","object":"chat.completion","model":"llama3.2:latest","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there."},"finish_reason":"stop"}],"usage":{"prompt_tokens":26,"completion_tokens":4,"total_tokens":30}}"#,
        ),
        "/" => Act::text(200, "Ollama is running"),
        _ => Act::text(404, "404 page not found"),
    }
}

fn whisper(seen: &Seen) -> Act {
    match seen.path() {
        "/" => Answer::plain(200, "<html><head><title>Whisper.cpp Server</title></head></html>")
            .header("content-type", "text/html")
            .into(),
        "/inference" => json("{\"text\":\" huge manatees\\n\"}"),
        _ => Act::text(404, "File Not Found (/)"),
    }
}

fn kokoro(seen: &Seen) -> Act {
    match seen.path() {
        "/v1/audio/voices" => json(r#"{"voices":["af_bella","af_sky","bm_george"]}"#),
        "/v1/models" => {
            json(r#"{"object":"list","data":[{"id":"kokoro","object":"model","owned_by":"kokoro"}]}"#)
        }
        "/v1/audio/speech" => {
            let silence = [b"RIFF$\x08\x00\x00WAVEfmt ".as_slice(), &[0; 2048]].concat();
            Answer::plain(200, silence).header("content-type", "audio/wav").into()
        }
        _ => Act::text(404, r#"{"detail":"Not Found"}"#),
    }
}

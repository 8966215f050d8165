//! The steps of the line that are measured on their own, each ready to be made again and again.

mod translated;

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use config::Given;
use gateway::measured::{self, Choice, Tap};
use gateway::{Gateway, Question};
use http::Method;
use protocol::frame::head;
use protocol::{envelope, operation, usage};
use store::Books;

/// A configuration with as many names as a house of some size has.
const SETTINGS: &[(&str, &str)] = &[
    (
        "providers",
        r#"{bench: {type: openai-compatible, base_url: "http://127.0.0.1:9/v1", api_key: sk-bench, models: [gpt-bench]}}"#,
    ),
    (
        "models",
        r#"{a: bench, b: bench, c: bench, "gpt-4*": bench, gpt-bench: bench/gpt-bench, "claude-*": bench}"#,
    ),
    ("discovery", "{enabled: never}"),
    ("storage", "{database: memory}"),
];

/// One step.
pub(crate) struct Step {
    /// Its name.
    pub(crate) name: &'static str,
    /// How many bytes it looks at, where that matters.
    #[allow(dead_code, reason = "instructions are not counted by the byte")]
    pub(crate) bytes: Option<usize>,
    /// Makes it once.
    pub(crate) make: Box<dyn FnMut()>,
    /// Clears away what many of them pile up.
    pub(crate) clear: Box<dyn FnMut()>,
}

impl Step {
    fn new(name: &'static str, make: impl FnMut() + 'static) -> Self {
        Self { name, bytes: None, make: Box::new(make), clear: Box::new(|| {}) }
    }

    fn of(name: &'static str, bytes: usize, make: impl FnMut() + 'static) -> Self {
        Self { bytes: Some(bytes), ..Self::new(name, make) }
    }
}

/// All steps, in the order in which a call meets them.
///
/// # Errors
/// When a step cannot be made ready.
pub(crate) fn steps() -> Result<Vec<Step>> {
    let mut steps = heads();
    steps.extend(bodies()?);
    steps.extend(house()?);
    steps.extend(streams());
    steps.extend(translated::steps()?);
    Ok(steps)
}

fn heads() -> Vec<Step> {
    let request = Bytes::from_static(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:2020\r\nAccept: application/json\r\n\
          Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n\
          User-Agent: OpenAI/Python 1.99.0\r\nX-Stainless-Lang: python\r\nX-Stainless-OS: Linux\r\n\
          X-Stainless-Package-Version: 1.99.0\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n\
          X-Stainless-Runtime-Version: 3.12.4\r\nAuthorization: Bearer sk-bench-caller-0123456789abcdef\r\n\
          X-Stainless-Async: false\r\nX-Stainless-Retry-Count: 0\r\nX-Stainless-Read-Timeout: 600\r\n\
          Content-Length: 1536\r\n\r\n",
    );
    vec![
        Step::of("head: framing is strict", request.len(), move || {
            let _ = black_box(head::request(black_box(&request)));
        }),
        Step::new("head to operation", || {
            let _ = black_box(operation::find(&Method::POST, black_box("/v1/chat/completions")));
        }),
    ]
}

fn bodies() -> Result<Vec<Step>> {
    let sizes = [
        ("envelope: scan 1 KB", "envelope: edit 1 KB", 1_024),
        ("envelope: scan 10 KB", "envelope: edit 10 KB", 10_240),
        ("envelope: scan 100 KB", "envelope: edit 100 KB", 102_400),
    ];
    let mut steps = Vec::new();
    for (scan, edit, size) in sizes {
        let body = chat(size);
        let scanned = body.clone();
        steps.push(Step::of(scan, size, move || {
            let _ = black_box(envelope::read(black_box(&scanned)));
        }));
        let found = envelope::read(&body).map_err(|problem| anyhow!("{problem:?}"))?;
        steps.push(Step::of(edit, size, move || {
            black_box(envelope::edit(black_box(&body), &found, Some("another-model"), true));
        }));
    }
    Ok(steps)
}

fn house() -> Result<Vec<Step>> {
    let overrides = SETTINGS.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    let given = Given { no_file: true, overrides, ..Given::default() };
    let loaded = config::load(&given).map_err(|problems| anyhow!("{problems:?}"))?;
    let gateway = Arc::new(Gateway::new(loaded.snapshot, Arc::new(Books::in_memory(1))));
    let body = chat(1_024);
    let question =
        Question { method: &Method::POST, target: "/v1/chat/completions", model: None, body: Some(&body) };
    let choice = Choice::new(&question).context("the request would be refused")?;
    let (chooser, ledger) = (gateway.clone(), gateway.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let record = Step::new("record: begun, filled, handed in", move || measured::record(&gateway));
    Ok(vec![
        Step::new("route: a place is chosen", move || {
            black_box(choice.choose(&chooser));
        }),
        Step { clear: Box::new(move || runtime.block_on(ledger.flush())), ..record },
    ])
}

fn streams() -> Vec<Step> {
    let event = Bytes::from(format!(
        "data: {{\"id\":\"chatcmpl-bench0000000000000000000000\",\"object\":\"chat.completion.chunk\",\
         \"created\":1700000000,\"model\":\"gpt-bench\",\"service_tier\":\"default\",\"system_fingerprint\":null,\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"logprobs\":null,\"finish_reason\":null}}],\
         \"usage\":null}}\n\n",
        " a word or two more"
    ));
    let answer = Bytes::from(format!(
        "{{\"choices\":[{{\"message\":{{\"content\":\"{}\"}}}}],\"usage\":{{\"prompt_tokens\":320,\"completion_tokens\":120,\
         \"total_tokens\":440}}}}",
        "It depends on what is asked and of whom. ".repeat(20)
    ));
    let (mut plain, mut edited) = (Tap::new(false), Tap::new(true));
    let (size, again) = (event.len(), event.clone());
    vec![
        Step::of("stream: an event passes", size, move || {
            black_box(plain.push(event.clone()));
        }),
        Step::of("stream: an event, usage kept back", size, move || {
            black_box(edited.push(again.clone()));
        }),
        Step::of("answer: its usage is found", answer.len(), move || {
            black_box(usage::find(black_box(&answer)));
        }),
    ]
}

/// A chat of about so many bytes, with an escape every 16 bytes or so.
fn chat(size: usize) -> Bytes {
    let words = "The quick brown \\\"fox\\\" said no to the lazy dog.\\n";
    let filler = words.repeat(size.saturating_sub(120) / words.len());
    Bytes::from(format!(
        "{{\"model\":\"gpt-bench\",\"stream\":true,\"messages\":[{{\"role\":\"user\",\"content\":\"{filler}\"}}],\
         \"temperature\":0.7,\"max_completion_tokens\":256}}"
    ))
}

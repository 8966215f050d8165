//! `chat`: asks a model through the gateway and shows the answer as it comes. Without a prompt on a terminal: a conversation.

use std::io::{IsTerminal, Read};
use std::time::Instant;

use bytes::Bytes;
use clap::Args;
use http::Method;
use protocol::frame::sse::Splitter;
use serde_json::{Value, json};

use super::reach::{self, Reach, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Ask a model something.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy chat \"hello\"\n  openai-proxy chat --model llama3.2 \"a word for joy\"\n  git diff | openai-proxy chat \"explain this\"\n  openai-proxy chat                      a conversation, until Ctrl-D"
)]
pub(super) struct Chat {
    /// What to say. What comes by standard input is put behind it.
    prompt: Vec<String>,
    /// The model; without it the first of the gateway's list that chats.
    #[arg(short, long)]
    model: Option<String>,
    /// What the model is told before.
    #[arg(short, long, value_name = "TEXT")]
    system: Option<String>,
    #[command(flatten)]
    place: Where,
}

impl Chat {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let prompt = self.prompt()?;
        if prompt.is_none() && !talk.attended() {
            return Err(Failure::new(
                Exit::Misused,
                "There is nothing to say. Write it: openai-proxy chat \"hello\"",
            ));
        }
        reach::run(async {
            let mut reach = Reach::find(&self.place)?;
            let model = match &self.model {
                Some(model) => model.clone(),
                None => reach.chat_model().await?,
            };
            talk.more(&format!("{model} at {}", reach.base_url()));
            let mut messages: Vec<Value> = Vec::new();
            messages.extend(self.system.as_ref().map(|text| json!({"role": "system", "content": text})));
            let mut next = prompt;
            loop {
                let Some(text) = next.take().or_else(|| talk.ask(&model, "").filter(|text| !text.is_empty()))
                else {
                    return Ok(Exit::Done);
                };
                messages.push(json!({"role": "user", "content": text}));
                let said = turn(&mut reach, talk, &model, &messages).await?;
                if !talk.attended() || !self.prompt.is_empty() {
                    return Ok(Exit::Done);
                }
                messages.push(json!({"role": "assistant", "content": said}));
            }
        })
    }

    /// What is to be said, if anything was given: words and what comes by standard input.
    fn prompt(&self) -> Result<Option<String>, Failure> {
        let mut parts = Vec::new();
        if !self.prompt.is_empty() {
            parts.push(self.prompt.join(" "));
        }
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            let mut piped = String::new();
            stdin.lock().read_to_string(&mut piped).map_err(|error| {
                Failure::new(Exit::Failed, format!("Standard input cannot be read as text: {error}."))
            })?;
            parts.extend(Some(piped.trim_end().to_owned()).filter(|text| !text.is_empty()));
        }
        Ok((!parts.is_empty()).then(|| parts.join("\n\n")))
    }
}

/// One question and its answer, which is returned whole.
async fn turn(reach: &mut Reach, talk: &Talk, model: &str, messages: &[Value]) -> Result<String, Failure> {
    if talk.json() {
        let told = reach.post("/v1/chat/completions", &json!({"model": model, "messages": messages})).await?;
        if !told.status.is_success() {
            return Err(Failure::new(Exit::Failed, told.error()));
        }
        talk.print_json(&told.json());
        return Ok(String::new());
    }
    let ask = json!({
        "model": model, "messages": messages, "stream": true, "stream_options": {"include_usage": true}
    });
    let began = Instant::now();
    let body = ("application/json", Bytes::from(ask.to_string()));
    let mut visit = reach.ask(Method::POST, "/v1/chat/completions", body).await?;
    if !visit.status.is_success() {
        let told = reach.read(visit).await?;
        return Err(Failure::new(Exit::Failed, told.error()));
    }
    let provider =
        visit.head.get("x-openai-proxy-provider").and_then(|name| name.to_str().ok().map(str::to_owned));
    let mut shown = Shown::default();
    let mut events = Events::default();
    loop {
        let piece = visit.piece().await.map_err(|problem| reach.unreached(&problem))?;
        let Some(piece) = piece else { break };
        shown.first_ms.get_or_insert(began.elapsed().as_millis());
        for data in events.push(&piece)? {
            shown.take(&data, talk)?;
        }
        if talk.reader_gone() {
            // Leaving cuts the upstream: nobody pays for what nobody reads.
            return Ok(shown.text);
        }
    }
    talk.print("\n");
    if !shown.over {
        return Err(Failure::new(Exit::Failed, "The answer broke off before it said that it was complete."));
    }
    let counted =
        format!("{} tokens in, {} out", shown.tokens("prompt_tokens"), shown.tokens("completion_tokens"));
    let provider = provider.unwrap_or_else(|| "?".to_owned());
    let (first, all) = (shown.first_ms.unwrap_or(0), began.elapsed().as_millis());
    talk.more(&format!("{provider}: {counted}, first word after {first} ms, whole after {all} ms"));
    Ok(shown.text)
}

/// The longest event that is waited for.
const LONGEST: usize = 8 * 1024 * 1024;

/// A stream of events that comes in pieces.
#[derive(Default)]
struct Events {
    splitter: Splitter,
    begun: Vec<u8>,
}

impl Events {
    /// The data of every event that is complete with this piece.
    ///
    /// # Errors
    /// When an event has no end.
    fn push(&mut self, piece: &[u8]) -> Result<Vec<String>, Failure> {
        let (mut from, mut whole) = (0, Vec::new());
        self.splitter.push(piece, |end| {
            self.begun.extend_from_slice(&piece[from..end]);
            from = end;
            whole.push(data(&std::mem::take(&mut self.begun)));
        });
        self.begun.extend_from_slice(&piece[from..]);
        if self.begun.len() > LONGEST {
            return Err(Failure::new(Exit::Failed, "The answer holds an event without end."));
        }
        whole.retain(|data| !data.is_empty());
        Ok(whole)
    }
}

/// The `data` lines of an event, joined as a browser does.
fn data(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    lines.map(|data| data.strip_prefix(' ').unwrap_or(data)).collect::<Vec<_>>().join("\n")
}

/// What has come of an answer.
#[derive(Default)]
struct Shown {
    text: String,
    usage: Value,
    first_ms: Option<u128>,
    over: bool,
}

impl Shown {
    /// Shows one event's text.
    fn take(&mut self, data: &str, talk: &Talk) -> Result<(), Failure> {
        if data == "[DONE]" {
            self.over = true;
            return Ok(());
        }
        let event: Value = serde_json::from_str(data).unwrap_or_default();
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            talk.print("\n");
            let said = error["message"].as_str().unwrap_or("The answer broke off.");
            return Err(Failure::new(Exit::Failed, said));
        }
        if let Some(text) = event["choices"][0]["delta"]["content"].as_str() {
            self.text.push_str(text);
            talk.print(text);
        }
        if event["usage"].is_object() {
            self.usage = event["usage"].clone();
        }
        Ok(())
    }

    fn tokens(&self, which: &str) -> String {
        self.usage[which].as_u64().map_or_else(|| "?".to_owned(), |count| count.to_string())
    }
}

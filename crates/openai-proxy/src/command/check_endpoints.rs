//! `check-endpoints`: one real request for each of the three routes people split by path, through the running gateway, with
//! a spoken clip inside the binary.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::reach::{self, Reach, Told, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::talk::{Mark, Talk};

/// Test the endpoints through the running gateway.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy check-endpoints\n  openai-proxy check-endpoints -v            with the whole answers\n  openai-proxy check-endpoints --model llama3.2 --voice af_bella",
    after_help = "A cloud that gets your own key needs it in OPENAI_API_KEY. These are real requests and may cost a fraction of a cent.\nExit codes: 0 all that is configured works, 4 something does not, 69 no gateway answers."
)]
pub(super) struct CheckEndpoints {
    /// The model to chat with; without it the first of the gateway's list that chats.
    #[arg(short, long)]
    model: Option<String>,
    /// The model to transcribe with.
    #[arg(long, value_name = "MODEL", default_value = "whisper-1")]
    transcription_model: String,
    /// The model to speak with.
    #[arg(long, value_name = "MODEL", default_value = "tts-1")]
    speech_model: String,
    /// The voice to speak with; without it one that the provider has.
    #[arg(long)]
    voice: Option<String>,
    #[command(flatten)]
    place: Where,
}

/// "Huge manatees", 1.4 s: made with espeak-ng 1.51 (`-v en-us -s 150`), 16 kHz, one channel, 16 bits.
const CLIP: &[u8] = include_bytes!("huge-manatees.wav");

/// What came of one step.
enum Came {
    /// It works; what there is to show, and who answered.
    Works(Option<String>, Told),
    /// Nobody is configured for it.
    NotConfigured(String),
    /// It does not.
    Broken(String),
}

/// One step: what it is called in the seed's words, its path, and what came of it.
struct Step {
    name: &'static str,
    path: &'static str,
    came: Came,
}

impl CheckEndpoints {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let steps = reach::run(self.walk(talk))?;
        let broken = steps.iter().filter(|step| matches!(step.came, Came::Broken(_))).count();
        if talk.json() {
            talk.print_json(
                &json!({"ok": broken == 0, "endpoints": steps.iter().map(Step::json).collect::<Vec<_>>()}),
            );
        } else if broken == 0 {
            talk.print("Verification complete!\n");
        } else {
            talk.print(&format!("Verification failed: {broken} of {} do not work.\n", steps.len()));
        }
        Ok(if broken == 0 { Exit::Done } else { Exit::Trouble })
    }

    async fn walk(&self, talk: &Talk) -> Result<Vec<Step>, Failure> {
        let mut reach = Reach::find(&self.place)?;
        // Nobody there is not trouble with an endpoint.
        reach.get("/livez").await?;
        if !talk.json() {
            talk.print("Testing OpenAI Proxy endpoints...\n\n");
        }
        let mut steps = Vec::new();
        for (number, path) in PATHS.iter().enumerate() {
            if !talk.json() {
                talk.print(&format!("{}. Testing {path}...\n", number + 1));
            }
            let working = talk.working(path);
            let step = match number {
                0 => Step { name: "Audio transcription", path, came: self.transcribe(&mut reach).await },
                1 => Step { name: "Chat completions", path, came: self.chat(&mut reach).await },
                _ => Step { name: "Audio speech", path, came: self.speak(&mut reach).await },
            };
            drop(working);
            if !talk.json() {
                talk.print(&step.told(talk));
            }
            steps.push(step);
        }
        Ok(steps)
    }

    async fn transcribe(&self, reach: &mut Reach) -> Came {
        let (kind, form) =
            super::form::of(CLIP, "huge-manatees.wav", &[("model", &self.transcription_model)]);
        judge(reach.tell(Method::POST, PATHS[0], (&kind, form)).await, |told| {
            // What was heard, on one line, as JSON whoever answered.
            let heard = told.json()["text"].as_str().map(str::to_owned);
            let heard = heard.ok_or("the answer holds no `text`")?;
            if heard.trim().is_empty() {
                return Err("nothing was heard in the clip");
            }
            Ok(Some(format!("Response: {{\"text\": {}}}", Value::from(heard.trim()))))
        })
    }

    async fn chat(&self, reach: &mut Reach) -> Came {
        let model = match &self.model {
            Some(model) => model.clone(),
            None => match reach.chat_model().await {
                Ok(model) => model,
                Err(failure) => return Came::Broken(failure.say),
            },
        };
        let ask =
            json!({"model": model, "messages": [{"role": "user", "content": "Say hello in one word."}]});
        judge(reach.post(PATHS[1], &ask).await, |told| {
            let said = told.json()["choices"][0]["message"].is_object();
            if said { Ok(None) } else { Err("the answer holds no message") }
        })
    }

    async fn speak(&self, reach: &mut Reach) -> Came {
        let voice = match &self.voice {
            Some(voice) => voice.clone(),
            None => voice(reach).await,
        };
        let ask = json!({"model": self.speech_model, "voice": voice, "input": "Huge manatees.", "response_format": "wav"});
        judge(reach.post(PATHS[2], &ask).await, |told| {
            let sound = told
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("audio/") || kind.contains("octet"));
            if sound && told.body.len() > 44 { Ok(None) } else { Err("the answer is no sound") }
        })
    }
}

/// The three paths of seed 001, in its order.
const PATHS: [&str; 3] = ["/v1/audio/transcriptions", "/v1/chat/completions", "/v1/audio/speech"];

/// A voice the provider has: the first it names, else one of OpenAI's that others know, too.
pub(super) async fn voice(reach: &mut Reach) -> String {
    let told = reach.get("/v1/audio/voices").await.map(|told| told.json()).unwrap_or_default();
    let first = &told["voices"][0];
    let named = first.as_str().or_else(|| first["id"].as_str()).or_else(|| first["voice_id"].as_str());
    named.unwrap_or("alloy").to_owned()
}

fn judge(told: Result<Told, Failure>, look: impl Fn(&Told) -> Result<Option<String>, &'static str>) -> Came {
    match told {
        Err(failure) => Came::Broken(failure.say),
        Ok(told) if told.json()["error"]["code"] == "not_served" => Came::NotConfigured(told.error()),
        Ok(told) if !told.status.is_success() => Came::Broken(told.error()),
        Ok(told) => match look(&told) {
            Ok(show) => Came::Works(show, told),
            Err(why) => {
                Came::Broken(format!("{} answered, and {why}", told.provider().unwrap_or("the provider")))
            }
        },
    }
}

impl Step {
    fn told(&self, talk: &Talk) -> String {
        match &self.came {
            Came::Works(show, told) => {
                let mark = talk.mark(Mark::Good);
                let show = show.as_ref().map(|show| format!("{show}\n")).unwrap_or_default();
                let more = if talk.verbose() > 0 { whole(told) } else { String::new() };
                format!("{mark} {} endpoint working\n{show}{more}\n", self.name)
            }
            Came::NotConfigured(why) => {
                format!("{} {} endpoint not configured: {why}\n\n", talk.mark(Mark::Nothing), self.name)
            }
            Came::Broken(why) => {
                format!("{} {} endpoint not working: {why}\n\n", talk.mark(Mark::Bad), self.name)
            }
        }
    }

    fn json(&self) -> Value {
        let (state, why, provider) = match &self.came {
            Came::Works(_, told) => ("working", None, told.provider()),
            Came::NotConfigured(why) => ("not configured", Some(why), None),
            Came::Broken(why) => ("not working", Some(why), None),
        };
        json!({"path": self.path, "state": state, "why": why, "provider": provider})
    }
}

/// The whole answer for those who want it: who gave it, and its text, or how long it is.
fn whole(told: &Told) -> String {
    let kind = told.header("content-type").unwrap_or("unknown kind");
    let text =
        std::str::from_utf8(&told.body).ok().filter(|_| kind.contains("json") || kind.starts_with("text/"));
    let body = match text {
        Some(text) => text.trim_end().to_owned(),
        None => format!("{} bytes of {kind}", told.body.len()),
    };
    format!("Provider: {}\nAnswer: {body}\n", told.provider().unwrap_or("?"))
}

//! Real calls: one token of a model, a vector, and a stream. They cost what such a call costs, and are recorded like one.

use config::snapshot::Credential;
use http::StatusCode;
use protocol::operation::Operation;
use protocol::vendor::Purpose;
use serde_json::Value;
use tokio::time::Instant;

use super::check::millis;
use super::trial::{Came, NotCome};
use super::{Calls, Check, CheckResult, Examination};

/// So many models are asked at most; it is the owner's money.
const MOST: usize = 32;

impl Examination<'_> {
    /// Asks the models that are to be asked; `listed` are those it names itself.
    pub(super) async fn calls(&mut self, listed: Vec<String>) {
        if self.options.calls == Calls::None {
            for word in ["token", "stream"] {
                self.note(Check::skipped(word, "not asked for: a call costs money"));
            }
            return;
        }
        if self.provider.credential == Credential::Passthrough {
            for word in ["token", "stream"] {
                self.note(Check::skipped(word, "wants the caller's own key, which is not known here"));
            }
            return;
        }
        let models = self.models_to_ask(listed);
        if models.is_empty() {
            self.note(Check::skipped("token", "no model to ask is known"));
        }
        let mut streams = None;
        for model in models.iter().take(MOST) {
            if Instant::now() >= self.until {
                let what = format!("{model} was not asked: the time for all of it was up");
                self.note(Check::skipped("token", what).model(model));
                continue;
            }
            let began = Instant::now();
            let (check, chats) = self.token(model).await;
            streams = streams.or(chats.then_some(model));
            self.note(check.model(model).since(began));
        }
        if models.len() > MOST {
            self.note(Check::skipped(
                "token",
                format!("{} further models were not asked", models.len() - MOST),
            ));
        }
        match streams {
            Some(model) if Instant::now() < self.until => {
                let began = Instant::now();
                let check = self.stream(model).await;
                self.note(check.model(model).since(began));
            }
            _ => self.note(Check::skipped("stream", "no model that chats has answered")),
        }
    }

    /// The provider's own names of the models that are asked.
    fn models_to_ask(&self, listed: Vec<String>) -> Vec<String> {
        let first = |purpose| listed.iter().find(|name| Purpose::of(name) == purpose).cloned();
        let mut configured: Vec<String> = Vec::new();
        for (_, own) in &self.provider.models {
            if !configured.contains(own) {
                configured.push(own.clone());
            }
        }
        match (self.options.calls, configured.is_empty()) {
            (Calls::None, _) => Vec::new(),
            (Calls::One, false) => {
                let chats = configured.iter().find(|name| Purpose::of(name) == Purpose::Chat);
                chats.or(configured.first()).cloned().into_iter().collect()
            }
            (Calls::One, true) => first(Purpose::Chat).into_iter().collect(),
            (Calls::Each, false) => configured,
            (Calls::Each, true) => {
                first(Purpose::Chat).into_iter().chain(first(Purpose::Embeddings)).collect()
            }
        }
    }

    /// One call of a model; and whether it chats.
    async fn token(&mut self, model: &str) -> (Check, bool) {
        let provider = self.provider.clone();
        let can = |operation| provider.serves(operation);
        match Purpose::of(model) {
            Purpose::Chat if can(Operation::Chat) => match self.chat(model, false).await {
                // A deployment may have any name: what does not chat may embed.
                Ok(came) if came.status == StatusCode::BAD_REQUEST && can(Operation::Embeddings) => {
                    match self.embed(model).await {
                        Ok(embedded) if embedded.is_vector() => {
                            (Check::passed("token", format!("{model} answers with a vector")), false)
                        }
                        _ => (self.judged(model, Ok(came), Came::is_message), false),
                    }
                }
                came => {
                    let check = self.judged(model, came, Came::is_message);
                    let chats = check.result == CheckResult::Passed;
                    (check, chats)
                }
            },
            Purpose::Embeddings if can(Operation::Embeddings) => {
                let came = self.embed(model).await;
                (self.judged(model, came, Came::is_vector), false)
            }
            Purpose::Other => {
                (Check::skipped("token", format!("{model} is for something else, by its name")), false)
            }
            Purpose::Chat | Purpose::Embeddings => {
                let what = format!("{model} is not asked: its provider is not used for that");
                (Check::skipped("token", what), false)
            }
        }
    }

    fn judged(&self, model: &str, came: Result<Came, NotCome>, good: fn(&Came) -> bool) -> Check {
        let came = match came {
            Ok(came) if came.status.is_success() && good(&came) => {
                return Check::passed("token", format!("{model} answers"));
            }
            Ok(came) => came,
            Err(why) => return why.told("token", format!("{model} does not answer")),
        };
        let (name, status) = (&self.provider.name, came.status);
        let what = format!("{model} does not answer (status {})", status.as_u16());
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Check::warning("token", what)
                .cause("Too many requests, or no credit left.")
                .hint("Wait; look at the limits and the balance of the account.");
        }
        let version = match &self.provider.site.api_version {
            Some(_) => format!(", and providers.{name}.api_version"),
            None => String::new(),
        };
        let check = Check::failed("token", what);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => check
                .cause("The key is wrong, or may not use this model.")
                .hint(format!("Check providers.{name}.api_key, and what it may do there.")),
            StatusCode::NOT_FOUND => check.cause(message(&came.text)).hint(format!(
                "Is there a model, or a deployment, of that name? Check providers.{name}.models{version}."
            )),
            status if status.is_server_error() => {
                check.cause(message(&came.text)).hint("It has trouble of its own: try again later.")
            }
            status if status.is_success() => check
                .cause("The answer is none to such a call.")
                .hint(format!("Check providers.{name}.base_url, and what the model is for.")),
            _ => check.cause(message(&came.text)).hint(format!("Check what the model is for{version}.")),
        }
    }

    /// A stream of one token: its first event comes, and it ends properly.
    async fn stream(&mut self, model: &str) -> Check {
        let came = match self.chat(model, true).await {
            Ok(came) => came,
            Err(why) => return why.told("stream", "its stream breaks".to_owned()),
        };
        let first = came.first_piece.map_or(0.0, millis);
        match came.status.is_success() && came.text.contains("data:") {
            true if came.text.contains("data: [DONE]") || came.text.contains("data:[DONE]") => {
                Check::passed("stream", format!("streams, first event after {first} ms"))
            }
            true => Check::warning("stream", "its stream has no proper end")
                .cause("The last event, `[DONE]`, is missing.")
                .hint("Something on the way may cut streams, or its language is another one."),
            false => Check::failed("stream", format!("does not stream (status {})", came.status.as_u16()))
                .cause(message(&came.text))
                .hint("Something on the way may gather streams, or the model cannot stream."),
        }
    }
}

/// What an error says of itself, short.
fn message(text: &str) -> String {
    let told: Value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
    let said = told["error"]["message"].as_str().or_else(|| told["error"].as_str()).or_else(|| told.as_str());
    said.unwrap_or("no reason is given").chars().filter(|c| !c.is_control()).take(200).collect()
}

//! One call made to see whether it works, with its record.

use std::time::Duration;

use bytes::Bytes;
use config::snapshot::Credential;
use http::{Method, StatusCode};
use protocol::fault::Kind;
use protocol::operation::Operation;
use protocol::usage;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Check, Examination, LARGEST, Stuck};
use crate::account::{Errand, Meter, Unaccountable};
use crate::route::Target;
use crate::upstream::trouble::Trouble;
use crate::upstream::visit::VisitProblem;

/// A call that is made to see whether it works.
struct Trial<'a> {
    operation: Operation,
    path: &'static str,
    model: &'a str,
    stream: bool,
    body: Value,
}

/// What came of one.
pub(super) struct Came {
    pub(super) status: StatusCode,
    pub(super) text: String,
    /// From the request to the first piece of the body.
    pub(super) first_piece: Option<Duration>,
}

/// Why one was not made, or brought nothing.
pub(super) enum NotCome {
    Stuck(Stuck),
    /// It could not be accounted for, and so was not made (D-23).
    Unaccountable,
}

impl Examination<'_> {
    /// Asks for one token. Newer models name the limit differently, and say so.
    pub(super) async fn chat(&mut self, model: &str, stream: bool) -> Result<Came, NotCome> {
        let messages = json!([{"role": "user", "content": "Say yes."}]);
        let mut body = json!({"model": model, "messages": messages, "max_tokens": 1, "stream": stream});
        if stream && self.provider.vendor.counts_streams(&self.provider.site) {
            body["stream_options"] = json!({"include_usage": true});
        }
        let trial =
            |body| Trial { operation: Operation::Chat, path: "/v1/chat/completions", model, stream, body };
        let came = self.tried(trial(body.clone())).await?;
        if came.status != StatusCode::BAD_REQUEST || !came.text.contains("max_completion_tokens") {
            return Ok(came);
        }
        if let Some(members) = body.as_object_mut() {
            members.remove("max_tokens");
            members.insert("max_completion_tokens".to_owned(), json!(16));
        }
        self.tried(trial(body)).await
    }

    /// Asks for a vector.
    pub(super) async fn embed(&mut self, model: &str) -> Result<Came, NotCome> {
        let body = json!({"model": model, "input": "yes"});
        let (operation, path) = (Operation::Embeddings, "/v1/embeddings");
        self.tried(Trial { operation, path, model, stream: false, body }).await
    }

    /// Makes a call, with its record.
    async fn tried(&mut self, trial: Trial<'_>) -> Result<Came, NotCome> {
        let errand = Errand { operation: trial.operation, model: trial.model, stream: trial.stream };
        let mut meter = self.gateway.map(|gateway| Meter::of_errand(gateway, &errand, "verify"));
        let target = Target::apart(self.provider.clone(), Some(trial.model.to_owned()));
        if let Some(meter) = &mut meter {
            meter.aims(&target).await.map_err(|Unaccountable| NotCome::Unaccountable)?;
        }
        let (now, time) = (Instant::now(), self.time());
        let (path, model) = ((Method::POST, trial.path), Some(trial.model));
        let body = Bytes::from(trial.body.to_string());
        let asked = async {
            let visit = self.inspector.ask(path, model, body).await;
            let mut visit = visit.map_err(VisitProblem::into_trouble)?;
            let (mut first_piece, mut gathered) = (None, Vec::new());
            while let Some(piece) = visit.piece().await.map_err(VisitProblem::into_trouble)? {
                first_piece = first_piece.or(Some(now.elapsed()));
                gathered.extend_from_slice(&piece);
                if gathered.len() > LARGEST {
                    break;
                }
            }
            Ok((visit.status, gathered, first_piece))
        };
        let came = time.bounds(asked).await;
        if let Some(meter) = &mut meter {
            self.booked(meter, &came, trial.stream);
        }
        let (status, gathered, first_piece) = came.map_err(NotCome::Stuck)?;
        Ok(Came { status, text: String::from_utf8_lossy(&gathered).into_owned(), first_piece })
    }

    /// Notes how a call ended.
    fn booked(
        &self,
        meter: &mut Meter,
        came: &Result<(StatusCode, Vec<u8>, Option<Duration>), Stuck>,
        stream: bool,
    ) {
        let stored = matches!(self.provider.credential, Credential::Stored(_) | Credential::Identity(_));
        match came {
            Err(Stuck::Late(_)) => meter.refuses(Trouble::TotalTimeout.kind()),
            Err(Stuck::Trouble(trouble)) => meter.refuses(trouble.kind()),
            Ok((StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, ..)) if stored => {
                meter.refuses(Kind::UpstreamAuth);
            }
            Ok((status, gathered, _)) => {
                meter.answers(*status, stream);
                meter.sent(gathered.len());
                let counted = if stream { usage::find_at_end(gathered) } else { usage::find(gathered) };
                if let Some(counted) = counted {
                    meter.counted(counted);
                }
                meter.completes();
            }
        }
    }
}

impl Came {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Whether it is what a chat is answered with.
    pub(super) fn is_message(&self) -> bool {
        self.json()["choices"][0]["message"].is_object()
    }

    /// Whether it is what a model for embeddings answers with.
    pub(super) fn is_vector(&self) -> bool {
        let vector = &self.json()["data"][0]["embedding"];
        self.status.is_success() && (vector.is_array() || vector.is_string())
    }
}

impl NotCome {
    /// As a check.
    pub(super) fn told(self, word: &'static str, what: String) -> Check {
        match self {
            Self::Stuck(stuck) => Check::failed(word, what).cause(stuck.cause()).hint(
                "A model may have to be loaded first: try again. Then look at what stands between us and it.",
            ),
            Self::Unaccountable => Check::skipped(word, "not asked: what it would cost cannot be recorded")
                .hint("Run openai-proxy doctor: its disk and its database take nothing."),
        }
    }
}

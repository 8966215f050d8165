//! The first answer: whether it comes, what it says of our key, which models there are, and what its clock shows.

use std::time::SystemTime;

use bytes::Bytes;
use config::snapshot::Credential;
use http::{HeaderMap, Method, StatusCode};
use protocol::listing;
use protocol::operation::Operation;
use tokio::time::Instant;

use super::{Check, CheckResult, Examination, LARGEST, Over, Stuck};
use crate::upstream::visit::{Visit, VisitProblem};

/// A clock that goes wrong by more is worth a word, and by more than that makes certificates invalid, in seconds.
const DRIFT: u64 = 30;
const WRONG: u64 = 300;

impl Examination<'_> {
    /// Asks for its models, or, where it has no list, only whether it is there. The names it lists.
    pub(super) async fn ask_for_models(&mut self) -> Result<Vec<String>, Over> {
        let lists = self.provider.serves(Operation::Models);
        let granted = self.ask_for_grant().await?;
        let began = Instant::now();
        let time = self.time();
        let asked = async {
            let answer = if lists {
                self.inspector.ask((Method::GET, "/v1/models"), None, Bytes::new()).await
            } else {
                self.inspector.knock().await
            };
            answer.map_err(VisitProblem::into_trouble)
        };
        let answer = time.bounds(asked).await;
        let visit = answer.map_err(|stuck| self.stop(self.unanswered(&stuck).since(began)))?;
        let what = format!("{} answers ({} ms)", self.provider.origin.authority, began.elapsed().as_millis());
        self.note(Check::passed("answer", what).since(began));
        self.clock(&visit.head);
        if lists {
            return self.models(visit, began).await;
        }
        if !granted {
            self.note(Check::skipped("key", "only a call can tell"));
        }
        self.note(Check::skipped("models", "it has no list of them"));
        Ok(Vec::new())
    }

    /// Asks for what is shown in place of a key; whether there is such a thing, and no list that tells more of it.
    async fn ask_for_grant(&mut self) -> Result<bool, Over> {
        let began = Instant::now();
        match self.inspector.grant().await {
            Ok(None) => Ok(false),
            Ok(Some(_)) if self.provider.serves(Operation::Models) => Ok(false),
            Ok(Some(_)) => {
                self.note(Check::passed("key", "what is shown in place of a key was given").since(began));
                Ok(true)
            }
            Err(cause) => {
                let name = &self.provider.name;
                let check =
                    Check::failed("key", "what is shown in place of a key was not given").cause(cause);
                let hint =
                    format!("Check who the gateway is under providers.{name}, and what that may do there.");
                Err(self.stop(check.hint(hint).since(began)))
            }
        }
    }

    /// What its answer says about our key and its models.
    async fn models(&mut self, visit: Visit, began: Instant) -> Result<Vec<String>, Over> {
        let status = visit.status;
        let body =
            self.time().bounds(async { visit.whole(LARGEST).await.map_err(VisitProblem::into_trouble) });
        let body = body.await;
        if let Some(check) = self.of_key(status) {
            let failed = check.result == CheckResult::Failed;
            self.note(check.since(began));
            self.note(Check::skipped("models", format!("not told (status {})", status.as_u16())));
            return if failed { Err(Over) } else { Ok(Vec::new()) };
        }
        let said = status.is_success();
        self.note(match (&self.provider.credential, said) {
            (Credential::Stored(_), true) => Check::passed("key", "accepts our key"),
            (Credential::Identity(_), true) => Check::passed("key", "knows who we are"),
            (_, true) => Check::passed("key", "wants none for its list"),
            (_, false) => Check::skipped("key", "its answer does not tell"),
        });
        let listed = body.as_ref().ok().and_then(|body| listing::read(body));
        let check = self.of_models(status, listed.as_deref(), body.err());
        self.note(check.since(began));
        Ok(listed.filter(|_| said).unwrap_or_default().into_iter().map(|(id, _)| id).collect())
    }

    /// What a refusal says of our key; `None`: nothing.
    fn of_key(&self, status: StatusCode) -> Option<Check> {
        let name = &self.provider.name;
        let code = status.as_u16();
        match (status, &self.provider.credential) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Credential::Stored(_)) => Some(
                Check::failed("key", format!("refuses our key (status {code})"))
                    .cause("The key is wrong, was revoked, or may not do this.")
                    .hint(format!(
                        "Set providers.{name}.api_key, or the variable it comes from, to a working key."
                    )),
            ),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Credential::Identity(identity)) => Some(
                Check::failed("key", format!("refuses {} (status {code})", identity.who.about()))
                    .cause("It may not do this there.")
                    .hint("Give it the right, or write another one."),
            ),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Credential::Passthrough) => {
                Some(Check::skipped("key", "wants the caller's own key, which is not known here"))
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Credential::None) => Some(
                Check::failed("key", "wants a key, and none is configured")
                    .hint(format!("Set providers.{name}.api_key.")),
            ),
            (StatusCode::TOO_MANY_REQUESTS, _) => Some(
                Check::warning("key", "limits us at this moment (status 429)")
                    .cause("Too many requests, or no credit left.")
                    .hint("Wait; look at the limits and the balance of the account."),
            ),
            _ => None,
        }
    }

    fn of_models(
        &self,
        status: StatusCode,
        listed: Option<&[listing::Entry]>,
        broke: Option<Stuck>,
    ) -> Check {
        let (name, code) = (&self.provider.name, status.as_u16());
        if status == StatusCode::NOT_FOUND {
            return Check::warning("models", "has no list of models (status 404)")
                .cause("base_url may lack its path, or the service has no list.")
                .hint(format!("Check that providers.{name}.base_url ends as the service documents it (often /v1), or name its `models`."));
        }
        if status.is_server_error() {
            return Check::failed("models", format!("answers with status {code}"))
                .hint("It has trouble of its own: try again later.");
        }
        if !status.is_success() {
            return Check::warning("models", format!("answers with status {code}"));
        }
        match (listed, broke) {
            (Some([]), _) if self.provider.models.is_empty() => {
                Check::warning("models", "names no model").hint("Load or pull one there.")
            }
            (Some([_]), _) => Check::passed("models", "1 model"),
            (Some(list), _) => Check::passed("models", format!("{} models", list.len())),
            (None, None) => Check::failed("models", "answers, and not with a list of models")
                .cause("base_url may lead to something else: a web page, or another service.")
                .hint(format!("Check providers.{name}.base_url.")),
            (None, Some(stuck)) => {
                Check::failed("models", "broke off its list of models").cause(stuck.cause())
            }
        }
    }

    /// Our clock against the one that dated an answer.
    fn clock(&mut self, head: &HeaderMap) {
        self.clock_apart = apart(head);
        self.note(match self.clock_apart {
            None => Check::skipped("clock", "its answer has no date"),
            Some(apart) if apart <= DRIFT => Check::passed("clock", "agrees with this computer's"),
            Some(apart) => {
                let what = format!("this computer's clock and its are {apart} s apart");
                let check =
                    if apart > WRONG { Check::failed("clock", what) } else { Check::warning("clock", what) };
                check
                    .cause("With a wrong clock certificates look expired, or not valid yet.")
                    .hint("sudo timedatectl set-ntp true")
            }
        });
    }
}

/// How far our clock is from the one that dated an answer, in seconds.
fn apart(head: &HeaderMap) -> Option<u64> {
    let date = httpdate::parse_http_date(head.get(http::header::DATE)?.to_str().ok()?).ok()?;
    let now = SystemTime::now();
    Some(now.duration_since(date).or_else(|_| date.duration_since(now)).map_or(0, |apart| apart.as_secs()))
}

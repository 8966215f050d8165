//! Each provider, step by step: its name, the connection, its certificate, our key, its models; with `--deep` one token and a
//! stream. All are asked at once, each within its time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use config::snapshot::{Credential, Provider, Scheme};
use gateway::{Inspector, Visit, VisitProblem};
use http::{HeaderMap, Method, StatusCode};
use protocol::operation::Operation;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::container;
use super::finding::Finding;
use super::scene::Scene;
use crate::command::reach;

/// Everything about one provider has this long.
const LIMIT: Duration = Duration::from_secs(15);
/// The same with real answers; a model may have to be loaded first.
const DEEP_LIMIT: Duration = Duration::from_secs(120);
/// To look a name up, and to connect.
const STEP: Duration = Duration::from_secs(5);
/// The largest answer read.
const LARGEST: usize = 8 * 1024 * 1024;
/// A clock that goes wrong by more is worth a word, and by more than that makes certificates invalid.
const DRIFT: u64 = 30;
const WRONG: u64 = 300;

/// Checks them all, and our clock against theirs.
pub(super) async fn check(scene: &Scene) -> Vec<Finding> {
    let Ok(loaded) = &scene.loaded else {
        return vec![Finding::skipped("provider", "not asked: the configuration is refused")];
    };
    let providers = &loaded.snapshot.providers;
    if scene.offline {
        let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
        return vec![Finding::skipped("provider", format!("not asked (--offline): {}", names.join(", ")))];
    }
    let in_container = container::sign(scene).is_some();
    let limit = if scene.deep { DEEP_LIMIT } else { LIMIT };
    let mut asking = JoinSet::new();
    for (place, provider) in providers.iter().enumerate() {
        let mut examined = Examined::new(provider.clone(), scene.deep, in_container);
        asking.spawn(async move {
            if tokio::time::timeout(limit, examined.run()).await.is_err() {
                let what = format!("gave no whole answer within {} s", limit.as_secs());
                examined.add(Finding::bad("provider", what));
            }
            (place, examined)
        });
    }
    let mut all: Vec<(usize, Examined)> = Vec::new();
    while let Some(one) = asking.join_next().await {
        all.extend(one);
    }
    all.sort_by_key(|(place, _)| *place);
    let clock = clock(all.iter().filter_map(|(_, one)| Some((one.provider.name.as_str(), one.drift?))));
    all.into_iter().flat_map(|(_, one)| one.findings).chain([clock]).collect()
}

/// Our clock against the nearest of theirs, in seconds.
fn clock<'a>(drifts: impl Iterator<Item = (&'a str, u64)>) -> Finding {
    match drifts.min_by_key(|(_, drift)| *drift) {
        None => Finding::skipped("clock", "no provider told the time"),
        Some((name, drift)) if drift <= DRIFT => Finding::good("clock", format!("agrees with {name}'s")),
        Some((name, drift)) => {
            let what = format!("this computer's clock and {name}'s are {drift} s apart");
            let finding =
                if drift > WRONG { Finding::bad("clock", what) } else { Finding::warning("clock", what) };
            finding
                .cause("With a wrong clock certificates look expired, or not valid yet.")
                .fix("sudo timedatectl set-ntp true")
        }
    }
}

/// One provider while it is looked at.
struct Examined {
    provider: Arc<Provider>,
    deep: bool,
    in_container: bool,
    findings: Vec<Finding>,
    /// How far our clock is from its.
    drift: Option<u64>,
}

impl Examined {
    fn new(provider: Arc<Provider>, deep: bool, in_container: bool) -> Self {
        Self { provider, deep, in_container, findings: Vec::new(), drift: None }
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding.about(self.provider.name.as_str()));
    }

    /// Step by step; a step that fails is the last.
    async fn run(&mut self) {
        if self.provider.origin.scheme == Scheme::Inside {
            self.add(Finding::good("provider", "answers inside this program"));
            return;
        }
        if let Err(finding) = self.name().await {
            self.add(finding);
            return;
        }
        let mut inspector = Inspector::new(self.provider.clone(), STEP);
        let lists = self.provider.serves(Operation::Models);
        let began = Instant::now();
        let answer = if lists {
            inspector.ask((Method::GET, "/v1/models"), None, Bytes::new()).await
        } else {
            inspector.knock().await
        };
        let visit = match answer {
            Err(problem) => {
                let finding = self.unreached(&problem);
                self.add(finding);
                return;
            }
            Ok(visit) => visit,
        };
        self.drift = drift(&visit.head);
        self.add(Finding::good("provider.connection", self.connected(began.elapsed())));
        if !lists {
            return;
        }
        let model = self.models(visit).await;
        if self.deep && self.provider.serves(Operation::Chat) {
            self.deep(&mut inspector, model).await;
        }
    }

    /// Whether its name leads to an address. A proxy looks names up itself.
    async fn name(&self) -> Result<(), Finding> {
        let origin = &self.provider.origin;
        if origin.proxy.is_some() || origin.host.parse::<std::net::IpAddr>().is_ok() {
            return Ok(());
        }
        let asked = tokio::net::lookup_host((origin.host.as_str(), origin.port));
        let why = match tokio::time::timeout(STEP, asked).await {
            Ok(Ok(mut found)) => match found.next() {
                Some(_) => return Ok(()),
                None => "it has no address".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the resolver did not answer".to_owned(),
        };
        Err(Finding::bad("provider.name", format!("{} leads to no address", origin.host))
            .cause(why)
            .fix("Check base_url, and the name resolution of this computer."))
    }

    fn connected(&self, took: Duration) -> String {
        let origin = &self.provider.origin;
        let trust = match origin.scheme {
            Scheme::Https if origin.accept_any_certificate => ", ANY CERTIFICATE IS ACCEPTED",
            Scheme::Https => ", certificate trusted",
            Scheme::Http | Scheme::Inside => "",
        };
        let through = if origin.proxy.is_some() { " through a proxy" } else { "" };
        format!("{} answers{through}{trust} ({} ms)", origin.authority, took.as_millis())
    }

    fn unreached(&self, problem: &VisitProblem) -> Finding {
        let origin = &self.provider.origin;
        let (name, authority) = (&self.provider.name, &origin.authority);
        let here = container::is_here(&self.provider);
        if problem.private_address() {
            return Finding::bad("provider.connection", format!("{authority} is not connected to"))
                .cause(problem.cause())
                .fix(format!("If that is meant: providers.{name}.allow_private: true"));
        }
        if problem.at_the_proxy() {
            return Finding::bad(
                "provider.connection",
                format!("{authority} is not reached through the proxy"),
            )
            .cause(problem.cause())
            .fix("Check HTTPS_PROXY or `proxy`; NO_PROXY names what is reached without it.");
        }
        if problem.not_trusted() {
            return Finding::bad("provider.certificate", format!("the certificate of {authority} cannot be trusted"))
                .cause(problem.cause())
                .fix(format!("Behind a firewall that breaks TLS open, or with an authority of your own: providers.{name}.ca_file. Check its date and name, and the clock."));
        }
        if !problem.nobody_there() {
            return Finding::bad("provider.connection", format!("{authority} gives no proper answer"))
                .cause(problem.cause())
                .fix("Check base_url: scheme, host and port.");
        }
        if problem.timed_out() && origin.proxy.is_none() {
            return Finding::bad("provider.connection", format!("{authority} accepts no connection within {} s", STEP.as_secs()))
                .cause("Nobody is at that address, a firewall swallows it, or it does not speak what base_url says (http, https).")
                .fix("Check base_url: scheme, host and port; then the firewall.");
        }
        if let Some(proxy) = &origin.proxy {
            let what = format!(
                "the proxy {}:{} on the way to {authority} cannot be connected to",
                proxy.host, proxy.port
            );
            return Finding::bad("provider.connection", what)
                .cause(problem.cause())
                .fix("Check HTTPS_PROXY or `proxy`; NO_PROXY names what is reached without it.");
        }
        let finding = Finding::bad("provider.connection", format!("{authority} cannot be connected to"));
        if here && self.in_container {
            return finding
                .cause(format!(
                    "{}. This gateway runs in a container, where localhost is the container itself.",
                    problem.cause()
                ))
                .fix(format!("Use host.docker.internal:{}, or run with --network host.", origin.port));
        }
        finding.cause(problem.cause()).fix(if here || self.provider.vendor.local() {
            "Is it running? Start it, or remove the provider.".to_owned()
        } else {
            "Look at this computer's network, firewall and proxy.".to_owned()
        })
    }

    /// What its answer says about our key and its models; the first model that chats.
    async fn models(&mut self, visit: Visit) -> Option<String> {
        let name = self.provider.name.clone();
        let status = visit.status;
        let body = visit.whole(LARGEST).await;
        let listed = body.as_ref().ok().and_then(|body| protocol::listing::read(body));
        let known = self.provider.models.first().map(|(_, own)| own.clone());
        let finding = match (status, &self.provider.credential) {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Credential::Stored(_)) => {
                self.add(
                    Finding::bad("provider.key", format!("refuses our key (status {})", status.as_u16()))
                        .cause("The key is wrong, was revoked, or may not do this.")
                        .fix(format!("Set providers.{name}.api_key, or the variable it comes from, to a working key.")),
                );
                return None;
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Credential::Passthrough) => {
                Finding::skipped("provider.key", "wants the caller's own key, which is not known here")
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, Credential::None) => {
                Finding::bad("provider.key", "wants a key, and none is configured").fix(format!("Set providers.{name}.api_key."))
            }
            (StatusCode::TOO_MANY_REQUESTS, _) => Finding::warning("provider.key", "limits us at this moment (status 429)")
                .cause("Too many requests, or no credit left.")
                .fix("Wait; look at the limits and the balance of the account."),
            (StatusCode::NOT_FOUND, _) => Finding::warning("provider.models", "has no list of models (status 404)")
                .cause("base_url may lack its path, or the service has no list.")
                .fix(format!("Check that providers.{name}.base_url ends as the service documents it (often /v1), or name its `models`.")),
            (status, _) if status.is_server_error() => {
                Finding::bad("provider.models", format!("answers with status {}", status.as_u16())).fix("It has trouble of its own: try again later.")
            }
            (status, _) if !status.is_success() => {
                Finding::warning("provider.models", format!("answers with status {}", status.as_u16()))
            }
            _ => match (&listed, body) {
                (Some(list), _) if list.is_empty() && known.is_none() => {
                    Finding::warning("provider.models", "names no model").fix("Load or pull one there.")
                }
                (Some(list), _) if list.len() == 1 => Finding::good("provider.models", "1 model"),
                (Some(list), _) => Finding::good("provider.models", format!("{} models", list.len())),
                (None, Ok(_)) => Finding::bad("provider.models", "answers, and not with a list of models")
                    .cause("base_url may lead to something else: a web page, or another service.")
                    .fix(format!("Check providers.{name}.base_url.")),
                (None, Err(problem)) => {
                    Finding::bad("provider.models", "broke off its list of models").cause(problem.cause())
                }
            },
        };
        self.add(finding);
        let first = listed.unwrap_or_default().into_iter().map(|(id, _)| id).find(|id| reach::chats(id));
        known.or(first)
    }

    /// One token, and a stream of one.
    async fn deep(&mut self, inspector: &mut Inspector, model: Option<String>) {
        let Some(model) = model else {
            self.add(Finding::skipped("provider.token", "no model to ask is known"));
            return;
        };
        match asked(inspector, &model, false).await {
            Ok(told) if told.1["choices"][0]["message"].is_object() => {
                self.add(Finding::good("provider.token", format!("{model} answers")));
            }
            Ok(told) => {
                self.add(
                    Finding::bad(
                        "provider.token",
                        format!("{model} does not answer (status {})", told.0.as_u16()),
                    )
                    .cause(message(&told.1)),
                );
                return;
            }
            Err(problem) => {
                self.add(
                    Finding::bad("provider.token", format!("{model} does not answer")).cause(problem.cause()),
                );
                return;
            }
        }
        let finding = match asked(inspector, &model, true).await {
            Ok((_, told)) => match told.as_str() {
                Some(text) if text.contains("data: [DONE]") => Finding::good("provider.stream", "streams"),
                Some(text) if text.contains("data:") => {
                    Finding::warning("provider.stream", "its stream has no proper end")
                }
                _ => Finding::bad("provider.stream", "does not stream").cause(message(&told)),
            },
            Err(problem) => Finding::bad("provider.stream", "its stream breaks").cause(problem.cause()),
        };
        self.add(finding);
    }
}

/// Asks for one token; what came, a stream as one text. Newer models name the limit differently, and say so.
async fn asked(
    inspector: &mut Inspector,
    model: &str,
    stream: bool,
) -> Result<(StatusCode, Value), VisitProblem> {
    let messages = json!([{"role": "user", "content": "Say yes."}]);
    let mut came = (StatusCode::OK, Value::Null);
    for (limit, tokens) in [("max_tokens", 1), ("max_completion_tokens", 16)] {
        let body = json!({"model": model, "messages": messages, limit: tokens, "stream": stream});
        let body = Bytes::from(body.to_string());
        let visit = inspector.ask((Method::POST, "/v1/chat/completions"), Some(model), body).await?;
        let status = visit.status;
        let body = visit.whole(LARGEST).await?;
        let text = String::from_utf8_lossy(&body);
        came = (status, serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_ref())));
        if status != StatusCode::BAD_REQUEST || !text.contains("max_completion_tokens") {
            break;
        }
    }
    Ok(came)
}

/// What an error says of itself, short.
fn message(told: &Value) -> String {
    let said = told["error"]["message"].as_str().or_else(|| told["error"].as_str()).or_else(|| told.as_str());
    said.unwrap_or("no reason is given").chars().filter(|c| !c.is_control()).take(200).collect()
}

/// How far our clock is from the one that dated an answer, in seconds.
fn drift(head: &HeaderMap) -> Option<u64> {
    let date = httpdate::parse_http_date(head.get(http::header::DATE)?.to_str().ok()?).ok()?;
    let now = SystemTime::now();
    Some(now.duration_since(date).or_else(|_| date.duration_since(now)).map_or(0, |apart| apart.as_secs()))
}

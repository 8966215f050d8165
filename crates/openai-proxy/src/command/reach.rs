//! Reaching a running gateway from a command: which one is meant, and asking it as any program would. Who administers it asks
//! at its `desk`.

mod desk;
mod key;
mod objection;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use config::snapshot::Door;
use gateway::{Visit, VisitProblem, Visitor};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use protocol::vendor::Purpose;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::given::{Named, environment};
use crate::instance::{self, Instance};

pub(crate) use desk::{Desk, Whom, Why, segment};
pub(crate) use objection::note_told;

/// Which gateway is meant.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct Where {
    /// The gateway to speak to, for example http://127.0.0.1:2020 or unix:/run/openai-proxy.sock. Without it: the one that
    /// runs here.
    #[arg(long, value_name = "URL", env = "OPENAI_PROXY_URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
}

/// To connect to a gateway.
const CONNECT: Duration = Duration::from_secs(3);
/// For what the gateway answers by itself.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest answer a command reads whole.
const LARGEST: usize = 64 * 1024 * 1024;
/// Where a gateway listens when nothing says otherwise (D-2).
const USUAL: &str = "http://127.0.0.1:2020";

/// Whether a model is not known, by its name, to be for something else than chat.
pub(crate) fn chats(id: &str) -> bool {
    Purpose::of(id) == Purpose::Chat
}

/// A gateway that can be asked.
pub(crate) struct Reach {
    visitor: Visitor,
    /// Its address without `/v1`: `http://127.0.0.1:2020`, or `unix:/path`.
    pub(crate) url: String,
    /// What it wrote down about itself, if it runs here and is ours.
    pub(crate) instance: Option<Instance>,
    key: Option<HeaderValue>,
    /// There is a key in the environment, and whoever listens there is nobody we know: it was not shown.
    withheld: bool,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) head: HeaderMap,
    pub(crate) body: Bytes,
    withheld: bool,
}

impl Told {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name).and_then(|value| value.to_str().ok())
    }

    /// The provider that answered, if the gateway says so.
    pub(crate) fn provider(&self) -> Option<&str> {
        self.header("x-openai-proxy-provider")
    }

    /// What an answer that is not a success says, in one line.
    pub(crate) fn error(&self) -> String {
        let json = self.json();
        let said = json["error"]["message"].as_str().or_else(|| json["error"].as_str());
        let hint = match self.status {
            StatusCode::UNAUTHORIZED if self.withheld => {
                "\nYour OPENAI_API_KEY was not shown: no gateway of yours is known to listen there. Name it: --url URL"
            }
            _ => "",
        };
        match (said, json["error"]["code"].as_str()) {
            (Some(said), Some(code)) => format!("{said} ({code}, status {}){hint}", self.status.as_u16()),
            (Some(said), None) => format!("{said} (status {}){hint}", self.status.as_u16()),
            (None, _) => format!("status {}{hint}", self.status.as_u16()),
        }
    }
}

impl Reach {
    /// The gateway that is meant: the one named, else the one that runs here, else whoever listens where the configuration
    /// says.
    ///
    /// # Errors
    /// When the address is none, or several run and none is named.
    pub(crate) fn find(place: &Where) -> Result<Self, Failure> {
        let environment = environment();
        if let Some(url) = &place.url {
            return Self::to(url, None, key(&environment));
        }
        let mut running = instance::all(&environment);
        let expected = expected(&environment);
        match running.len() {
            0 => {
                // Anybody may listen at the usual address: no key is shown to strangers.
                let mut reach = Self::to(expected.as_deref().unwrap_or(USUAL), None, None)?;
                reach.withheld = key(&environment).is_some();
                Ok(reach)
            }
            1 => Self::at(running.remove(0), &environment),
            _ => {
                let meant = |one: &&Instance| expected.as_ref().is_some_and(|url| one.urls().contains(url));
                match running.iter().find(meant) {
                    Some(one) => Self::at(one.clone(), &environment),
                    None => Err(several(&running)),
                }
            }
        }
    }

    /// A gateway that is only asked whether it is ready: no key is shown to it, so any certificate will do on this computer.
    ///
    /// # Errors
    /// As for [`Reach::find`].
    pub(crate) fn without_key(place: &Where) -> Result<Self, Failure> {
        let mut reach = Self::find(place)?;
        reach.visitor = visitor(&reach.url, true)?;
        reach.key = None;
        Ok(reach)
    }

    /// A gateway that wrote itself down.
    pub(crate) fn at(instance: Instance, environment: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let key = key(environment);
        let (shown, withheld) = if instance.foreign { (None, key.is_some()) } else { (key, false) };
        let mut reach = Self::to(&instance.url(), Some(instance), shown)?;
        reach.withheld = withheld;
        Ok(reach)
    }

    fn to(url: &str, instance: Option<Instance>, key: Option<HeaderValue>) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').trim_end_matches("/v1").trim_end_matches('/').to_owned();
        // We know its process; what we say to it never leaves this computer.
        let visitor = visitor(&url, instance.as_ref().is_some_and(|instance| !instance.foreign))?;
        Ok(Self { visitor, url, instance, key, withheld: false })
    }

    /// The base URL programs are given.
    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.url)
    }

    /// Asks, and returns with the head of the answer.
    ///
    /// # Errors
    /// Exit 69 when nobody is there.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        (kind, body): (&str, Bytes),
    ) -> Result<Visit, Failure> {
        let mut request = request(method, path, (kind, body))?;
        if let Some(key) = &self.key {
            request.headers_mut().insert(AUTHORIZATION, key.clone());
        }
        self.send(request).await
    }

    async fn send(&mut self, request: Request<Bytes>) -> Result<Visit, Failure> {
        self.visitor.ask(request).await.map_err(|problem| self.unreached(&problem))
    }

    /// Asks, and reads the answer whole.
    ///
    /// # Errors
    /// Exit 69 when nobody is there, or the connection broke.
    pub(crate) async fn tell(
        &mut self,
        method: Method,
        path: &str,
        body: (&str, Bytes),
    ) -> Result<Told, Failure> {
        let visit = self.ask(method, path, body).await?;
        self.read(visit).await
    }

    /// Reads an answer whole.
    ///
    /// # Errors
    /// Exit 69 when the connection broke.
    pub(crate) async fn read(&self, visit: Visit) -> Result<Told, Failure> {
        let (status, head) = (visit.status, visit.head.clone());
        let body = visit.whole(LARGEST).await.map_err(|problem| self.unreached(&problem))?;
        Ok(Told { status, head, body, withheld: self.withheld })
    }

    /// `GET` of what the gateway says of itself, which takes no longer than asking providers for their lists does.
    ///
    /// # Errors
    /// As for [`Reach::tell`]; also when no answer comes.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Told, Failure> {
        self.get_within(path, PATIENCE).await
    }

    async fn get_within(&mut self, path: &str, patience: Duration) -> Result<Told, Failure> {
        let silent =
            format!("{} does not answer.\nAnother program may listen there: openai-proxy doctor", self.url);
        let asked = self.tell(Method::GET, path, ("", Bytes::new()));
        let late = |_| Failure::new(Exit::Unreachable, silent);
        tokio::time::timeout(patience, asked).await.map_err(late)?
    }

    /// Whether it takes calls; `None`: nobody of our kind is there.
    pub(crate) async fn readiness(&mut self) -> Option<bool> {
        let told = self.get_within("/readyz", CONNECT).await.ok()?;
        let says = told.json()["status"].as_str().map(str::to_owned)?;
        matches!(says.as_str(), "ready" | "draining").then(|| told.status.is_success())
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// As for [`Reach::tell`].
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Result<Told, Failure> {
        self.tell(Method::POST, path, ("application/json", Bytes::from(body.to_string()))).await
    }

    /// The models it lists.
    ///
    /// # Errors
    /// When it does not answer with a list.
    pub(crate) async fn models(&mut self) -> Result<Vec<Value>, Failure> {
        let told = self.get("/v1/models").await?;
        match told.json()["data"].as_array() {
            Some(list) if told.status.is_success() => Ok(list.clone()),
            _ => Err(Failure::new(
                Exit::Failed,
                format!("{} gives no list of models: {}.", self.url, told.error()),
            )),
        }
    }

    /// A model to chat with when nobody named one: the first of the list that is not known to be for something else.
    ///
    /// # Errors
    /// When there is no list, or none on it that chats.
    pub(crate) async fn chat_model(&mut self) -> Result<String, Failure> {
        let models = self.models().await?;
        let ids = models.iter().filter_map(|model| model["id"].as_str());
        ids.filter(|id| chats(id)).map(str::to_owned).next().ok_or_else(|| {
            Failure::new(Exit::Failed, "The gateway lists no model that chats. Name one: --model NAME")
        })
    }

    /// What is said when the gateway does not answer.
    pub(crate) fn unreached(&self, problem: &VisitProblem) -> Failure {
        let url = &self.url;
        let say = if problem.nobody_there() {
            format!(
                "No gateway answers at {url}: {}.\nStart one: openai-proxy start   (another one: --url URL)",
                problem.cause()
            )
        } else if problem.not_trusted() {
            format!(
                "The certificate at {url} cannot be trusted: {}.\nAdd its authority to this system, or use its other door.",
                problem.cause()
            )
        } else {
            format!("The connection to {url} broke: {}.", problem.cause())
        };
        Failure::new(Exit::Unreachable, say)
    }
}

impl Instance {
    /// Its addresses without `/v1`, as a program on this computer reaches them.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.view.ready.iter().map(|url| near(url.trim_end_matches("/v1"))).collect()
    }

    /// The first of them.
    pub(crate) fn url(&self) -> String {
        self.urls().into_iter().next().unwrap_or_default()
    }

    /// Where it is administered: at a door apart, else at the first.
    pub(crate) fn desk(&self) -> String {
        let apart = self.view.admin.as_deref().map(|metrics| near(metrics.trim_end_matches("/metrics")));
        apart.unwrap_or_else(|| self.url())
    }
}

/// A request that shows no key.
fn request(method: Method, path: &str, (kind, body): (&str, Bytes)) -> Result<Request<Bytes>, Failure> {
    let unfit = |_| Failure::new(Exit::Failed, format!("`{path}` cannot be asked for."));
    let mut request = Request::builder().method(method).uri(path).body(body).map_err(unfit)?;
    let head = request.headers_mut();
    head.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Ok(kind) = HeaderValue::from_str(kind)
        && !kind.is_empty()
    {
        head.insert(CONTENT_TYPE, kind);
    }
    Ok(request)
}

/// The caller's key, as it is shown.
fn key(environment: &BTreeMap<String, String>) -> Option<HeaderValue> {
    bearer(environment.get("OPENAI_API_KEY").map(|key| key.trim()).filter(|key| !key.is_empty())?)
}

/// A key as it is shown; none: no header can carry it.
fn bearer(key: &str) -> Option<HeaderValue> {
    let mut key = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
    key.set_sensitive(true);
    Some(key)
}

/// Goes to an address without `/v1`; on loopback, where `trusting`, whatever certificate is shown.
pub(crate) fn visitor(url: &str, trusting: bool) -> Result<Visitor, Failure> {
    if let Some(path) = url.strip_prefix("unix:") {
        return Ok(Visitor::to_socket(PathBuf::from(path), CONNECT));
    }
    let told = |why| Failure::new(Exit::Misused, format!("`{url}` is no address of a gateway. {why}"));
    let (mut origin, path) = config::origin(url).map_err(told)?;
    if !path.is_empty() {
        return Err(told("Write it without a path, like http://127.0.0.1:2020.".to_owned()));
    }
    origin.accept_any_certificate = trusting && is_loopback(&origin.host);
    Ok(Visitor::to(origin.into(), CONNECT))
}

/// The address the configuration found from here would listen on.
fn expected(environment: &BTreeMap<String, String>) -> Option<String> {
    let mut given = Named::default().given(Vec::new()).ok()?;
    given.environment = environment.clone();
    urls_of(&config::load(&given).ok()?.snapshot.server).into_iter().next()
}

/// The addresses of doors, as a program on this computer reaches them.
pub(crate) fn urls_of(server: &config::snapshot::Server) -> Vec<String> {
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    let url = |door: &Door| match door {
        Door::Unix(path) => format!("unix:{}", path.display()),
        Door::Tcp(address) => near(&format!("{scheme}://{address}")),
    };
    server.listen.iter().map(url).collect()
}

/// An address of everybody's as this computer reaches it.
fn near(url: &str) -> String {
    url.replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Several gateways run, and none is named.
pub(crate) fn several(running: &[Instance]) -> Failure {
    let list: Vec<String> = running.iter().map(|one| format!("  {}   pid {}", one.url(), one.pid)).collect();
    Failure::new(
        Exit::Conflict,
        format!("Several gateways run here; name one with --url:\n{}", list.join("\n")),
    )
}

/// Runs the asking to its end.
///
/// # Errors
/// What the asking itself fails with, or that the system gives no runtime.
pub(crate) fn run<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|error| Failure::new(Exit::Failed, format!("The system gives no runtime: {error}.")))?;
    runtime.block_on(asking)
}

//! Asking for what is shown in place of a key: the steps an identity wants made (`protocol/src/vendor/identity/`), over the one
//! connector, with all it checks. No caller's request is on this way, and none waits here while a grant holds.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use config::snapshot::{Identity, Provider};
use http::{Request, StatusCode, Uri};
use protocol::fault::Kind;
use protocol::secret::Secret;
use protocol::vendor::identity::{Grant, Question, STEPS, Step, Told, Ungranted};
use tokio::time::Instant;

use super::visit::Visitor;
use crate::error::ApiError;
use crate::spawn;
use crate::standing::{Found, Leave, Moment, Purse};

/// All steps together have this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// To connect to one endpoint.
const CONNECT: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const LARGEST: usize = 256 * 1024;

/// The grant that holds; where there is none it is waited for.
///
/// # Errors
/// When none was given, or not in time: ours to mend, never the caller's 401.
pub(super) async fn granted(
    purse: &Arc<Purse>,
    provider: &Provider,
    deadline: Instant,
) -> Result<Arc<Grant>, ApiError> {
    let until = deadline.min(Instant::now() + PATIENCE);
    loop {
        let mut news = match purse.look(Moment::now()) {
            Found::Grant(grant, leave) => {
                if let Some(leave) = leave {
                    spawn::detached(ask(leave, provider.name.clone()));
                }
                return Ok(grant);
            }
            Found::Failed(why) => return Err(ungranted(provider, &why)),
            Found::Asked(news) => news,
            Found::Nothing(leave) => {
                let news = leave.purse().news();
                // In a task of its own: others wait for it, too, and the first of them may leave.
                spawn::detached(ask(leave, provider.name.clone()));
                news
            }
        };
        if !matches!(tokio::time::timeout_at(until, news.changed()).await, Ok(Ok(()))) {
            return Err(ungranted(provider, "it was not given in time"));
        }
    }
}

fn ungranted(provider: &Provider, why: &str) -> ApiError {
    let say = format!(
        "This gateway was not given what it has to show to `{}`. Its operator finds why in the log.",
        provider.name
    );
    ApiError::new(Kind::UpstreamAuth, say).because(why.to_owned())
}

/// Asks, and notes what came of it.
async fn ask(leave: Leave, provider: String) {
    let identity = leave.purse().identity().clone();
    let came = match tokio::time::timeout(PATIENCE, walk(&identity)).await {
        Ok(came) => came,
        Err(_) => Err(format!("nothing came within {} s", PATIENCE.as_secs())),
    };
    match came {
        Ok(grant) => {
            let seconds = grant.ends.and_then(|ends| ends.duration_since(SystemTime::now()).ok());
            let seconds = seconds.map_or(0, |left| left.as_secs());
            tracing::debug!(provider, seconds, "a grant has come");
            leave.came(grant, Moment::now());
        }
        Err(why) => {
            let about = identity.who.about();
            if leave.failed(&why, Moment::now()) {
                tracing::warn!(provider, about, why, "no grant was given");
            } else {
                tracing::debug!(provider, about, why, "no grant was given");
            }
        }
    }
}

/// Makes the steps. Why they led to nothing is for the log: without secrets.
async fn walk(identity: &Identity) -> Result<Grant, String> {
    let mut visitors: Vec<Option<Visitor>> = identity.endpoints.iter().map(|_| None).collect();
    let mut told = Vec::new();
    // What an endpoint says may repeat what it, or one before it, was shown.
    let mut shown: Vec<Secret> = identity.who.secrets().into_iter().cloned().collect();
    for _ in 0..STEPS {
        let step = identity.who.step(&told, SystemTime::now()).map_err(|why| why.told(&shown))?;
        let brought = match step {
            Step::Granted(grant) if grant.ends.is_some_and(|ends| ends <= SystemTime::now()) => {
                return Err("what was given has ended already; is this computer's clock right?".to_owned());
            }
            Step::Granted(grant) => return Ok(grant),
            Step::Read(path) => read(path).await?,
            Step::Ask(question) => {
                let (Some(origin), Some(visitor)) =
                    (identity.endpoints.get(question.endpoint), visitors.get_mut(question.endpoint))
                else {
                    return Err("nobody knows where to ask".to_owned());
                };
                shown.extend(question.secrets());
                let visitor = visitor.get_or_insert_with(|| Visitor::to(origin.clone(), CONNECT));
                visit(visitor, question)
                    .await
                    .map_err(|why| Ungranted(format!("{}: {why}", origin.host)).told(&shown))?
            }
        };
        told.push(brought);
    }
    Err("it takes more steps than it may".to_owned())
}

async fn read(path: String) -> Result<Told, String> {
    let shown = path.clone();
    let read = tokio::task::spawn_blocking(move || config::read_text(path.as_ref())).await;
    match read.map_err(|error| error.to_string()).and_then(|read| read) {
        Ok(text) => Ok(Told { status: StatusCode::OK, body: text.into() }),
        Err(why) => Err(format!("{shown} cannot be read: {why}")),
    }
}

async fn visit(visitor: &mut Visitor, question: Question) -> Result<Told, String> {
    let Question { method, target, head, body, .. } = question;
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = target.parse::<Uri>().map_err(|_| "its address is none".to_owned())?;
    *request.headers_mut() = head;
    *request.body_mut() = body;
    let visit = visitor.ask(request).await.map_err(|problem| problem.cause())?;
    let status = visit.status;
    let body = visit.whole(LARGEST).await.map_err(|problem| problem.cause())?;
    Ok(Told { status, body })
}

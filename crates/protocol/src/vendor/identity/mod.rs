//! Who we are where a key is not enough: a vendor's directory is asked for a token, or requests are signed.
//!
//! An identity says step by step what is to be read or asked, by the answers it has had, until it has a grant; who has sockets,
//! clock and disk does it (`gateway/upstream/exchange.rs`). A grant shows itself in a request. Nothing here is ever sent anywhere
//! but where the configuration says.

mod aws;
mod entra;
mod google;
mod jwt;
pub mod sigv4;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::Value as Json;

pub use aws::{
    Aws, CONTAINER as AWS_CONTAINER, METADATA as AWS_METADATA, Role, SERVICE as AWS_SERVICE,
    SESSION as AWS_SESSION, Source,
};
pub use entra::{
    AUTHORITY as ENTRA_AUTHORITY, Entra, METADATA as ENTRA_METADATA, Proof, SCOPE as ENTRA_SCOPE,
    SERVICE_VARIABLES as ENTRA_SERVICE, VARIABLES as ENTRA_VARIABLES,
};
pub use google::{FILE as GOOGLE_FILE, Google, Login, METADATA as GOOGLE_METADATA};

use super::{UnusableSecret, bearer, encode, sensitive};
use crate::secret::Secret;

/// Who we are at a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Identity {
    /// Google Cloud: a bearer token.
    Google(Google),
    /// Microsoft Entra ID: a bearer token.
    Entra(Entra),
    /// AWS: keys that requests are signed with.
    Aws(Aws),
}

/// Where a token is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Its root, without a slash at the end.
    pub root: String,
    /// It is a service of the machine or the platform we run on, at a link-local or loopback address. Nothing else is connected
    /// to at such an address, and it is asked for only where that was written.
    pub of_the_machine: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// A file of the platform's is to be read; it changes now and then.
    Read(String),
    /// Something is to be asked.
    Ask(Question),
    /// Here it is.
    Granted(Grant),
}

/// What is asked of an endpoint.
#[derive(Debug)]
pub struct Question {
    /// Which of [`Identity::endpoints`].
    pub endpoint: usize,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Its headers, without `host`.
    pub head: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What of the body must never be shown.
    confidential: Vec<Secret>,
}

/// What a step brought: an endpoint's answer, or the text of a file (as if with status 200).
#[derive(Clone, Debug)]
pub struct Told {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// Why there is no grant: one sentence for the operator. It may repeat what was sent until it is [told](Ungranted::told).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ungranted(pub String);

impl Ungranted {
    /// The sentence without what must never be shown, in plain characters, and cut where it is long: in this order, so that nothing
    /// is left of what was cut through.
    pub fn told<'s>(self, secrets: impl IntoIterator<Item = &'s Secret>) -> String {
        const LONGEST: usize = 400;
        let said = secrets.into_iter().fold(self.0, |text, secret| secret.out_of(text));
        let plain = |c: char| if c.is_ascii_graphic() { c } else { ' ' };
        said.chars().map(plain).take(LONGEST).collect()
    }
}

impl Question {
    /// What it shows and must never be shown elsewhere.
    pub fn secrets(&self) -> Vec<Secret> {
        let confidential = self.head.values().filter(|value| value.is_sensitive());
        let lines = confidential.filter_map(|value| value.to_str().ok());
        // A signature stands last in its line.
        let parts =
            lines.flat_map(|line| [Some(line), line.rsplit_once('=').map(|(_, last)| last)]).flatten();
        parts.map(Secret::new).chain(self.confidential.iter().cloned()).collect()
    }
}

/// What we were given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// What is shown.
    pub shown: Shown,
    /// When it ends; `None`: never by itself.
    pub ends: Option<SystemTime>,
}

/// What is shown of a grant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    /// A token, and the project it is booked on where that has to be said (`x-goog-user-project`).
    Token(Secret, Option<String>),
    /// Requests are signed with keys.
    Keys(sigv4::Keys),
}

/// At most so many steps lead to a grant: a file, three questions of a machine's, a role.
pub const STEPS: usize = 6;

impl Identity {
    /// Where it asks.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        match self {
            Self::Google(google) => google.endpoints(),
            Self::Entra(entra) => entra.endpoints(),
            Self::Aws(aws) => aws.endpoints(),
        }
    }

    /// What is next, by what the steps so far have brought.
    ///
    /// # Errors
    /// When it was refused, or what came cannot be read.
    pub fn step(&self, told: &[Told], now: SystemTime) -> Result<Step, Ungranted> {
        let step = match self {
            Self::Google(google) => google.step(told, now),
            Self::Entra(entra) => entra.step(told, now),
            Self::Aws(aws) => aws.step(told, now),
        }?;
        match &step {
            Step::Granted(grant) if !grant.is_plain() => {
                Err(Ungranted("what was given cannot be put into a header".to_owned()))
            }
            _ => Ok(step),
        }
    }

    /// Whether there is nothing to ask for: what was written is what is shown.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Self::Aws(aws) if aws.is_fixed())
    }

    /// What must never be shown of it.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::Google(google) => google.secrets(),
            Self::Entra(entra) => entra.secrets(),
            Self::Aws(aws) => aws.secrets(),
        }
    }

    /// In a few words, for people.
    pub fn about(&self) -> &'static str {
        match self {
            Self::Google(_) => "an identity at Google",
            Self::Entra(_) => "an identity at Entra",
            Self::Aws(_) => "an identity at AWS",
        }
    }

    /// Whether an answer says that what was shown does not hold any more. That something may not be done (403) says nothing of
    /// the kind, but for AWS, which has no other status for it (`ExpiredTokenException` and kin).
    pub fn is_spent(&self, status: StatusCode, head: &HeaderMap) -> bool {
        match self {
            Self::Google(_) | Self::Entra(_) => status == StatusCode::UNAUTHORIZED,
            Self::Aws(_) => aws::is_spent(status, head),
        }
    }

    /// How requests are signed with keys: region and service.
    pub fn scope(&self) -> (&str, &str) {
        match self {
            Self::Aws(aws) => (&aws.region, aws::SERVICE),
            Self::Google(_) | Self::Entra(_) => ("", ""),
        }
    }
}

impl Grant {
    /// Whether each part of it that goes into a header is one line of printable ASCII (RFC 6749, A.12).
    fn is_plain(&self) -> bool {
        let (shown, beside) = match &self.shown {
            Shown::Token(token, project) => (token.expose(), project.as_deref()),
            Shown::Keys(keys) => (keys.id.as_str(), keys.session.as_ref().map(Secret::expose)),
        };
        let plain = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~'));
        plain(shown) && beside.is_none_or(plain)
    }

    /// Puts it into a head. Keys are shown by a signature, when all of the request is known ([`sigv4::sign`]).
    ///
    /// # Errors
    /// When it cannot be a header's value.
    pub fn show(&self, head: &mut HeaderMap) -> Result<(), UnusableSecret> {
        let Shown::Token(token, project) = &self.shown else { return Ok(()) };
        head.insert(AUTHORIZATION, bearer(token)?);
        if let Some(project) = project {
            let value = HeaderValue::from_str(project).map_err(|_| UnusableSecret)?;
            head.insert(HeaderName::from_static("x-goog-user-project"), value);
        }
        Ok(())
    }

    /// What must never be shown of it.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let (one, two) = match &self.shown {
            Shown::Token(token, _) => (Some(token), None),
            Shown::Keys(keys) => (Some(&keys.secret), keys.session.as_ref()),
        };
        one.into_iter().chain(two)
    }
}

/// The fields of forms that prove who we are (RFC 6749, 2.3.1 and 6; RFC 7521, 4; `AssumeRoleWithWebIdentity`).
const PROOFS: [&str; 5] =
    ["client_secret", "client_assertion", "assertion", "refresh_token", "WebIdentityToken"];

/// A question that posts a form.
fn form(endpoint: usize, target: &str, fields: &[(&str, &str)]) -> Question {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    let body = pairs.collect::<Vec<_>>().join("&");
    let mut head = HeaderMap::new();
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let proofs = fields.iter().filter(|(name, _)| PROOFS.contains(name));
    let confidential = proofs.map(|(_, value)| Secret::new(*value)).collect();
    let (method, target) = (Method::POST, target.to_owned());
    Question { endpoint, method, target, head, body: body.into(), confidential }
}

/// A question that only reads.
fn get(endpoint: usize, target: String, head: HeaderMap) -> Question {
    let (method, body) = (Method::GET, Bytes::new());
    Question { endpoint, method, target, head, body, confidential: Vec::new() }
}

/// A head of one line.
fn line(name: &'static str, value: &str) -> Result<HeaderMap, Ungranted> {
    let value =
        sensitive(value).map_err(|_| Ungranted(format!("what belongs into `{name}` cannot be sent")))?;
    Ok(HeaderMap::from_iter([(HeaderName::from_static(name), value)]))
}

/// An answer in JSON that is a success.
fn json(told: &Told) -> Result<Json, Ungranted> {
    let read = serde_json::from_slice::<Json>(&told.body);
    if !told.status.is_success() {
        return Err(Ungranted(refusal(told.status, read.ok().as_ref())));
    }
    read.map_err(|_| Ungranted("its answer is no JSON".to_owned()))
}

/// What an endpoint says when it says no (RFC 6749, 5.2).
fn refusal(status: StatusCode, body: Option<&Json>) -> String {
    let said = |name: &str| body.and_then(|body| body.get(name)).and_then(Json::as_str);
    let words = [said("error"), said("error_description"), said("Code"), said("Message"), said("message")];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let words = words.join(": ");
    let say = format!("it answered with status {}", status.as_u16());
    if words.is_empty() { say } else { format!("{say}: {words}") }
}

/// The bearer token of an answer in JSON (RFC 6749, 5.1). Some write numbers as texts, and some say when it ends instead of how long it
/// holds.
fn token(told: &Told, now: SystemTime) -> Result<(Secret, Option<SystemTime>), Ungranted> {
    let answer = json(told)?;
    let Some(token) = answer.get("access_token").and_then(Json::as_str).filter(|token| !token.is_empty())
    else {
        return Err(Ungranted("its answer has no access_token".to_owned()));
    };
    let seconds = |name: &str| {
        let seconds = match answer.get(name)? {
            Json::String(text) => text.trim().parse::<f64>().ok(),
            number => number.as_f64(),
        };
        Duration::try_from_secs_f64(seconds?).ok()
    };
    let lasts = seconds("expires_in").and_then(|long| now.checked_add(long));
    let until = || SystemTime::UNIX_EPOCH.checked_add(seconds("expires_on")?);
    let Some(ends) = lasts.or_else(until) else {
        return Err(Ungranted("its answer does not say how long the token holds".to_owned()));
    };
    Ok((Secret::new(token), Some(ends)))
}

/// The text of a file.
fn text(told: &Told) -> Result<&str, Ungranted> {
    match std::str::from_utf8(&told.body).map(str::trim) {
        Ok(text) if !text.is_empty() => Ok(text),
        _ => Err(Ungranted("the file of the platform's is empty or no text".to_owned())),
    }
}

#[cfg(test)]
mod tests;

//! AWS: keys that are written, found, or asked for, and a role taken with them. Sources: docs.aws.amazon.com, "AssumeRole",
//! "AssumeRoleWithWebIdentity" (2011-06-15), "Container credential provider", "Use the Instance Metadata Service" (version 2; version 1
//! is not spoken), "Configuration and credential file settings".

use std::time::SystemTime;

use http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde_json::Value as Json;

use super::sigv4::{self, Keys, Scope, Signed};
use super::{Endpoint, Grant, Question, Shown, Step, Told, Ungranted, form, get, json, line, refusal, text};
use crate::moment;
use crate::secret::Secret;
use crate::vendor::{encode, sensitive};

/// The name requests to models are signed for.
pub const SERVICE: &str = "bedrock";
/// The metadata server of a machine in AWS.
pub const METADATA: &str = "http://169.254.169.254";
/// Where a container asks for the path in `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
pub const CONTAINER: &str = "http://169.254.170.2";
/// What a role of ours is called in AWS's logs, where nothing else is written.
pub const SESSION: &str = "openai-proxy";

/// Who we are at AWS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aws {
    /// Where requests are signed for.
    pub region: String,
    /// Where our keys come from.
    pub source: Source,
    /// The role that is taken with them.
    pub role: Option<Role>,
    /// The root of the service that gives roles (STS).
    pub sts: String,
}

/// Where keys come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// They are written.
    Keys(Keys),
    /// A file of profiles, read anew for each grant.
    File {
        /// Its path.
        path: String,
        /// Which of them.
        profile: String,
    },
    /// The platform's word for us, which lies in a file, is shown for a role.
    Web {
        /// The file's path.
        file: String,
        /// The role.
        role: Role,
    },
    /// The container's platform is asked.
    Container {
        /// Where: root, and path.
        at: (String, String),
        /// What is shown there.
        shown: Option<Secret>,
        /// The file it is read from, in place of that.
        file: Option<String>,
    },
    /// The machine is asked.
    Machine {
        /// Its metadata server.
        root: String,
    },
}

/// A role, and how it is taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Role {
    /// Its name: an ARN.
    pub arn: String,
    /// What we are called in it.
    pub session: String,
    /// The word its owner wants to hear.
    pub external_id: Option<String>,
}

/// What came of the steps to keys.
enum Found {
    Next(Step),
    /// The keys, when they end, and how many steps it took.
    Keys(Keys, Option<SystemTime>, usize),
}

impl Aws {
    pub(super) fn is_fixed(&self) -> bool {
        self.role.is_none() && matches!(self.source, Source::Keys(_))
    }

    /// The source's own first, if it has one; the last gives roles.
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let own = match &self.source {
            Source::Container { at: (root, _), .. } | Source::Machine { root } => Some(root.clone()),
            Source::Keys(_) | Source::File { .. } | Source::Web { .. } => None,
        };
        let own = own.map(|root| Endpoint { root, of_the_machine: true });
        own.into_iter().chain([Endpoint { root: self.sts.clone(), of_the_machine: false }]).collect()
    }

    /// Which of the endpoints gives roles.
    fn roles(&self) -> usize {
        usize::from(matches!(self.source, Source::Container { .. } | Source::Machine { .. }))
    }

    pub(super) fn step(&self, told: &[Told], now: SystemTime) -> Result<Step, Ungranted> {
        let (keys, ends, steps) = match self.keys(told)? {
            Found::Next(step) => return Ok(step),
            Found::Keys(keys, ends, steps) => (keys, ends, steps),
        };
        match (&self.role, told.get(steps)) {
            (None, _) => Ok(granted(keys, ends)),
            (Some(role), None) => self.assume(&keys, role, now).map(Step::Ask),
            (Some(_), Some(answer)) => {
                let (keys, ends) = assumed(answer)?;
                Ok(granted(keys, Some(ends)))
            }
        }
    }

    fn keys(&self, told: &[Told]) -> Result<Found, Ungranted> {
        let ask = |question| Ok(Found::Next(Step::Ask(question)));
        match (&self.source, told) {
            (Source::Keys(keys), _) => Ok(Found::Keys(keys.clone(), None, 0)),
            (Source::File { path, .. }, []) => Ok(Found::Next(Step::Read(path.clone()))),
            (Source::File { profile, .. }, [file, ..]) => {
                Ok(Found::Keys(of_profile(text(file)?, profile)?, None, 1))
            }
            (Source::Web { file, .. }, []) => Ok(Found::Next(Step::Read(file.clone()))),
            (Source::Web { role, .. }, [word]) => {
                let ours = [("Action", "AssumeRoleWithWebIdentity"), ("WebIdentityToken", text(word)?)];
                ask(form(self.roles(), "/", &[&ours[..], &role.fields()].concat()))
            }
            (Source::Web { .. }, [_, answer, ..]) => {
                let (keys, ends) = assumed(answer)?;
                Ok(Found::Keys(keys, Some(ends), 2))
            }
            (Source::Container { file: Some(file), .. }, []) => Ok(Found::Next(Step::Read(file.clone()))),
            (Source::Container { at: (_, path), shown, file }, told)
                if told.len() == usize::from(file.is_some()) =>
            {
                let word = match told {
                    [word] => Some(Secret::new(text(word)?)),
                    _ => shown.clone(),
                };
                let mut head = HeaderMap::new();
                if let Some(word) = word {
                    let value = sensitive(word.expose());
                    let say = "what the container's platform wants to be shown cannot be sent";
                    head.insert(AUTHORIZATION, value.map_err(|_| Ungranted(say.to_owned()))?);
                }
                ask(get(0, path.clone(), head))
            }
            (Source::Container { file, .. }, told) => {
                let at = usize::from(file.is_some());
                let (keys, ends) = of_machine(told.get(at).ok_or_else(nothing)?)?;
                Ok(Found::Keys(keys, Some(ends), at + 1))
            }
            (Source::Machine { .. }, []) => {
                let head = line("x-aws-ec2-metadata-token-ttl-seconds", "300")?;
                let target = "/latest/api/token".to_owned();
                ask(Question { method: Method::PUT, ..get(0, target, head) })
            }
            (Source::Machine { .. }, [token]) => ask(get(0, MACHINE.to_owned(), of_session(token)?)),
            (Source::Machine { .. }, [token, role]) => {
                if !role.status.is_success() {
                    return Err(Ungranted("the machine has no role".to_owned()));
                }
                let role = text(role)?.lines().next().unwrap_or_default();
                ask(get(0, format!("{MACHINE}{}", encode(role)), of_session(token)?))
            }
            (Source::Machine { .. }, [_, _, answer, ..]) => {
                let (keys, ends) = of_machine(answer)?;
                Ok(Found::Keys(keys, Some(ends), 3))
            }
        }
    }

    /// Asks for a role, signed with keys.
    fn assume(&self, keys: &Keys, role: &Role, now: SystemTime) -> Result<Question, Ungranted> {
        let fields = [&[("Action", "AssumeRole")][..], &role.fields()].concat();
        let mut question = form(self.roles(), "/", &fields);
        let host = self.sts.split_once("://").map_or(self.sts.as_str(), |(_, host)| host);
        let head = [("host", host), ("content-type", "application/x-www-form-urlencoded")];
        let request = Signed { method: "POST", target: "/", head: &head, body: &question.body };
        let scope = Scope { region: &self.region, service: "sts", now };
        for (name, value) in sigv4::sign(keys, scope, request) {
            let value = sensitive(&value).map_err(|_| Ungranted("the keys cannot be sent".to_owned()))?;
            question.head.insert(HeaderName::from_static(name), value);
        }
        // Whoever sends it says the same host.
        let host = HeaderValue::from_str(host).map_err(|_| Ungranted("its address is none".to_owned()))?;
        question.head.insert(HOST, host);
        question.head.insert(ACCEPT, HeaderValue::from_static("application/xml"));
        Ok(question)
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        match &self.source {
            Source::Keys(keys) => [&keys.secret].into_iter().chain(&keys.session).collect(),
            Source::Container { shown, .. } => shown.iter().collect(),
            Source::File { .. } | Source::Web { .. } | Source::Machine { .. } => Vec::new(),
        }
    }
}

/// Where a machine says which role it has, and, behind that, gives the role's keys.
const MACHINE: &str = "/latest/meta-data/iam/security-credentials/";

impl Role {
    fn fields(&self) -> Vec<(&str, &str)> {
        let mut fields = vec![
            ("Version", "2011-06-15"),
            ("RoleArn", self.arn.as_str()),
            ("RoleSessionName", self.session.as_str()),
            ("DurationSeconds", "3600"),
        ];
        fields.extend(self.external_id.as_deref().map(|id| ("ExternalId", id)));
        fields
    }
}

fn granted(keys: Keys, ends: Option<SystemTime>) -> Step {
    Step::Granted(Grant { shown: Shown::Keys(keys), ends })
}

fn nothing() -> Ungranted {
    Ungranted("nothing was answered".to_owned())
}

/// A session of a machine's metadata server is shown in each question.
fn of_session(token: &Told) -> Result<HeaderMap, Ungranted> {
    if !token.status.is_success() {
        return Err(Ungranted(refusal(token.status, None)));
    }
    line("x-aws-ec2-metadata-token", text(token)?)
}

/// Keys as machines and containers give them.
fn of_machine(told: &Told) -> Result<(Keys, SystemTime), Ungranted> {
    let answer = json(told)?;
    let said = |name: &str| answer.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let keys = || {
        let (id, secret) = (said("AccessKeyId")?, said("SecretAccessKey")?);
        let ends = moment::rfc3339(said("Expiration")?)?;
        Some((
            Keys { id: id.to_owned(), secret: Secret::new(secret), session: said("Token").map(Secret::new) },
            ends,
        ))
    };
    keys().ok_or_else(|| Ungranted("its answer has no keys".to_owned()))
}

/// Keys as they are given for a role: XML of a known form, whose values have nothing in them that would be escaped.
fn assumed(told: &Told) -> Result<(Keys, SystemTime), Ungranted> {
    let body = String::from_utf8_lossy(&told.body);
    let said = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        Some(value.trim()).filter(|value| !value.is_empty() && !value.contains(['<', '&']))
    };
    if !told.status.is_success() {
        let words = serde_json::json!({"Code": said("Code"), "Message": said("Message")});
        return Err(Ungranted(refusal(told.status, Some(&words))));
    }
    let keys = || {
        let (id, secret, session) = (said("AccessKeyId")?, said("SecretAccessKey")?, said("SessionToken")?);
        let ends = moment::rfc3339(said("Expiration")?)?;
        let keys =
            Keys { id: id.to_owned(), secret: Secret::new(secret), session: Some(Secret::new(session)) };
        Some((keys, ends))
    };
    keys().ok_or_else(|| Ungranted("its answer has no keys of a role".to_owned()))
}

/// The keys of a profile in a file of them.
fn of_profile(file: &str, profile: &str) -> Result<Keys, Ungranted> {
    let mut here = false;
    let (mut id, mut secret, mut session) = (None, None, None);
    for line in file.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let name = name.trim();
            here = name == profile || name.strip_prefix("profile ").map(str::trim) == Some(profile);
        } else if let Some((name, value)) = line.split_once('=').filter(|_| here) {
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match name.trim() {
                "aws_access_key_id" => id = value,
                "aws_secret_access_key" => secret = value,
                "aws_session_token" => session = value,
                _ => {}
            }
        }
    }
    let missing = || Ungranted("the file of profiles has no keys under the profile's name".to_owned());
    let (id, secret) = id.zip(secret).ok_or_else(missing)?;
    Ok(Keys { id, secret: Secret::new(secret), session: session.map(Secret::new) })
}

/// Whether an answer says that keys do not hold any more (`x-amzn-errortype`, "Common errors").
pub(super) fn is_spent(status: StatusCode, head: &HeaderMap) -> bool {
    const SPENT: [&str; 4] =
        ["ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId", "InvalidSignature"];
    let kind = head.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).unwrap_or_default();
    status == StatusCode::UNAUTHORIZED
        || (matches!(status.as_u16(), 400 | 403) && SPENT.iter().any(|spent| kind.starts_with(spent)))
}

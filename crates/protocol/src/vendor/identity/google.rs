//! Google Cloud. Sources: cloud.google.com, "Application Default Credentials"; developers.google.com, "Using OAuth 2.0 for Server to
//! Server Applications" (the signed grant, RFC 7523) and "Refreshing an access token"; "VM metadata", "Access tokens".

use std::time::SystemTime;

use serde_json::{Value as Json, json};

use super::{Endpoint, Grant, Shown, Step, Told, Ungranted, form, get, jwt, line, token};
use crate::secret::Secret;

/// What a token of ours may do: all that the account may.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Where tokens are asked for, where the credentials do not say.
const TOKENS: &str = "https://oauth2.googleapis.com/token";
/// The metadata server of a machine in Google's cloud.
pub const METADATA: &str = "http://169.254.169.254";
/// The variable with the path of a file of credentials.
pub const FILE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// The longest a signed grant may hold, seconds.
const HOUR: u64 = 3600;

/// Who we are at Google.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Google {
    /// How we say who we are.
    pub login: Login,
    /// The project, as the configuration or the credentials say it.
    pub project: Option<String>,
    /// The location, as the configuration says it: `europe-west1`, `global`.
    pub location: Option<String>,
}

/// How we say who we are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Login {
    /// A service account signs for itself.
    Service {
        /// Its name.
        email: String,
        /// Which of its keys.
        key_id: Option<String>,
        /// The key, PEM.
        key: Secret,
        /// Where its grants are taken: root, and path.
        tokens: (String, String),
    },
    /// A person has logged in (`gcloud auth application-default login`).
    User {
        /// The program they used.
        client: (String, Secret),
        /// What they left.
        refresh: Secret,
        /// The project the calls are booked on.
        quota_project: Option<String>,
        /// Where tokens are asked for: root, and path.
        tokens: (String, String),
    },
    /// The machine we run on says who we are.
    Machine {
        /// Its metadata server.
        root: String,
    },
}

impl Login {
    /// Reads a file of credentials; and the project it names.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence. Nothing of it is repeated.
    pub fn read(text: &str) -> Result<(Self, Option<String>), &'static str> {
        let file: Json = serde_json::from_str(text).map_err(|_| "is no JSON")?;
        let said = |name: &str| file.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
        let own = |name: &str| said(name).map(str::to_owned);
        let tokens =
            split(said("token_uri").unwrap_or(TOKENS)).ok_or("has a `token_uri` that is no address")?;
        match said("type") {
            Some("service_account") => {
                let key = Secret::new(said("private_key").ok_or("has no `private_key`")?);
                if !jwt::is_key(&key) {
                    return Err("has a `private_key` that is none");
                }
                let email = own("client_email").ok_or("has no `client_email`")?;
                let login = Self::Service { email, key_id: own("private_key_id"), key, tokens };
                Ok((login, own("project_id")))
            }
            Some("authorized_user") => {
                let client = own("client_id").ok_or("has no `client_id`")?;
                let secret = Secret::new(said("client_secret").ok_or("has no `client_secret`")?);
                let refresh = Secret::new(said("refresh_token").ok_or("has no `refresh_token`")?);
                let quota_project = own("quota_project_id");
                let login = Self::User {
                    client: (client, secret),
                    refresh,
                    quota_project: quota_project.clone(),
                    tokens,
                };
                Ok((login, quota_project))
            }
            Some(_) => {
                Err("is of a `type` that is not spoken: only `service_account` and `authorized_user` are")
            }
            None => Err("has no `type`"),
        }
    }
}

/// Root and path of an address; what has a login, a query or a fragment is none.
fn split(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let proper = matches!(scheme, "https" | "http") && !host.is_empty() && !rest.contains(['@', '?', '#']);
    let plain = rest.bytes().all(|b| b.is_ascii_graphic());
    (proper && plain)
        .then(|| (format!("{scheme}://{host}"), if path.is_empty() { "/" } else { path }.to_owned()))
}

impl Google {
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let (root, of_the_machine) = match &self.login {
            Login::Service { tokens, .. } | Login::User { tokens, .. } => (tokens.0.clone(), false),
            Login::Machine { root } => (root.clone(), true),
        };
        vec![Endpoint { root, of_the_machine }]
    }

    pub(super) fn step(&self, told: &[Told], now: SystemTime) -> Result<Step, Ungranted> {
        if let Some(told) = told.first() {
            let (token, ends) = token(told, now)?;
            let project = match &self.login {
                Login::User { quota_project, .. } => quota_project.clone(),
                Login::Service { .. } | Login::Machine { .. } => None,
            };
            return Ok(Step::Granted(Grant { shown: Shown::Token(token, project), ends }));
        }
        Ok(Step::Ask(match &self.login {
            Login::Service { email, key_id, key, tokens } => {
                let since = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let claims = json!({
                    "iss": email, "scope": SCOPE, "aud": format!("{}{}", tokens.0, tokens.1),
                    "iat": since, "exp": since + HOUR,
                });
                let signed = jwt::signed(key, key_id.as_deref(), &claims);
                let signed = signed.ok_or_else(|| Ungranted("the private key cannot sign".to_owned()))?;
                let kind = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                form(0, &tokens.1, &[("grant_type", kind), ("assertion", signed.expose())])
            }
            Login::User { client: (client, secret), refresh, tokens, .. } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client.as_str()),
                    ("client_secret", secret.expose()),
                    ("refresh_token", refresh.expose()),
                ];
                form(0, &tokens.1, &fields)
            }
            Login::Machine { .. } => {
                let target = "/computeMetadata/v1/instance/service-accounts/default/token";
                get(0, target.to_owned(), line("metadata-flavor", "Google")?)
            }
        }))
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        match &self.login {
            Login::Service { key, .. } => vec![key],
            Login::User { client, refresh, .. } => vec![&client.1, refresh],
            Login::Machine { .. } => Vec::new(),
        }
    }
}

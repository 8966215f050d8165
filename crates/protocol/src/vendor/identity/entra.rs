//! Microsoft Entra ID. Sources: Microsoft Learn, "OAuth 2.0 client credentials flow" (a secret, or a token of the platform's in its
//! place), "How to use managed identities to acquire an access token" (virtual machines, App Service); "Azure OpenAI REST API
//! reference" (the scope).

use std::time::SystemTime;

use super::{Endpoint, Grant, Shown, Step, Told, Ungranted, encode, form, get, line, text, token};
use crate::secret::Secret;

/// What a token is for, where nothing else is written.
pub const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
/// The directory's address, where nothing else is written.
pub const AUTHORITY: &str = "https://login.microsoftonline.com";
/// The metadata server of a machine in Microsoft's cloud.
pub const METADATA: &str = "http://169.254.169.254";

/// The variables a platform or a person says it in: directory, who we are, our secret, the file with the platform's word for us, the
/// directory's address.
pub const VARIABLES: [&str; 5] = [
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
];
/// The variables of App Service and kin: where to ask, and what to show there.
pub const SERVICE_VARIABLES: [&str; 2] = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];

/// Who we are at Entra.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entra {
    /// How we prove it.
    pub proof: Proof,
    /// Who we are there; a machine may have several, and one of its own.
    pub client: Option<String>,
    /// What a token is for.
    pub scope: String,
}

/// How we prove who we are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// By a secret of ours.
    Secret {
        /// The directory's root.
        authority: String,
        /// The directory.
        tenant: String,
        /// The secret.
        secret: Secret,
    },
    /// By the platform's word for us, which lies in a file.
    Federated {
        /// The directory's root.
        authority: String,
        /// The directory.
        tenant: String,
        /// The file's path.
        file: String,
    },
    /// By where we run: a virtual machine.
    Machine {
        /// Its metadata server.
        root: String,
    },
    /// By where we run: an App Service or one of its kin.
    Service {
        /// Where to ask: root, and path.
        at: (String, String),
        /// What to show there.
        header: Secret,
    },
}

impl Entra {
    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let (root, of_the_machine) = match &self.proof {
            Proof::Secret { authority, .. } | Proof::Federated { authority, .. } => (authority, false),
            Proof::Machine { root } | Proof::Service { at: (root, _), .. } => (root, true),
        };
        vec![Endpoint { root: root.clone(), of_the_machine }]
    }

    pub(super) fn step(&self, told: &[Told], now: SystemTime) -> Result<Step, Ungranted> {
        let client = self.client.as_deref().unwrap_or_default();
        let path = |tenant: &str| format!("/{}/oauth2/v2.0/token", encode(tenant));
        let usual =
            [("grant_type", "client_credentials"), ("client_id", client), ("scope", self.scope.as_str())];
        let question = match (&self.proof, told) {
            (Proof::Federated { file, .. }, []) => return Ok(Step::Read(file.clone())),
            (Proof::Federated { tenant, .. }, [word]) => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let ours = [("client_assertion_type", kind), ("client_assertion", text(word)?)];
                form(0, &path(tenant), &[&usual[..], &ours[..]].concat())
            }
            (Proof::Secret { tenant, secret, .. }, []) => {
                form(0, &path(tenant), &[&usual[..], &[("client_secret", secret.expose())]].concat())
            }
            (Proof::Machine { .. }, []) => {
                let target = self.of_the_machine("/metadata/identity/oauth2/token", "2018-02-01");
                get(0, target, line("metadata", "true")?)
            }
            (Proof::Service { at: (_, path), header }, []) => {
                get(0, self.of_the_machine(path, "2019-08-01"), line("x-identity-header", header.expose())?)
            }
            (_, [.., last]) => {
                let (token, ends) = token(last, now)?;
                return Ok(Step::Granted(Grant { shown: Shown::Token(token, None), ends }));
            }
        };
        Ok(Step::Ask(question))
    }

    /// A question of a machine's names a resource: the scope without its end.
    fn of_the_machine(&self, path: &str, version: &str) -> String {
        let resource = self.scope.strip_suffix("/.default").unwrap_or(&self.scope);
        let who = self.client.as_deref().map(|client| format!("&client_id={}", encode(client)));
        format!("{path}?api-version={version}&resource={}{}", encode(resource), who.unwrap_or_default())
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        match &self.proof {
            Proof::Secret { secret, .. } | Proof::Service { header: secret, .. } => vec![secret],
            Proof::Federated { .. } | Proof::Machine { .. } => Vec::new(),
        }
    }
}

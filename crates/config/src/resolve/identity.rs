//! Who we are at a provider: what was written, filled up with what the platform says in variables and files.
//!
//! Nothing of the kind is used unless its section was written, and no machine's metadata server is asked unless that was: a gateway
//! never spends somebody's rights because they lie around.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::secret::Secret;
use protocol::vendor::identity::{
    self, Aws, Entra, Google, Identity, Login, Proof, Role, Source, sigv4::Keys,
};

use crate::address::{base_url, is_near};
use crate::document::provider::{self as written, Machine, Provider};
use crate::reader::{Findings, Written};
use crate::snapshot::{self, Origin, Scheme};

type Environment = BTreeMap<String, String>;

/// What is wrong: a sentence's end, and what to do.
type Against = (String, String);

/// The identity of a provider; `Ok(None)`: none is written.
///
/// # Errors
/// When a finding tells why there is none.
pub(super) fn identity(
    provider: &Provider,
    environment: &Environment,
    findings: &Findings,
) -> Result<Option<Identity>, ()> {
    let all = &provider.identities;
    let places: Vec<&dyn Place> = [
        all.google.as_ref().map(|at| at as &dyn Place),
        all.entra.as_ref().map(|at| at as &dyn Place),
        all.aws.as_ref().map(|at| at as &dyn Place),
    ]
    .into_iter()
    .flatten()
    .collect();
    let Some(first) = places.first() else { return Ok(None) };
    let others = !provider.keys.is_empty() || provider.api_key.is_some();
    if places.len() > 1
        || others
        || provider.credential.as_ref().is_some_and(|credential| !credential.value.is_stored())
    {
        first.against(
            findings,
            ("stands beside another credential.".to_owned(), "Keep one of them.".to_owned()),
        );
        return Err(());
    }
    let said = Said(environment);
    let read = match (&all.google, &all.entra, &all.aws) {
        (Some(at), _, _) => google(&at.value, &said).map(Identity::Google),
        (_, Some(at), _) => entra(&at.value, &said).map(Identity::Entra),
        (_, _, Some(at)) => aws(&at.value, provider, &said).map(Identity::Aws),
        (None, None, None) => return Ok(None),
    };
    read.map(Some).map_err(|against| first.against(findings, against))
}

/// The same with the way to where it asks.
pub(super) fn with_ways(
    who: Identity,
    provider: &Provider,
    environment: &Environment,
    findings: &Findings,
) -> Option<snapshot::Identity> {
    let mut endpoints = Vec::new();
    for endpoint in who.endpoints() {
        let Ok(url) = base_url(&endpoint.root) else {
            let what = format!("`{}` asks for tokens at what is no address.", provider.name.path);
            let fix = Some("Write its root, like https://login.example.org.".to_owned());
            findings.problem(&provider.name.path, Some(&provider.name.place), what, fix);
            return None;
        };
        let near = is_near(&url.host);
        if url.scheme != Scheme::Https && !near && !endpoint.of_the_machine {
            let what = format!("`{}` asks for tokens over plain HTTP.", provider.name.path);
            let fix = Some("Write https://; secrets travel there.".to_owned());
            findings.problem(&provider.name.path, Some(&provider.name.place), what, fix);
            return None;
        }
        // A machine's own service is never asked through a proxy.
        let proxy = match endpoint.of_the_machine {
            true => None,
            false => super::proxy::resolve(provider, &url, environment, findings),
        };
        endpoints.push(Arc::new(Origin {
            scheme: url.scheme,
            host: url.host,
            port: url.port,
            authority: url.authority,
            allow_private: near || endpoint.of_the_machine,
            of_the_machine: endpoint.of_the_machine,
            proxy,
            ca: provider.ca.clone(),
            accept_any_certificate: false,
        }));
    }
    Some(snapshot::Identity { who, endpoints })
}

/// Where something was written, whatever it is.
trait Place {
    fn against(&self, findings: &Findings, against: Against);
}

impl<T> Place for Written<T> {
    fn against(&self, findings: &Findings, (what, fix): Against) {
        // Nothing need be said of what follows from a mistake that is told.
        if !findings.told_within(&self.path) {
            self.wrong(findings, what, fix);
        }
    }
}

/// What variables say.
struct Said<'e>(&'e Environment);

impl Said<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// What was written, or a variable.
    fn or(&self, written: Option<&String>, name: &str) -> Option<String> {
        written.cloned().or_else(|| self.get(name))
    }
}

fn against<T>(what: &str, fix: &str) -> Result<T, Against> {
    Err((what.to_owned(), fix.to_owned()))
}

/// The root of a metadata server.
fn root(machine: &Machine, usual: &str) -> String {
    match machine {
        Machine::Usual => usual.to_owned(),
        Machine::At(root) => root.clone(),
    }
}

fn google(written: &written::Google, said: &Said<'_>) -> Result<Google, Against> {
    let (project, location) = (written.project.clone(), written.location.clone());
    if let Some(machine) = &written.metadata {
        if written.credentials.is_some() {
            return against("has both `credentials` and `metadata`.", "Keep one of the two.");
        }
        let login = Login::Machine { root: root(machine, identity::GOOGLE_METADATA) };
        return Ok(Google { login, project, location });
    }
    let (text, named) = match (&written.credentials, said.get(identity::GOOGLE_FILE)) {
        (Some(text), _) => (text.value.clone(), "its `credentials`".to_owned()),
        (None, Some(path)) => match crate::text_file::read_text(path.as_ref()) {
            Ok(text) => (text, format!("the file {} names", identity::GOOGLE_FILE)),
            Err(why) => {
                let what =
                    format!("needs the file {} names, which cannot be read: {why}.", identity::GOOGLE_FILE);
                return against(&what, "Check the path and who may read it.");
            }
        },
        (None, None) => {
            let fix = "Write `credentials: ${file:/path.json}`, or `metadata: on` in Google's cloud.";
            return against("says nothing of who we are.", fix);
        }
    };
    match Login::read(&text) {
        Ok((login, own)) => Ok(Google { login, project: project.or(own), location }),
        Err(why) => against(
            &format!("cannot be used: {named} {why}."),
            "Give a service account's key, or what `gcloud auth application-default login` writes.",
        ),
    }
}

fn entra(written: &written::Entra, said: &Said<'_>) -> Result<Entra, Against> {
    let [tenant, client, secret, file, authority] = identity::ENTRA_VARIABLES;
    let scope = written.scope.clone().unwrap_or_else(|| identity::ENTRA_SCOPE.to_owned());
    let ways = [written.federated, written.managed.is_some(), written.client_secret.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        return against("proves who we are in more than one way.", "Keep one of them.");
    }
    if let Some(machine) = &written.managed {
        let [endpoint, header] = identity::ENTRA_SERVICE.map(|name| said.get(name));
        let proof = match (machine, endpoint.as_deref().and_then(split), header) {
            (Machine::Usual, Some(at), Some(header)) => Proof::Service { at, header: Secret::new(header) },
            _ => Proof::Machine { root: root(machine, identity::ENTRA_METADATA) },
        };
        return Ok(Entra { proof, client: written.client_id.clone(), scope });
    }
    let Some(tenant) = said.or(written.tenant.as_ref(), tenant) else {
        return against("has no `tenant`.", "Write the directory's id.");
    };
    let Some(client) = said.or(written.client_id.as_ref(), client) else {
        return against("has no `client_id`.", "Write the application's id.");
    };
    let root = said.get(authority).map(|root| root.trim_end_matches('/').to_owned());
    let authority =
        written.authority.clone().or(root).unwrap_or_else(|| identity::ENTRA_AUTHORITY.to_owned());
    let proof = match said.or(written.client_secret.as_ref(), secret).filter(|_| !written.federated) {
        Some(secret) => Proof::Secret { authority, tenant, secret: Secret::new(secret) },
        None => match said.get(file) {
            Some(file) if written.federated => Proof::Federated { authority, tenant, file },
            _ if written.federated => {
                return against(
                    "is `federated`, and the platform names no file.",
                    "Let it set its variables, or write `client_secret`.",
                );
            }
            _ => {
                return against("has no `client_secret`.", "Write it, or `federated: on`, or `managed: on`.");
            }
        },
    };
    Ok(Entra { proof, client: Some(client), scope })
}

/// Root, and path with its query's beginning, of an address of the platform's.
fn split(url: &str) -> Option<(String, String)> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let proper = !host.is_empty() && path.bytes().all(|b| b.is_ascii_graphic()) && !path.contains(['?', '#']);
    proper.then(|| (format!("{scheme}://{host}"), if path.is_empty() { "/" } else { path }.to_owned()))
}

fn aws(written: &written::Aws, provider: &Provider, said: &Said<'_>) -> Result<Aws, Against> {
    let of_address = provider.base_url.as_ref().and_then(|url| region_of(&url.value.host));
    let of_platform = || said.get("AWS_REGION").or_else(|| said.get("AWS_DEFAULT_REGION"));
    let Some(region) = written.region.clone().or(of_address).or_else(of_platform) else {
        return against("does not say in which region.", "Write `region: us-east-1`.");
    };
    let role = written.role_arn.clone().map(|arn| Role {
        arn,
        session: written.role_session_name.clone().unwrap_or_else(|| identity::AWS_SESSION.to_owned()),
        external_id: written.external_id.clone(),
    });
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    let sts = written.sts_url.clone().unwrap_or_else(|| format!("https://sts.{region}.amazonaws.com{china}"));
    let source = source(written, said)?;
    Ok(Aws { region, source, role, sts })
}

/// Where keys come from: what is written, else what the platform has put into variables for this process, in AWS's own order.
fn source(written: &written::Aws, said: &Said<'_>) -> Result<Source, Against> {
    let own = match (&written.access_key_id, &written.secret_access_key) {
        (Some(id), Some(secret)) => Some(keys(id, secret, written.session_token.as_deref())),
        (None, None) => None,
        _ => return against("has one half of a key.", "Write `access_key_id` and `secret_access_key`."),
    };
    let ways = [own.is_some(), written.profile.is_some(), written.instance.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        return against("takes its keys from more than one place.", "Keep one of them.");
    }
    let file = || {
        let home = || said.get("HOME").map(|home| format!("{home}/.aws/credentials"));
        said.get("AWS_SHARED_CREDENTIALS_FILE").or_else(home)
    };
    if let Some(keys) = own {
        return Ok(Source::Keys(keys));
    }
    if let Some(profile) = &written.profile {
        let Some(path) = file() else {
            return against(
                "names a `profile`, and nobody knows where the file is.",
                "Set AWS_SHARED_CREDENTIALS_FILE.",
            );
        };
        return Ok(Source::File { path, profile: profile.clone() });
    }
    if let Some(machine) = &written.instance {
        return Ok(Source::Machine { root: root(machine, identity::AWS_METADATA) });
    }
    if let (Some(id), Some(secret)) = (said.get("AWS_ACCESS_KEY_ID"), said.get("AWS_SECRET_ACCESS_KEY")) {
        return Ok(Source::Keys(keys(&id, &secret, said.get("AWS_SESSION_TOKEN").as_deref())));
    }
    if let (Some(file), Some(arn)) = (said.get("AWS_WEB_IDENTITY_TOKEN_FILE"), said.get("AWS_ROLE_ARN")) {
        let session = said.get("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| identity::AWS_SESSION.to_owned());
        return Ok(Source::Web { file, role: Role { arn, session, external_id: None } });
    }
    if let (Some(profile), Some(path)) = (said.get("AWS_PROFILE"), file()) {
        return Ok(Source::File { path, profile });
    }
    if let Some(at) = container(said)? {
        let file = said.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let shown = said.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret::new);
        return Ok(Source::Container { at, shown, file });
    }
    against(
        "finds no keys.",
        "Write `access_key_id` and `secret_access_key`, or `profile`, or `instance: on` on a machine of AWS.",
    )
}

/// Where a container asks. Another address than the platform's own must be this computer's, or encrypted.
fn container(said: &Said<'_>) -> Result<Option<(String, String)>, Against> {
    let path = |path: String| path.starts_with('/').then_some(path);
    if let Some(path) = said.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").and_then(path) {
        return Ok(Some((identity::AWS_CONTAINER.to_owned(), path)));
    }
    let Some(url) = said.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return Ok(None) };
    let known = |host: &str| {
        crate::address::is_loopback(host)
            || matches!(host, "169.254.170.2" | "169.254.170.23" | "fd00:ec2::23")
    };
    let proper = split(&url).filter(|(root, _)| {
        base_url(root).is_ok_and(|root| root.scheme == Scheme::Https || known(&root.host))
    });
    match proper {
        Some(at) => Ok(Some(at)),
        None => against(
            "is told by AWS_CONTAINER_CREDENTIALS_FULL_URI to ask elsewhere than on this computer.",
            "Only https:// and the platform's own addresses are asked.",
        ),
    }
}

fn keys(id: &str, secret: &str, session: Option<&str>) -> Keys {
    Keys { id: id.to_owned(), secret: Secret::new(secret), session: session.map(Secret::new) }
}

/// The region in an address of AWS's: what follows the service's name (`bedrock-runtime.eu-west-1.amazonaws.com`, also behind the name of
/// a private endpoint).
fn region_of(host: &str) -> Option<String> {
    let mut names = host.split('.').skip_while(|name| !name.starts_with(identity::AWS_SERVICE));
    let region = names.nth(1)?;
    let is_one = region.matches('-').count() >= 2 && region.ends_with(|c: char| c.is_ascii_digit());
    (is_one && host.contains("amazonaws.com")).then(|| region.to_owned())
}

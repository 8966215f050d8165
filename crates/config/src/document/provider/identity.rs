//! Who we are at a provider where a key is not enough: at Google, at Entra, at AWS.

use crate::address::base_url;
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{Address, Or, Secret, Section as Part, Switch, Text};
use crate::reader::table::{Row, Table, now};
use crate::reader::{Section, Written};
use crate::snapshot::Scheme;

/// The sections, for the provider's table.
pub(super) const GOOGLE: Row = now("google", Part(&OF_GOOGLE), "Who we are at Google, instead of a key.");
pub(super) const ENTRA: Row = now("entra_id", Part(&OF_ENTRA), "Who we are at Entra, instead of a key.");
pub(super) const AWS: Row = now("aws", Part(&OF_AWS), "Who we are at AWS, instead of a key.");

const OF_GOOGLE: Table = Table {
    noun: "an identity at Google",
    rows: &[
        now("credentials", Secret, "A service account's key or a login, JSON: ${file:/path.json}."),
        now("metadata", MACHINE, "Whether the machine we run on says who we are."),
        now("project", Text, "The project; a service account names its own."),
        now("location", Text, "The region, or `global`."),
    ],
};

const OF_ENTRA: Table = Table {
    noun: "a directory's identity",
    rows: &[
        now("tenant", Text, "The directory."),
        now("client_id", Text, "Who we are there."),
        now("client_secret", Secret, "Our secret there."),
        now("federated", Switch, "Whether the platform vouches for us, by a file."),
        now("managed", MACHINE, "Whether the machine we run on says who we are."),
        now("authority", Address, "The directory's address."),
        now("scope", Text, "What tokens are for."),
    ],
};

const OF_AWS: Table = Table {
    noun: "an identity at AWS",
    rows: &[
        now("region", Text, "Where requests are signed for; without it the address says so."),
        now("access_key_id", Text, "The name of our key."),
        now("secret_access_key", Secret, "Our key."),
        now("session_token", Secret, "What is shown beside a key that holds for a while."),
        now("profile", Text, "A profile of the shared credentials file."),
        now("instance", MACHINE, "Whether the machine we run on says who we are."),
        now("role_arn", Text, "A role that is taken with the keys."),
        now("role_session_name", Text, "What we are called in it."),
        now("external_id", Text, "The word its owner wants to hear."),
        now("sts_url", Address, "Where roles are given; without it the region's own."),
    ],
};

/// `off`, `on`, or the address of a metadata server.
const MACHINE: crate::reader::table::Shape = Or(&["off", "on", "true", "false", "yes", "no"], &Address);

/// Who we are at a provider, as written.
#[derive(Default)]
pub(crate) struct Identities {
    pub(crate) google: Option<Written<Google>>,
    pub(crate) entra: Option<Written<Entra>>,
    pub(crate) aws: Option<Written<Aws>>,
}

/// `google`, as written.
pub(crate) struct Google {
    pub(crate) credentials: Option<Written<String>>,
    pub(crate) metadata: Option<Machine>,
    pub(crate) project: Option<String>,
    pub(crate) location: Option<String>,
}

/// `entra_id`, as written.
pub(crate) struct Entra {
    pub(crate) tenant: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) federated: bool,
    pub(crate) managed: Option<Machine>,
    pub(crate) authority: Option<String>,
    pub(crate) scope: Option<String>,
}

/// `aws`, as written.
pub(crate) struct Aws {
    pub(crate) region: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<String>,
    pub(crate) session_token: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) instance: Option<Machine>,
    pub(crate) role_arn: Option<String>,
    pub(crate) role_session_name: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) sts_url: Option<String>,
}

/// A metadata server that is asked.
#[derive(Clone)]
pub(crate) enum Machine {
    /// The platform's own.
    Usual,
    /// Another one.
    At(String),
}

/// Reads all of them.
pub(super) fn identities(provider: &Section<'_>) -> Identities {
    Identities {
        google: read(provider, "google", &OF_GOOGLE, google),
        entra: read(provider, "entra_id", &OF_ENTRA, entra),
        aws: read(provider, "aws", &OF_AWS, aws),
    }
}

fn read<T>(
    provider: &Section<'_>,
    key: &'static str,
    table: &'static Table,
    meaning: impl Fn(&Section<'_>) -> T,
) -> Option<Written<T>> {
    let section = provider.section(key, table)?;
    let identity = meaning(&section);
    let written = section.here().written(identity);
    section.close();
    Some(written)
}

fn google(section: &Section<'_>) -> Google {
    Google {
        credentials: section.written("credentials", |text| Ok(text.to_owned())),
        metadata: machine(section, "metadata"),
        project: plain(section, "project"),
        location: plain(section, "location"),
    }
}

fn entra(section: &Section<'_>) -> Entra {
    Entra {
        tenant: plain(section, "tenant"),
        client_id: plain(section, "client_id"),
        client_secret: section.text("client_secret"),
        federated: section.or("federated", crate::reader::At::switch, false),
        managed: machine(section, "managed"),
        authority: root(section, "authority"),
        scope: section.text("scope"),
    }
}

fn aws(section: &Section<'_>) -> Aws {
    Aws {
        region: plain(section, "region"),
        access_key_id: plain(section, "access_key_id"),
        secret_access_key: section.text("secret_access_key"),
        session_token: section.written("session_token", sendable).map(|token| token.value),
        profile: section.text("profile"),
        instance: machine(section, "instance"),
        role_arn: section.text("role_arn"),
        role_session_name: section.text("role_session_name"),
        external_id: section.text("external_id"),
        sts_url: root(section, "sts_url"),
    }
}

fn sendable(text: &str) -> Result<String, Wrong> {
    super::sendable(text).map(|()| text.to_owned())
}

/// A word that stands in addresses and signatures.
fn plain(section: &Section<'_>, key: &'static str) -> Option<String> {
    let proper = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    let word = |text: &str| match text.chars().all(proper) {
        true => Ok(text.to_owned()),
        false => wrong("holds a letter that cannot be in it.", "Use letters, digits, `-`, `.` and `_`."),
    };
    section.written(key, word).map(|word| word.value)
}

/// A metadata server; none: it is not asked.
fn machine(section: &Section<'_>, key: &'static str) -> Option<Machine> {
    let meaning = |text: &str| match text.to_ascii_lowercase().as_str() {
        "off" | "false" | "no" => Ok(None),
        "on" | "true" | "yes" => Ok(Some(Machine::Usual)),
        _ => of_server(text).map(|root| Some(Machine::At(root))).map_err(|wrong| wrong.or_write("on")),
    };
    section.written(key, meaning).and_then(|machine| machine.value)
}

fn root(section: &Section<'_>, key: &'static str) -> Option<String> {
    section.written(key, of_server).map(|root| root.value)
}

/// The root of a server.
fn of_server(text: &str) -> Result<String, Wrong> {
    let url = base_url(text)?;
    match url.scheme {
        _ if !url.path.is_empty() => wrong("names a path.", "Write the server's address alone."),
        Scheme::Http => Ok(format!("http://{}", url.authority)),
        Scheme::Https => Ok(format!("https://{}", url.authority)),
        Scheme::Inside => wrong("is no server on a network.", "Write http:// or https://."),
    }
}

//! `admin` and `config`: who may change settings, and how.

use http::HeaderName;
use protocol::secret::Secret;

use super::upkeep;
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{self, Choice, Names, Section, Switch, Text, Value, Whole};
use crate::reader::table::{Table, later, now};
use crate::reader::{At, DURATION, Section as Settings};
use crate::snapshot::{Admin, AdminKey, Authority, Role};

/// Administration.
pub(crate) const ADMIN: Table = Table {
    noun: "admin",
    rows: &[
        now("api_key", Shape::Secret, "The key of administration; its role is admin."),
        now("header", Text, "The header it travels in, besides Authorization.").usual("X-Admin-API-Key"),
        now("keys", Names(&Section(&KEY)), "More keys of administration, by name."),
        later("ui", Switch, "Whether there is a panel."),
        later("ui_readonly", Switch, "Whether it only shows."),
        later("session", Value(&DURATION), "How long somebody stays signed in."),
    ],
};

const KEY: Table = Table {
    noun: "an admin key",
    rows: &[
        now("key", Shape::Secret, "The key."),
        now("role", Choice(&["viewer", "operator", "admin"]), "What its holder may do.").usual("viewer"),
    ],
};

/// How configuration is read.
pub(crate) const CONFIG: Table = Table {
    noun: "config",
    rows: &[
        now("environment", Text, "Picks a file beside this one; without it ENVIRONMENT does."),
        now("source", Choice(&["file", "layered", "database"]), "Who may change settings.").usual("layered"),
        now("watch", Switch, "Whether files are read again when they change.").usual("on"),
        now("history", Whole(0), "How many versions are kept; 0: all.").usual("500"),
    ],
};

/// A key somebody could guess is none.
const SHORTEST: usize = 16;

/// Reads `admin`.
pub(crate) fn admin(section: Option<Settings<'_>>) -> Admin {
    let mut admin = Admin { keys: Vec::new(), header: HeaderName::from_static("x-admin-api-key") };
    let Some(section) = section else { return admin };
    if let Some(secret) = section.get("api_key").and_then(|at| key(&at)) {
        admin.keys.push(AdminKey { name: "admin".to_owned(), secret, role: Role::Admin });
    }
    admin.header = section.or("header", |at| at.parse(header), admin.header);
    for (name, at) in section.get("keys").map(|at| at.named()).unwrap_or_default() {
        let section = Settings::open(at, &KEY);
        let roles = [("viewer", Role::Viewer), ("operator", Role::Operator), ("admin", Role::Admin)];
        let role = section.or("role", |at| at.choice(&roles), Role::Viewer);
        match section.get("key") {
            Some(at) => admin.keys.extend(key(&at).map(|secret| AdminKey { name, secret, role })),
            None => section.here().wrong_as("has no `key`.", "Write `key: ${NAME}`."),
        }
        section.close();
    }
    section.close();
    admin
}

/// An empty one is none: that is how a variable that is not set arrives.
fn key(at: &At<'_>) -> Option<Secret> {
    let text = at.text().filter(|text| !text.is_empty())?;
    let proper = text.len() >= SHORTEST && text.chars().all(|c| c.is_ascii_graphic());
    if !proper {
        at.wrong_as(
            format!("is no key: it takes {SHORTEST} characters at least, without spaces."),
            "Make one: openssl rand -hex 32",
        );
    }
    proper.then(|| Secret::new(text))
}

fn header(text: &str) -> Result<HeaderName, Wrong> {
    let text = text.to_ascii_lowercase();
    // One that means something to HTTP comes with other requests, too, and would lock everybody out.
    let ours = text.starts_with("x-") && !text.starts_with("x-forwarded") && text != "x-real-ip";
    let proper = ours && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match HeaderName::try_from(text.as_str()) {
        Ok(name) if proper => Ok(name),
        _ => wrong(format!("cannot be `{text}`."), "Write a name that begins with X-, like X-Admin-API-Key."),
    }
}

/// Reads `config`, as far as it does not say which files are read.
pub(crate) fn configuration(section: Option<Settings<'_>>) -> (Authority, bool, Option<u64>) {
    let (mut authority, mut watch) = (Authority::Layered, true);
    let Some(section) = section else { return (authority, watch, None) };
    let _ = section.text("environment");
    authority = section.or("source", |at| at.choice(&Authority::ALL), authority);
    watch = section.or("watch", At::switch, watch);
    let history = section.get("history").and_then(|at| upkeep::history(&at));
    section.close();
    (authority, watch, history)
}

//! `providers keys`: the keys we show to a provider. They are read from standard input or a variable, and never shown again.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::address;
use crate::command::reach::{self, Desk, Whom, Why, segment};
use crate::command::table::table;
use crate::command::value::KeyFrom;
use crate::command::{changed, moment};
use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

/// The keys that are shown to a provider.
#[derive(Args)]
pub(super) struct Keys {
    /// The provider's name.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List them: the end of each, how often it was used, and how it stands.
    List {
        #[command(flatten)]
        whom: Whom,
    },
    /// Add one.
    Add {
        /// Its name; without it `default`, which is the provider's `api_key`.
        #[arg(value_name = "KEY")]
        id: Option<String>,
        #[command(flatten)]
        rest: Rest,
    },
    /// Exchange one for another.
    Rotate {
        /// Its name; `default` is the provider's `api_key`.
        #[arg(value_name = "KEY", default_value = "default")]
        id: String,
        /// Keep the old one beside it until this day, like 2027-06-30.
        #[arg(long, value_name = "DAY")]
        keep_until: Option<String>,
        #[command(flatten)]
        rest: Rest,
    },
    /// Take one away.
    Remove {
        /// Its name.
        #[arg(value_name = "KEY")]
        id: String,
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        why: Why,
    },
}

/// Where the key is, and where it goes.
#[derive(Args)]
struct Rest {
    #[command(flatten)]
    from: KeyFrom,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    why: Why,
}

impl Keys {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let all = format!("{}/keys", address(&self.name));
        match self.what {
            What::List { whom } => list(talk, &all, &whom),
            What::Add { id, rest } => {
                let body = json!({"id": id, "key": rest.from.needed(talk)?});
                change(talk, (Method::POST, &all), Some(&body), (&rest.whom, &rest.why))
            }
            What::Rotate { id, keep_until, rest } => {
                let body = json!({"key": rest.from.needed(talk)?, "keep_until": keep_until});
                let at = format!("{all}/{}/rotate", segment(&id));
                change(talk, (Method::POST, &at), Some(&body), (&rest.whom, &rest.why))
            }
            What::Remove { id, whom, why } => {
                let at = format!("{all}/{}", segment(&id));
                change(talk, (Method::DELETE, &at), None, (&whom, &why))
            }
        }
    }
}

fn change(talk: &Talk, at: (Method, &str), body: Option<&Value>, (whom, why): (&Whom, &Why)) -> Outcome {
    let done = reach::run(async { Desk::open(whom).await?.change(at, body, why).await })?;
    changed::told(talk, &done)
}

fn list(talk: &Talk, at: &str, whom: &Whom) -> Outcome {
    let keys = reach::run(async { Desk::open(whom).await?.get(at).await })?;
    if talk.json() {
        talk.print_json(&keys);
        return Ok(Exit::Done);
    }
    let row = |key: &Value| {
        let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
        let used = key["used"].as_u64().map(|used| used.to_string()).unwrap_or_default();
        let left = key["seconds_left"].as_u64().map(|left| format!(", {} left", moment::spoken(left)));
        let stands = text("status") + left.as_deref().unwrap_or_default();
        [text("id"), text("last_four"), used, stands, text("expires")]
    };
    let rows: Vec<_> = keys["data"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        talk.say("It is shown no key of ours.");
    }
    talk.print(&table(["KEY", "ENDS IN", "USED", "STANDING", "EXPIRES"], &rows));
    Ok(Exit::Done)
}

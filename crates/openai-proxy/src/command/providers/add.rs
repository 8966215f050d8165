//! `providers add`: a new provider, checked before it counts.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::command::changed;
use crate::command::reach::{self, Desk, Whom, Why};
use crate::command::value::{self, KeyFrom};
use crate::exit::Outcome;
use crate::given::words;
use crate::talk::Talk;

/// Add a provider.
#[derive(Args)]
pub(super) struct Add {
    /// Its name.
    #[arg(value_name = "NAME")]
    name: String,
    /// The kind of service, as in a file; without it the one its name says.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Where it is.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[command(flatten)]
    key: KeyFrom,
    /// Any other setting of it: --set weight=3. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    settings: Vec<String>,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    why: Why,
}

impl Add {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let below = format!("providers.{}.", self.name);
        let mut new = json!({"name": self.name});
        for setting in &self.settings {
            let (path, value) = value::assigned(&below, setting)?;
            value::lay(&mut new, &words(&path), value);
        }
        let base_url = match &self.base_url {
            Some(url) => Some(value::written(&format!("{below}base_url"), url)?),
            None => None,
        };
        let key = self.key.given(talk)?.map(Value::String);
        for (name, value) in
            [("type", self.kind.map(Value::String)), ("base_url", base_url), ("api_key", key)]
        {
            if let Some(value) = value {
                new[name] = value;
            }
        }
        let at = (Method::POST, "/admin/v1/providers");
        let adding = async { Desk::open(&self.whom).await?.change(at, Some(&new), &self.why).await };
        let done = reach::run(adding)?;
        let told = changed::told(talk, &done)?;
        talk.say(&format!("Try it out: openai-proxy providers verify {}", self.name));
        Ok(told)
    }
}

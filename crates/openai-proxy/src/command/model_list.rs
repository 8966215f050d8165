//! `models`: the names the gateway lists.

use clap::Args;
use serde_json::Value;

use super::reach::{self, Reach, Where};
use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

/// List the models programs can ask for.
#[derive(Args)]
#[command(before_help = "Examples:\n  openai-proxy models\n  openai-proxy models --json | jq '.[].id'")]
pub(super) struct Models {
    #[command(flatten)]
    place: Where,
}

impl Models {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let models = reach::run(async { Reach::find(&self.place)?.models().await })?;
        if talk.json() {
            talk.print_json(&Value::Array(models));
            return Ok(Exit::Done);
        }
        for model in &models {
            let id = model["id"].as_str().unwrap_or("?");
            match model["owned_by"].as_str() {
                Some(owner) if talk.verbose() > 0 => talk.print(&format!("{id}   {owner}\n")),
                _ => talk.print(&format!("{id}\n")),
            }
        }
        if models.is_empty() {
            talk.say(
                "No provider has named a model. A running one may still take names that it does not list.",
            );
        }
        Ok(Exit::Done)
    }
}

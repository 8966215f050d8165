//! Sections no room of the house looks at yet. They are checked, so that a mistake is told today.

use super::limit::LIMIT;
use crate::problem::wrong;
use crate::reader::table::Shape::{
    Address, Anything, Choice, List, Name, Names, Or, Secret, Section, Switch, Text, Value,
};
use crate::reader::table::{Form, Kind, Table, later};
use crate::reader::{DURATION, MONEY, NUMBER, SHARE, SIZE};

/// Some callers together.
pub(crate) const TEAM: Table = Table {
    noun: "a team",
    rows: &[
        later("budget", Section(&BUDGET), "How much it may cost."),
        later("limits", Section(&LIMIT), "How much it may ask for."),
        later("models", List(&Text), "Which models it may ask for."),
        later("tags", Names(&Text), "What is noted with its calls."),
    ],
};

/// How much somebody may cost.
pub(crate) const BUDGET: Table = Table {
    noun: "a budget",
    rows: &[
        later("amount", Value(&MONEY), "How much."),
        later("every", Choice(&["hour", "day", "week", "month", "year", "forever"]), "In which time."),
        later("at_limit", Or(&["stop", "warn"], &Value(&DOWNGRADE)), "What happens then."),
        later("warn_at", List(&Value(&SHARE)), "When somebody is told before."),
    ],
};

/// `downgrade:fast`.
const DOWNGRADE: Form = Form {
    read: |text| match text.strip_prefix("downgrade:") {
        Some(model) if !model.trim().is_empty() => Ok(()),
        _ => wrong(format!("cannot be `{text}`."), "Write downgrade: and a model."),
    },
    pattern: "^downgrade:.+$",
};

/// Who may call without a key.
pub(crate) const ANONYMOUS: Table = Table {
    noun: "callers without a key",
    rows: &[
        later("team", Name(Kind::Team), "Whose they are."),
        later("models", List(&Text), "Which models they may ask for."),
        later("limits", Section(&LIMIT), "How much they may ask for."),
        later("budget", Section(&BUDGET), "How much they may cost."),
    ],
};

/// Signing in elsewhere.
pub(crate) const OIDC: Table = Table {
    noun: "oidc",
    rows: &[
        later("issuer", Address, "Who vouches for people."),
        later("client_id", Text, "Who we are there."),
        later("client_secret", Secret, "Our secret there."),
        later("roles_claim", Text, "Where roles stand."),
    ],
};

/// Answers that are given again.
pub(crate) const CACHE: Table = Table {
    noun: "the cache",
    rows: &[
        later("responses", Choice(&["off", "exact"]), "Whether answers are kept."),
        later("ttl", Value(&DURATION), "How long."),
        later("max_size", Value(&SIZE), "How many."),
        later("scope", Choice(&["key", "team", "global"]), "Among whom they are shared."),
        later("only_deterministic", Switch, "Only where the same question has the same answer."),
        later("embeddings", Switch, "Whether embeddings are kept."),
        later("single_flight", Switch, "Whether equal questions at once become one."),
    ],
};

/// What models cost.
pub(crate) const PRICING: Table = Table {
    noun: "pricing",
    rows: &[
        later("source", Choice(&["built-in"]), "Where prices come from."),
        later("file", Text, "Prices of your own."),
        later("overrides", Names(&Section(&PRICE)), "Prices of single models."),
        later("currency", Value(&CURRENCY), "What they are in."),
    ],
};

const CURRENCY: Form = Form {
    read: |text| match text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase()) {
        true => Ok(()),
        false => wrong(format!("is `{text}`, which is not a currency."), "Write its three letters: USD."),
    },
    pattern: "^[A-Z]{3}$",
};

const PRICE: Table = Table {
    noun: "a price",
    rows: &[
        later("input", Value(&NUMBER), "A million tokens in."),
        later("cached_input", Value(&NUMBER), "A million tokens in that were there before."),
        later("output", Value(&NUMBER), "A million tokens out."),
    ],
};

/// Checks of what passes, not described yet.
pub(crate) const GUARDRAILS: crate::reader::table::Shape = Names(&Anything);

/// A program that looks at calls.
pub(crate) const PLUGIN: Table = Table {
    noun: "a plugin",
    rows: &[
        later("wasm", Text, "Its file."),
        later("on", List(&Choice(&["request", "chunk", "response"])), "What it sees."),
        later("memory", Value(&SIZE), "How much it may use."),
    ],
};

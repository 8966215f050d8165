//! What is shown alike everywhere: what a change did, the configuration as it counts, the end of a secret.

use std::time::SystemTime;

use config::snapshot::Credential;
use config::{Difference, Edit, Problems, What};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::ask::Ask;
use super::objection::{Note, Objection};
use super::row::{Outcome, Reply};
use crate::{Applied, Change, Control, Proposal};

/// What a change did.
#[derive(Serialize, ToSchema)]
pub(super) struct Changed {
    /// The revision that counts now.
    revision: u64,
    /// Whether it is a new one.
    changed: bool,
    /// What it says differently than the one before; secrets hidden.
    differences: Vec<Differs>,
    /// What was noticed and is not wrong: settings not in use yet, older spellings, what counts from the next start on.
    notes: Vec<Note>,
}

/// One setting that two revisions say differently.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingDifference)]
pub(super) struct Differs {
    /// Its path.
    path: String,
    /// What the first says; null: nothing.
    #[schema(required)]
    was: Option<String>,
    /// What the second says; null: nothing.
    #[schema(required)]
    is: Option<String>,
}

impl From<Difference> for Differs {
    fn from(Difference { path, was, is }: Difference) -> Self {
        Self { path, was, is }
    }
}

impl From<Applied> for Changed {
    fn from(applied: Applied) -> Self {
        Self {
            revision: applied.revision,
            changed: applied.changed,
            differences: applied.differences.into_iter().map(Differs::from).collect(),
            notes: applied.notes.iter().map(Note::from).collect(),
        }
    }
}

/// What a change did, as an answer.
pub(super) fn changed(applied: Applied) -> Reply<Changed> {
    let revision = applied.revision;
    Reply::of(Changed::from(applied)).at(revision)
}

/// How often a change is looked at anew when somebody else was faster.
const TRIES: usize = 20;
/// The longest reason.
const LONGEST: usize = 1000;

impl<Q, B> Ask<Q, B> {
    /// Makes edits of what counts now, and makes that change: together, so that nobody's change in between is lost.
    pub(super) async fn edit(
        &self,
        reason: Option<&String>,
        edits: impl Fn(&Json) -> Result<Vec<Edit>, Objection> + Send + Sync,
    ) -> Outcome<Changed> {
        let mut last = None;
        for _ in 0..TRIES {
            let revision = self.control.revision();
            let proposal = Proposal::Edits(edits(&effective(&self.control)?)?);
            let expected = Some(self.expected.unwrap_or(revision));
            match self.propose(proposal, reason, expected).await {
                Err(conflict) if self.expected.is_none() && conflict.code() == "conflict" => {
                    last = Some(conflict)
                }
                done => return done,
            }
        }
        Err(last.unwrap_or_else(|| {
            Objection::new(StatusCode::CONFLICT, "conflict", "Others were faster. Try again.")
        }))
    }

    /// Makes a change.
    pub(super) async fn propose(
        &self,
        proposal: Proposal,
        reason: Option<&String>,
        expected: Option<u64>,
    ) -> Outcome<Changed> {
        let reason = reason.map(|reason| reason.trim()).filter(|reason| !reason.is_empty());
        if reason.is_some_and(|reason| reason.chars().count() > LONGEST) {
            return Err(Objection::malformed("`reason` has at most 1000 letters."));
        }
        let proposal = proper(proposal)?;
        let change = Change { proposal, reason: reason.map(str::to_owned), expected };
        Ok(changed(self.control.apply(&self.actor, change).await?))
    }
}

/// A proposal whose values may be repeated when they are wrong. What stands in a variable, in a file of this computer or sealed is
/// nobody's to read here, not even by what is wrong with it.
///
/// # Errors
/// Where a value comes from elsewhere and is no secret.
pub(super) fn proper(proposal: Proposal) -> Result<Proposal, Objection> {
    let Proposal::Edits(edits) = &proposal else { return Ok(proposal) };
    let misplaced = |edit: &Edit| match &edit.what {
        What::Set(value) | What::Replace(value) => config::misplaced_references(&edit.path, value),
        What::Remove | What::Reset => Vec::new(),
    };
    match edits.iter().flat_map(misplaced).next() {
        None => Ok(proposal),
        Some(path) => Err(Objection::impossible(
            "reference_misplaced",
            format!(
                "`{}` is no secret, so it cannot be taken from a variable or a file over this API. Write its value, or write the reference into a file of the configuration.",
                super::ask::shown(&path)
            ),
        )),
    }
}

/// The configuration as it counts, in its long form; secrets hidden.
pub(super) fn effective(control: &Control) -> Result<Json, Objection> {
    config::effective(&control.given()).map_err(|problems| unreadable(&problems))
}

/// Files cannot be read at this moment; what was read before goes on counting.
pub(super) fn unreadable(problems: &Problems) -> Objection {
    let detail = "The files of the configuration cannot be read at this moment. What was read before goes on counting.";
    Objection::new(StatusCode::CONFLICT, "files_unreadable", detail).with(problems)
}

/// The members of a section.
pub(super) fn section<'c>(whole: &'c Json, name: &str) -> impl Iterator<Item = (&'c String, &'c Json)> {
    whole.get(name).and_then(Json::as_object).into_iter().flat_map(Map::iter)
}

/// The settings of a provider as it counts, its key as the last four letters of it.
pub(super) fn provider(control: &Control, whole: &Json, name: &str) -> Result<Map<String, Json>, Objection> {
    let found = whole.get("providers").and_then(|providers| providers.get(name));
    let mut settings = match found {
        None => return Err(no_provider(name)),
        Some(found) => found.as_object().cloned().unwrap_or_default(),
    };
    if let Some(end) = key_of(control, name) {
        settings.insert("api_key".to_owned(), Json::String(end));
    }
    Ok(settings)
}

pub(super) fn no_provider(name: &str) -> Objection {
    let name = super::ask::shown(name);
    Objection::not_found(format!(
        "There is no provider `{name}`. See those there are: GET /admin/v1/providers"
    ))
}

/// The end of the key called `default`; none: there is none, or it is none of ours.
pub(super) fn key_of(control: &Control, provider: &str) -> Option<String> {
    counting(control, provider, DEFAULT).map(|key| key.end)
}

/// The name of the key that is a provider's `api_key`.
pub(super) const DEFAULT: &str = "default";

/// A key we show to a provider, as it counts.
pub(super) struct Counting {
    /// The end of it.
    pub(super) end: String,
    /// Its day is over.
    pub(super) ended: bool,
}

/// A key of a provider by its name, if there is one that counts.
pub(super) fn counting(control: &Control, provider: &str, id: &str) -> Option<Counting> {
    let world = control.gateway().world();
    let found = world.providers.iter().find(|known| known.name == provider)?;
    let key = found.keys.iter().find(|key| key.name == id);
    let (secret, ends) = match (key, &found.credential) {
        (Some(key), _) => (&key.secret, key.expires),
        (None, Credential::Stored(secret)) if found.keys.is_empty() && id == DEFAULT => (secret, None),
        (None, _) => return None,
    };
    let ended = ends.is_some_and(|ends| ends <= SystemTime::now());
    Some(Counting { end: last_four(secret.expose()), ended })
}

/// The last four letters of a secret, and nothing of a short one.
pub(super) fn last_four(secret: &str) -> String {
    const SHORT: usize = 12;
    let letters = secret.chars().count();
    match letters >= SHORT {
        true => format!("***{}", secret.chars().skip(letters - 4).collect::<String>()),
        false => "***".to_owned(),
    }
}

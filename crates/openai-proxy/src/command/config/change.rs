//! `config set`, `unset`, `reset` and `apply`: changes of a running gateway's configuration.

use std::path::Path;

use http::Method;
use serde_json::{Value, json};

use crate::command::reach::{self, Desk, Whom, Why, segment};
use crate::command::{changed, value};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::refused;
use crate::talk::Talk;

/// What becomes of a setting.
pub(super) enum Deed<'a> {
    /// This value; `-`: a secret, which is read.
    Set(&'a str),
    /// Nothing is there any more, whatever files say.
    Unset,
    /// What was changed at run time is forgotten.
    Reset,
}

/// Changes one setting.
pub(super) fn one(talk: &Talk, path: &str, deed: &Deed<'_>, (whom, why): (&Whom, &Why)) -> Outcome {
    let place = address(path);
    let (method, body) = match deed {
        Deed::Set("-") => (Method::PUT, Some(Value::String(value::read(talk, path)?))),
        Deed::Set(text) => (Method::PUT, Some(set(path, text)?)),
        Deed::Unset => (Method::PUT, Some(Value::Null)),
        Deed::Reset => (Method::DELETE, None),
    };
    let done =
        reach::run(async { Desk::open(whom).await?.change((method, &place), body.as_ref(), why).await })?;
    changed::told(talk, &done)
}

fn set(path: &str, text: &str) -> Result<Value, Failure> {
    match value::written(path, text)? {
        Value::Null => {
            let say =
                format!("`{text}` is no value. To take the setting away: openai-proxy config unset {path}");
            Err(Failure::new(Exit::Misused, say))
        }
        value => Ok(value),
    }
}

/// Where a setting is changed.
pub(super) fn address(path: &str) -> String {
    format!("/admin/v1/config/{}", segment(path))
}

/// Lays a file over what counts.
pub(super) fn apply(talk: &Talk, file: &Path, (whom, why): (&Whom, &Why)) -> Outcome {
    let patch = patch(file)?;
    let done = reach::run(async {
        Desk::open(whom).await?.change((Method::PATCH, "/admin/v1/config"), Some(&patch), why).await
    })?;
    changed::told(talk, &done)
}

/// What a file says, as something to be laid over what counts.
fn patch(file: &Path) -> Result<Value, Failure> {
    let shown = file.display().to_string();
    let unread = |why| Failure::new(Exit::Failed, format!("{shown} cannot be read: {why}."));
    let text = config::read_text(file).map_err(unread)?;
    match config::plain(&text, &shown).map_err(|problems| refused(&problems))?.value {
        Value::Null => Ok(json!({})),
        patch @ Value::Object(_) => Ok(patch),
        _ => Err(Failure::new(
            Exit::Refused,
            format!("{shown} holds no map of settings. Begin with a line like `providers:`."),
        )),
    }
}

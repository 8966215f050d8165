//! The key of administration: from a file, from the environment, or, for a gateway of ours that runs here, from its own
//! configuration. Never from the command line, which everybody may list.

use std::collections::BTreeMap;
use std::path::Path;

use config::Given;
use http::header::HeaderValue;

use super::bearer;
use crate::command::serve::Serve;
use crate::exit::{Exit, Failure};
use crate::foundation;
use crate::instance::Instance;

/// Variables it may stand in, the first that does.
const VARIABLES: [&str; 2] = ["OPENAI_PROXY_ADMIN_KEY", "ADMIN_API_KEY"];

/// The key somebody gives.
///
/// # Errors
/// When the file cannot be read, or what is given is no key.
pub(super) fn given(
    file: Option<&Path>,
    environment: &BTreeMap<String, String>,
) -> Result<Option<HeaderValue>, Failure> {
    let (place, text) = if let Some(file) = file {
        let shown = file.display().to_string();
        let unread = |why| Failure::new(Exit::Failed, format!("{shown} cannot be read: {why}."));
        (shown.clone(), config::read_text(file).map_err(unread)?)
    } else {
        let set = |name: &&str| environment.get(*name).is_some_and(|key| !key.trim().is_empty());
        let Some(name) = VARIABLES.into_iter().find(set) else { return Ok(None) };
        (name.to_owned(), environment.get(name).cloned().unwrap_or_default())
    };
    let key = text.trim();
    let proper = !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic());
    match bearer(key).filter(|_| proper) {
        Some(key) => Ok(Some(key)),
        None => {
            let say = format!("{place} holds no key: a key is one word of letters, digits and signs.");
            Err(Failure::new(Exit::Misused, say))
        }
    }
}

/// The key that stands in the configuration of a gateway of ours, as files, the environment and its database say it now.
pub(super) fn of(instance: &Instance, environment: &BTreeMap<String, String>) -> Option<HeaderValue> {
    // Another command than `serve` takes none of its flags, and has said where its file is.
    let arguments = instance.arguments.strip_prefix(&["serve".to_owned()]).unwrap_or_default();
    let given = Serve::of(arguments).ok().and_then(|serve| serve.given().ok()).unwrap_or_default();
    let file = instance.config.as_ref().map(|file| instance.folder.join(file));
    let given = Given { no_file: file.is_none(), file, environment: environment.clone(), ..given };
    // A key may have been changed at run time; and the gateway may have read better files than there are now.
    let given = foundation::looked(&given).unwrap_or(given);
    let admin = config::admin(&given).ok()?;
    // The first of those that may do most.
    bearer(admin.keys.iter().rev().max_by_key(|key| key.role)?.secret.expose())
}

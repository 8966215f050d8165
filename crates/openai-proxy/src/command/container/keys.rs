//! Keys and settings that go from here into the container: by their names only, so that no value stands in a command line, a unit
//! or a process list. Where nobody's shell is around, they stand in a file that only its owner reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::command::systemd::{Whose, make_folder_of, take_away, unwritten};
use crate::exit::Failure;
use crate::folders;
use crate::talk::Talk;

type Environment = BTreeMap<String, String>;

/// Variables beside keys that the gateway reads: where vendors are, the way out, the port.
const OTHERS: &[&str] = &[
    "OPENAI_BASE_URL",
    "AZURE_OPENAI_ENDPOINT",
    "PORT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
/// Settings by name.
const SETTINGS: &str = "OPENAI_PROXY__";

/// What a new file of keys says.
pub(super) const EMPTY: &str = "# Keys for openai-proxy, one a line, without quotes: OPENAI_API_KEY=sk-...
# Variables the configuration names as ${NAME} belong here, too. Only the owner of this file can read it.
";

/// The names of variables to pass: those set here that the gateway, or its configuration, would read.
pub(super) fn names(environment: &Environment, configuration: &str) -> Vec<String> {
    let vendors = protocol::vendor::all().flat_map(|vendor| vendor.key_variables().iter().cloned());
    let mut wanted: BTreeSet<String> = vendors.collect();
    wanted.extend(OTHERS.iter().map(|name| (*name).to_owned()));
    wanted.extend(environment.keys().filter(|name| name.starts_with(SETTINGS)).cloned());
    wanted.extend(named_in(configuration));
    wanted.retain(|name| environment.get(name).is_some_and(|value| !value.is_empty()));
    wanted.into_iter().collect()
}

/// The names a configuration fills in: `${NAME}`, `${NAME:-default}`, `${NAME:?why}`.
fn named_in(text: &str) -> impl Iterator<Item = String> {
    let name = |rest: &str| -> String {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    text.split("${").skip(1).map(name).filter(|name| !name.is_empty() && name != "file")
}

/// Makes the file of keys where there is none; one that is there is left as it is, but for who may read it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn make_file(talk: &Talk, file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    if file.exists() {
        let closed = std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600));
        return closed.map_err(|why| unwritten(file, &why));
    }
    make_folder_of(file)?;
    folders::write_private(file, EMPTY).map_err(|why| unwritten(file, &why))?;
    talk.say(&format!("{} is written. Keys go there; nobody else reads it.", file.display()));
    Ok(())
}

/// Takes the file of keys away if nobody has written anything into it.
///
/// # Errors
/// When the system does not let us.
pub(super) fn take_file_away(
    talk: &Talk,
    file: &Path,
    whose: Whose,
    environment: &Environment,
) -> Result<(), Failure> {
    match std::fs::read_to_string(file) {
        Ok(text) if text == EMPTY => take_away(file, whose, environment),
        Ok(_) => {
            talk.say(&format!("{} holds keys and stays.", file.display()));
            Ok(())
        }
        Err(_) => Ok(()),
    }
}

/// Whether a file of keys is there and as we made it.
pub(super) fn is_ours(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text == EMPTY)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::names;

    #[test]
    fn variables_go_by_name_when_they_are_set_and_read() {
        let set = ["OPENAI_API_KEY", "MINE", "OTHER", "OPENAI_PROXY__LOGGING__LEVEL", "OPENAI_PROXY_CONFIG"];
        let environment: BTreeMap<String, String> =
            set.map(|name| (name.to_owned(), "x".to_owned())).into_iter().collect();
        let yaml =
            "providers: {a: {api_key: \"${MINE:?why}\", models: [\"${NOT_SET:-m}\"]}, b: \"${file:/x}\"}";
        assert_eq!(names(&environment, yaml), ["MINE", "OPENAI_API_KEY", "OPENAI_PROXY__LOGGING__LEVEL"]);
    }
}

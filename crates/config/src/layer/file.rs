//! The file: where it is looked for, and reading it.

use std::path::{Path, PathBuf};

use crate::given::Given;
use crate::problem::{Place, Problem, Problems};
use crate::reader::Findings;
use crate::text_file::read_text;
use crate::tree::Node;

/// Names the file where `--config` does not.
const VARIABLE: &str = "OPENAI_PROXY_CONFIG";
const NAME: &str = "openai-proxy.yaml";
/// Where seed 003 keeps its own.
const OLDER: &str = "/config/base.yaml";

/// Where a file is looked for: the one named, or the usual places, of which the first that exists is read.
pub fn places(given: &Given) -> Vec<PathBuf> {
    if given.no_file {
        return Vec::new();
    }
    if let Some(named) = named(given) {
        return vec![named];
    }
    let variable =
        given.environment.get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let own = variable.or_else(|| given.home.as_ref().map(|home| home.join(".config")));
    let below = |folder: &Path| folder.join("openai-proxy").join(NAME);
    let all = [
        Some(PathBuf::from(NAME)),
        own.as_deref().map(below),
        Some(below(Path::new("/etc"))),
        Some(PathBuf::from(OLDER)),
    ];
    all.into_iter().flatten().collect()
}

/// The file somebody named: it must exist.
fn named(given: &Given) -> Option<PathBuf> {
    let variable = || given.environment.get(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    given.file.clone().or_else(variable)
}

/// The file that is read: the one somebody named, or the first that is there.
pub(crate) fn taken(given: &Given) -> Option<PathBuf> {
    let must = named(given).is_some();
    places(given).into_iter().find(|path| must || path.is_file())
}

/// The file and its text, if there is one.
pub(crate) fn read(given: &Given) -> Result<Option<(PathBuf, String)>, Problems> {
    let Some(path) = taken(given) else { return Ok(None) };
    match read_text(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(why) => {
            let what = format!("The configuration {} cannot be read: {why}.", path.display());
            let fix = Some("Check the path and who may read it.".to_owned());
            Err(Problems(vec![Problem { path: String::new(), place: None, what, fix }]))
        }
    }
}

/// Notes that a key stands in a file everybody on this computer may read.
pub(crate) fn note_open_keys(file: &Path, root: &Node, findings: &Findings) {
    if !readable_by_all(file) {
        return;
    }
    for provider in root.get("providers").map(Node::entries).unwrap_or_default() {
        let path = format!("providers.{}", provider.key);
        let one = provider.node.get("api_key").map(|node| (format!("{path}.api_key"), node));
        let several = provider.node.get("keys").map(Node::entries).unwrap_or_default().iter();
        let several =
            several.filter_map(|key| Some((format!("{path}.keys.{}.key", key.key), key.node.get("key")?)));
        for (setting, node) in one.into_iter().chain(several) {
            let Some(scalar) = node.scalar() else { continue };
            if !scalar.text.contains("${") && !scalar.text.is_empty() {
                note_open(file, (&setting, &node.place), findings);
            }
        }
    }
}

/// Notes a key of a file of variables everybody may read.
pub(crate) fn note_open_variable(path: &Path, line: usize, findings: &Findings) {
    if readable_by_all(path) {
        let place = Place { file: shown(path).into(), line, column: 1 };
        note_open(path, ("", &place), findings);
    }
}

fn note_open(path: &Path, (setting, place): (&str, &Place), findings: &Findings) {
    let shown = path.display();
    let what = format!("A key stands in this file, which every user of this computer may read: {shown}.");
    let word = setting.rsplit('.').next().unwrap_or_default();
    let instead = match word {
        "" => String::new(),
        word => format!(", or write a variable: `{word}: ${{NAME}}`"),
    };
    findings.note(setting, Some(place), what, Some(format!("Run chmod 600 {shown}{instead}.")));
}

#[cfg(unix)]
fn readable_by_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn readable_by_all(_path: &Path) -> bool {
    false
}

/// The name of the file in messages: as it was found, without `./`.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

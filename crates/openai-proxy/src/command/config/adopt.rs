//! `config adopt`: what was set at run time, written where files are: the lines to add, or a file of `conf.d` with them, after
//! which the run-time setting is taken back. A file that would not say the same is put back as it was.

use std::path::{Path, PathBuf};

use config::{Layer, Sheet};
use http::Method;
use serde_json::{Map, Value, json};

use super::change::address;
use super::file::overwrite;
use crate::command::reach::{self, Desk, Whom, Why, segment};
use crate::command::value;
use crate::exit::{Exit, Failure, Outcome};
use crate::folders;
use crate::given::refused;
use crate::talk::{Mark, Talk};

/// The file adopted settings are kept in, below the folder of the gateway's own file.
const FILE: &str = "conf.d/90-adopted.yaml";
const HEAD: &str =
    "# Settings that were made at run time and adopted: openai-proxy config adopt PATH --write\n";
/// Stands for what is hidden.
const STARS: &str = "***";

/// What is adopted.
struct Adopted {
    /// Words and value of each setting; null takes away what weaker files say.
    settings: Vec<(Vec<String>, Value)>,
    /// Variables that stand for secrets.
    variables: Vec<String>,
}

/// Prints, or writes and takes back.
pub(super) fn adopt(talk: &Talk, path: &str, write: bool, (whom, why): (&Whom, &Why)) -> Outcome {
    reach::run(async {
        let mut desk = Desk::open(whom).await?;
        let adopted = Adopted::at(&mut desk, path).await?;
        if adopted.settings.is_empty() {
            let say =
                format!("Nothing at `{path}` was set at run time. What was: openai-proxy config versions");
            return Err(Failure::new(Exit::Failed, say));
        }
        adopted.tell_variables(talk);
        let document = adopted.over(Value::Object(Map::new()));
        let mut result = json!({"settings": document, "variables": adopted.variables});
        if !write {
            adopted.tell(talk, &document, &result);
            talk.say(&format!("Add these lines to its file, then: openai-proxy config reset {path}"));
            return Ok(Exit::Done);
        }
        let file = AdoptedFile::of(&desk)?;
        file.write(&adopted)?;
        let done = match counts_in_file(&mut desk, path).await {
            Ok(()) => desk.change((Method::DELETE, &address(path)), None, why).await,
            Err(failure) => Err(failure),
        };
        let shown = file.path.display();
        match done {
            Ok(done) => {
                result["file"] = json!(file.path);
                result["revision"] = done["revision"].clone();
                adopted.tell(talk, &document, &result);
                let mark = talk.mark(Mark::Good);
                talk.say(&format!("{mark} {shown} says so from now on, in revision {}.", done["revision"]));
                Ok(Exit::Done)
            }
            Err(failure) => {
                file.put_back()?;
                let say = format!("{}\n{shown} is as it was, and so is the setting.", failure.say);
                Err(Failure::new(failure.exit, say))
            }
        }
    })
}

impl Adopted {
    /// What was set at run time at a path and below it.
    async fn at(desk: &mut Desk, path: &str) -> Result<Self, Failure> {
        let sources = sources(desk, path).await?;
        let sheet = desk.get("/admin/v1/config").await?;
        let sheet =
            Sheet::read(&config::yaml(&sheet), "the configuration").map_err(|problems| refused(&problems))?;
        let mut adopted = Self { settings: Vec::new(), variables: Vec::new() };
        for setting in sources.iter().filter(|setting| said(setting, Layer::Database).is_some()) {
            let words = sheet.words(setting["path"].as_str().unwrap_or_default());
            let mut value = sheet.at(&words).cloned().unwrap_or(Value::Null);
            adopted.name_secrets(&words, &mut value);
            adopted.settings.push((words, value));
        }
        Ok(adopted)
    }

    /// Puts a variable in the place of each secret.
    fn name_secrets(&mut self, words: &[String], value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.name_secrets(words, item)),
            Value::Object(members) => {
                for (key, value) in members {
                    self.name_secrets(&[words, std::slice::from_ref(key)].concat(), value);
                }
            }
            // Hidden, or a word for what the database keeps, which no file can open.
            Value::String(text) if text.contains(STARS) || config::sealed_names(text).next().is_some() => {
                // The section says nothing that the rest does not.
                let rest = words.get(1..).filter(|rest| !rest.is_empty()).unwrap_or(words);
                let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
                let wanted: String = rest.join("_").chars().map(letter).collect();
                let names =
                    std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted}_{number}")));
                let name = names.into_iter().find(|name| !self.variables.contains(name)).unwrap_or(wanted);
                *text = format!("${{{name}}}");
                self.variables.push(name);
            }
            _ => {}
        }
    }

    fn tell(&self, talk: &Talk, document: &Value, result: &Value) {
        if talk.json() {
            talk.print_json(result);
        } else {
            talk.print(&config::yaml(document));
        }
    }

    fn tell_variables(&self, talk: &Talk) {
        for name in &self.variables {
            talk.say(&format!(
                "{} A secret is not shown: set {name} where the gateway finds it, such as a .env (0600) beside its file.",
                talk.mark(Mark::Warning)
            ));
        }
    }

    /// Laid over a document.
    fn over(&self, mut document: Value) -> Value {
        for (words, value) in &self.settings {
            value::lay(&mut document, words, value.clone());
        }
        document
    }
}

/// The file adopted settings are kept in, and what it said before.
struct AdoptedFile {
    path: PathBuf,
    before: Option<String>,
}

impl AdoptedFile {
    /// The one of a gateway of ours that runs here.
    fn of(desk: &Desk) -> Result<Self, Failure> {
        let Some(config) = desk.instance().and_then(|instance| instance.config.as_ref()) else {
            let say = "Only a gateway of yours that runs here from a file has a file to write to. Add the lines where its configuration is.";
            return Err(Failure::new(Exit::Failed, say));
        };
        let path = config.parent().unwrap_or(Path::new(".")).join(FILE);
        let before = match path.exists() {
            true => Some(config::read_text(&path).map_err(|why| unwritten(&path, &why))?),
            false => None,
        };
        Ok(Self { path, before })
    }

    /// Adds settings to what stands there.
    fn write(&self, adopted: &Adopted) -> Result<(), Failure> {
        let name = self.path.display().to_string();
        let before = match &self.before {
            None => Value::Null,
            Some(text) => config::plain(text, &name).map_err(|problems| refused(&problems))?.value,
        };
        self.put(&format!("{HEAD}{}", config::yaml(&adopted.over(before))))
    }

    fn put(&self, text: &str) -> Result<(), Failure> {
        if self.path.exists() {
            return overwrite(&self.path, text);
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(folder).and_then(|()| folders::write_private(&self.path, text));
        written.map_err(|why| unwritten(&self.path, &why))
    }

    fn put_back(&self) -> Result<(), Failure> {
        match &self.before {
            Some(text) => self.put(text),
            None => std::fs::remove_file(&self.path).map_err(|why| unwritten(&self.path, &why)),
        }
    }
}

fn unwritten(file: &Path, why: &dyn std::fmt::Display) -> Failure {
    let say = format!("{} cannot be read or written: {why}. Nothing was changed.", file.display());
    Failure::new(Exit::Failed, say)
}

async fn sources(desk: &mut Desk, path: &str) -> Result<Vec<Value>, Failure> {
    // They are told by paths without quotes.
    let path = path.replace('"', "");
    let told = desk.get(&format!("/admin/config/sources?path={}", segment(&path))).await?;
    Ok(told["settings"].as_array().cloned().unwrap_or_default())
}

/// What a layer says of a setting.
fn said(setting: &Value, layer: Layer) -> Option<&Value> {
    let others = setting["overridden"].as_array().into_iter().flatten();
    std::iter::once(&setting["source"]).chain(others).find(|said| said["layer"] == layer.name())
}

/// Whether files say the same as what was set at run time: the gateway is asked, which reads them anew.
async fn counts_in_file(desk: &mut Desk, path: &str) -> Result<(), Failure> {
    for setting in sources(desk, path).await? {
        let Some(at_run_time) = said(&setting, Layer::Database) else { continue };
        let others = setting["overridden"].as_array().into_iter().flatten();
        let mut all = std::iter::once(&setting["source"]).chain(others);
        let found = all.position(|said| said["layer"] == Layer::Database.name());
        // Strongest first: what follows would count.
        let next = found.and_then(|_| all.next());
        let ours = |next: &Value| next["place"].as_str().is_some_and(|place| place.contains(FILE));
        // A secret has another value there: the word for a variable.
        let same = |next: &Value| ours(next) || next["value"] == at_run_time["value"];
        // What files do not say at all need not be taken away in one.
        let nothing = next.is_none() && at_run_time["value"].is_null();
        if nothing || next.is_some_and(same) {
            continue;
        }
        let (path, place) = (&setting["path"], next.map_or(&Value::Null, |next| &next["place"]));
        let say = match (path.as_str().unwrap_or_default(), place.as_str()) {
            (path, Some(place)) => {
                format!("`{path}` would be what {place} says, which counts more than {FILE}.")
            }
            (path, None) => format!(
                "`{path}` would not count: the gateway does not read {FILE} (its `include` or `config.source`)."
            ),
        };
        return Err(Failure::new(Exit::Conflict, say));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_become_variables_and_nothing_else_does() {
        let mut adopted = Adopted { settings: Vec::new(), variables: Vec::new() };
        let words = ["providers", "azure-east"].map(str::to_owned);
        let mut value = json!({"api_key": "***", "base_url": "https://***@host/v1", "weight": 3, "headers": {"X-Key": "***"}, "keys": ["${sealed:value-1}", "***"]});
        adopted.name_secrets(&words, &mut value);
        assert_eq!(
            value,
            json!({
                "api_key": "${AZURE_EAST_API_KEY}",
                "base_url": "${AZURE_EAST_BASE_URL}",
                "weight": 3,
                "headers": {"X-Key": "${AZURE_EAST_HEADERS_X_KEY}"},
                "keys": ["${AZURE_EAST_KEYS}", "${AZURE_EAST_KEYS_2}"],
            })
        );
        assert_eq!(adopted.variables.len(), 5);
    }
}

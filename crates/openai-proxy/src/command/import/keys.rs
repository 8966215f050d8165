//! Keys that stood in another program's files. They never go into a configuration others may read: that asks for a variable,
//! and the key goes into the `.env` beside it, which only its owner reads.

use std::path::Path;

use crate::exit::{Exit, Failure};

/// Variables and what they hold.
#[derive(Default)]
pub(super) struct Keys {
    kept: Vec<(String, String)>,
}

impl Keys {
    /// Keeps a key; the reference that stands in its place. The same key is kept once.
    pub(super) fn keep(&mut self, wanted: &str, key: &str) -> String {
        if let Some((name, _)) = self.kept.iter().find(|(_, known)| known == key) {
            return format!("${{{name}}}");
        }
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let wanted: String = wanted.chars().map(letter).collect();
        let names = std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted}_{number}")));
        let free = |name: &String| !self.kept.iter().any(|(known, _)| known == name);
        let name = names.into_iter().find(free).unwrap_or(wanted);
        self.kept.push((name.clone(), key.to_owned()));
        format!("${{{name}}}")
    }

    /// Keeps a variable that is asked for by this very name.
    pub(super) fn hold(&mut self, name: &str, value: &str) {
        if !self.kept.iter().any(|(known, _)| known == name) {
            self.kept.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Their variables, in a sentence; none if there is no key.
    pub(super) fn names(&self) -> Option<String> {
        let names: Vec<&str> = self.kept.iter().map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// The text of a `.env` with these keys; none if they stand there already, or there are none.
    ///
    /// # Errors
    /// When it is a link or cannot be read, or says something else of one of these variables.
    pub(super) fn added_to(&self, file: &Path) -> Result<Option<String>, Failure> {
        if self.kept.is_empty() {
            return Ok(None);
        }
        let shown = file.display();
        if file.is_symlink() {
            let say =
                format!("{shown} is a link, and keys are not written through one. Nothing was written.");
            return Err(Failure::new(Exit::Conflict, say));
        }
        let mut text = match file.exists() {
            true => config::read_text(file)
                .map_err(|why| Failure::new(Exit::Failed, format!("{shown} cannot be read: {why}.")))?,
            false => String::new(),
        };
        let mut added = false;
        for (name, key) in &self.kept {
            let Some(line) = line(name, key) else {
                let say =
                    format!("The key for {name} cannot stand on one line of {shown}. Nothing was written.");
                return Err(Failure::new(Exit::Failed, say));
            };
            let begins = [format!("{name}="), format!("export {name}=")];
            let known =
                text.lines().rfind(|line| begins.iter().any(|begin| line.trim_start().starts_with(begin)));
            match known.map(|known| known.trim().trim_start_matches("export ")) {
                Some(known) if known == line || known == format!("{name}={key}") => {}
                Some(_) => {
                    let say = format!(
                        "{shown} has another {name} already. Nothing was written: rename it there, or write to another folder."
                    );
                    return Err(Failure::new(Exit::Conflict, say));
                }
                None => {
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push('\n');
                    }
                    text.push_str(&line);
                    text.push('\n');
                    added = true;
                }
            }
        }
        Ok(added.then_some(text))
    }
}

/// `NAME=value`, in quotes where it has to be.
fn line(name: &str, key: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '#' | '\\' | '$');
    if key.chars().all(plain) {
        return Some(format!("{name}={key}"));
    }
    let quote = ['\'', '"'].into_iter().find(|quote| !key.contains(*quote))?;
    (!key.chars().any(char::is_control)).then(|| format!("{name}={quote}{key}{quote}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_kept_once_and_two_never_share_a_name() {
        let mut keys = Keys::default();
        assert_eq!(keys.keep("east-1_API_KEY", "a"), "${EAST_1_API_KEY}");
        assert_eq!(keys.keep("other", "a"), "${EAST_1_API_KEY}");
        assert_eq!(keys.keep("east.1_API_KEY", "b"), "${EAST_1_API_KEY_2}");
    }

    #[test]
    fn what_stands_in_the_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(".env");
        let mut keys = Keys::default();
        keys.keep("A", "1");
        keys.keep("B", "it's # two");
        let text = |keys: &Keys| keys.added_to(&file).map_err(|failure| failure.say);
        assert_eq!(text(&keys).unwrap().unwrap(), "A=1\nB=\"it's # two\"\n");
        std::fs::write(&file, "# mine\nexport A=1\nX=y").unwrap();
        assert_eq!(text(&keys).unwrap().unwrap(), "# mine\nexport A=1\nX=y\nB=\"it's # two\"\n");
        std::fs::write(&file, "A=2\n").unwrap();
        assert!(text(&keys).unwrap_err().contains("another A already"));
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &file).unwrap();
        assert!(text(&keys).unwrap_err().contains("is a link"));
    }
}

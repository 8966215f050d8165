//! Values a command is given: on its line, and secrets in another way, for command lines can be read by others.

use std::io::{IsTerminal, Read};

use clap::Args;
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::given::{environment, shows_a_secret};
use crate::talk::Talk;

/// Where a key is taken from.
#[derive(Args, Clone, Default, Debug)]
pub(super) struct KeyFrom {
    /// Take the key from this variable of this shell.
    #[arg(long, value_name = "VARIABLE", conflicts_with = "key_stdin")]
    key_from_env: Option<String>,
    /// Read the key from standard input; on a terminal it is asked for and not shown.
    #[arg(long)]
    key_stdin: bool,
}

/// The longest secret.
const LONGEST: u64 = 64 * 1024;

impl KeyFrom {
    /// The key, if one is given.
    ///
    /// # Errors
    /// When the variable is not set, or nothing can be read.
    pub(super) fn given(&self, talk: &Talk) -> Result<Option<String>, Failure> {
        match &self.key_from_env {
            None if self.key_stdin => read(talk, "Key").map(Some),
            None => Ok(None),
            Some(name) => match environment().remove(name).filter(|key| !key.is_empty()) {
                Some(key) => Ok(Some(key)),
                None => Err(Failure::new(
                    Exit::Misused,
                    format!("The variable {name} is not set here. Set it, or use --key-stdin."),
                )),
            },
        }
    }

    /// The key, which is asked for where nobody says another place.
    ///
    /// # Errors
    /// As for [`KeyFrom::given`].
    pub(super) fn needed(&self, talk: &Talk) -> Result<String, Failure> {
        match self.given(talk)? {
            Some(key) => Ok(key),
            None if talk.attended() => read(talk, "Key"),
            None => Err(Failure::new(
                Exit::Misused,
                "The key is missing. Say where it is: --key-from-env VARIABLE, or --key-stdin",
            )),
        }
    }
}

/// Reads a secret from standard input; on a terminal it is asked for and not shown.
///
/// # Errors
/// When nothing can be read, or nothing is there.
pub(super) fn read(talk: &Talk, what: &str) -> Result<String, Failure> {
    let unread = |why: std::io::Error| {
        Failure::new(Exit::Failed, format!("Standard input cannot be read: {why}. Nothing was changed."))
    };
    let mut text = String::new();
    if !std::io::stdin().is_terminal() {
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(unread)?;
    } else if talk.attended() {
        talk.say(&format!("{what} (it is not shown):"));
        text = console::Term::stderr().read_secure_line().map_err(unread)?;
    } else {
        return Err(Failure::new(
            Exit::Misused,
            "Nobody may be asked here (--no-input). Pipe the secret in.",
        ));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Failure::new(Exit::Misused, "Standard input is empty. Nothing was changed."));
    }
    Ok(text.to_owned())
}

/// What is written on the command line for a setting: YAML where it is some, else the text itself.
///
/// # Errors
/// When it is a list or map with a mistake, or a secret.
pub(super) fn written(path: &str, text: &str) -> Result<Value, Failure> {
    let value = match config::plain(text, "the value") {
        _ if text.is_empty() => Value::String(String::new()),
        Ok(plain) => plain.value,
        // `[::1]:2020` and `*` are no YAML, and mean themselves.
        Err(_) if !text.starts_with(['[', '{']) || text.starts_with("[:") => Value::String(text.to_owned()),
        Err(problems) => {
            let say = format!("The value of `{path}` cannot be read: {problems}");
            return Err(Failure::new(Exit::Misused, say));
        }
    };
    if shows_a_secret(path, &value) {
        let say = format!(
            "`{path}` would show a secret to everybody who lists processes. Nothing was changed.\nPipe it in, or be asked for it: openai-proxy config set {path} -"
        );
        return Err(Failure::new(Exit::Misused, say));
    }
    Ok(value)
}

/// `PATH=VALUE`, with the value read.
///
/// # Errors
/// When it has no `=`; as for [`written`]; `below` is what the path begins at.
pub(super) fn assigned(below: &str, text: &str) -> Result<(String, Value), Failure> {
    let Some((path, value)) = text.split_once('=').filter(|(path, _)| !path.is_empty()) else {
        let say = format!("`{text}` has no `=`. Write a path and a value: models.fast=openai/gpt-4o-mini");
        return Err(Failure::new(Exit::Misused, say));
    };
    Ok((path.to_owned(), written(&format!("{below}{path}"), value)?))
}

/// A value in maps, one for each word of its path, laid over what is there.
pub(super) fn lay(over: &mut Value, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *over = value;
        return;
    };
    if !over.is_object() {
        *over = Value::Object(serde_json::Map::new());
    }
    if let Some(members) = over.as_object_mut() {
        lay(members.entry(first).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::given::words;

    fn value(text: &str) -> Value {
        written("server.listen", text).map_err(|failure| failure.say).unwrap()
    }

    #[test]
    fn what_is_written_is_yaml_or_means_itself() {
        assert_eq!(value("30s"), json!("30s"));
        assert_eq!(value("3"), json!(3));
        assert_eq!(value("\"3\""), json!("3"));
        assert_eq!(value("true"), json!(true));
        assert_eq!(value("[a, b]"), json!(["a", "b"]));
        assert_eq!(value("[::1]:2020"), json!("[::1]:2020"));
        assert_eq!(value("*"), json!("*"));
        assert_eq!(value(""), json!(""));
        assert!(written("models", "{a").is_err());
    }

    #[test]
    fn a_secret_on_the_command_line_is_refused_wherever_it_stands() {
        for (path, text) in [
            ("providers.a.api_key", "sk-1"),
            ("providers.a", "{type: openai, api_key: sk-1}"),
            ("admin.api_key", "word"),
            ("providers.a.base_url", "http://ada:pw@host/v1"),
            ("providers.a.odd.secret", "x"),
        ] {
            assert!(written(path, text).is_err_and(|why| why.say.contains("would show a secret")), "{path}");
        }
        for (path, text) in [("providers.a.api_key", "${NAME}"), ("models.a", "a/b")] {
            assert!(written(path, text).is_ok(), "{path}");
        }
    }

    #[test]
    fn values_are_laid_over_each_other_by_their_paths() {
        let mut all = Value::Null;
        for (path, value) in
            [("models.a", "x/1"), ("models.\"b.1\"", "x/2"), ("server.listen", "127.0.0.1:1")]
        {
            lay(&mut all, &words(path), json!(value));
        }
        assert_eq!(all, json!({"models": {"a": "x/1", "b.1": "x/2"}, "server": {"listen": "127.0.0.1:1"}}));
    }
}

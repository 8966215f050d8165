//! Which models a server of one's own has in stock: brought there, copied, taken away.
//!
//! Source: Ollama, "API": "Pull a Model", "Copy a Model", "Delete a Model"; its description in OpenAPI, November 2026.

use http::Method;
use serde::Deserialize;
use serde_json::json;

/// What is wished of its stock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish<'m> {
    /// A model is brought there; how far it has come is told line by line.
    Pull(&'m str),
    /// A model gets a second name.
    Copy(&'m str, &'m str),
    /// A model is taken away.
    Delete(&'m str),
}

impl Wish<'_> {
    /// How it is asked for: method, path and JSON.
    pub fn request(self) -> (Method, &'static str, String) {
        let (method, path, body) = match self {
            Self::Pull(model) => (Method::POST, "/api/pull", json!({"model": model, "stream": true})),
            Self::Copy(from, to) => (Method::POST, "/api/copy", json!({"source": from, "destination": to})),
            Self::Delete(model) => (Method::DELETE, "/api/delete", json!({"model": model})),
        };
        (method, path, body.to_string())
    }
}

/// How far a model has come.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize)]
pub struct Step {
    /// What is done, in the server's words; `success` is the last.
    #[serde(default)]
    pub status: String,
    /// The piece that is being brought; of several, each counts for itself.
    #[serde(default)]
    pub digest: Option<String>,
    /// Bytes of it.
    #[serde(default)]
    pub total: Option<u64>,
    /// Bytes of it that have come.
    #[serde(default)]
    pub completed: Option<u64>,
}

impl Step {
    /// Whether all of it is there.
    pub fn is_last(&self) -> bool {
        self.status == "success"
    }
}

/// Reads one line of what is told while a model comes.
///
/// # Errors
/// The server's own words for why it does not come; or ours, when the line cannot be read.
pub fn step(line: &[u8]) -> Result<Step, String> {
    match error(line) {
        Some(words) => Err(words),
        None => serde_json::from_slice(line).map_err(|_| "its progress cannot be read".to_owned()),
    }
}

/// The words of an error, if that is what a body or line is.
pub fn error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Told {
        error: String,
    }
    serde_json::from_slice::<Told>(body).ok().map(|told| told.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_line_by_line_and_an_error_is_one() {
        let some =
            step(br#"{"status":"pulling 6a0","digest":"sha256:6a0","total":10,"completed":3}"#).unwrap();
        assert_eq!((some.total, some.completed, some.is_last()), (Some(10), Some(3), false));
        assert!(step(br#"{"status":"success"}"#).unwrap().is_last());
        assert_eq!(
            step(br#"{"error":"pull model manifest: file does not exist"}"#).unwrap_err(),
            "pull model manifest: file does not exist"
        );
        assert!(step(b"<html>").is_err());
    }

    #[test]
    fn a_name_is_never_more_than_a_name() {
        let (method, path, body) = Wish::Delete("a\",\"x\":\"b").request();
        assert_eq!((method, path), (Method::DELETE, "/api/delete"));
        assert_eq!(body, r#"{"model":"a\",\"x\":\"b"}"#);
    }
}

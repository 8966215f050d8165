//! A recorded call: a line of JSON.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request};
use serde_json::Value;

use crate::exit::{Exit, Failure};

/// A call as it was recorded, without what must not be sent again.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) method: Method,
    /// With its query.
    pub(super) path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// What belongs to the connection it was recorded on, and who showed which key.
const LEFT: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Whoever has such a word in its name is a credential.
const SECRET: &[&str] = &["key", "token", "secret", "signature"];

impl Recording {
    /// Reads a line. Both the names of this format are read and those of the recordings of tests (`req_headers`, `req_body`).
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let call: Value = serde_json::from_str(line).map_err(|error| format!("it is no JSON ({error})"))?;
        let method = call["method"].as_str().unwrap_or("POST");
        let method = method.parse().map_err(|_| format!("`{method}` is no method"))?;
        let path = call["path"].as_str().filter(|path| path.starts_with('/')).ok_or("`path` is no path")?;
        let path = match call["query"].as_str().filter(|query| !query.is_empty()) {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        if call["req_encoding"] == "base64" {
            return Err("its body is binary, which is not replayed".to_owned());
        }
        let either = |name: &str, other: &str| {
            if call[name].is_null() { call[other].clone() } else { call[name].clone() }
        };
        let body = match either("body", "req_body") {
            Value::Null => Bytes::new(),
            Value::String(text) => text.into(),
            body => body.to_string().into(),
        };
        let all = either("headers", "req_headers");
        let named = all.as_object().into_iter().flatten();
        let headers = named.filter_map(|(name, value)| {
            let name: HeaderName = name.parse().ok()?;
            Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
        });
        let stays = |name: &str| !LEFT.contains(&name) && !SECRET.iter().any(|word| name.contains(word));
        let headers = headers.filter(|(name, _)| stays(name.as_str())).collect();
        Ok(Self { method, path, headers, body })
    }

    /// It as a request.
    ///
    /// # Errors
    /// When its path cannot be asked for.
    pub(super) fn request(self) -> Result<Request<Bytes>, Failure> {
        let unfit = |_| Failure::new(Exit::Misused, format!("`{}` cannot be asked for.", self.path));
        let bodiless = self.body.is_empty();
        let mut request =
            Request::builder().method(self.method).uri(&self.path).body(self.body).map_err(unfit)?;
        let head = request.headers_mut();
        head.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        if !bodiless {
            head.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_is_sent_again() {
        let line = r#"{"method":"POST","path":"/v1/chat/completions","headers":{"Authorization":"Bearer sk-1","X-Api-Key":"sk-2","api-key":"sk-3","x-goog-api-key":"sk-4","host":"api.example","anthropic-version":"2023-06-01"},"body":{"model":"m"}}"#;
        let request = Recording::read(line).unwrap().request().unwrap();
        let names: Vec<&str> = request.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["anthropic-version", "content-type"]);
        assert_eq!(request.body(), r#"{"model":"m"}"#);
    }

    #[test]
    fn what_is_no_call_is_told_with_its_reason() {
        for line in ["{", "{}", r#"{"path":"v1"}"#, r#"{"path":"/v1","method":"A B"}"#] {
            assert!(Recording::read(line).is_err(), "{line}");
        }
        let recorded =
            r#"{"method":"GET","path":"/v1/models","query":"limit=2","req_headers":{},"req_body":""}"#;
        assert_eq!(Recording::read(recorded).unwrap().path, "/v1/models?limit=2");
    }
}

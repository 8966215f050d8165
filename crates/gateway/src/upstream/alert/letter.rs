//! A message as each service wants it: the same words, in its own form, signed where it knows signatures.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use config::snapshot::{Hook, Service};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use serde_json::{Value, json};

use super::notice::Line;

/// Who says it.
const WE: &str = concat!("openai-proxy/", env!("CARGO_PKG_VERSION"));
/// With these a program of one's own sees that a message is ours, and new.
const MOMENT: HeaderName = HeaderName::from_static("x-openai-proxy-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-openai-proxy-signature");

/// A message.
pub(super) struct Letter {
    lines: Vec<Line>,
    /// When it is written, seconds since 1970.
    at: u64,
}

impl Letter {
    pub(super) fn of(lines: Vec<Line>, at: u64) -> Self {
        Self { lines, at }
    }

    /// In plain words, a line each.
    fn text(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        format!("openai-proxy: {}", lines.join("\n"))
    }

    /// The request that brings it to a hook; none: its address cannot be sent.
    pub(super) fn request(&self, hook: &Hook) -> Option<Request<Bytes>> {
        let body = Bytes::from(self.body(hook).to_string());
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = hook.path.expose().parse::<Uri>().ok()?;
        let signature = hook.signature(self.at, request.body());
        let head = request.headers_mut();
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        head.insert(USER_AGENT, HeaderValue::from_static(WE));
        if let (Service::Webhook, Some(signature)) = (hook.service, signature) {
            let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
            head.insert(MOMENT, self.at.into());
            head.insert(SIGNATURE, HeaderValue::from_str(&format!("v1={signature}")).ok()?);
        }
        Some(request)
    }

    fn body(&self, hook: &Hook) -> Value {
        match hook.service {
            Service::Slack => json!({"text": self.text()}),
            Service::Webhook => json!({"at": self.at, "text": self.text(), "alerts": self.lines}),
            Service::Feishu => {
                let mut body = json!({"msg_type": "text", "content": {"text": self.text()}});
                if let Some(signature) = hook.signature(self.at, &[]) {
                    body["timestamp"] = Value::String(self.at.to_string());
                    body["sign"] = Value::String(STANDARD.encode(signature));
                }
                body
            }
        }
    }
}

/// What a service says of a message it took with status 200; an error, if it did not.
pub(super) fn verdict(service: Service, body: &[u8]) -> Result<(), String> {
    if service != Service::Feishu {
        return Ok(());
    }
    // Feishu says with 200 that it does not want it.
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = told["code"].as_i64().or(told["StatusCode"].as_i64());
    match code {
        Some(0) | None => Ok(()),
        Some(code) => {
            let message: String = told["msg"].as_str().unwrap_or_default().chars().take(200).collect();
            Err(format!("it does not take the message: {message} (code {code})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feishu_says_no_with_a_status_of_200() {
        assert_eq!(verdict(Service::Feishu, br#"{"code":0,"msg":"success"}"#), Ok(()));
        assert_eq!(verdict(Service::Feishu, br#"{"StatusCode":0}"#), Ok(()));
        let refused = verdict(Service::Feishu, br#"{"code":19021,"msg":"sign match fail"}"#);
        assert_eq!(refused, Err("it does not take the message: sign match fail (code 19021)".to_owned()));
        assert_eq!(verdict(Service::Slack, b"ok"), Ok(()));
    }
}

//! An upstream's own error answer, told as the one event of a stream that its caller had been promised already (D-29).
//!
//! Where the answer is an error in the caller's language, its words pass as they came; anything else is quoted.

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{REQUEST, REQUESTS, SERVER, Words, event_line};
use crate::dialect::Dialect;

/// How much is quoted of an answer that is no error in any language we know, bytes.
const QUOTED: usize = 4096;

/// What is looked for in an error answer. Values stay as they were written: no number is read and written again.
#[derive(Default, Deserialize)]
struct Said<'b> {
    #[serde(borrow)]
    error: Option<&'b RawValue>,
}

/// What an error of OpenAI's has that an error event has, too.
#[derive(Default, Deserialize)]
struct Fields<'b> {
    #[serde(borrow)]
    code: Option<&'b RawValue>,
    #[serde(borrow)]
    message: Option<&'b RawValue>,
    #[serde(borrow)]
    param: Option<&'b RawValue>,
}

/// The event for an error answer of that status and body.
pub fn event_of_answer(
    (status, body): (StatusCode, &[u8]),
    provider: &str,
    dialect: Dialect,
    named_events: bool,
) -> String {
    let said: Said<'_> = serde_json::from_slice(body).unwrap_or_default();
    let error = said.error.map(RawValue::get).unwrap_or_default();
    match (error.starts_with('{'), dialect) {
        (true, Dialect::OpenAi) if named_events => {
            let fields: Fields<'_> = serde_json::from_str(error).unwrap_or_default();
            let [code, message, param] =
                [fields.code, fields.message, fields.param].map(|field| field.map_or("null", RawValue::get));
            let event =
                format!("{{\"type\":\"error\",\"code\":{code},\"message\":{message},\"param\":{param}}}");
            event_line(&one_line(event.as_bytes()), true)
        }
        (true, _) => event_line(&one_line(body), dialect == Dialect::Anthropic),
        (false, _) => {
            let words = serde_json::from_str(error).unwrap_or_else(|_| quoted(body));
            let colon = if words.is_empty() { "" } else { ": " };
            let say = format!("`{provider}` answered with status {}{colon}{words}", status.as_u16());
            let kind = if status.is_server_error() { SERVER } else { REQUEST };
            Words { status, kind, code: None, say: &say, param: None }.event(dialect, named_events)
        }
    }
}

/// An upstream's error answer in another language: its words, and its code where it has one.
pub fn answer(status: StatusCode, body: &[u8], dialect: Dialect) -> String {
    let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    // Gemini's stream of none is an array with one error in it.
    let told = told.get(0).unwrap_or(&told);
    let error = &told["error"];
    let word = |value: &serde_json::Value| value.as_str().filter(|word| !word.is_empty()).map(str::to_owned);
    let say = [&error["message"], &told["message"], error, &told["Message"]].into_iter().find_map(word);
    let say = say.unwrap_or_else(|| match quoted(body) {
        nothing if nothing.is_empty() => {
            format!("The model's server answered with status {}.", status.as_u16())
        }
        quoted => quoted,
    });
    let code = [&error["code"], &error["status"], &error["type"]].into_iter().find_map(word);
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => REQUESTS,
        status if status.is_server_error() => SERVER,
        _ => REQUEST,
    };
    Words { status, kind, code: code.as_deref(), say: &say, param: error["param"].as_str() }.body(dialect)
}

/// An upstream's error answer as the one element of the array its caller had been promised already: in its own words where it is one
/// of that language.
pub fn array_of_answer(status: StatusCode, body: &[u8], dialect: Dialect) -> String {
    // To serde a list is as good as an object: what stands first in it would be its first field.
    let own = |body: &[u8]| {
        let said = serde_json::from_slice::<Said<'_>>(body);
        body.trim_ascii_start().starts_with(b"{") && said.is_ok_and(|said| said.error.is_some())
    };
    let several =
        |body: &[u8]| serde_json::from_slice::<Vec<Said<'_>>>(body).is_ok_and(|all| !all.is_empty());
    match body {
        body if own(body) => format!("[{}]", String::from_utf8_lossy(body)),
        body if several(body) => String::from_utf8_lossy(body).into_owned(),
        body => format!("[{}]", answer(status, body, dialect)),
    }
}

/// JSON in one line, otherwise as it came: between its tokens line ends are blanks, and inside its strings there are none.
fn one_line(json: &[u8]) -> String {
    String::from_utf8_lossy(json.trim_ascii()).replace(['\r', '\n'], " ")
}

/// The beginning of a text.
fn quoted(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(QUOTED)]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str, dialect: Dialect, named: bool) -> String {
        event_of_answer((StatusCode::from_u16(status).unwrap(), body.as_bytes()), "there", dialect, named)
    }

    #[test]
    fn an_error_in_the_callers_language_passes_word_for_word_in_one_line() {
        let pretty = "{\n  \"error\": {\r\n    \"message\": \"Slow \\n down\", \"code\": 1e400}, \"x\": 1}\n";
        assert_eq!(
            told(429, pretty, Dialect::OpenAi, false),
            "data: {   \"error\": {      \"message\": \"Slow \\n down\", \"code\": 1e400}, \"x\": 1}\n\n"
        );
        let theirs =
            "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}";
        assert_eq!(told(529, theirs, Dialect::Anthropic, true), format!("event: error\ndata: {theirs}\n\n"));
    }

    #[test]
    fn an_error_in_a_promised_array_is_its_one_element() {
        let one = r#"{"error":{"code":429,"message":"full","status":"RESOURCE_EXHAUSTED"}}"#;
        for body in [one.to_owned(), format!("[{one}]\n"), "full".to_owned()] {
            let told = array_of_answer(StatusCode::TOO_MANY_REQUESTS, body.as_bytes(), Dialect::Gemini);
            let told: serde_json::Value = serde_json::from_str(&told).unwrap();
            assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
            assert_eq!(
                (&told[0]["error"]["code"], &told[0]["error"]["message"]),
                (&429.into(), &"full".into())
            );
        }
    }

    #[test]
    fn streams_of_named_events_get_their_own_shape() {
        let body = "{\"error\":{\"message\":\"Slow down\",\"type\":\"requests\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}";
        assert_eq!(
            told(429, body, Dialect::OpenAi, true),
            "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"Slow down\",\"param\":null}\n\n"
        );
    }

    #[test]
    fn other_answers_are_quoted_with_their_status() {
        for (body, words) in [
            ("Bad Gateway\n", ": Bad Gateway"),
            ("", ""),
            ("{\"error\":\"model not found\"}", ": model not found"),
            ("{\"detail\":\"Not Found\"}", ": {\\\"detail\\\":\\\"Not Found\\\"}"),
        ] {
            assert_eq!(
                told(502, body, Dialect::OpenAi, false),
                format!(
                    "data: {{\"error\":{{\"message\":\"`there` answered with status 502{words}\",\"type\":\"server_error\",\"param\":null,\"code\":null}}}}\n\n"
                )
            );
        }
        let long = told(500, &"é".repeat(10_000), Dialect::Anthropic, true);
        assert!(long.starts_with("event: error\n") && long.len() < 5_000, "{} bytes", long.len());
    }
}

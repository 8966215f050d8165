//! Why the desk of a gateway did not do something, in the words and exit codes of commands.

use http::StatusCode;
use serde_json::Value;

use super::Told;
use crate::exit::{Exit, Failure};

/// What an answer that is no success says, as a failure of this program. A key may have been `withheld` from that address.
pub(super) fn failure(told: &Told, url: &str, withheld: bool) -> Failure {
    let problem = told.json();
    let code = problem["code"].as_str().unwrap_or_default();
    let Some(detail) = problem["detail"].as_str() else {
        let say = format!("No administration answers at {url}: {}.", told.error());
        return Failure::new(Exit::Failed, say);
    };
    let exit = match (told.status, code) {
        (_, "invalid_configuration" | "files_unreadable") => Exit::Refused,
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS, _) => {
            Exit::NotAllowed
        }
        (StatusCode::CONFLICT, _) => Exit::Conflict,
        _ => Exit::Failed,
    };
    let hint = match code {
        "key_needed" if withheld => {
            "\nYours was not shown: no gateway of yours is known to listen there. Name it: --url URL"
        }
        "key_needed" | "wrong_key" => {
            "\nGive it in a file, --admin-key-file FILE, or in the variable OPENAI_PROXY_ADMIN_KEY."
        }
        _ => "",
    };
    let detail = match code {
        "invalid_configuration" => "The configuration this would make is refused. Nothing was changed:",
        _ => detail,
    };
    let mut say = format!("{}{hint}", without_http(detail));
    for note in problem["problems"].as_array().into_iter().flatten() {
        say.push_str(&format!("\n{}", note_told(note)));
    }
    Failure::new(exit, say)
}

/// Advice to ask something over HTTP is none for who types commands; what happened always stands before it.
fn without_http(detail: &str) -> String {
    let is_http = |sentence: &str| {
        let mut words = sentence.split(|c: char| !c.is_ascii_alphabetic());
        words.any(|word| matches!(word, "GET" | "POST" | "PUT" | "PATCH" | "DELETE"))
    };
    let (first, rest) = detail.split_once(". ").unwrap_or((detail, ""));
    let kept: Vec<&str> = rest.split_inclusive(". ").filter(|sentence| !is_http(sentence)).collect();
    match kept.concat() {
        rest if rest.is_empty() => format!("{}.", first.trim_end_matches('.')),
        rest => format!("{first}. {}", rest.trim_end()),
    }
}

/// Something wrong with a configuration, or worth knowing, on one line, as `check-config` tells it.
pub(crate) fn note_told(note: &Value) -> String {
    let text = |name: &str| note[name].as_str().unwrap_or_default();
    let place = if text("place").is_empty() { String::new() } else { format!("{}: ", text("place")) };
    format!("{place}{} {}", text("what"), text("fix")).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::without_http;

    #[test]
    fn advice_for_programs_is_left_out_and_what_happened_stays() {
        let said = "There is no provider `a`. See those there are: GET /admin/v1/providers";
        assert_eq!(without_http(said), "There is no provider `a`.");
        assert_eq!(
            without_http("There is `two` already. Change it with PATCH, or take another name."),
            "There is `two` already."
        );
        let both = "It was for revision 1. Look at what changed, and make it again.";
        assert_eq!(without_http(both), both);
        assert_eq!(without_http("Others were faster"), "Others were faster.");
    }
}

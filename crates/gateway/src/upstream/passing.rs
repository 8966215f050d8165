//! What of an answer's head passes: all but a deny-list. Most of what does not is left out when the head is read.

use http::header::{CONNECTION, HeaderMap, HeaderName};
use protocol::dialect::headers;

use super::compose::{connection_names, is_hop_by_hop};
use crate::intake::X_REQUEST_ID;

/// How an upstream's own name for a request is told.
static UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-openai-proxy-upstream-request-id");

/// Whether a header is wanted of an answer's head. What an upstream says of its connection is still to be read.
pub(super) fn is_wanted(name: &str) -> bool {
    let denied = is_hop_by_hop(name) || is_the_hosts(name) || headers::is_of_an_account(name);
    !denied || name == CONNECTION.as_str()
}

/// Whether it never passes, besides what is hop-by-hop: framing, cookies, what only the upstream's own host may say.
fn is_the_hosts(name: &str) -> bool {
    matches!(
        name,
        "content-length"
            | "set-cookie"
            | "set-cookie2"
            | "server"
            | "via"
            | "alt-svc"
            | "strict-transport-security"
            | "x-powered-by"
            | "access-control-allow-origin"
            | "access-control-allow-credentials"
            | "access-control-expose-headers"
    ) || name.starts_with("x-openai-proxy-")
}

/// Takes out what is not denied everywhere, but does not pass here. `translated`: what belongs to the upstream's language means
/// nothing to its caller.
pub(super) fn take_out(head: &mut HeaderMap, translated: bool) {
    let theirs = head.remove(X_REQUEST_ID);
    // What an upstream calls hop-by-hop is (RFC 9110, 7.6.1).
    let hops = connection_names(head);
    head.remove(CONNECTION);
    if translated || !hops.is_empty() {
        let goes = |name: &&HeaderName| {
            let text = name.as_str();
            (translated && headers::is_of_a_language(text)) || hops.iter().any(|hop| hop == text)
        };
        let gone: Vec<HeaderName> = head.keys().filter(goes).cloned().collect();
        for name in gone {
            head.remove(name);
        }
    }
    // Last: no word of an upstream takes out one of ours.
    if let Some(id) = theirs {
        head.insert(&UPSTREAM_REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_a_connection_or_an_account_does_not_pass_and_an_id_does_under_another_name() {
        let said = [
            ("connection", "close, X-Hop, x-openai-proxy-upstream-request-id"),
            ("x-hop", "1"),
            ("x-request-id", "theirs"),
            ("x-request-id", "another"),
            ("server", "theirs"),
            ("content-length", "1"),
            ("openai-organization", "ours"),
            ("openai-version", "2020-10-01"),
        ];
        let wanted = said.into_iter().filter(|(name, _)| is_wanted(name));
        let read = wanted.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let head: HeaderMap = read.collect();
        for (translated, passes) in [
            (false, &["openai-version", "x-openai-proxy-upstream-request-id"][..]),
            (true, &["x-openai-proxy-upstream-request-id"]),
        ] {
            let mut head = head.clone();
            take_out(&mut head, translated);
            let mut names: Vec<&str> = head.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, passes);
            assert_eq!(head[&UPSTREAM_REQUEST_ID], "theirs");
        }
    }
}

//! Header words that belong to a vendor's language, named once.

/// Whether a header names the account a request is booked on. They go with a key: beside another account's key they would be
/// refused, and an answer's tell the caller whose account it was.
pub fn is_of_an_account(name: &str) -> bool {
    matches!(name.as_bytes(), b"openai-organization" | b"openai-project" | b"x-goog-user-project")
}

/// How the headers begin that say how much of an account's limits is left (OpenAI, "Rate limits"; Anthropic, "Rate limits").
pub const LIMITS: [&str; 2] = ["x-ratelimit-", "anthropic-ratelimit-"];

/// How the headers begin that only a reader of one language understands: betas, versions, accounts, times, ids.
const OF_A_LANGUAGE: [&str; 4] = ["anthropic-", "openai-", "x-goog-", "x-amz"];

/// Whether a header means nothing to who speaks another language, in either direction.
pub fn is_of_a_language(name: &str) -> bool {
    OF_A_LANGUAGE.iter().any(|begin| name.starts_with(begin))
}

/// Whether a request's header describes a body that is put into other words, or the answer to it.
pub fn describes_a_body(name: &str) -> bool {
    name == "content-type" || name == "content-encoding" || name.starts_with("accept")
}

/// What whoever opens a WebSocket for Responses asks to be let try (Codex: `responses_websockets=` and a date).
const BETA: &str = "openai-beta";
const SOCKETS: &[u8] = b"responses_websockets";

/// Whether a header is about a WebSocket, or its opening, and means nothing for a request that came over it.
pub fn is_of_a_socket(name: &str, value: &[u8]) -> bool {
    let framing =
        ["connection", "upgrade", "content-length", "content-type", "content-encoding", "transfer-encoding"];
    framing.contains(&name)
        || name.starts_with("sec-websocket-")
        || name == "x-request-id"
        || (name == BETA && value.starts_with(SOCKETS))
}

/// How a browser shows a key when it opens a WebSocket, where it cannot set headers (OpenAI, "Realtime API with
/// WebSocket"): as a subprotocol with this beginning.
const KEY_SUBPROTOCOL: &str = "openai-insecure-api-key.";

/// Whether a subprotocol is a key.
pub fn is_key_subprotocol(name: &str) -> bool {
    key_of_subprotocol(name).is_some()
}

/// The key in a subprotocol, if it is one.
pub fn key_of_subprotocol(name: &str) -> Option<&str> {
    let (begin, key) = name.split_at_checked(KEY_SUBPROTOCOL.len())?;
    begin.eq_ignore_ascii_case(KEY_SUBPROTOCOL).then_some(key)
}

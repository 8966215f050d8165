//! From an answer to its meaning: the vendor's code first, then its wording, then the status.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};

use super::complaint::Complaint;
use super::{Capability, FaultClass, UpstreamFault};
use crate::hint;

/// A word an error body has for what went wrong, and what it means.
pub type Code = (&'static str, FaultClass);

/// A way to say a fault where there is no code for it.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    /// What the message holds, all of it, in lower case.
    pub says: &'static [&'static str],
    /// The only statuses it is looked for at; none: all at which messages are read.
    pub at: &'static [u16],
    /// What it means.
    pub class: FaultClass,
    /// What the target cannot do.
    pub lacks: Option<Capability>,
}

/// What a vendor's errors are called: tables of codes, and of wordings. Where two fit, the first counts.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    /// By word.
    pub words: &'static [&'static [Code]],
    /// By message.
    pub wordings: &'static [Wording],
}

/// Statuses at which messages are read. A 401, a 402 or a 429 means what it means, whatever is said beside it.
const SPOKEN: &[u16] = &[400, 403, 404, 405, 406, 409, 413, 415, 422];

/// What an answer that is no success means. An error told inside a success (an event of a stream, a body behind 200) has the
/// status it names itself, or that of a failed upstream.
pub fn read(
    codes: &Codes,
    (status, head, body): (StatusCode, &HeaderMap, &[u8]),
    now: SystemTime,
) -> UpstreamFault {
    let complaint = Complaint::of(body);
    let status = if status.is_success() { told_inside(&complaint) } else { status };
    let mut fault = by_code(codes, &complaint)
        .or_else(|| by_parameter(&complaint))
        .or_else(|| by_wording(codes, &complaint, status))
        .unwrap_or_else(|| UpstreamFault::by_status(status));
    fault.wait = hint::read(head, body, now);
    fault
}

/// The status of an error that came behind a success.
fn told_inside(complaint: &Complaint) -> StatusCode {
    let ours = |word: &str| matches!(word, "invalid_request_error" | "INVALID_ARGUMENT");
    let request = complaint.words().any(ours).then_some(StatusCode::BAD_REQUEST);
    complaint.status().or(request).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Whether the words a fault was read from stand in the request as well: then they may be its caller's own, told back, and mean
/// nothing.
pub fn is_echo(codes: &Codes, (status, body): (StatusCode, &[u8]), request: &[u8]) -> bool {
    let complaint = Complaint::of(body);
    if by_code(codes, &complaint).is_some() {
        return false;
    }
    let Some(wording) = wording(codes, &complaint, status) else { return false };
    let request = String::from_utf8_lossy(request).to_lowercase();
    wording.says.iter().all(|words| request.contains(words))
}

fn by_code(codes: &Codes, complaint: &Complaint) -> Option<UpstreamFault> {
    let all = || codes.words.iter().copied().flatten();
    let meant = |word: &str| all().find(|(code, _)| *code == word).map(|(_, class)| *class);
    complaint.words().find_map(meant).map(UpstreamFault::of)
}

/// A parameter the model does not know or not so (OpenAI, `unsupported_parameter` and `unsupported_value`) is something it
/// cannot do, where the parameter stands for an ability.
fn by_parameter(complaint: &Complaint) -> Option<UpstreamFault> {
    let so = |word: &str| matches!(word, "unsupported_parameter" | "unsupported_value");
    if !complaint.words().any(so) {
        return None;
    }
    let lacks = match complaint.param.split(['.', '[']).next()? {
        "tools" | "tool_choice" | "functions" | "function_call" | "parallel_tool_calls" => Capability::Tools,
        "response_format" | "text" => Capability::Form,
        "audio" | "modalities" => Capability::Audio,
        _ => return None,
    };
    Some(UpstreamFault { class: FaultClass::Capability, wait: None, lacks: Some(lacks) })
}

fn by_wording(codes: &Codes, complaint: &Complaint, status: StatusCode) -> Option<UpstreamFault> {
    let found = wording(codes, complaint, status)?;
    Some(UpstreamFault { class: found.class, wait: None, lacks: found.lacks })
}

fn wording<'c>(codes: &'c Codes, complaint: &Complaint, status: StatusCode) -> Option<&'c Wording> {
    let number = status.as_u16();
    if complaint.message.is_empty() || !(SPOKEN.contains(&number) || status.is_server_error()) {
        return None;
    }
    let here = |wording: &&Wording| wording.at.is_empty() || wording.at.contains(&number);
    let says = |wording: &&Wording| wording.says.iter().all(|words| complaint.message.contains(words));
    codes.wordings.iter().filter(here).find(says)
}

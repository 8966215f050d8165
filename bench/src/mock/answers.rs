//! Answers built once and written many times.

use crate::chat;

/// Everything the upstream ever says.
pub(crate) struct Answers {
    /// A chat that is no stream.
    pub(crate) chat: Vec<u8>,
    /// The list of models.
    pub(crate) models: Vec<u8>,
    /// The head of a stream.
    pub(crate) stream: Vec<u8>,
    /// One chunk of a stream, as an HTTP chunk; its instant is written into it.
    chunk: Vec<u8>,
    /// Where the instant is written.
    instant: usize,
    /// The end of a stream.
    pub(crate) end: Vec<u8>,
    /// Told to fail.
    pub(crate) broken: Vec<u8>,
    /// Told to be busy.
    pub(crate) busy: Vec<u8>,
    /// A path nobody knows.
    pub(crate) unknown: Vec<u8>,
}

impl Answers {
    /// Builds them.
    pub(crate) fn new() -> Self {
        let chunk = in_http_chunk(&chat::event());
        let instant = memchr::memchr(chat::MARK, &chunk).map_or(0, |mark| mark + 1);
        let mut end: Vec<u8> = chat::last_events().iter().flat_map(|event| in_http_chunk(event)).collect();
        end.extend_from_slice(b"0\r\n\r\n");
        let failure =
            |code: &str| format!("{{\"error\":{{\"message\":\"{code}\",\"type\":\"{code}\"}}}}").into_bytes();
        Self {
            chat: whole("200 OK", &chat::answer()),
            models: whole("200 OK", &chat::models()),
            stream: head("200 OK", "text/event-stream; charset=utf-8", "Transfer-Encoding: chunked"),
            chunk,
            instant,
            end,
            broken: whole("500 Internal Server Error", &failure("server_error")),
            busy: whole("429 Too Many Requests", &failure("rate_limit_exceeded")),
            unknown: whole("404 Not Found", &failure("not_found")),
        }
    }

    /// Appends a chunk with this instant in it.
    pub(crate) fn append_chunk(&self, instant: u64, to: &mut Vec<u8>) {
        let start = to.len() + self.instant;
        to.extend_from_slice(&self.chunk);
        let mut rest = instant;
        for digit in to[start..start + chat::DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

/// An answer of JSON.
pub(crate) fn whole(status: &str, body: &[u8]) -> Vec<u8> {
    [head(status, "application/json", &format!("Content-Length: {}", body.len())), body.to_vec()].concat()
}

/// A head with the headers OpenAI sends.
fn head(status: &str, content: &str, framing: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nDate: Sat, 28 Nov 2026 12:00:00 GMT\r\nContent-Type: {content}\r\n{framing}\r\n\
         openai-organization: bench\r\nopenai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\n\
         x-request-id: req_bench00000000000000000000000000\r\n\
         x-content-type-options: nosniff\r\nServer: bench\r\n\r\n"
    )
    .into_bytes()
}

fn in_http_chunk(content: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_carries_its_instant() {
        let mut chunk = Vec::new();
        Answers::new().append_chunk(1_234_567, &mut chunk);
        let text = String::from_utf8(chunk).expect("text");
        assert!(text.contains("@00000000000001234567\""), "{text}");
    }
}

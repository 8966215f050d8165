//! Reads one answer and judges it: its status, its bytes, and each chunk of a stream by the instant it carries.

use anyhow::{Result, bail, ensure};

use super::{Expect, Figures};
use crate::chat::{DIGITS, LAST, MARK};
use crate::clock;
use crate::engine::body::Body;
use crate::engine::head;

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Something is still to come.
    More,
    /// It is whole.
    Whole,
    /// It is whole, and the connection is of no more use.
    Last,
}

/// One answer as it comes in.
pub(crate) struct Reader {
    /// A head that is not whole.
    head: Vec<u8>,
    body: Option<Body>,
    close: bool,
    content: Content,
}

/// What has been seen of the content.
#[derive(Default)]
struct Content {
    /// The instant the call was meant for.
    intended: u64,
    /// How many bytes.
    length: usize,
    /// Of an answer: does it say what was expected, so far?
    right: bool,
    /// Of a stream: a line that is not whole.
    line: Vec<u8>,
    chunks: u64,
    ended: bool,
}

impl Reader {
    /// A call was made that was meant for this instant.
    pub(crate) fn new(intended: u64) -> Self {
        let content = Content { intended, right: true, ..Content::default() };
        Self { head: Vec::new(), body: None, close: false, content }
    }

    /// The instant the call was meant for.
    pub(crate) fn intended(&self) -> u64 {
        self.content.intended
    }

    /// Has any content come?
    pub(crate) fn has_begun(&self) -> bool {
        self.content.length > 0
    }

    /// Takes what has come.
    pub(crate) fn take(&mut self, bytes: &[u8], expect: &Expect, figures: &mut Figures) -> Result<Progress> {
        let now = clock::now();
        let joined;
        let mut rest = bytes;
        if !self.head.is_empty() {
            joined = [std::mem::take(&mut self.head).as_slice(), bytes].concat();
            rest = &joined;
        }
        while self.body.is_none() {
            let Some(answered) = head::answer(rest)? else {
                self.head.extend_from_slice(rest);
                return Ok(Progress::More);
            };
            rest = &rest[answered.length..];
            if answered.status == 100 {
                continue;
            }
            ensure!(answered.status == 200, "answered with {}", answered.status);
            self.close = answered.close || answered.body.ends_with_connection();
            self.body = Some(answered.body);
        }
        let Some(body) = &mut self.body else { return Ok(Progress::More) };
        let content = &mut self.content;
        let used = body.read(rest, |part| content.take(part, now, expect, figures))?;
        if !body.is_done() {
            return Ok(Progress::More);
        }
        ensure!(used == rest.len(), "more came than the answer's length");
        self.content.judge(expect)?;
        Ok(if self.close { Progress::Last } else { Progress::Whole })
    }

    /// The connection is over.
    pub(crate) fn over(&mut self, expect: &Expect) -> Result<()> {
        match &self.body {
            Some(body) if body.ends_with_connection() => self.content.judge(expect),
            Some(_) => bail!("cut off within the answer"),
            None => bail!("closed without an answer"),
        }
    }
}

impl Content {
    fn take(&mut self, part: &[u8], now: u64, expect: &Expect, figures: &mut Figures) {
        if self.length == 0 && !part.is_empty() {
            figures.first_byte.saturating_record(now.saturating_sub(self.intended));
        }
        match expect {
            Expect::Answer(expected) => {
                self.right &= expected.get(self.length..self.length + part.len()) == Some(part);
            }
            Expect::AnyAnswer => {}
            Expect::Stream(_) => self.lines(part, figures, now),
        }
        self.length += part.len();
    }

    /// Reads the lines of a stream.
    fn lines(&mut self, part: &[u8], figures: &mut Figures, now: u64) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', part) {
            let piece = &part[from..end];
            from = end + 1;
            if self.line.is_empty() {
                self.line_is(piece, figures, now);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(piece);
                self.line_is(&line, figures, now);
            }
        }
        self.line.extend_from_slice(&part[from..]);
    }

    fn line_is(&mut self, line: &[u8], figures: &mut Figures, now: u64) {
        let Some(data) = line.strip_prefix(b"data:") else { return };
        if data.trim_ascii() == LAST {
            self.ended = true;
        } else if let Some(written) = instant(data) {
            self.chunks += 1;
            figures.chunks += 1;
            figures.delay.saturating_record(now.saturating_sub(written));
        }
    }

    /// Is what has come what was expected, now that it is whole?
    fn judge(&self, expect: &Expect) -> Result<()> {
        match expect {
            Expect::Answer(expected) => {
                ensure!(
                    self.length == expected.len(),
                    "an answer of {} bytes, not {}",
                    self.length,
                    expected.len()
                );
                ensure!(self.right, "an answer that is not the upstream's");
            }
            Expect::AnyAnswer => ensure!(self.length > 0, "an empty answer"),
            Expect::Stream(chunks) => {
                ensure!(self.chunks == *chunks, "a stream of {} chunks, not {chunks}", self.chunks);
                ensure!(self.ended, "a stream without its last event");
            }
        }
        Ok(())
    }
}

/// The instant a chunk carries.
fn instant(event: &[u8]) -> Option<u64> {
    let start = memchr::memchr(MARK, event)? + 1;
    std::str::from_utf8(event.get(start..start + DIGITS)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat;

    fn stream(last: bool) -> Vec<u8> {
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let mut events = vec![chat::event(), chat::event()];
        events.extend(chat::last_events());
        if !last {
            events.pop();
        }
        for event in events {
            answer.extend(format!("{:x}\r\n", event.len()).bytes());
            answer.extend(event);
            answer.extend(b"\r\n");
        }
        answer.extend(b"0\r\n\r\n");
        answer
    }

    fn read(answer: &[u8], step: usize, expect: &Expect) -> Result<(Progress, u64)> {
        let mut figures = Figures::new()?;
        let mut reader = Reader::new(0);
        let mut progress = Progress::More;
        for piece in answer.chunks(step) {
            progress = reader.take(piece, expect, &mut figures)?;
        }
        Ok((progress, figures.chunks))
    }

    #[test]
    fn a_stream_is_counted_however_it_arrives() {
        for step in [1, 7, 300, 100_000] {
            let read = read(&stream(true), step, &Expect::Stream(2)).expect("a whole stream");
            assert_eq!(read, (Progress::Whole, 2));
        }
    }

    #[test]
    fn a_stream_that_lacks_something_is_told() {
        assert!(read(&stream(false), 300, &Expect::Stream(2)).is_err());
        assert!(read(&stream(true), 300, &Expect::Stream(3)).is_err());
    }

    #[test]
    fn an_answer_is_compared_byte_by_byte() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert!(read(answer, 40, &Expect::Answer(b"abc".to_vec())).is_ok());
        assert!(read(answer, 40, &Expect::Answer(b"abd".to_vec())).is_err());
        assert!(read(answer, 40, &Expect::Answer(b"ab".to_vec())).is_err());
    }

    #[test]
    fn any_status_but_200_is_a_failure() {
        assert!(read(b"HTTP/1.1 429 Busy\r\nContent-Length: 0\r\n\r\n", 99, &Expect::AnyAnswer).is_err());
    }
}

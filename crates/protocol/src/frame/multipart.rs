//! Looking into `multipart/form-data` while it passes: RFC 7578, RFC 2046 section 5.1.
//!
//! The [`Reader`] is shown the bytes of an upload on their way and learns the small text fields (`model`, `stream`);
//! it neither changes nor keeps the rest, so an upload of a gigabyte costs a few kilobytes. Where other readers are
//! known to disagree (bare line feeds, text behind a delimiter, a name said twice in one head) it refuses the body:
//! what we decided by must be what the vendor sees.
//!
//! The delimiter holds one carriage return, its first byte. A partial match that fails can therefore not hide the
//! begin of another one, and the whole carry between two pushes is a number: how much of the delimiter was seen.

mod at;
mod head;

use memchr::{memmem::Finder, memrchr};

use at::At;
pub use head::boundary;

const HEAD_LIMIT: usize = 8 * 1024;
const PARTS_LIMIT: usize = 1000;
const KEPT_LIMIT: usize = 64 * 1024;

/// What is wrong with a multipart body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MultipartProblem {
    /// The `content-type` is not `multipart/form-data`, or its boundary is missing or not allowed.
    Boundary,
    /// Something else than a line break (CR LF) stands behind a delimiter.
    Delimiter,
    /// The head of a part cannot be read.
    Head,
    /// The head of a part is longer than 8 KiB.
    HeadTooLarge,
    /// There are more than 1000 parts.
    TooManyParts,
    /// A part has no name.
    MissingName,
    /// The body ends before its closing delimiter.
    Truncated,
}

impl MultipartProblem {
    /// The problem in words, as the end of "the multipart body cannot be read: ...".
    pub fn say(self) -> &'static str {
        match self {
            Self::Boundary => "the content-type names no usable boundary",
            Self::Delimiter => "a delimiter is not followed by a line break (CR LF)",
            Self::Head => "the head of a part is malformed",
            Self::HeadTooLarge => "the head of a part is longer than 8 KiB",
            Self::TooManyParts => "there are more than 1000 parts",
            Self::MissingName => "a part has no name",
            Self::Truncated => "it ends before the closing delimiter",
        }
    }
}

/// A text field that has gone by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name. The same name may come several times.
    pub name: String,
    /// Its value; `None` when it did not fit into the 64 KiB kept in all.
    pub value: Option<Vec<u8>>,
    /// How long the value was.
    pub length: u64,
}

/// Reads a body that is pushed to it in pieces of any size.
#[derive(Debug)]
pub struct Reader {
    delimiter: Vec<u8>,
    finder: Finder<'static>,
    /// How many bytes of the delimiter the bytes so far end with.
    matched: usize,
    at: At,
    head: Vec<u8>,
    parts: usize,
    /// The text field whose value is passing now.
    open: Option<Field>,
    fields: Vec<Field>,
    kept: usize,
    file_begun: bool,
    problem: Option<MultipartProblem>,
}

impl Reader {
    /// A reader for bodies of that boundary (see [`boundary`]).
    pub fn new(boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self {
            finder: Finder::new(&delimiter).into_owned(),
            delimiter,
            // The first delimiter may stand at the very begin, without its line break.
            matched: 2,
            at: At::Preamble,
            head: Vec::new(),
            parts: 0,
            open: None,
            fields: Vec::new(),
            kept: 0,
            file_begun: false,
            problem: None,
        }
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// When the body breaks the format or a limit; every later call then says the same.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), MultipartProblem> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        self.walk(bytes).inspect_err(|problem| self.problem = Some(*problem))
    }

    /// Says that no more bytes will come.
    ///
    /// # Errors
    /// When the closing delimiter was not seen, or an earlier push failed.
    pub fn finish(&mut self) -> Result<(), MultipartProblem> {
        match self.problem {
            Some(problem) => Err(problem),
            None if self.done() => Ok(()),
            None => Err(MultipartProblem::Truncated),
        }
    }

    /// The text fields completed so far, in their order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Whether a part with a file name has begun.
    pub fn file_begun(&self) -> bool {
        self.file_begun
    }

    /// The delimiter with the line break before it; the first one may stand without.
    pub fn delimiter(&self) -> &[u8] {
        &self.delimiter
    }

    /// Whether the closing delimiter was seen.
    pub fn done(&self) -> bool {
        matches!(self.at, At::Closing | At::Epilogue)
    }

    fn walk(&mut self, mut bytes: &[u8]) -> Result<(), MultipartProblem> {
        while let Some((&byte, behind)) = bytes.split_first() {
            if self.at == At::Epilogue {
                return Ok(());
            }
            if matches!(self.at, At::Preamble | At::Value) {
                let Some(rest) = self.seek(bytes) else { return Ok(()) };
                self.fields.extend(self.open.take());
                self.at = At::Delimiter;
                bytes = rest;
                continue;
            }
            if self.at == At::Head {
                self.gather(byte)?;
            } else {
                self.at = self.at.after(byte)?;
            }
            bytes = behind;
        }
        Ok(())
    }

    /// Passes over data until behind the next delimiter; `None` when the bytes ended first.
    fn seek<'b>(&mut self, mut bytes: &'b [u8]) -> Option<&'b [u8]> {
        if self.matched > 0 {
            let awaited = self.delimiter.get(self.matched..).unwrap_or_default();
            let same = awaited.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            if same == awaited.len() {
                self.matched = 0;
                return bytes.get(same..);
            }
            let seen = self.matched + same;
            bytes = bytes.get(same..)?;
            if bytes.is_empty() {
                self.matched = seen;
                return None;
            }
            self.matched = 0;
            keep(&mut self.open, &mut self.kept, self.delimiter.get(..seen)?);
        }
        if let Some(at) = self.finder.find(bytes) {
            keep(&mut self.open, &mut self.kept, bytes.get(..at)?);
            return bytes.get(at + self.delimiter.len()..);
        }
        let window = bytes.len().saturating_sub(self.delimiter.len() - 1);
        let data = match memrchr(b'\r', bytes.get(window..)?) {
            Some(at) if self.delimiter.starts_with(bytes.get(window + at..)?) => window + at,
            _ => bytes.len(),
        };
        self.matched = bytes.len() - data;
        keep(&mut self.open, &mut self.kept, bytes.get(..data)?);
        None
    }

    /// Takes one byte of a part's head; behind the empty line the head is read.
    fn gather(&mut self, byte: u8) -> Result<(), MultipartProblem> {
        if (self.head.last() == Some(&b'\r')) != (byte == b'\n') {
            return Err(MultipartProblem::Head);
        }
        if self.head.len() == HEAD_LIMIT {
            return Err(MultipartProblem::HeadTooLarge);
        }
        self.head.push(byte);
        if self.head != b"\r\n" && !self.head.ends_with(b"\r\n\r\n") {
            return Ok(());
        }
        self.parts += 1;
        if self.parts > PARTS_LIMIT {
            return Err(MultipartProblem::TooManyParts);
        }
        let part = head::read(&self.head)?;
        self.head.clear();
        self.at = At::Value;
        if part.file {
            self.file_begun = true;
        } else {
            self.open = Some(Field { name: part.name, value: Some(Vec::new()), length: 0 });
        }
        Ok(())
    }
}

/// Adds to the open field's value, or gives its bytes up when all values together grow too large.
fn keep(open: &mut Option<Field>, kept: &mut usize, bytes: &[u8]) {
    let Some(field) = open else { return };
    field.length += bytes.len() as u64;
    let Some(value) = &mut field.value else { return };
    if *kept + bytes.len() > KEPT_LIMIT {
        *kept -= value.len();
        field.value = None;
    } else {
        *kept += bytes.len();
        value.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests;

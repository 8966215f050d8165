//! One line of a spool file: a letter, a blank, a record as JSON.

use std::io;

use serde::Serialize;

use crate::usage_record::{Tokens, UsageRecord};

/// What a line says of its record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A provider is about to be asked: this much was known by then.
    Begun,
    /// The same, written again in a younger file, because the file it began in goes.
    Carried,
    /// A call has ended.
    Ended,
}

/// Where a record begins, and with what: by this its id is found without looking at the rest.
const BEFORE_ID: &[u8] = br#" {"record_id":""#;

/// A record's id as it stands in its line: a UUID, as text. It is only looked for, so nobody takes it apart.
pub(super) type Id = [u8; 36];

impl Kind {
    const fn letter(self) -> u8 {
        match self {
            Self::Begun => b'b',
            Self::Carried => b'c',
            Self::Ended => b'e',
        }
    }

    fn of(letter: u8) -> Option<Self> {
        [Self::Begun, Self::Carried, Self::Ended].into_iter().find(|kind| kind.letter() == letter)
    }
}

/// Writes a line: the record as serde would write it, of which a test makes sure. By hand, for each call has two of them, and one is
/// waited for.
pub(super) fn write(to: &mut Vec<u8>, kind: Kind, record: &UsageRecord) -> io::Result<()> {
    let UsageRecord { record_id, id, started_us, duration_us, first_byte_us, caller, .. } = record;
    let UsageRecord { operation, method, model_asked, model_sent, provider, status, stream, .. } = record;
    let UsageRecord { outcome, error, attempts, tokens, bytes_in, bytes_out, trail, .. } = record;
    let mut line = Line(to);
    line.0.extend([kind.letter(), b' ']);
    line.text("{\"record_id\":", record_id)?;
    line.maybe_text(",\"id\":", Some(id).filter(|id| !id.is_empty()))?;
    line.number(",\"started_us\":", *started_us);
    line.some_number(",\"duration_us\":", *duration_us);
    first_byte_us.inspect(|first| line.number(",\"first_byte_us\":", *first));
    line.maybe_text(",\"caller\":", Some(caller).filter(|caller| !caller.is_empty()))?;
    line.text(",\"operation\":", operation)?;
    line.text(",\"method\":", method)?;
    line.maybe_text(",\"model_asked\":", model_asked.as_ref())?;
    line.maybe_text(",\"model_sent\":", model_sent.as_ref())?;
    line.maybe_text(",\"provider\":", provider.as_ref())?;
    line.number(",\"status\":", (*status).into());
    if *stream {
        line.plain(",\"stream\":true");
    }
    line.text(",\"outcome\":", outcome.label())?;
    line.maybe_text(",\"error\":", error.as_ref())?;
    line.number(",\"attempts\":", (*attempts).into());
    if let Some(Tokens { input, output, cached, reasoning }) = tokens {
        line.number(",\"tokens\":{\"input\":", *input);
        line.number(",\"output\":", *output);
        line.number(",\"cached\":", *cached);
        line.number(",\"reasoning\":", *reasoning);
        line.plain("}");
    }
    line.some_number(",\"bytes_in\":", *bytes_in);
    line.some_number(",\"bytes_out\":", *bytes_out);
    if !trail.is_empty() {
        line.plain(",\"trail\":");
        line.json(trail)?;
    }
    line.plain("}\n");
    Ok(())
}

/// A line that is being written.
struct Line<'l>(&'l mut Vec<u8>);

impl Line<'_> {
    fn plain(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn json(&mut self, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
        Ok(serde_json::to_writer(&mut *self.0, value)?)
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.plain(name);
        if !is_plain(text.as_bytes()) {
            return self.json(text);
        }
        self.0.push(b'"');
        self.plain(text);
        self.0.push(b'"');
        Ok(())
    }

    fn maybe_text(&mut self, name: &str, text: Option<&String>) -> io::Result<()> {
        text.map_or(Ok(()), |text| self.text(name, text))
    }

    fn number(&mut self, name: &str, number: u64) {
        self.plain(name);
        self.plain(itoa::Buffer::new().format(number));
    }

    /// One that is left out where it is nothing.
    fn some_number(&mut self, name: &str, number: u64) {
        if number != 0 {
            self.number(name, number);
        }
    }
}

/// Whether a text stands between quotes as it is. Eight bytes at a time, each judged by its highest bit: what is subtracted from borrows
/// only where it is too small. Where that bit was set already it says nothing, and serde finds out.
fn is_plain(text: &[u8]) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x80 * EACH;
    let stands = |bytes: [u8; 8]| {
        let bytes = u64::from_ne_bytes(bytes);
        let is = |byte: u8| (bytes ^ (EACH * u64::from(byte))).wrapping_sub(EACH);
        (bytes | bytes.wrapping_sub(EACH * 0x20) | is(b'"') | is(b'\\')) & HIGHEST == 0
    };
    let (blocks, rest) = text.as_chunks();
    // What is missing of the last one is made of plain bytes.
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    blocks.iter().all(|block| stands(*block)) && stands(last)
}

/// Writes a line that was read as one of another kind.
pub(super) fn write_as(to: &mut Vec<u8>, kind: Kind, line: &[u8]) {
    to.push(kind.letter());
    to.extend_from_slice(line.get(1..).unwrap_or_default());
    to.push(b'\n');
}

/// What a line says, and of which record; `None`: it was not even written so far.
pub(super) fn head(line: &[u8]) -> Option<(Kind, Id)> {
    let (letter, rest) = line.split_first()?;
    let (id, rest) = rest.strip_prefix(BEFORE_ID)?.split_first_chunk()?;
    Some((Kind::of(*letter)?, *id)).filter(|_| rest.starts_with(b"\""))
}

/// Reads a line; `None`: it was not written whole.
pub(super) fn read(line: &[u8]) -> Option<(Kind, UsageRecord)> {
    let record = serde_json::from_slice(line.get(2..)?).ok()?;
    Some((Kind::of(*line.first()?)?, record))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::usage_record::{Attempt, Outcome};

    #[test]
    fn the_head_of_a_line_tells_its_kind_and_its_id() {
        let id = Uuid::now_v7().to_string();
        let record = UsageRecord { record_id: id.clone(), ..UsageRecord::default() };
        for kind in [Kind::Begun, Kind::Carried, Kind::Ended] {
            let mut line = Vec::new();
            write(&mut line, kind, &record).unwrap_or_default();
            line.pop();
            assert_eq!(head(&line), id.as_bytes().try_into().ok().map(|id| (kind, id)));
            assert_eq!(read(&line), Some((kind, record.clone())));
            assert_eq!(head(&line[..20]), None);
            assert_eq!(head(&line[..BEFORE_ID.len() + 37]), None, "cut behind the last of its letters");
        }
    }

    #[test]
    fn a_text_is_plain_where_serde_would_write_it_as_it_is() {
        for byte in 0..128_u8 {
            for (before, behind) in (0..20).flat_map(|before| (0..20).map(move |behind| (before, behind))) {
                let text = format!("{}{}{}", "z".repeat(before), char::from(byte), " ".repeat(behind));
                let json = serde_json::to_string(&text).unwrap_or_default();
                assert_eq!(is_plain(text.as_bytes()), json == format!("\"{text}\""), "{text:?}");
            }
        }
        assert!(!is_plain("é".as_bytes()), "serde looks at what is not ASCII");
    }

    #[test]
    fn a_line_is_what_serde_would_write() {
        let odd = "a \"quoted\" \\ back, \u{1}\n\t\u{7f} \u{2028} é\u{1f980}";
        let full = UsageRecord {
            record_id: Uuid::now_v7().to_string(),
            id: "req".to_owned(),
            started_us: u64::MAX,
            duration_us: 1,
            first_byte_us: Some(0),
            caller: odd.to_owned(),
            operation: "chat".into(),
            method: odd.into(),
            model_asked: Some(odd.to_owned()),
            model_sent: Some(String::new()),
            provider: Some("openai".to_owned()),
            status: 200,
            stream: true,
            outcome: Outcome::CallerLeft,
            error: Some(odd.to_owned()),
            attempts: 2,
            tokens: Some(Tokens { input: 9, output: 0, cached: 3, reasoning: 1 }),
            bytes_in: 10,
            bytes_out: 20,
            trail: vec![Attempt { provider: odd.to_owned(), status: Some(500), ..Attempt::default() }],
        };
        for record in [full, UsageRecord::default()] {
            let mut line = Vec::new();
            write(&mut line, Kind::Ended, &record).unwrap_or_default();
            let json = serde_json::to_string(&record).unwrap_or_default();
            assert_eq!(String::from_utf8(line), Ok(format!("e {json}\n")));
        }
    }
}

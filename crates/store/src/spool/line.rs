//! One line of a spool file: a letter, a blank, a record as JSON.

use uuid::Uuid;

use crate::usage_record::UsageRecord;

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
const ID: usize = 36;

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

/// Writes a line.
pub(super) fn write(to: &mut Vec<u8>, kind: Kind, record: &UsageRecord) -> std::io::Result<()> {
    to.extend([kind.letter(), b' ']);
    serde_json::to_writer(&mut *to, record)?;
    to.push(b'\n');
    Ok(())
}

/// Writes a line that was read as one of another kind.
pub(super) fn write_as(to: &mut Vec<u8>, kind: Kind, line: &[u8]) {
    to.push(kind.letter());
    to.extend_from_slice(line.get(1..).unwrap_or_default());
    to.push(b'\n');
}

/// What a line says, and of which record; `None`: it was not even written so far.
pub(super) fn head(line: &[u8]) -> Option<(Kind, Uuid)> {
    let (letter, rest) = line.split_first()?;
    let id = rest.strip_prefix(BEFORE_ID)?.get(..ID)?;
    Some((Kind::of(*letter)?, Uuid::try_parse_ascii(id).ok()?))
}

/// Reads a line; `None`: it was not written whole.
pub(super) fn read(line: &[u8]) -> Option<(Kind, UsageRecord)> {
    let record = serde_json::from_slice(line.get(2..)?).ok()?;
    Some((Kind::of(*line.first()?)?, record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_line_tells_its_kind_and_its_id() {
        let id = Uuid::now_v7();
        let record = UsageRecord { record_id: id.to_string(), ..UsageRecord::default() };
        for kind in [Kind::Begun, Kind::Carried, Kind::Ended] {
            let mut line = Vec::new();
            write(&mut line, kind, &record).unwrap_or_default();
            line.pop();
            assert_eq!(head(&line), Some((kind, id)));
            assert_eq!(read(&line), Some((kind, record.clone())));
            assert_eq!(head(&line[..20]), None);
        }
    }
}

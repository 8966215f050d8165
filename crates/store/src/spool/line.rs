//! One line of a spool file: a letter, a blank, a record as JSON.

use crate::usage_record::UsageRecord;

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// A provider is about to be asked: this much was known by then.
    Begun(UsageRecord),
    /// The same, written again in a younger file, because the file it began in goes.
    Carried(UsageRecord),
    /// A call has ended.
    Ended(UsageRecord),
}

/// Writes a line.
pub(super) fn write(to: &mut Vec<u8>, letter: u8, record: &UsageRecord) -> std::io::Result<()> {
    to.extend([letter, b' ']);
    serde_json::to_writer(&mut *to, record)?;
    to.push(b'\n');
    Ok(())
}

pub(super) const BEGUN: u8 = b'b';
pub(super) const CARRIED: u8 = b'c';
pub(super) const ENDED: u8 = b'e';

/// Reads a line; `None`: it was not written whole.
pub(super) fn read(line: &[u8]) -> Option<Line> {
    let (letter, record) = (line.first()?, line.get(2..)?);
    let record = serde_json::from_slice(record).ok()?;
    match *letter {
        BEGUN => Some(Line::Begun(record)),
        CARRIED => Some(Line::Carried(record)),
        ENDED => Some(Line::Ended(record)),
        _ => None,
    }
}

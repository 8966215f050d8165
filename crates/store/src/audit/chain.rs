//! How one row of the audit follows another.

use std::sync::Arc;

use aws_lc_rs::hmac;

use super::{AuditEntry, AuditRow};
use crate::text::hex;

/// Stands for the hash of the row before where that cannot be known any more: somebody has changed where the chain ends. It
/// stays in the chain as a scar.
pub(super) const SEVERED: &str = "severed";

/// What the hashes are made with.
#[derive(Clone, Debug)]
pub struct AuditKey(Arc<hmac::Key>);

impl AuditKey {
    /// A key of these bytes, which are secret.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self::of(bytes)
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// Of a purpose, numbers, and texts, each told apart from the next.
    pub(crate) fn hash(&self, purpose: &str, numbers: &[u64], texts: &[&str]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        for number in numbers {
            context.update(&number.to_be_bytes());
        }
        for text in texts {
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        hex(context.sign().as_ref())
    }

    /// The hash of a row, if it had this number.
    pub(super) fn of_row(&self, number: u64, previous: &str, entry: &AuditEntry) -> String {
        let AuditEntry { at_us, actor, role, address, action, subject, outcome, detail } = entry;
        let texts = [previous, actor, role, address, action, subject, outcome, detail];
        self.hash("audit row", &[number, *at_us], &texts)
    }

    /// Whether a row is as it was written.
    pub(super) fn wrote(&self, row: &AuditRow) -> bool {
        self.of_row(row.number, &row.previous, &row.entry) == row.hash
    }
}

/// Where the chain begins and ends.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Ends {
    /// The row before the first: the last that was pruned; 0: none was.
    pub(crate) before: u64,
    /// Its hash; empty: there was none.
    pub(crate) before_hash: String,
    /// The newest row; 0: none was ever written.
    pub(crate) last: u64,
    /// Its hash.
    pub(crate) last_hash: String,
    /// The hash of all that; empty: nobody has begun the chain.
    pub(crate) seal: String,
}

impl Ends {
    /// Of a chain that begins now.
    pub(crate) fn of_nothing(key: &AuditKey) -> Self {
        Self::default().sealed(key)
    }

    fn seal(&self, key: &AuditKey) -> String {
        key.hash("audit ends", &[self.before, self.last], &[&self.before_hash, &self.last_hash])
    }

    fn sealed(mut self, key: &AuditKey) -> Self {
        self.seal = self.seal(key);
        self
    }

    /// Whether they are as we wrote them.
    pub(crate) fn hold(&self, key: &AuditKey) -> bool {
        self.seal == self.seal(key)
    }

    /// The row of a new entry, and the ends with it. `highest` is the highest number that is there, whoever wrote it.
    pub(crate) fn follow(self, key: &AuditKey, highest: u64, entry: AuditEntry) -> (AuditRow, Self) {
        let number = self.last.max(highest).saturating_add(1);
        let (ends, previous) = match self.hold(key) {
            true => (self.clone(), self.last_hash),
            // Nothing they say is believed, and nobody shall be able to say later that nothing has happened.
            false => (Self::default(), SEVERED.to_owned()),
        };
        let hash = key.of_row(number, &previous, &entry);
        let ends = Self { last: number, last_hash: hash.clone(), ..ends }.sealed(key);
        (AuditRow { number, entry, previous, hash }, ends)
    }

    /// Of these rows, the oldest there are, how many may go: those of before this time. A row that is not as it was written
    /// stays, with all that follow it. Also the ends without them.
    pub(crate) fn without(self, key: &AuditKey, oldest: &[AuditRow], before_us: u64) -> (usize, Self) {
        if !self.hold(key) {
            return (0, self);
        }
        let mut ends = self;
        let mut gone = 0;
        for row in oldest {
            let follows = row.number == ends.before + 1 && row.previous == ends.before_hash;
            if row.entry.at_us >= before_us || row.number > ends.last || !follows || !key.wrote(row) {
                break;
            }
            (ends.before, ends.before_hash) = (row.number, row.hash.clone());
            gone += 1;
        }
        (gone, ends.sealed(key))
    }
}

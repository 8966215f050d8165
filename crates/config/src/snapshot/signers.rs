//! What callers sign their requests with who do not show their key, as AWS's libraries do (Signature Version 4). It is derived from what is
//! kept of the key, with the pepper: so nothing more is kept, it is the same for every gateway of a database, and it goes with its key
//! (docs/adr/0030).

use std::collections::HashMap;

use aws_lc_rs::hmac;
use protocol::secret::Secret;

use super::pepper::{Digest, Pepper};

/// What a caller signs with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessKey {
    /// Its name in a request; no secret. As long as AWS's are, of letters and digits.
    pub id: String,
    /// What is signed with. As long as AWS's are.
    pub secret: Secret,
}

/// All who may sign, in the order of their keys.
#[derive(Debug)]
pub(super) struct Signers {
    /// None: the pepper is not known. In a place of its own, for a snapshot is moved about while it is made.
    derivations: Option<Box<Derivations>>,
    digests: Vec<Digest>,
    index: HashMap<String, usize>,
}

/// From a digest to an id and to a secret, of which neither tells the other.
struct Derivations {
    ids: hmac::Key,
    secrets: hmac::Key,
}

/// How an id of ours begins, so that whoever finds one knows that it is none of AWS's, and what it opens.
const BEGIN: &str = "OPAK";
/// The other letters of an id.
const ID: usize = 16;
/// The letters of a secret: 200 bits.
const SECRET: usize = 40;

impl Signers {
    pub(super) fn new(pepper: &Pepper) -> Self {
        let derivations = || {
            let ids = pepper.derivation("aws access key id")?;
            Some(Box::new(Derivations { ids, secrets: pepper.derivation("aws secret access key")? }))
        };
        Self { derivations: derivations(), digests: Vec::new(), index: HashMap::new() }
    }

    /// Adds the next key, by what is kept of it.
    pub(super) fn add(&mut self, digest: Digest) {
        if let Some(derivations) = &self.derivations {
            self.index.insert(derivations.id(&digest), self.digests.len());
            self.digests.push(digest);
        }
    }

    /// Which key signs under this id, and its secret.
    pub(super) fn find(&self, id: &str) -> Option<(usize, Secret)> {
        let place = *self.index.get(id)?;
        Some((place, self.of(place)?.secret))
    }

    /// What is signed with in the place of a key.
    pub(super) fn of(&self, place: usize) -> Option<AccessKey> {
        let (derivations, digest) = (self.derivations.as_ref()?, self.digests.get(place)?);
        Some(AccessKey { id: derivations.id(digest), secret: derivations.secret(digest) })
    }
}

impl Derivations {
    fn id(&self, digest: &Digest) -> String {
        format!("{BEGIN}{}", letters(&self.ids, digest, ID))
    }

    fn secret(&self, digest: &Digest) -> Secret {
        Secret::new(letters(&self.secrets, digest, SECRET))
    }
}

impl std::fmt::Debug for Derivations {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("***")
    }
}

/// So many letters of base32 (RFC 4648, 6), five bits each: what no shell, file or address takes for something else.
fn letters(key: &hmac::Key, digest: &Digest, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let tag = hmac::sign(key, digest.bytes());
    let bits = tag.as_ref().iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let bits: Vec<u8> = bits.take(count * 5).collect();
    let letter = |five: &[u8]| five.iter().fold(0, |number, bit| number << 1 | usize::from(*bit));
    bits.chunks(5).map(|five| char::from(ALPHABET[letter(five)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signers(pepper: &Pepper, keys: &[&str]) -> Signers {
        let mut signers = Signers::new(pepper);
        keys.iter().for_each(|key| signers.add(pepper.digest(key)));
        signers
    }

    fn known(text: &str) -> Pepper {
        Pepper::new(Some(&Secret::new(text)))
    }

    #[test]
    fn each_key_signs_with_its_own_and_is_found_by_its_id() {
        let signers = signers(&known("pepper"), &["one", "two"]);
        let (one, two) = (signers.of(0).unwrap(), signers.of(1).unwrap());
        assert!(one.id != two.id && one.secret != two.secret);
        assert_eq!(signers.find(&two.id), Some((1, two.secret.clone())));
        assert_eq!(signers.find(&two.id.to_lowercase()), None);
        for key in [one, two] {
            let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            assert!(key.id.len() == 20 && is_plain(&key.id), "{}", key.id);
            assert!(key.secret.expose().len() == 40 && is_plain(key.secret.expose()));
        }
    }

    #[test]
    fn gateways_with_one_pepper_derive_the_same_and_no_others() {
        let of = |pepper: &Pepper| signers(pepper, &["one"]).of(0);
        assert_eq!(of(&known("pepper")), of(&known("pepper")));
        assert_ne!(of(&known("pepper")).unwrap().id, of(&known("another")).unwrap().id);
    }

    /// What is kept lies in the database, and would be all that is needed.
    #[test]
    fn without_the_pepper_nobody_signs() {
        let signers = signers(&Pepper::new(None), &["one"]);
        assert_eq!((signers.of(0), signers.index.len()), (None, 0));
    }
}

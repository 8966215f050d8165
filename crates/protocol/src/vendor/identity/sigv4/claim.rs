//! A request that came in signed: who is said to have signed it, and whether they did. Source: docs.aws.amazon.com, "Create a signed AWS
//! API request", "Elements of an AWS API request signature", "Troubleshoot Signature Version 4 signing".
//!
//! It is judged in three steps, for each needs more than the one before: [`Claim::read`] the header alone, [`Claim::check`] the head, and
//! [`Claim::holds`] the secret and the body. Nothing of a claim is believed before the last.

use std::time::{Duration, SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use http::header::{DATE, HOST};

use super::canonical::{canonical, hash};
use super::{ALGORITHM, END, Place, Signed, amz_date, day_of, signature};
use crate::moment;
use crate::secret::Secret;

/// How far the clock of who signs may be from ours, in either direction ("the request reached the service more than 15 minutes after the
/// date stamp").
const SKEW: Duration = Duration::from_mins(15);

/// The signing name of the service that is served here.
const SERVICE: &str = "bedrock";

const X_AMZ_DATE: &str = "x-amz-date";
const X_AMZ_CONTENT_SHA256: &str = "x-amz-content-sha256";
const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";

/// What `Authorization` says of a signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    id: String,
    day: String,
    region: String,
    service: String,
    names: String,
    signature: String,
}

/// A request, as it came in.
#[derive(Clone, Copy)]
pub struct Came<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, as on the wire.
    pub target: &'a str,
    /// Whom it was sent to: `Host`, or `:authority`.
    pub host: &'a str,
    /// Its head.
    pub head: &'a HeaderMap,
}

/// Why a signature cannot hold, whoever made it. What is shown of it is the request's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// It is not of [`ALGORITHM`].
    Algorithm,
    /// A part of `Authorization` is missing, stands there twice, or is none.
    Incomplete,
    /// It was made with the keys of a session.
    Session,
    /// It was made for another service.
    Service,
    /// It does not say when it was made, or not so that it can be read.
    Undated,
    /// The day of its scope is another one than that of its date.
    OtherDay,
    /// It is too old: its date, the oldest that is taken, and what time it is.
    Expired(String, String, String),
    /// It is from a time to come: its date, the latest that is taken, and what time it is.
    NotYet(String, String, String),
    /// This header has to be signed, and is not.
    Unsigned(String),
    /// The names of what is signed are not in their order, or one stands there twice.
    Disorder,
    /// It does not cover the body: that is not signed, or piece by piece.
    Payload,
}

impl Claim {
    /// Reads `Authorization`.
    ///
    /// # Errors
    /// [`Flaw::Algorithm`] and [`Flaw::Incomplete`].
    pub fn read(shown: &str) -> Result<Self, Flaw> {
        let (algorithm, parts) = shown.split_once(' ').unwrap_or((shown, ""));
        if algorithm != ALGORITHM {
            return Err(Flaw::Algorithm);
        }
        let (mut credential, mut names, mut signature) = (None, None, None);
        // Parts are set apart by commas, which may have blanks behind them, or by blanks alone.
        for part in parts.split([',', ' ']).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(Flaw::Incomplete)?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut names,
                "Signature" => &mut signature,
                _ => return Err(Flaw::Incomplete),
            };
            if place.replace(value).is_some() {
                return Err(Flaw::Incomplete);
            }
        }
        let (Some(credential), Some(names), Some(signature)) = (credential, names, signature) else {
            return Err(Flaw::Incomplete);
        };
        let [id, day, region, service, END] = credential.split('/').collect::<Vec<_>>()[..] else {
            return Err(Flaw::Incomplete);
        };
        let [id, day, region, service, names, signature] =
            [id, day, region, service, names, signature].map(str::to_owned);
        Ok(Self { id, day, region, service, names, signature })
    }

    /// The id of the keys it says to be made with; no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Looks at all that needs neither secret nor body.
    ///
    /// # Errors
    /// Any [`Flaw`] but those of [`Claim::read`].
    pub fn check(&self, head: &HeaderMap, now: SystemTime) -> Result<(), Flaw> {
        if head.contains_key(X_AMZ_SECURITY_TOKEN) {
            return Err(Flaw::Session);
        }
        if self.service != SERVICE {
            return Err(Flaw::Service);
        }
        self.check_date(head, now)?;
        let of_amazon = head.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
        let dated = if head.contains_key(X_AMZ_DATE) { X_AMZ_DATE } else { DATE.as_str() };
        let mut needed = [HOST.as_str(), dated].into_iter().chain(of_amazon);
        if let Some(missing) = needed.find(|name| self.names().all(|signed| signed != *name)) {
            return Err(Flaw::Unsigned(missing.to_owned()));
        }
        // Each name brings its header's value into what is hashed: twice named, a head of some kilobytes would become a thousand heads.
        if !self.names().is_sorted_by(|one, next| one < next) {
            return Err(Flaw::Disorder);
        }
        match single(head, X_AMZ_CONTENT_SHA256) {
            Ok(Some(hash)) if !is_hash(hash) => Err(Flaw::Payload),
            Err(Several) => Err(Flaw::Payload),
            _ => Ok(()),
        }
    }

    fn check_date(&self, head: &HeaderMap, now: SystemTime) -> Result<(), Flaw> {
        let made = made(head).ok_or(Flaw::Undated)?;
        let date = amz_date(made);
        if day_of(&date) != self.day {
            return Err(Flaw::OtherDay);
        }
        let (oldest, latest) = (now.checked_sub(SKEW).unwrap_or(now), now + SKEW);
        if made < oldest {
            return Err(Flaw::Expired(date, amz_date(oldest), amz_date(now)));
        }
        if made > latest {
            return Err(Flaw::NotYet(date, amz_date(latest), amz_date(now)));
        }
        Ok(())
    }

    /// Whether it was made with this secret, of this request with this body. How long that takes says nothing of where two signatures
    /// differ.
    pub fn holds(&self, secret: &Secret, request: Came<'_>, body: &[u8]) -> bool {
        let payload = hash(body);
        let said = request.head.get(X_AMZ_CONTENT_SHA256);
        let (Some(made), Some(head)) = (made(request.head), self.lines(request)) else { return false };
        if said.is_some_and(|said| said.as_bytes() != payload.as_bytes()) {
            return false;
        }
        let signed = Signed { method: request.method, target: request.target, head: &head, body };
        let canonical = canonical(signed, &payload);
        let place = Place { day: &self.day, region: &self.region, service: &self.service };
        let signature = signature(secret, place, &amz_date(made), &canonical.text);
        // Names that are not in the head.
        canonical.names == self.names
            && verify_slices_are_equal(signature.as_bytes(), self.signature.as_bytes()).is_ok()
    }

    /// The lines of the head that are signed; none: one of them is no text.
    fn lines<'a>(&'a self, request: Came<'a>) -> Option<Vec<(&'a str, &'a str)>> {
        let mut lines = Vec::new();
        for name in self.names() {
            if name == HOST.as_str() {
                lines.push((name, request.host));
                continue;
            }
            for value in request.head.get_all(name) {
                lines.push((name, std::str::from_utf8(value.as_bytes()).ok()?));
            }
        }
        Some(lines)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.split(';')
    }
}

/// A header stands there more than once.
struct Several;

/// The one value of a header.
fn single<'h>(head: &'h HeaderMap, name: &str) -> Result<Option<&'h [u8]>, Several> {
    let mut values = head.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Several),
        (value, None) => Ok(value.map(http::HeaderValue::as_bytes)),
    }
}

/// When a request was signed: by `x-amz-date`, or without it by `Date`.
fn made(head: &HeaderMap) -> Option<SystemTime> {
    let text = |name: &str| Some(std::str::from_utf8(single(head, name).ok()??).unwrap_or_default());
    if head.contains_key(X_AMZ_DATE) {
        return read_date(text(X_AMZ_DATE)?);
    }
    let date = text(DATE.as_str())?;
    read_date(date).or_else(|| httpdate::parse_http_date(date).ok())
}

/// Reads `20150830T123600Z`.
fn read_date(text: &str) -> Option<SystemTime> {
    let part = |range| text.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (mark, hour, minute, second) = (part(8..9)?, part(9..11)?, part(11..13)?, text.get(13..)?);
    moment::rfc3339(&format!("{year}-{month}-{day}{mark}{hour}:{minute}:{second}"))
        .filter(|moment| amz_date(*moment) == text)
}

/// SHA-256, in hexadecimal as AWS writes it.
fn is_hash(text: &[u8]) -> bool {
    text.len() == 64 && text.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
}

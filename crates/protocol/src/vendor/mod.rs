//! The vendors: kinds of service, known at compile time.
//!
//! A vendor's file says how its addresses look, where it wants its credential, which operations it knows and what its
//! faults mean. It builds and reads; it never sends. OpenAI-like vendors are six lines of data in `compatible.toml`.

mod anthropic;
mod azure;
mod bedrock;
mod codes;
mod cohere;
mod compatible;
pub mod fingerprint;
mod gemini;
pub mod identity;
pub mod mock;
mod openai;
mod purpose;
pub mod stock;
mod vertex;
mod wordings;

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::codec::Habits;
use crate::dialect::{Dialect, Wire, embedding, rerank};
use crate::frame::said::Prefill;
use crate::operation::{self, Operation, Row};
use crate::quota::{self, Left};
use crate::secret::Secret;
use crate::verdict::{self, UpstreamFault};
use identity::Identity;

pub use purpose::Purpose;

/// A vendor's habits. Pure: it builds and reads messages, it never sends one.
pub trait Vendor: Sync + Send {
    /// The word for it in configuration (`type:`) and in records.
    fn name(&self) -> &str;

    /// Where it lives when the configuration names no address. `None`: an address must be given.
    fn home(&self) -> Option<&str>;

    /// Where it lives for who we are there (region, project), when the configuration names no address.
    fn home_of(&self, _identity: &Identity) -> Option<String> {
        None
    }

    /// What to write for that, where it has no home otherwise: a section of the configuration.
    fn home_told_by(&self) -> Option<&'static str> {
        None
    }

    /// Environment variables its key is found under, in order of preference.
    fn key_variables(&self) -> &[String];

    /// Whether it usually runs beside us, without a key.
    fn local(&self) -> bool {
        false
    }

    /// Whether models can be brought to it and taken away ([`stock`]).
    fn stocks(&self) -> bool {
        false
    }

    /// Whether a model it announces under one name may be asked for under another.
    fn answers_to(&self, announced: &str, asked: &str) -> bool {
        announced == asked
    }

    /// The language it wants for an operation; `None`: it cannot do it.
    fn speaks(&self, operation: Operation) -> Option<Dialect>;

    /// The wire it converses in when it is asked in one it does not speak; `None`: it has no conversations.
    fn wire(&self) -> Option<Wire> {
        self.speaks(Operation::Chat).map(|_| Wire::Chat)
    }

    /// Who serves a model of it that is spoken to otherwise than its others.
    fn of_model(&self, _model: &str) -> Option<&'static dyn Vendor> {
        None
    }

    /// What it does differently from others of its wire.
    fn habits(&self) -> Habits {
        Habits::default()
    }

    /// The same at one place of it, where more is known.
    fn habits_at(&self, site: &Site) -> Habits {
        Habits { counts_streams: self.counts_streams(site), ..self.habits() }
    }

    /// The path and query of a conversation in its wire, beginning with a slash.
    fn conversation(&self, site: &Site, model: &str, _streams: bool) -> String {
        let row = operation::chat();
        self.address(site, &Ask { row, rest: row.shape, query: None, model: Some(model) })
    }

    /// Whether a conversation in its own language is asked for there as well, whatever the path its caller used.
    fn moves_conversations(&self) -> bool {
        false
    }

    /// Where the tokens of a conversation in its own language are counted, and what the model is called in the body there; `None`: where
    /// its caller asks.
    fn counting(&self, _site: &Site, _model: &str) -> Option<(String, String)> {
        None
    }

    /// The last edit of a conversation's body, which is in its own language already.
    fn tune(&self, body: Bytes) -> Bytes {
        body
    }

    /// How it is asked for vectors by who asks in a language it does not speak; `None`: it makes none.
    fn embeds(&self) -> Option<embedding::Place> {
        self.speaks(Operation::Embeddings).map(|_| embedding::Place::OpenAi)
    }

    /// The path and query for vectors, beginning with a slash.
    fn embedding(&self, site: &Site, model: &str) -> String {
        let row = operation::embeddings();
        self.address(site, &Ask { row, rest: row.shape, query: None, model: Some(model) })
    }

    /// How it is asked for an order of documents by who asks in a language it does not speak; `None`: it makes none.
    fn ranks(&self) -> Option<rerank::Place> {
        self.speaks(Operation::Rerank).map(|_| rerank::Place::Jina)
    }

    /// The path and query for an order, beginning with a slash.
    fn ranking(&self, site: &Site, model: &str) -> String {
        let row = operation::rerank();
        self.address(site, &Ask { row, rest: row.shape, query: None, model: Some(model) })
    }

    /// Whether it can be asked in its own words for what is one of these in every language: a chat, embeddings, rerank.
    fn can_be_asked(&self, operation: Operation) -> bool {
        match operation {
            Operation::Embeddings => self.embeds().is_some(),
            Operation::Rerank => self.ranks().is_some(),
            _ => self.wire().is_some(),
        }
    }

    /// The path and query to ask for, beginning with a slash.
    fn address(&self, site: &Site, ask: &Ask<'_>) -> String {
        plain_address(site, ask)
    }

    /// Whether the address names the model, so that the body's own word for it is nobody's business.
    fn model_in_address(&self, _site: &Site, _row: &'static Row) -> bool {
        false
    }

    /// Where it looks for this credential; `None`: nowhere. Default: `Authorization: Bearer`.
    fn credential_at(&self, _secret: &Secret) -> Option<CredentialAt> {
        Some(CredentialAt::BEARER)
    }

    /// Puts the credential where the vendor looks for it.
    ///
    /// # Errors
    /// When the secret cannot be a header value (line breaks, control characters).
    fn sign(&self, head: &mut HeaderMap, secret: &Secret) -> Result<(), UnusableSecret> {
        let Some(CredentialAt { name, before }) = self.credential_at(secret) else { return Ok(()) };
        head.insert(HeaderName::from_static(name), sensitive(&[before, secret.expose()].concat())?);
        Ok(())
    }

    /// Headers every request to it has, where its caller names none of that name.
    fn usual_headers(&self) -> &[(&'static str, &'static str)] {
        &[]
    }

    /// Whether a streamed answer may be asked for a usage chunk (`stream_options.include_usage`).
    fn counts_streams(&self, site: &Site) -> bool;

    /// How it goes on with an answer of a chat that was begun for it.
    fn prefill(&self) -> Prefill {
        Prefill::Unknown
    }

    /// What an answer that is not a success means. `body` is as much of it as was read; an error told inside a success (an
    /// event of a stream) is given with that success's status.
    fn read_fault(
        &self,
        status: StatusCode,
        head: &HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> UpstreamFault {
        verdict::read(&codes::ALL, (status, head, body), now)
    }

    /// Whether the words an error was understood by may be its caller's own, told back by the vendor.
    fn echoes(&self, status: StatusCode, body: &[u8], request: &[u8]) -> bool {
        verdict::is_echo(&codes::ALL, (status, body), request)
    }

    /// What is left of the account's limits, as an answer's head tells it.
    fn read_quota(&self, head: &HeaderMap) -> Option<Left> {
        quota::read(head)
    }
}

/// Where a credential is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CredentialAt {
    /// The header, in small letters.
    pub name: &'static str,
    /// What stands before it there.
    pub before: &'static str,
}

impl CredentialAt {
    /// As most vendors want it.
    pub const BEARER: Self = Self { name: "authorization", before: "Bearer " };

    /// Alone, under a header of its own.
    pub const fn under(name: &'static str) -> Self {
        Self { name, before: "" }
    }
}

/// The secret of a provider cannot be sent in a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnusableSecret;

/// One configured place of a vendor: what its address is built from.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The path of the base URL, without a trailing slash; empty when the URL named none.
    pub base_path: String,
    /// `api_version` of the configuration, as written.
    pub api_version: Option<String>,
    /// Paths rewritten for this place: ours (without `/v1`) to the vendor's (from the root).
    pub endpoints: Vec<(String, String)>,
}

/// What is asked of a vendor, as far as an address needs it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The row of the operation.
    pub row: &'static Row,
    /// The path below `/v1`, beginning with a slash.
    pub rest: &'a str,
    /// The query as the caller wrote it, without the question mark.
    pub query: Option<&'a str>,
    /// The vendor's own name for the model, if the operation has one.
    pub model: Option<&'a str>,
}

/// Base path, rest and query put together; a rewritten endpoint replaces the whole path.
pub(crate) fn plain_address(site: &Site, ask: &Ask<'_>) -> String {
    let rewritten =
        site.endpoints.iter().find(|(ours, _)| ours == ask.rest).map(|(_, theirs)| theirs.as_str());
    let mut address = match rewritten {
        Some(path) => path.to_owned(),
        None => [site.base_path.as_str(), ask.rest].concat(),
    };
    if let Some(query) = ask.query.and_then(|query| without(query, &["api-version"])) {
        address.push('?');
        address.push_str(&query);
    }
    address
}

/// A text as one path segment or one query value: everything but the unreserved characters is encoded (RFC 3986, 2.3),
/// so that a caller's name for a model can never become a path, a query or a fragment of ours. Dots stay: [`climbs`] finds those that
/// are steps.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}

/// Whether a path leads out of its folder for anybody on the way: dots alone in a segment are a step for whoever reads addresses as
/// browsers do, encoded or not (WHATWG URL, "double-dot URL path segment"), and for servers that decode slashes first, or decode twice.
/// Encoding is no help, so a name that makes such a path is not put into any.
pub fn climbs(address: &str) -> bool {
    let path = address.split('?').next().unwrap_or(address);
    // Most have none of what it takes.
    if !path.bytes().any(|b| matches!(b, b'.' | b'%')) {
        return false;
    }
    if !path.contains("..") && !path.contains("/.") && !path.contains('%') {
        return false;
    }
    let mut path = path.to_ascii_lowercase();
    while path.contains("%25") {
        path = path.replace("%25", "%");
    }
    let path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").replace("%3b", ";");
    path.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | "..")))
}

/// The query without the parameters named; `None` when nothing is left.
pub(crate) fn without(query: &str, names: &[&str]) -> Option<String> {
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !names.contains(&pair.split('=').next().unwrap_or(pair))).collect();
    let query = kept.join("&");
    (!query.is_empty()).then_some(query)
}

/// A header value that is never shown in debug output.
pub(crate) fn sensitive(text: &str) -> Result<HeaderValue, UnusableSecret> {
    let mut value = HeaderValue::from_str(text).map_err(|_| UnusableSecret)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A secret as most vendors want it shown, in `Authorization`.
pub(crate) fn bearer(secret: &Secret) -> Result<HeaderValue, UnusableSecret> {
    sensitive(&[CredentialAt::BEARER.before, secret.expose()].concat())
}

/// The vendors that have a file of their own.
macro_rules! vendors {
    ($($module:ident),+ $(,)?) => {
        static OWN: &[&dyn Vendor] = &[$(&$module::VENDOR),+];
    };
}
vendors![openai, azure, anthropic, gemini, vertex, bedrock, cohere, mock];

/// The vendor of that name.
pub fn find(name: &str) -> Option<&'static dyn Vendor> {
    all().find(|vendor| vendor.name() == name)
}

/// Every vendor: those with a file, then those of `compatible.toml`.
pub fn all() -> impl Iterator<Item = &'static dyn Vendor> {
    OWN.iter().copied().chain(compatible::all().iter().map(|vendor| vendor as &dyn Vendor))
}

#[cfg(test)]
mod tests;

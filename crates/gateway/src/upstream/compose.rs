//! The request as it goes out: the caller's own bytes, with our address, our credential and at most two edits.

use std::borrow::Cow;
use std::net::IpAddr;

use config::snapshot::{Credential, Identity, Provider};
use http::header::{self, HeaderMap, HeaderName};
use protocol::dialect::headers;
use protocol::envelope;
use protocol::fault::Kind;
use protocol::operation::{self, About, ModelAt, Operation};
use protocol::secret::Secret;
use protocol::vendor::identity::Grant;
use protocol::vendor::{Ask, CredentialAt, climbs, encode};

use super::coding;
use super::engine::{HeadWriter, Message, OutBody};
use super::passage::Translated;
use super::signature;
use crate::decimal;
use crate::error::ApiError;
use crate::intake::{Call, Payload, UploadBody, decode, shown};
use crate::route::Target;

/// What is shown to a target.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    /// The credential its provider has.
    Own,
    /// One of the provider's keys.
    Key(&'a Secret),
    /// What we were given for who we are there.
    Grant(&'a Identity, &'a Grant),
}

/// A request composed, and what was asked for that the caller did not ask for.
pub(super) struct Outgoing {
    pub(super) message: Message,
    /// We asked for a usage chunk; it is kept from the caller.
    pub(super) asked_usage: bool,
}

/// Composes the request for a target, in its own words if those are not the caller's. Where it is signed that is done last, on what goes out.
///
/// # Errors
/// When the configuration's credential or address cannot be put into a request: our fault, said without showing it.
pub(super) fn compose(
    call: &Call,
    body: Payload,
    target: &Target,
    shown: Shown<'_>,
    translated: Option<&Translated>,
) -> Result<Outgoing, ApiError> {
    let provider = &target.provider;
    let vendor = target.vendor();
    let moves = || vendor.moves_conversations() && call.row.wire(&call.rest) == vendor.wire();
    let own_name = target.model.as_deref().or(call.model.as_deref()).unwrap_or_default();
    let counts =
        call.row.about(&call.rest).is_some_and(|about| Some(about) == vendor.wire().map(About::Tokens));
    let counting = counts.then(|| vendor.counting(&provider.site, own_name)).flatten();
    let address = match (translated, &counting) {
        (Some(translated), _) => translated.address(call, target).unwrap_or_else(|| address(call, target)),
        (None, Some((there, _))) => there.clone(),
        (None, None) if moves() => vendor.conversation(&provider.site, own_name, call.streams),
        (None, None) => address(call, target),
    };
    let own_name = counting.as_ref().map(|(_, name)| name.as_str()).or(target.model.as_deref());
    if !address.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unusable(provider));
    }
    if climbs(&address) {
        return Err(no_name(call));
    }
    let asked_usage = match translated {
        None => asks_usage(call, provider),
        Some(translated) => translated.exchange.hides_usage(),
    };
    let mut head = HeadWriter::begin(&call.method, &address);
    let own = Own::of(call, provider, shown)?;
    say_ourselves(&mut head, call, provider);
    own.write(&mut head, provider);
    if call.upgrade.is_some() {
        head.upgrade();
        keep_subprotocols(&mut head, call);
    }
    // What is written anew in its own language is said by the caller's headers, too.
    let foreign = translated.is_some_and(|translated| !translated.exchange.is_at_home());
    pass_headers(&mut head, call, (provider, shown), &own, (translated.is_some(), foreign));
    for (name, value) in vendor.usual_headers() {
        let said = !foreign && call.head.contains_key(*name);
        if !said && !own.has(name) {
            head.line(name, value.as_bytes());
        }
    }
    let body = match (body, translated) {
        (_, Some(translated)) => {
            head.line("content-type", b"application/json");
            OutBody::Whole(vendor.tune(translated.body.clone()))
        }
        (Payload::Empty, None) => OutBody::Empty,
        (Payload::Flowing(mut body), None) => {
            rename_in_form(&mut body, call, target)?;
            OutBody::Flowing(body)
        }
        (Payload::Whole(bytes), None) => {
            let in_address =
                call.row.model == ModelAt::Path || vendor.model_in_address(&provider.site, call.row);
            // A model named in the path alone is put in.
            let named = |envelope: &envelope::Envelope| envelope.model.is_some() || call.path_model.is_some();
            let edited = match &call.envelope {
                Some(envelope) => {
                    let model = own_name.filter(|_| !in_address && named(envelope));
                    envelope::edit(&bytes, envelope, model, asked_usage)
                }
                None => bytes,
            };
            OutBody::Whole(if moves() { vendor.tune(edited) } else { edited })
        }
    };
    if let Shown::Grant(identity, grant) = shown {
        let body = match &body {
            OutBody::Empty => Some(&[][..]),
            OutBody::Whole(bytes) => Some(&bytes[..]),
            OutBody::Flowing(_) => None,
        };
        let request = (call.method.as_str(), address.as_str(), head.said(), body);
        for (name, value) in signature::lines(identity, grant, request).map_err(|_| unsigned(provider))? {
            head.line(name, value.as_bytes());
        }
    }
    Ok(Outgoing { message: head.end(body), asked_usage })
}

/// A form's model gets the target's own name, where it differs and the address does not say it.
fn rename_in_form(body: &mut UploadBody, call: &Call, target: &Target) -> Result<(), ApiError> {
    let (Some(asked), Some(own)) = (&call.model, &target.model) else { return Ok(()) };
    let provider = &target.provider;
    // Before a verb it is the path's alone, in these languages.
    if call.row.model == ModelAt::Path || provider.vendor.model_in_address(&provider.site, call.row) {
        return Ok(());
    }
    // Where the path names the model, the form's own word for it counts for nobody, and may be missing.
    let in_form = if call.path_model.is_some() { body.field("model")? } else { Some(asked.clone()) };
    let done = match &in_form {
        Some(said) => said == own || body.rename_model(said, own),
        None => body.name_model(own),
    };
    if done {
        return Ok(());
    }
    if in_form.is_none() {
        let say = "This model is named in the path alone, and where it is served the body has to name it, which cannot be \
                   put in: the body is compressed, or text comes before its form. Put `model` into the body.";
        return Err(ApiError::new(Kind::MissingModel, say).param("model"));
    }
    let say = "This model has another name where it is served, and the form names it too late. Put `model` before the file.";
    Err(ApiError::new(Kind::InvalidForm, say).param("model"))
}

fn unusable(provider: &Provider) -> ApiError {
    let say = format!("The configuration of `{}` cannot be used for this request.", provider.name);
    ApiError::new(Kind::Internal, say)
}

/// What would lead elsewhere than to a model.
fn no_name(call: &Call) -> ApiError {
    let say = format!(
        "'{}' is no name of a model where this is served: its dots are steps in the path it stands in. Nothing was sent.",
        shown(call.model.as_deref().unwrap_or_default())
    );
    ApiError::new(Kind::Unsupported, say).param("model")
}

/// A signature says what the whole body is.
fn unsigned(provider: &Provider) -> ApiError {
    let say = format!(
        "`{}` wants requests signed, and a body that is not known as a whole cannot be.",
        provider.name
    );
    ApiError::new(Kind::Unsupported, say)
}

fn address(call: &Call, target: &Target) -> String {
    let model = target.model.as_deref();
    let query = call.query.as_deref().map(without_signature).filter(|query| !query.is_empty());
    let query = match (query, call.row.model, model) {
        (Some(query), ModelAt::Query, Some(model)) => Some(with_model(&query, model)),
        (query, _, _) => query,
    };
    // The id in `/models/{id}` is the object itself, not a model to be run; the name before a verb is one, and is
    // written as the caller wrote it unless the target has another.
    let rest = match model {
        Some(model) if call.row.model == ModelAt::Path && call.model.as_deref() != Some(model) => {
            operation::rename(&call.rest, &encode(model))
        }
        _ => Cow::Borrowed(call.rest.as_str()),
    };
    let ask = Ask { row: call.row, rest: &rest, query: query.as_deref(), model };
    target.provider.vendor.address(&target.provider.site, &ask)
}

/// The query without a signature of the caller's, which is of a request to this gateway ("Authenticating Requests: Using Query
/// Parameters", Signature Version 4).
fn without_signature(query: &str) -> String {
    let signs = |pair: &&str| {
        let name = decode(pair.split('=').next().unwrap_or(pair));
        hyphened(&name.to_ascii_lowercase()).starts_with("x-amz-")
    };
    query.split('&').filter(|pair| !signs(pair)).collect::<Vec<_>>().join("&")
}

/// The query with the target's own name for the model; other parameters stay as written.
fn with_model(query: &str, model: &str) -> String {
    let replaced = |pair: &str| match pair.split_once('=') {
        Some(("model", _)) => format!("model={}", encode(model)),
        _ => pair.to_owned(),
    };
    query.split('&').map(replaced).collect::<Vec<_>>().join("&")
}

/// A streamed chat or completion is asked for its count where the vendor understands that and the caller did not ask.
fn asks_usage(call: &Call, provider: &Provider) -> bool {
    let countable = matches!(call.row.operation, Operation::Chat | Operation::Completions);
    let asked = call.envelope.as_ref().is_some_and(envelope::Envelope::asks_usage);
    countable && call.streams && !asked && provider.vendor.counts_streams(&provider.site)
}

/// Whether a name belongs to one connection only, in both directions (RFC 9110, 7.6.1).
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    // By bytes, which are told apart in one look: names are many, and hardly any is one of these.
    matches!(
        name.as_bytes(),
        b"connection"
            | b"keep-alive"
            | b"proxy-authenticate"
            | b"proxy-connection"
            | b"te"
            | b"trailer"
            | b"transfer-encoding"
            | b"upgrade"
    )
}

/// Whether a name never passes upstream, besides: framing, credentials in any spelling, cookies, what proxies say about
/// callers, what we set ourselves.
fn is_ours(name: &str) -> bool {
    matches!(
        name.as_bytes(),
        b"proxy-authorization"
            | b"content-length"
            | b"host"
            | b"expect"
            | b"cookie"
            | b"cookie2"
            | b"authorization"
            | b"x-api-key"
            | b"api-key"
            | b"x-goog-api-key"
            | b"ocp-apim-subscription-key"
            | b"x-auth-token"
            | b"x-amz-date"
            | b"x-amz-security-token"
            | b"x-amz-content-sha256"
            | b"x-amz-region-set"
            | b"forwarded"
            | b"via"
            | b"x-real-ip"
            | b"x-request-id"
            | b"sec-websocket-protocol"
            | b"origin"
            | b"referer"
    ) || matches!(name.as_bytes().first_chunk(), Some(b"x-openai-proxy-"))
        || matches!(name.as_bytes().first_chunk(), Some(b"x-forwarded-"))
}

/// The header names a message's `Connection` header makes hop-by-hop, lower case. What it says of itself names none.
pub(super) fn connection_names(head: &HeaderMap) -> Vec<String> {
    let lists = head.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = lists.flat_map(|list| list.split(',')).map(str::trim_ascii);
    let itself = |name: &&str| matches!(*name, "keep-alive" | "close");
    names.filter(|name| !itself(name)).map(str::to_ascii_lowercase).collect()
}

/// Writes what passes of the caller's head: a deny-list, never an allow-list. Whatever a program sends beside these reaches the
/// vendor (D-22).
fn pass_headers(
    head: &mut HeadWriter,
    call: &Call,
    (provider, shown): (&Provider, Shown<'_>),
    own: &Own<'_>,
    (rewritten, foreign): (bool, bool),
) {
    let named = connection_names(&call.head);
    let stored = !matches!(shown, Shown::Own) || matches!(provider.credential, Credential::Stored(_));
    for (name, value) in &call.head {
        // Servers behind a CGI-like border read an underscore as a hyphen, so both spellings are one name.
        let text = &*hyphened(name.as_str());
        // An account header beside another account's key would be refused upstream.
        let account = stored && headers::is_of_an_account(text);
        // Usage is read from the bytes as they pass, so they must be readable.
        let codings = text == header::ACCEPT_ENCODING.as_str();
        let coded = call.row.usage && codings;
        // What belongs to the caller's language, and describes a body that is not sent.
        let foreign =
            (foreign && headers::is_of_a_language(text)) || (rewritten && headers::describes_a_body(text));
        let passes = !is_hop_by_hop(text) && !is_ours(text) && !account && !coded && !foreign;
        if !passes || own.says(text) || named.iter().any(|hop| hop == name.as_str()) {
            continue;
        }
        // An error in any other coding could not be looked at (T-44).
        let value = if codings {
            coding::readable(value.as_bytes()).map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(value.as_bytes()))
        };
        if let Some(value) = value {
            head.line(name.as_str(), &value);
        }
    }
}

/// What we set ourselves: it stands in place of whatever the caller says.
struct Own<'a> {
    /// The credential, and where it is looked for.
    credential: Option<(CredentialAt, &'a Secret)>,
    /// What a grant shows in its place.
    granted: HeaderMap,
    /// What the configuration sets, in place of those, too.
    set: &'a HeaderMap,
}

impl<'a> Own<'a> {
    fn of(call: &'a Call, provider: &'a Provider, shown: Shown<'a>) -> Result<Self, ApiError> {
        let mut own = Self { credential: None, granted: HeaderMap::new(), set: &provider.headers };
        match shown {
            Shown::Grant(_, grant) => grant.show(&mut own.granted).map_err(|_| unusable(provider))?,
            Shown::Key(secret) => own.credential = at(provider, secret)?,
            Shown::Own => {
                if let Some(secret) = secret(call, provider)? {
                    own.credential = at(provider, secret)?;
                }
            }
        }
        Ok(own)
    }

    /// Whether it has a header of this very name.
    fn has(&self, name: &str) -> bool {
        self.credential.is_some_and(|(at, _)| at.name == name)
            || self.granted.contains_key(name)
            || self.set.contains_key(name)
    }

    /// The same in whichever spelling.
    fn says(&self, name: &str) -> bool {
        // A hyphen is as long as an underscore.
        let is_it = |own: &HeaderName| own.as_str().len() == name.len() && hyphened(own.as_str()) == name;
        self.credential.is_some_and(|(at, _)| at.name == name)
            || self.granted.keys().chain(self.set.keys()).any(is_it)
    }

    fn write(&self, head: &mut HeadWriter, provider: &Provider) {
        if let Some((at, secret)) = self.credential.filter(|(at, _)| !self.set.contains_key(at.name)) {
            head.line_in_two(at.name, at.before.as_bytes(), secret.expose().as_bytes());
        }
        let granted = self.granted.iter().filter(|(name, _)| !self.set.contains_key(*name));
        for (name, value) in granted.chain(self.set).filter(|(name, _)| !is_said(name, provider)) {
            head.line(name.as_str(), value.as_bytes());
        }
    }
}

/// A credential, and where its vendor looks for it.
fn at<'a>(provider: &Provider, secret: &'a Secret) -> Result<Option<(CredentialAt, &'a Secret)>, ApiError> {
    let Some(at) = provider.vendor.credential_at(secret) else { return Ok(None) };
    if secret.fits_a_header() { Ok(Some((at, secret))) } else { Err(unusable(provider)) }
}

/// The credential of a provider, or its caller's own where that is what it gets.
fn secret<'a>(call: &'a Call, provider: &'a Provider) -> Result<Option<&'a Secret>, ApiError> {
    match (&provider.credential, &call.offered) {
        (Credential::Stored(secret), _) => Ok(Some(secret)),
        (Credential::Passthrough, Some(offered)) if offered.is_signature() => Err(signed_elsewhere(provider)),
        (Credential::Passthrough, Some(offered)) => Ok(Some(&offered.0)),
        // Who we are is never shown but by a grant.
        (Credential::Passthrough, None) | (Credential::None | Credential::Identity(_), _) => Ok(None),
    }
}

/// Whether [`say_ourselves`] says it, whatever the configuration has.
fn is_said(name: &HeaderName, provider: &Provider) -> bool {
    let name = name.as_str();
    matches!(name, "host" | "x-request-id" | "content-length" | "transfer-encoding")
        || (provider.forwarded
            && matches!(name, "x-forwarded-for" | "x-forwarded-proto" | "x-forwarded-port"))
}

/// A name with hyphens for underscores; most have none and are not copied.
fn hyphened(name: &str) -> Cow<'_, str> {
    let has_any = memchr::memchr(b'_', name.as_bytes()).is_some();
    if has_any { Cow::Owned(name.replace('_', "-")) } else { Cow::Borrowed(name) }
}

/// What we say ourselves of the call; nobody else's word for it passes.
fn say_ourselves(head: &mut HeadWriter, call: &Call, provider: &Provider) {
    head.line("host", provider.origin.authority.as_bytes());
    head.line("x-request-id", call.id.as_bytes());
    if provider.forwarded {
        forwarded(head, call);
    }
}

/// A signature is of a request to this gateway, and holds nowhere else.
fn signed_elsewhere(provider: &Provider) -> ApiError {
    let say = format!(
        "Your request is signed with keys of AWS's (Signature Version 4), and a signature holds for this gateway only. `{}` has no credential of its own: its operator has to set one.",
        provider.name
    );
    ApiError::new(Kind::MissingKey, say)
}

/// Seed 000's headers, towards upstreams of one's own: set, never appended to what the caller claims.
fn forwarded(head: &mut HeadWriter, call: &Call) {
    if let Some(ip) = call.caller_ip {
        head.line("x-forwarded-for", &spelled(ip));
    }
    head.line("x-forwarded-proto", if call.tls { b"https" } else { b"http" });
    if let Some(port) = call.port {
        head.number("x-forwarded-port", port.into());
    }
}

/// An address as text.
fn spelled(ip: IpAddr) -> Vec<u8> {
    let IpAddr::V4(v4) = ip else { return ip.to_string().into() };
    let mut text = Vec::with_capacity(16);
    for octet in v4.octets() {
        decimal::write(&mut text, octet.into());
        text.push(b'.');
    }
    text.pop();
    text
}

/// The subprotocols, without the key a browser put among them.
fn keep_subprotocols(head: &mut HeadWriter, call: &Call) {
    let offered =
        call.head.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let names: Vec<&str> = offered
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty() && !headers::is_key_subprotocol(name))
        .collect();
    if !names.is_empty() {
        head.line("sec-websocket-protocol", names.join(", ").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_in_the_query_goes_nowhere() {
        let query = "X-Amz-Signature=abc&x=1&x-amz-security-token=t&%58-Amz-Date=d&X%2DAmz%2DCredential=c&x_amz_expires=9&y";
        assert_eq!(without_signature(query), "x=1&y");
        assert_eq!(without_signature("x=%41&x"), "x=%41&x");
        assert_eq!(without_signature("X-Amz-Date=1"), "");
    }
}

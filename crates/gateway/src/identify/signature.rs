//! Who signs (AWS's Signature Version 4, as its libraries do), with what is derived from a key of ours: named by the access key id in the
//! head, proved by the secret when the body is there (docs/adr/0030).
//!
//! Errors have AWS's words, for its programs and their users know those, and say what to do. None tells more of a signature that is wrong
//! than that it is.

use std::time::SystemTime;

use config::Snapshot;
use http::Request;
use http::header::HOST;
use protocol::fault::Kind;
use protocol::secret::Secret;
use protocol::vendor::identity::sigv4::{Came, Claim, Flaw};

use super::{Caller, Named, tried, unavailable};
use crate::error::ApiError;
use crate::intake::{Call, Knock, Payload, shown};
use crate::tries::Tries;

/// A signature that is to be proved, and what of its request no later stage keeps.
pub(super) struct Signature {
    claim: Claim,
    secret: Secret,
    /// Path and query, as on the wire.
    target: String,
    host: String,
}

/// Names who signs, by the id of what they sign with. Where no key is asked for, a signature that names none of ours does no harm.
pub(super) fn name<B>(
    tries: &Tries,
    world: &Snapshot,
    knock: &mut Knock<'_>,
    request: &Request<B>,
) -> Result<Named, ApiError> {
    let callers = &world.callers;
    let claim = match knock.offered.as_ref().map(|offered| Claim::read(offered.0.expose())) {
        Some(Ok(claim)) => claim,
        Some(Err(flaw)) if callers.is_asked() => return Err(flawed(flaw)),
        _ => return Ok(Named::open()),
    };
    let (key, secret) = match callers.signer(claim.id()) {
        Some((key, secret)) => (key.clone(), secret),
        None if !callers.is_asked() => return Ok(Named::open()),
        None if callers.signers_may_be_missed() => return Err(unavailable()),
        None => return Err(tried(tries, knock.caller_ip, unknown())),
    };
    claim.check(request.headers(), SystemTime::now()).map_err(flawed)?;
    knock.offered = None;
    let uri = request.uri();
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str));
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let (target, host) = (target.to_owned(), host.unwrap_or_default().to_owned());
    let caller = Caller { key: Some(key) };
    Ok(Named { caller, signature: Some(Box::new(Signature { claim, secret, target, host })) })
}

impl Signature {
    /// Whether the request is signed as it says.
    pub(super) fn prove(&self, tries: &Tries, call: &Call) -> Result<(), ApiError> {
        let body = match &call.body {
            Payload::Empty => &[][..],
            Payload::Whole(body) => body,
            Payload::Flowing(_) => return Err(uncovered()),
        };
        let (method, target, host) = (call.method.as_str(), &*self.target, &*self.host);
        match self.claim.holds(&self.secret, Came { method, target, host, head: &call.head }, body) {
            true => Ok(()),
            false => Err(tried(tries, call.caller_ip, wrong())),
        }
    }
}

/// A signature is of one request, and what follows it would be anybody's.
pub(super) fn of_one_request() -> ApiError {
    let say = "A signature proves one request, and not the messages of a WebSocket. Open it with the key itself: Authorization: Bearer KEY.";
    ApiError::new(Kind::InvalidSignature, say)
}

/// The id is nobody's: most often it is one of AWS's own.
fn unknown() -> ApiError {
    let say = "The security token included in the request is invalid: it is none of this gateway's, to which keys of AWS's prove nothing.\n\
               Whoever runs it shows what belongs to a key: openai-proxy keys aws NAME.\n\
               Or show a key itself as a Bedrock API key: set AWS_BEARER_TOKEN_BEDROCK to it.";
    ApiError::new(Kind::InvalidKey, say)
}

fn wrong() -> ApiError {
    let say = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.\n\
               Whoever runs this gateway shows the secret: openai-proxy keys aws NAME.\n\
               If it is right, something on the way changed path, host, a signed header or the body.";
    ApiError::new(Kind::InvalidSignature, say)
}

/// What flows on as it comes is not there to be hashed.
fn uncovered() -> ApiError {
    let say = "This body goes on as it comes (a form, a file, or compressed), so no signature of it can be checked.\n\
               Show the key itself: Authorization: Bearer KEY.";
    ApiError::new(Kind::Unreadable, say)
}

/// A signature that cannot hold, whoever made it.
fn flawed(flaw: Flaw) -> ApiError {
    const CLOCK: &str = "Set the clock of the computer that signs.";
    let kind = match flaw {
        Flaw::Algorithm | Flaw::Incomplete => Kind::IncompleteSignature,
        Flaw::Session => Kind::InvalidKey,
        _ => Kind::InvalidSignature,
    };
    let say = match flaw {
        Flaw::Algorithm => "Unsupported AWS 'algorithm' (only AWS4-HMAC-SHA256 for now). Sign with Signature Version 4, not 4a.".to_owned(),
        Flaw::Incomplete => "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters, each once, and a Credential of ID/DATE/REGION/bedrock/aws4_request.".to_owned(),
        Flaw::Session => "The security token included in the request is invalid: there are no sessions here.\nUnset AWS_SESSION_TOKEN; an access key id and its secret are enough.".to_owned(),
        Flaw::Service => "Credential should be scoped to correct service: 'bedrock'. Any region will do.".to_owned(),
        Flaw::Undated => "The request must say when it was signed: one 'X-Amz-Date' header, like 20260830T123600Z.".to_owned(),
        Flaw::OtherDay => "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.".to_owned(),
        Flaw::Expired(date, oldest, now) => {
            format!("Signature expired: {date} is now earlier than {oldest} ({now} - 15 min.). {CLOCK}")
        }
        Flaw::NotYet(date, latest, now) => {
            format!("Signature not yet current: {date} is still later than {latest} ({now} + 15 min.). {CLOCK}")
        }
        Flaw::Unsigned(name) => {
            format!("'{}' must be a 'SignedHeader' in the AWS Authorization.", shown(&name))
        }
        Flaw::Disorder => "'SignedHeaders' must name each header once, in lower case and in the order of their names.".to_owned(),
        Flaw::Payload => "The signature must cover the body: 'X-Amz-Content-Sha256' is its SHA-256, in hexadecimal, or is left out. Unsigned and streamed payloads are not accepted.".to_owned(),
    };
    ApiError::new(kind, say)
}

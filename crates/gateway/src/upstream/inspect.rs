//! Asking a provider about itself, beside the line: the same address, credential and connection as for a call, and no record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::{Credential, Identity, Provider};
use http::header::{self, HeaderValue};
use http::uri::InvalidUri;
use http::{Method, Request, Uri};
use protocol::operation;
use protocol::secret::Secret;
use protocol::vendor::identity::Grant;
use protocol::vendor::{Ask, climbs};
use tokio::time::Instant;

use super::compose::Shown;
use super::trouble::Trouble;
use super::visit::{Visit, VisitProblem, Visitor};
use super::{exchange, signature};
use crate::standing::Purse;

/// Asks one provider, one request after the other.
pub struct Inspector {
    provider: Arc<Provider>,
    purse: Option<Arc<Purse>>,
    visitor: Visitor,
}

impl Inspector {
    /// For a provider; connecting may take as long as `patience`.
    pub fn new(provider: Arc<Provider>, patience: Duration) -> Self {
        let purse = Purse::apart(&provider);
        Self::with(provider, purse, patience)
    }

    /// The same with what is held of who we are there.
    pub(super) fn with(provider: Arc<Provider>, purse: Option<Arc<Purse>>, patience: Duration) -> Self {
        let visitor = Visitor::to(provider.origin.clone(), patience);
        Self { provider, purse, visitor }
    }

    /// What is shown where a key is not enough; none, where it is.
    ///
    /// # Errors
    /// The cause, when it was not given.
    pub(super) async fn grant(&self) -> Result<Option<Arc<Grant>>, String> {
        grant(&self.provider, self.purse.as_ref()).await
    }

    /// Who goes there, for those who look at each step.
    pub(super) fn visitor(&mut self) -> &mut Visitor {
        &mut self.visitor
    }

    /// Asks with the credential stored for it. The path is one of ours, with `/v1`; a body is JSON.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn ask(
        &mut self,
        (method, path): (Method, &str),
        model: Option<&str>,
        body: Bytes,
    ) -> Result<Visit, VisitProblem> {
        let asked = async {
            let grant = self.grant().await?;
            let shown = shown(&self.provider, None, grant.as_deref());
            request(&self.provider, shown, (method, path), model, body)
        };
        let request =
            Box::pin(asked).await.map_err(|why| VisitProblem::from(Trouble::Protocol(why.into())))?;
        self.visitor.ask(request).await
    }

    /// Asks for the root of the server, without a credential: any answer says that it is there.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn knock(&mut self) -> Result<Visit, VisitProblem> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = Uri::from_static("/");
        self.visitor.ask(request).await
    }
}

/// A request of our own to a provider, as its vendor wants it.
///
/// # Errors
/// One sentence when its address or key cannot be sent.
pub(super) fn request(
    provider: &Provider,
    shown: Shown<'_>,
    (method, path): (Method, &str),
    model: Option<&str>,
    body: Bytes,
) -> Result<Request<Bytes>, String> {
    let found = operation::find(&method, path).map_err(|_| "no such operation")?;
    let ask = Ask { row: found.row, rest: found.rest, query: None, model };
    let address = provider.vendor.address(&provider.site, &ask);
    if climbs(&address) {
        return Err("the model's name leads elsewhere in its path".to_owned());
    }
    let uri: Uri = address.parse().map_err(|error: InvalidUri| error.to_string())?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let has_body = !request.body().is_empty();
    let head = request.headers_mut();
    let host = HeaderValue::from_str(&provider.origin.authority).map_err(|error| error.to_string())?;
    head.insert(header::HOST, host);
    head.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if has_body {
        head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in provider.vendor.usual_headers() {
        head.insert(*name, HeaderValue::from_static(value));
    }
    let unusable = |_| "its address or key cannot be sent".to_owned();
    match (shown, &provider.credential) {
        (Shown::Key(secret), _) | (Shown::Own, Credential::Stored(secret)) => {
            provider.vendor.sign(head, secret).map_err(unusable)?;
        }
        (Shown::Grant(_, grant), _) => grant.show(head).map_err(unusable)?,
        // Whose key it would be is not known here.
        (Shown::Own, Credential::Passthrough | Credential::None | Credential::Identity(_)) => {}
    }
    head.extend(provider.headers.clone());
    if let Shown::Grant(identity, grant) = shown {
        for (name, value) in signed(identity, grant, &request) {
            let value = HeaderValue::from_str(&value).map_err(|error| error.to_string())?;
            request.headers_mut().insert(name, value);
        }
    }
    Ok(request)
}

/// What is shown in a request of our own: a key that was chosen, or what we were given, or what the provider has.
pub(super) fn shown<'a>(
    provider: &'a Provider,
    key: Option<&'a Secret>,
    grant: Option<&'a Grant>,
) -> Shown<'a> {
    match (key, grant, &provider.credential) {
        (Some(key), ..) => Shown::Key(key),
        (None, Some(grant), Credential::Identity(identity)) => Shown::Grant(identity, grant),
        _ => Shown::Own,
    }
}

/// The lines that sign a request of our own.
fn signed(identity: &Identity, grant: &Grant, request: &Request<Bytes>) -> Vec<(&'static str, String)> {
    let head = request.headers().iter();
    let head = head.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let outgoing = (request.method().as_str(), request.uri().path(), head, Some(&request.body()[..]));
    signature::lines(identity, grant, outgoing).unwrap_or_default()
}

/// What is shown to a provider where a key is not enough; none, where it is.
///
/// # Errors
/// The cause, when it was not given.
pub(super) async fn grant(
    provider: &Provider,
    purse: Option<&Arc<Purse>>,
) -> Result<Option<Arc<Grant>>, String> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let Some(purse) = purse else { return Ok(None) };
    let granted = exchange::granted(purse, provider, Instant::now() + PATIENCE).await;
    granted.map(Some).map_err(|error| error.cause.map_or(error.say.to_string(), |cause| cause.to_string()))
}

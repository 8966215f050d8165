//! Asking a provider about itself, beside the line: the same address, credential and connection as for a call, and no record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::{Credential, Provider};
use http::header::{self, HeaderValue};
use http::uri::InvalidUri;
use http::{Method, Request, Uri};
use protocol::operation;
use protocol::vendor::Ask;

use super::trouble::Trouble;
use super::visit::{Visit, VisitProblem, Visitor};

/// Asks one provider, one request after the other.
pub struct Inspector {
    provider: Arc<Provider>,
    visitor: Visitor,
}

impl Inspector {
    /// For a provider; connecting may take as long as `patience`.
    pub fn new(provider: Arc<Provider>, patience: Duration) -> Self {
        let visitor = Visitor::to(provider.origin.clone(), patience);
        Self { provider, visitor }
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
        let request = request(&self.provider, (method, path), model, body);
        let request = request.map_err(|why| VisitProblem::from(Trouble::Protocol(why.into())))?;
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
    (method, path): (Method, &str),
    model: Option<&str>,
    body: Bytes,
) -> Result<Request<Bytes>, String> {
    let found = operation::find(&method, path).map_err(|_| "no such operation")?;
    let ask = Ask { row: found.row, rest: found.rest, query: None, model };
    let address = provider.vendor.address(&provider.site, &ask);
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
    match &provider.credential {
        Credential::Stored(secret) => {
            let unusable = |_| "its address or key cannot be sent".to_owned();
            provider.vendor.sign(head, secret).map_err(unusable)?;
        }
        // Whose key it would be is not known here.
        Credential::Passthrough | Credential::None => {}
    }
    head.extend(provider.headers.clone());
    Ok(request)
}

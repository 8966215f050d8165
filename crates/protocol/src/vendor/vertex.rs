//! Google's Vertex AI. Source: cloud.google.com, "Generate content with the Gemini API in Vertex AI" (`projects.locations.publishers.models`,
//! `projects.locations.endpoints`), "Vertex AI API endpoints", "Deployments and endpoints" (the global one).

mod claude;

use super::identity::Identity;
use super::{Ask, CredentialAt, Site, Vendor, encode, without};
use crate::dialect::{Dialect, Wire};
use crate::operation::{ModelAt, Operation};
use crate::secret::Secret;

/// The vendor.
pub(super) static VENDOR: Vertex = Vertex;

/// One project in one location: its base URL ends with `/v1/projects/PROJECT/locations/LOCATION`.
pub(super) struct Vertex;

/// How an access token of Google's begins; other keys go where the service's own keys do.
const TOKEN: &str = "ya29.";

impl Vendor for Vertex {
    fn name(&self) -> &str {
        "vertex"
    }

    fn home(&self) -> Option<&str> {
        None
    }

    fn home_of(&self, identity: &Identity) -> Option<String> {
        let Identity::Google(google) = identity else { return None };
        let (project, location) = (google.project.as_ref()?, google.location.as_ref()?);
        let host = match location.as_str() {
            "global" => String::new(),
            region => format!("{region}-"),
        };
        Some(format!("https://{host}aiplatform.googleapis.com/v1/projects/{project}/locations/{location}"))
    }

    fn home_told_by(&self) -> Option<&'static str> {
        Some("google: {project: my-project, location: us-central1}")
    }

    fn key_variables(&self) -> &[String] {
        &[]
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        (operation == Operation::Generate).then_some(Dialect::Gemini)
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Gemini)
    }

    fn of_model(&self, model: &str) -> Option<&'static dyn Vendor> {
        claude::is_one(model).then_some(&claude::VENDOR)
    }

    fn conversation(&self, site: &Site, model: &str, streams: bool) -> String {
        let verb = if streams { "streamGenerateContent?alt=sse" } else { "generateContent" };
        format!("{}{}:{verb}", site.base_path, place(model))
    }

    /// A caller's path is that of Google's other service, whose models belong to no project: of it the verb counts.
    fn address(&self, site: &Site, ask: &Ask<'_>) -> String {
        let query = ask.query.and_then(|query| without(query, &["key"]));
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let rest = ask.rest.strip_prefix("/v1beta").unwrap_or(ask.rest);
        match (ask.model, rest.rsplit_once(':')) {
            (Some(model), Some((_, verb))) if ask.row.model == ModelAt::Path => {
                format!("{}{}:{verb}{query}", site.base_path, place(model))
            }
            _ => format!("{}{rest}{query}", site.base_path),
        }
    }

    fn credential_at(&self, secret: &Secret) -> Option<CredentialAt> {
        let token = secret.expose().starts_with(TOKEN);
        Some(if token { CredentialAt::BEARER } else { CredentialAt::under("x-goog-api-key") })
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }
}

/// Where a model stands: one of Google's own and Claude by its name alone, another publisher's by `publishers/WHO/models/NAME`, one of
/// the project's own by `endpoints/NUMBER`.
fn place(model: &str) -> String {
    let whole = match model.strip_prefix("models/").unwrap_or(model) {
        own if own.starts_with("publishers/") || own.starts_with("endpoints/") => own.to_owned(),
        name if claude::is_one(name) => return format!("/publishers/anthropic/models/{}", encode(name)),
        name => return format!("/publishers/google/models/{}", encode(name)),
    };
    whole.split('/').map(|segment| format!("/{}", encode(segment))).collect()
}

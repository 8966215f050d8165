//! Azure OpenAI: deployment addresses with `api-version`, and the versionless `v1` surface.
//!
//! Classic: `/openai/deployments/{deployment}/chat/completions?api-version=...`; what belongs to no deployment stands
//! directly under `/openai`. With `api_version: v1` (or none) the surface is `/openai/v1/...` and the body's model is
//! the deployment. Key in `api-key`. Source: Microsoft Learn, "Azure OpenAI REST API reference" and "API lifecycle".

use std::sync::LazyLock;

use super::{Ask, CredentialAt, Site, Vendor, encode, without};
use crate::codec::Habits;
use crate::dialect::Dialect;
use crate::frame::said::Prefill;
use crate::operation::{ModelAt, Operation, Row};
use crate::secret::Secret;
use crate::verdict::{Code, FaultClass};

/// The vendor.
pub(super) static VENDOR: Azure = Azure;

/// One resource of the Azure OpenAI service.
pub(super) struct Azure;

static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["AZURE_OPENAI_API_KEY".to_owned()]);

/// Its codes. Sources: Microsoft Learn, "Content filtering" (`content_filter`, inside it `ResponsibleAIPolicyViolation`) and
/// "Azure OpenAI REST API reference"; a recorded answer (`DeploymentNotFound`).
pub(super) const CODES: &[Code] = &[
    ("content_filter", FaultClass::ContentFilter),
    ("ResponsibleAIPolicyViolation", FaultClass::ContentFilter),
    ("DeploymentNotFound", FaultClass::ModelAway),
    // The deployment's model does not do this operation.
    ("OperationNotSupported", FaultClass::ModelAway),
    ("RateLimitReached", FaultClass::Limited),
];

/// Operations whose classic address names the deployment.
const OF_DEPLOYMENTS: &[Operation] = &[
    Operation::Chat,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Transcriptions,
    Operation::Translations,
    Operation::Speech,
    Operation::Images,
];

impl Vendor for Azure {
    fn name(&self) -> &str {
        "azure"
    }

    fn home(&self) -> Option<&str> {
        None
    }

    fn key_variables(&self) -> &[String] {
        &KEYS
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        (operation.dialect() == Dialect::OpenAi).then_some(Dialect::OpenAi)
    }

    fn address(&self, site: &Site, ask: &Ask<'_>) -> String {
        // The base URL is the resource's root; people also paste it with the surface's path behind it.
        let root = site.base_path.trim_end_matches("/v1").trim_end_matches("/openai");
        let query = ask.query.and_then(|query| without(query, &["api-version"]));
        let Some(version) = classic(site) else {
            return join(format!("{root}/openai/v1{}", ask.rest), &[query]);
        };
        let version = Some(format!("api-version={version}"));
        match ask.model.map(encode).as_deref() {
            Some(deployment) if ask.row.model == ModelAt::Query => {
                let query = query.and_then(|query| without(&query, &["model"]));
                let deployment = Some(format!("deployment={deployment}"));
                join(format!("{root}/openai{}", ask.rest), &[version, deployment, query])
            }
            Some(deployment) if OF_DEPLOYMENTS.contains(&ask.row.operation) => {
                join(format!("{root}/openai/deployments/{deployment}{}", ask.rest), &[version, query])
            }
            _ => join(format!("{root}/openai{}", ask.rest), &[version, query]),
        }
    }

    fn model_in_address(&self, site: &Site, row: &'static Row) -> bool {
        classic(site).is_some() && OF_DEPLOYMENTS.contains(&row.operation)
    }

    fn credential_at(&self, _secret: &Secret) -> Option<CredentialAt> {
        Some(CredentialAt::under("api-key"))
    }

    /// Versions before 2024-09-01-preview refuse `stream_options`.
    fn counts_streams(&self, site: &Site) -> bool {
        classic(site).is_none_or(|version| version >= "2024-09-01")
    }

    fn habits(&self) -> Habits {
        Habits { own: true, ..Habits::default() }
    }

    /// The models are the same as where they come from.
    fn prefill(&self) -> Prefill {
        Prefill::Never
    }
}

/// The dated version of a classic site; `None` for the `v1` surface.
fn classic(site: &Site) -> Option<&str> {
    site.api_version.as_deref().filter(|version| !matches!(*version, "v1" | "preview" | "latest"))
}

fn join(path: String, queries: &[Option<String>]) -> String {
    let present: Vec<&str> = queries.iter().flatten().map(String::as_str).collect();
    if present.is_empty() { path } else { format!("{path}?{}", present.join("&")) }
}

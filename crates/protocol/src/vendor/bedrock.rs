//! AWS Bedrock Runtime. Source: docs.aws.amazon.com, "Converse", "ConverseStream", "InvokeModel", "API keys"; botocore's description 2023-09-30.

use std::sync::LazyLock;

use super::identity::Identity;
use super::{Site, Vendor, encode};
use crate::dialect::{Dialect, Wire, embedding};
use crate::operation::Operation;

/// The vendor.
pub(super) static VENDOR: Bedrock = Bedrock;

/// Conversations and vectors, in one region: its base URL is `https://bedrock-runtime.REGION.amazonaws.com`.
pub(super) struct Bedrock;

static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["AWS_BEARER_TOKEN_BEDROCK".to_owned()]);

impl Vendor for Bedrock {
    fn name(&self) -> &str {
        "bedrock"
    }

    fn home(&self) -> Option<&str> {
        None
    }

    fn home_of(&self, identity: &Identity) -> Option<String> {
        let Identity::Aws(aws) = identity else { return None };
        let china = if aws.region.starts_with("cn-") { ".cn" } else { "" };
        Some(format!("https://bedrock-runtime.{}.amazonaws.com{china}", aws.region))
    }

    fn home_told_by(&self) -> Option<&'static str> {
        Some("aws: {region: us-east-1}")
    }

    fn key_variables(&self) -> &[String] {
        &KEYS
    }

    fn speaks(&self, operation: Operation) -> Option<Dialect> {
        (operation == Operation::Converse).then_some(Dialect::Bedrock)
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Converse)
    }

    /// A model's name may be an ARN: its colons and slashes are encoded.
    fn conversation(&self, site: &Site, model: &str, streams: bool) -> String {
        let verb = if streams { "converse-stream" } else { "converse" };
        format!("{}/model/{}/{verb}", site.base_path, encode(model))
    }

    fn embeds(&self) -> Option<embedding::Place> {
        Some(embedding::Place::Bedrock)
    }

    fn embedding(&self, site: &Site, model: &str) -> String {
        format!("{}/model/{}/invoke", site.base_path, encode(model))
    }

    fn counts_streams(&self, _site: &Site) -> bool {
        true
    }
}

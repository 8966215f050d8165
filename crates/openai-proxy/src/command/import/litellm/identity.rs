//! Who we are at services that take no key: what LiteLLM says of it, and what that is here. Its words are those of its provider pages
//! (docs.litellm.ai, "VertexAI", "AWS Bedrock", "Azure OpenAI").

use serde_json::Value as Json;

use super::at::{At, reference};
use crate::report::Report;

/// What stands in a provider in the place of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    /// `google`, `entra_id` or `aws`.
    pub(super) section: &'static str,
    /// Its settings, as theirs says them.
    pub(super) members: Vec<(&'static str, String)>,
}

/// Settings that are kept where keys are.
pub(super) const SECRET: &[&str] = &["client_secret", "secret_access_key", "session_token", "credentials"];

const ENTRA: &[(&str, &str)] =
    &[("tenant", "tenant_id"), ("client_id", "client_id"), ("client_secret", "client_secret")];

const AWS: &[(&str, &str)] = &[
    ("access_key_id", "aws_access_key_id"),
    ("secret_access_key", "aws_secret_access_key"),
    ("session_token", "aws_session_token"),
    ("profile", "aws_profile_name"),
    ("role_arn", "aws_role_name"),
    ("role_session_name", "aws_session_name"),
    ("external_id", "aws_external_id"),
    ("sts_url", "aws_sts_endpoint"),
];

/// Where Bedrock is asked when nobody says so.
const REGION: &str = "${AWS_REGION_NAME:-${AWS_REGION:-us-west-2}}";
/// Where Vertex is.
const LOCATION: &str = "${VERTEXAI_LOCATION:-us-central1}";

/// Who we are there; `None`: nothing says so, and a key is shown.
pub(super) fn identity<'f>(
    kind: &str,
    written: &impl Fn(&str) -> Option<String>,
    (entry, param, report): (&At<'f>, &impl Fn(&str) -> Option<At<'f>>, &mut Report),
) -> Option<Identity> {
    let said = |names: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        names.iter().filter_map(|(ours, theirs)| Some((*ours, written(theirs)?))).collect()
    };
    match kind {
        "vertex" if written("api_key").is_none() => Some(google(written, (entry, param, report))),
        "bedrock" if written("api_key").is_none() => {
            let mut members = vec![("region", region(written))];
            members.extend(said(AWS));
            if let Some(token) = param("aws_web_identity_token") {
                let why = "the platform names its file: AWS_WEB_IDENTITY_TOKEN_FILE";
                report.lost(token.spot(), format!("aws_web_identity_token: {why}"));
            }
            Some(Identity { section: "aws", members })
        }
        // An application of one's own at a service of Azure's; others have their key.
        _ => Some(said(ENTRA))
            .filter(|members| !members.is_empty())
            .map(|members| Identity { section: "entra_id", members }),
    }
}

/// The region of Bedrock.
pub(super) fn region(written: &impl Fn(&str) -> Option<String>) -> String {
    written("aws_region_name").unwrap_or_else(|| REGION.to_owned())
}

fn google<'f>(
    written: &impl Fn(&str) -> Option<String>,
    (entry, param, report): (&At<'f>, &impl Fn(&str) -> Option<At<'f>>, &mut Report),
) -> Identity {
    let one_of = |names: [&str; 2]| names.into_iter().find_map(written);
    let public = entry.get("model_name").and_then(|at| at.text()).unwrap_or_default();
    let mut members = Vec::new();
    let at = ["vertex_credentials", "vertex_ai_credentials"].into_iter().find_map(param);
    match at.as_ref().and_then(|at| credentials(at.json())) {
        Some(text) => {
            if reference(&text).is_some() {
                let why = "its variable holds the JSON itself; for a file's name write `${file:/path}`";
                report.changed(entry.spot(), format!("{public}: vertex_credentials: {why}"));
            }
            members.push(("credentials", text));
        }
        None => {
            let why = "the file GOOGLE_APPLICATION_CREDENTIALS names says who we are; on a machine of Google's write `google.metadata: on`";
            report.changed(entry.spot(), format!("{public}: no `vertex_credentials`: {why}"));
        }
    }
    match one_of(["vertex_project", "vertex_ai_project"]) {
        Some(project) => members.push(("project", project)),
        // Credentials name one.
        None if at.is_some() => {}
        None => members.push(("project", "${VERTEXAI_PROJECT}".to_owned())),
    }
    let location = one_of(["vertex_location", "vertex_ai_location"]);
    members.push(("location", location.unwrap_or_else(|| LOCATION.to_owned())));
    Identity { section: "google", members }
}

/// Credentials as theirs writes them: the JSON itself, as a text or as settings; the name of a file; or a variable.
fn credentials(written: &Json) -> Option<String> {
    let text = match written {
        Json::Object(_) => return Some(written.to_string()),
        Json::String(text) => text.trim(),
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    if text.starts_with('{') {
        // On one line, whatever it was.
        let json = serde_json::from_str(text).map(|json: Json| json.to_string());
        return Some(json.unwrap_or_else(|_| text.to_owned()));
    }
    Some(if reference(text).is_some() { text.to_owned() } else { format!("${{file:{text}}}") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_a_file_a_variable_or_themselves() {
        for (written, wanted) in [
            (json!("/etc/google.json"), Some("${file:/etc/google.json}")),
            (json!("os.environ/VERTEX_JSON"), Some("os.environ/VERTEX_JSON")),
            (json!("{\n \"type\": \"x\" }"), Some(r#"{"type":"x"}"#)),
            (json!({"type": "x"}), Some(r#"{"type":"x"}"#)),
            (json!(" "), None),
            (json!(7), None),
        ] {
            assert_eq!(credentials(&written).as_deref(), wanted, "{written}");
        }
    }
}

//! Why a request to the admin API was not done: a problem document (RFC 9457) that says what to do.

use bytes::Bytes;
use config::{Problem, Problems};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::Serialize;
use store::StoreProblem;
use utoipa::ToSchema;

use crate::Refused;

/// What a refusal is sent as.
pub(super) const PROBLEM: &str = "application/problem+json";

/// Why something was not done. Nothing has changed.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Objection(Box<ProblemDocument>);

/// Why something was not done, and what to do (RFC 9457). Nothing has changed.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument {
    /// Always `about:blank`: `code` tells kinds apart.
    #[serde(rename = "type")]
    about: &'static str,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What kind of problem it is; stable.
    code: String,
    /// What happened, and what to do.
    detail: String,
    /// What is wrong with the configuration this would make: all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Note>,
    /// The revision the change was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_revision: Option<u64>,
    /// The revision that counts now.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u64>,
    #[serde(skip)]
    wait_seconds: Option<u64>,
}

/// Something wrong with a configuration, or worth knowing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub(super) struct Note {
    /// The setting.
    setting: String,
    /// File and line, variable or revision that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// What is the matter.
    what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl From<&Problem> for Note {
    fn from(problem: &Problem) -> Self {
        Self {
            setting: problem.path.clone(),
            place: problem.place.as_ref().map(ToString::to_string),
            what: problem.what.clone(),
            fix: problem.fix.clone(),
        }
    }
}

impl Objection {
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemDocument {
            about: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            problems: Vec::new(),
            expected_revision: None,
            revision: None,
            wait_seconds: None,
        }))
    }

    /// The request cannot be understood.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request", detail)
    }

    /// The request is understood, and what it says cannot be.
    pub(super) fn impossible(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// It is there already.
    pub(super) fn exists(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "exists", detail)
    }

    /// What is wrong with a configuration.
    pub(super) fn with(mut self, Problems(problems): &Problems) -> Self {
        self.0.problems = problems.iter().map(Note::from).collect();
        self
    }

    /// Asking again may help, after so many seconds.
    pub(super) fn wait(mut self, seconds: u64) -> Self {
        self.0.wait_seconds = Some(seconds);
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn code(&self) -> &str {
        &self.0.code
    }

    /// What happened, and what to do.
    pub(super) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// It as an answer.
    pub(super) fn respond(&self) -> Response<Bytes> {
        let text = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = self.status();
        let head = response.headers_mut();
        head.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        head.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.wait_seconds {
            head.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.status == 401 {
            head.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"administration\""));
        }
        response
    }
}

impl From<Problems> for Objection {
    fn from(problems: Problems) -> Self {
        let detail = "The configuration this would make is wrong, so nothing was changed. See `problems`.";
        Self::impossible("invalid_configuration", detail).with(&problems)
    }
}

impl From<StoreProblem> for Objection {
    fn from(problem: StoreProblem) -> Self {
        // Where the database is is nobody's business.
        tracing::warn!("administration: {problem}");
        let detail = "The database is away or cannot do this now. Nothing was changed; the log says why.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", detail).wait(5)
    }
}

impl From<Refused> for Objection {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Problems(problems) => problems.into(),
            Refused::Conflict { expected, head } => {
                let detail = Refused::Conflict { expected, head }.to_string();
                let mut conflict = Self::new(StatusCode::CONFLICT, "conflict", detail);
                conflict.0.expected_revision = Some(expected);
                conflict.0.revision = Some(head);
                conflict
            }
            Refused::ReadOnly => Self::new(StatusCode::FORBIDDEN, "read_only", Refused::ReadOnly.to_string()),
            Refused::FilesOnly(path) => Self::impossible("files_only", Refused::FilesOnly(path).to_string()),
            Refused::NoRevision(number) => Self::not_found(format!(
                "There is no revision {number}, or not any more. See those that are kept: GET /admin/v1/revisions"
            )),
            Refused::Store(problem) => problem.into(),
        }
    }
}

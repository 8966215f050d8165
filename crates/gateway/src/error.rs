//! Any reason we do not answer as asked, and how it looks to the caller.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use protocol::dialect::Dialect;
use protocol::fault::{self, Kind};

/// An error of anything below, kept for the log and never shown.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why we did not answer as asked: a struct of facts. `say` is written for the caller; `cause` is logged once, at the
/// edge, and never leaves.
#[derive(Debug)]
pub struct ApiError {
    pub(crate) kind: Kind,
    pub(crate) say: Cow<'static, str>,
    pub(crate) param: Option<&'static str>,
    pub(crate) wait: Option<Duration>,
    pub(crate) allow: Option<String>,
    /// Asking again helps only after a time nobody waits for.
    pub(crate) later: bool,
    /// The call is one of Responses.
    pub(crate) of_responses: bool,
    pub(crate) cause: Option<BoxError>,
}

impl ApiError {
    /// An error of that kind, with the text the caller reads.
    pub(crate) fn new(kind: Kind, say: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            say: say.into(),
            param: None,
            wait: None,
            allow: None,
            later: false,
            of_responses: false,
            cause: None,
        }
    }

    /// A fault of ours, which ends one call and no other.
    pub(crate) fn mistake() -> Self {
        let say = "This gateway made a mistake. It has been logged; other calls are not affected.";
        Self::new(Kind::Internal, say)
    }

    /// Names the field at fault.
    pub(crate) fn param(mut self, name: &'static str) -> Self {
        self.param = Some(name);
        self
    }

    /// Says when asking again may help.
    pub(crate) fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Says that no program should wait for it.
    pub(crate) fn later(mut self, later: bool) -> Self {
        self.later = later;
        self
    }

    /// It answers a call of Responses, whose programs read other words.
    pub(crate) fn of_responses(mut self, of_responses: bool) -> Self {
        self.of_responses = of_responses;
        self
    }

    /// The methods that would be allowed.
    pub(crate) fn allow(mut self, methods: String) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Keeps the cause for the log.
    pub(crate) fn because(mut self, cause: impl Into<BoxError>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The headers of the answer: type, retry advice, and what the kind adds.
    pub(crate) fn head(&self) -> HeaderMap {
        let mut head = HeaderMap::with_capacity(8);
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let again = self.kind.meaning().retry && !self.later;
        let retry = if again { "true" } else { "false" };
        head.insert(HeaderName::from_static("x-should-retry"), HeaderValue::from_static(retry));
        if let Some(wait) = self.wait {
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            // Rounded up: whoever waits that long does not come too early.
            // Codex waits for that, an hour if need be, whatever the other headers say; it does not look at milliseconds.
            if again || !self.of_responses {
                head.insert(RETRY_AFTER, HeaderValue::from(millis.div_ceil(1000).max(1)));
            }
            head.insert(HeaderName::from_static("retry-after-ms"), HeaderValue::from(millis));
        }
        if let Some(Ok(allow)) = self.allow.as_deref().map(HeaderValue::from_str) {
            head.insert(ALLOW, allow);
        }
        if self.ends_connection() {
            head.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        head
    }

    /// Where framing is in doubt, or a body was left unread, nothing more is read from this connection.
    fn ends_connection(&self) -> bool {
        matches!(self.kind, Kind::MalformedHttp | Kind::CallerTooSlow | Kind::TooLarge)
    }

    /// The body of the answer.
    pub(crate) fn body(&self, dialect: Dialect) -> String {
        if self.of_responses && dialect == Dialect::OpenAi {
            return fault::responses_body(self.kind, &self.say, self.param);
        }
        fault::body(self.kind, &self.say, self.param, dialect)
    }
}

/// An error and everything behind it, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

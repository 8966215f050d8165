//! What may stand in for a model: after which failure, and for which calls.

use http::{HeaderMap, HeaderName};

use super::pattern::{covers, glob};

/// What may stand in for a model that cannot answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fallback {
    /// For which model.
    pub from: FallbackFrom,
    /// After which failure.
    pub on: FallbackOn,
    /// What stands in, in order: public names of models, or `provider/model`. In a provider's own fallbacks a provider's
    /// name means the same model there.
    pub to: Vec<String>,
    /// For which calls.
    pub when: Conditions,
}

/// For which model something may stand in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FallbackFrom {
    /// Any.
    Any,
    /// The public name, or a pattern of names, with `*` for any run of characters.
    Model(String),
}

impl FallbackFrom {
    /// Whether it is meant for a model, by its public name.
    pub fn fits(&self, model: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Model(pattern) => glob(pattern, model),
        }
    }
}

/// After which failure something may stand in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FallbackOn {
    /// Any that another place may not have.
    Any,
    /// The prompt is longer than the model takes.
    ContextLength,
    /// The provider refuses the content.
    ContentPolicy,
}

impl FallbackOn {
    /// The words for them.
    pub const ALL: [(&str, Self); 3] = [
        ("any", Self::Any),
        ("context_length", Self::ContextLength),
        ("content_policy", Self::ContentPolicy),
    ];
}

/// For which calls something holds: those that fulfil all of it. Empty: for every call.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Conditions {
    /// The path, with `/v1`; with `/*` at its end everything below.
    pub path: Option<String>,
    /// Headers of the request, each with its value; `*` in a value stands for anything.
    pub header: Vec<(HeaderName, String)>,
    /// Tags of the caller's key, each with its value; `*` in a value stands for anything.
    pub tag: Vec<(String, String)>,
}

impl Conditions {
    /// Whether a call fulfils them. `rest` is its path below `/v1`, `tags` are those of the caller's key.
    pub fn hold(&self, rest: &str, headers: &HeaderMap, tags: &[(String, String)]) -> bool {
        let path = self.path.as_deref().is_none_or(|path| covers(path, rest));
        let sent = |(name, pattern): &(HeaderName, String)| {
            headers.get_all(name).iter().any(|value| value.to_str().is_ok_and(|value| glob(pattern, value)))
        };
        let tagged = |(name, pattern): &(String, String)| {
            tags.iter().any(|(known, value)| known == name && glob(pattern, value))
        };
        path && self.header.iter().all(sent) && self.tag.iter().all(tagged)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn conditions_hold_for_calls_that_fulfil_all_of_them() {
        let mut headers = HeaderMap::new();
        headers.insert("x-tier", HeaderValue::from_static("gold-1"));
        let tags = [("team".to_owned(), "red".to_owned())];
        let when = Conditions {
            path: Some("/v1/chat/*".to_owned()),
            header: vec![(HeaderName::from_static("x-tier"), "gold-*".to_owned())],
            tag: vec![("team".to_owned(), "red".to_owned())],
        };
        assert!(Conditions::default().hold("/embeddings", &HeaderMap::new(), &[]));
        assert!(when.hold("/chat/completions", &headers, &tags));
        assert!(!when.hold("/chats", &headers, &tags));
        assert!(!when.hold("/chat/completions", &HeaderMap::new(), &tags));
        assert!(!when.hold("/chat/completions", &headers, &[]));
    }

    #[test]
    fn a_fallback_is_meant_for_the_names_its_pattern_fits() {
        assert!(FallbackFrom::Any.fits("gpt-4o"));
        assert!(FallbackFrom::Model("gpt-*".to_owned()).fits("gpt-4o"));
        assert!(!FallbackFrom::Model("gpt-4o".to_owned()).fits("gpt-4o-mini"));
    }
}

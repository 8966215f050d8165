//! Administering a running gateway from a command: at its desk, with the key of administration, and what comes back as this
//! program's own words and exit codes.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::Method;
use http::header::{AUTHORIZATION, HeaderValue, IF_MATCH, USER_AGENT};
use serde_json::Value;

use super::{Reach, Told, Where, key, objection, request};
use crate::exit::{Exit, Failure};
use crate::given::environment;
use crate::instance::{self, Instance};

/// Which gateway is administered, and with which key.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct Whom {
    #[command(flatten)]
    pub(crate) place: Where,
    /// The file with the key of administration. Without it: OPENAI_PROXY_ADMIN_KEY, ADMIN_API_KEY, and for your own gateway
    /// that runs here `admin.api_key` of its configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_key_file: Option<PathBuf>,
}

/// What goes with a change.
#[derive(Args, Clone, Default, Debug)]
pub(crate) struct Why {
    /// Why; kept with the revision.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Only if this revision counts still; else nothing changes, and the exit code is 5.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) if_revision: Option<u64>,
}

/// The longest an answer takes: administration itself gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// The largest piece of a list.
const PIECE: usize = 1000;
/// Served to everybody where administration is.
const DOCUMENT: &str = "/admin/openapi.json";
/// How this program says who it is; the trail tells it apart.
const AGENT: &str = concat!("openai-proxy-command/", env!("CARGO_PKG_VERSION"));

/// Where a gateway is administered.
pub(crate) struct Desk {
    reach: Reach,
    key: Option<HeaderValue>,
    /// There is a key, and whoever listens there is nobody we know: it was not shown.
    withheld: bool,
}

impl Desk {
    /// The desk of the gateway that is meant. A key is shown to a gateway of ours, and where somebody named an address, to
    /// whoever serves administration there.
    ///
    /// # Errors
    /// When none runs, several run and none is named, or no administration is served there.
    pub(crate) async fn open(whom: &Whom) -> Result<Self, Failure> {
        let environment = environment();
        let given = key::given(whom.admin_key_file.as_deref(), &environment)?;
        let found = Reach::find(&whom.place)?;
        let known = match found.instance {
            Some(instance) => Some(instance),
            None => instance::all(&environment).into_iter().find(|one| one.is_at(&found.url)),
        };
        let own = known.as_ref().is_some_and(|instance| !instance.foreign);
        let (key, withheld) = match given {
            Some(_) if !own && whom.place.url.is_none() => (None, true),
            Some(key) => (Some(key), false),
            None => {
                let own = known.as_ref().filter(|_| own);
                (own.and_then(|instance| key::of(instance, &environment)), false)
            }
        };
        let url = known.as_ref().map_or(found.url, Instance::desk);
        let mut desk = Self { reach: Reach::to(&url, known, None)?, key: None, withheld };
        if !own {
            desk.look().await?;
        }
        desk.key = key;
        Ok(desk)
    }

    /// The note of the gateway, if it runs here and is ours.
    pub(crate) fn instance(&self) -> Option<&Instance> {
        self.reach.instance.as_ref().filter(|instance| !instance.foreign)
    }

    /// Where it takes calls, without `/v1`: as its note says, else where it is administered.
    pub(crate) fn door(&self) -> String {
        self.instance().map_or_else(|| self.reach.url.clone(), Instance::url)
    }

    /// Whether administration is served here at all: its document is, to everybody.
    async fn look(&mut self) -> Result<(), Failure> {
        let told = self.ask((Method::GET, DOCUMENT), None, None).await?;
        match told.status.is_success() && told.json()["openapi"].is_string() {
            true => Ok(()),
            false => Err(Failure::new(
                Exit::Unreachable,
                format!(
                    "No administration is served at {}, so no key was shown there.\nIf the gateway has a door for it apart (server.admin_listen), name that: --url URL",
                    self.reach.url
                ),
            )),
        }
    }

    /// `GET`.
    ///
    /// # Errors
    /// When nobody answers, or with anything but a success.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Value, Failure> {
        self.done((Method::GET, path), None, None).await
    }

    /// `POST` of something that is no change of the configuration.
    ///
    /// # Errors
    /// As for [`Desk::get`].
    pub(crate) async fn post(&mut self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.done((Method::POST, path), body, None).await
    }

    /// A change of the configuration.
    ///
    /// # Errors
    /// As for [`Desk::get`]; exit 5 when another revision counts than it was made for, exit 78 when it is refused.
    pub(crate) async fn change(
        &mut self,
        (method, path): (Method, &str),
        body: Option<&Value>,
        why: &Why,
    ) -> Result<Value, Failure> {
        let reason = why.reason.as_ref().map(|reason| format!("?reason={}", segment(reason)));
        let path = format!("{path}{}", reason.unwrap_or_default());
        self.done((method, &path), body, why.if_revision).await
    }

    /// The first entries of a list, piece by piece.
    ///
    /// # Errors
    /// As for [`Desk::get`].
    pub(crate) async fn list(
        &mut self,
        path: &str,
        query: &[(&str, Option<String>)],
        most: usize,
    ) -> Result<Vec<Value>, Failure> {
        let said = query.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let said: String = said.map(|(name, value)| format!("&{name}={}", segment(value))).collect();
        let (mut all, mut after) = (Vec::new(), String::new());
        while all.len() < most {
            let limit = PIECE.min(most - all.len());
            let mut piece = self.get(&format!("{path}?limit={limit}{said}{after}")).await?;
            if let Some(entries) = piece["data"].as_array_mut() {
                all.append(entries);
            }
            match piece["next"].as_str() {
                Some(next) => after = format!("&cursor={}", segment(next)),
                None => break,
            }
        }
        Ok(all)
    }

    async fn done(
        &mut self,
        (method, path): (Method, &str),
        body: Option<&Value>,
        expected: Option<u64>,
    ) -> Result<Value, Failure> {
        let told = self.ask((method, path), body, expected).await?;
        if told.status.is_success() {
            Ok(told.json())
        } else {
            Err(objection::failure(&told, &self.reach.url, self.withheld))
        }
    }

    async fn ask(
        &mut self,
        (method, path): (Method, &str),
        body: Option<&Value>,
        expected: Option<u64>,
    ) -> Result<Told, Failure> {
        let body = body.map_or(("", Bytes::new()), |body| ("application/json", body.to_string().into()));
        let mut request = request(method, path, body)?;
        let head = request.headers_mut();
        head.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some(key) = &self.key {
            head.insert(AUTHORIZATION, key.clone());
        }
        if let Some(Ok(tag)) = expected.map(|number| HeaderValue::from_str(&format!("\"{number}\""))) {
            head.insert(IF_MATCH, tag);
        }
        let silent = format!("{} does not answer. See its log: openai-proxy logs", self.reach.url);
        let asking = async {
            let visit = self.reach.send(request).await?;
            self.reach.read(visit).await
        };
        let late = |_| Failure::new(Exit::Unreachable, silent);
        tokio::time::timeout(PATIENCE, asking).await.map_err(late)?
    }
}

/// A text as one segment of a path, or one value of a query (RFC 3986, 2.3).
pub(crate) fn segment(text: &str) -> String {
    let each = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(each).collect()
}

impl Instance {
    /// Whether this is one of its addresses.
    fn is_at(&self, url: &str) -> bool {
        self.urls().iter().any(|known| known == url) || self.desk() == url
    }
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn no_text_leaves_its_segment() {
        assert_eq!(segment("providers.a-b_c~1"), "providers.a-b_c~1");
        assert_eq!(segment("a/b?c=d&e #%ü"), "a%2Fb%3Fc%3Dd%26e%20%23%25%C3%BC");
    }
}

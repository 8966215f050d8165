//! The model's name as the wish of a user: what to say, how fast, and what to do wrong.
//!
//! `mock/<kind>?<parameter>=<value>&...`. Every kind takes `first` (wait before the answer begins) and `gap` (wait
//! between the pieces of a stream). Any other name is some vendor's model and gets the usual answer; a kind's own word means the
//! kind, for so it stands as a place of a model.

use std::time::Duration;

use http::StatusCode;

use super::error::Problem;

/// Kinds and their parameters, as told to somebody who asked for another one.
const KINDS: &str = "the kinds are mock/echo, mock/say?text=, mock/long?words=, mock/slow?first=&gap=, \
    mock/cut?after=, mock/hang?after=, mock/refuse, mock/garbage, mock/empty, \
    mock/error?status=&code=&type=&message=&retry_after= and mock/<status>, for example mock/429?retry_after=2; \
    all take first= and gap=, for example 2s or 100ms.";

/// Names worth showing in the list of models.
pub(super) const LISTED: &[&str] = &[
    "mock",
    "mock/echo",
    "mock/say?text=hello",
    "mock/long?words=1000",
    "mock/slow",
    "mock/cut?after=3",
    "mock/hang?after=3",
    "mock/refuse",
    "mock/garbage",
    "mock/empty",
    "mock/429?retry_after=2",
    "mock/500",
];

const USUAL_GAP: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const MOST_WORDS: usize = 100_000;

/// What an answer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Says {
    /// Who it is; or a tool call or JSON, when that is asked for.
    Usual,
    /// What the user said last.
    Echo,
    /// This text.
    Text(String),
    /// So many words.
    Words(usize),
}

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    None,
    /// The connection breaks after so many pieces.
    Cut(usize),
    /// Nothing comes after so many pieces.
    Hang(usize),
    Refuse,
    Garbage,
    Empty,
    Error(Box<Problem>),
}

/// How the mock behaves for one model's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Behaviour {
    pub(super) says: Says,
    pub(super) fault: Fault,
    pub(super) first: Duration,
    pub(super) gap: Duration,
}

/// Whether a name is a kind by itself. No vendor has a model of such a name.
fn is_kind(name: &str) -> bool {
    let words = ["echo", "say", "long", "slow", "cut", "hang", "refuse", "garbage", "empty", "error"];
    words.contains(&name) || (name.len() == 3 && read_status(name).is_some())
}

impl Behaviour {
    /// Reads the model's name.
    pub(super) fn of(model: &str) -> Result<Self, Problem> {
        let mut usual = Self { says: Says::Usual, fault: Fault::None, first: Duration::ZERO, gap: USUAL_GAP };
        let (name, query) = model.split_once('?').unwrap_or((model, ""));
        let kind = match name.strip_prefix("mock/") {
            Some("") => return Err(Problem::no_model(model, KINDS)),
            Some(kind) => kind,
            None if name == "mock" => "",
            // As a place of a model writes it (`mock/429`): the provider's name is no part of the model's there.
            None if is_kind(name) => name,
            None => return Ok(usual),
        };
        let mut given = Parameters::read(query).map_err(|why| Problem::no_model(model, &why))?;
        usual.shape(kind, &mut given).map_err(|why| Problem::no_model(model, &why))?;
        match given.0.first() {
            Some((name, _)) => {
                Err(Problem::no_model(model, &format!("`{name}` is not its parameter; {KINDS}")))
            }
            None => Ok(usual),
        }
    }

    /// Takes the kind's parameters out of `given`.
    fn shape(&mut self, kind: &str, given: &mut Parameters) -> Result<(), String> {
        if kind == "slow" {
            self.first = Duration::from_secs(2);
            self.gap = Duration::from_millis(100);
        }
        self.first = given.wait("first")?.unwrap_or(self.first);
        self.gap = given.wait("gap")?.unwrap_or(self.gap);
        match kind {
            "" | "slow" => {}
            "echo" => self.says = Says::Echo,
            "say" => self.says = Says::Text(given.take("text").unwrap_or_default()),
            "long" => self.says = Says::Words(given.count("words")?.unwrap_or(1000).min(MOST_WORDS)),
            "cut" => self.fault = Fault::Cut(given.count("after")?.unwrap_or(3)),
            "hang" => self.fault = Fault::Hang(given.count("after")?.unwrap_or(3)),
            "refuse" => self.fault = Fault::Refuse,
            "garbage" => self.fault = Fault::Garbage,
            "empty" => self.fault = Fault::Empty,
            "error" => {
                let status = given.take("status").unwrap_or_else(|| "500".to_owned());
                let status = read_status(&status).ok_or("`status` wants a number from 200 to 599.")?;
                self.fault = Fault::Error(Box::new(given.error(status)));
            }
            number => {
                let status = read_status(number).ok_or(KINDS)?;
                self.fault = Fault::Error(Box::new(given.error(status)));
            }
        }
        Ok(())
    }
}

/// Parameters not yet used.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(query: &str) -> Result<Self, String> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let read = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decoded(value).ok_or(format!("`{name}` is not well percent-encoded."))?;
            Ok((name.to_owned(), value))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(at).1)
    }

    fn count(&mut self, name: &str) -> Result<Option<usize>, String> {
        let read = |text: String| text.parse().map_err(|_| format!("`{name}` wants a number."));
        self.take(name).map(read).transpose()
    }

    fn wait(&mut self, name: &str) -> Result<Option<Duration>, String> {
        let read = |text: String| {
            read_duration(&text).ok_or(format!("`{name}` wants a time such as 100ms or 2s, an hour at most."))
        };
        self.take(name).map(read).transpose()
    }

    fn error(&mut self, status: StatusCode) -> Problem {
        let message =
            self.take("message").unwrap_or_else(|| format!("The mock was asked to answer {status}."));
        let mut problem = Problem::of(status, message);
        problem.code = self.take("code").or(problem.code);
        problem.kind = self.take("type").unwrap_or(problem.kind);
        problem.retry_after = self.take("retry_after").map(String::into_boxed_str);
        problem
    }
}

fn read_status(text: &str) -> Option<StatusCode> {
    let number = text.parse().ok().filter(|number| text.len() == 3 && (200..600).contains(number))?;
    StatusCode::from_u16(number).ok()
}

fn read_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let wait = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "" if number == 0 => Duration::ZERO,
        _ => return None,
    };
    (wait <= LONGEST_WAIT).then_some(wait)
}

/// Text with `%20` and the like, and `+` for a blank, made plain.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit =
                    || char::from(bytes.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit()? << 4 | digit()?
            }
            byte => byte,
        });
    }
    String::from_utf8(plain).ok()
}

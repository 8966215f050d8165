//! What a drill may do to an attempt, as it is written: `refuse`, `reset`, `hang`, `garbage`, `503?retry_after=5s`, `slow=2s`,
//! `cut?after=3`, `stall?after=3`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::StatusCode;

/// A fault that is made on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nobody is there. Nothing is sent.
    Refuse,
    /// The connection breaks before an answer. Nothing is sent.
    Reset,
    /// No answer comes, for as long as one is awaited. Nothing is sent.
    Hang,
    /// What comes is no HTTP. Nothing is sent.
    Garbage,
    /// An error answer. Nothing is sent.
    Status {
        /// 400 to 599.
        status: StatusCode,
        /// For how long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It is asked so much later.
    Slow(Duration),
    /// It is asked, and its answer breaks off behind so many events.
    Cut {
        /// Events that pass before.
        after: u32,
    },
    /// It is asked, and its answer falls silent behind so many events.
    Stall {
        /// Events that pass before.
        after: u32,
    },
}

/// How it is written, for whoever wrote it differently.
const WORDS: &str =
    "a fault is refuse, reset, hang, garbage, 503, 429?retry_after=5s, slow=2s, cut?after=3 or stall?after=3";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("`{what}`: {WORDS}");
        let (word, option) = match text.split_once('?') {
            Some((word, option)) => (word, Some(option)),
            None => (text, None),
        };
        let after = || match option.map(|option| option.strip_prefix("after=").map(str::parse)) {
            None => Ok(0),
            Some(Some(Ok(after))) => Ok(after),
            Some(_) => Err(wrong(text)),
        };
        let fault = match word {
            "cut" => return Ok(Self::Cut { after: after()? }),
            "stall" => return Ok(Self::Stall { after: after()? }),
            "refuse" => Self::Refuse,
            "reset" => Self::Reset,
            "hang" => Self::Hang,
            "garbage" => Self::Garbage,
            _ => match word.strip_prefix("slow=") {
                Some(wait) => Self::Slow(config::span(wait)?),
                None => return status(word, option).ok_or_else(|| wrong(text)),
            },
        };
        if option.is_none() { Ok(fault) } else { Err(wrong(text)) }
    }
}

/// `503`, `status=503`, and behind either `retry_after=5s`.
fn status(word: &str, option: Option<&str>) -> Option<Fault> {
    let number: u16 = word.strip_prefix("status=").unwrap_or(word).parse().ok()?;
    let status = StatusCode::from_u16(number).ok().filter(|_| (400..600).contains(&number))?;
    let retry_after = match option {
        None => None,
        Some(option) => Some(config::span(option.strip_prefix("retry_after=")?).ok()?),
    };
    Some(Fault::Status { status, retry_after })
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => out.write_str("refuse"),
            Self::Reset => out.write_str("reset"),
            Self::Hang => out.write_str("hang"),
            Self::Garbage => out.write_str("garbage"),
            Self::Status { status, retry_after: None } => write!(out, "{}", status.as_u16()),
            Self::Status { status, retry_after: Some(wait) } => {
                write!(out, "{}?retry_after={}ms", status.as_u16(), wait.as_millis())
            }
            Self::Slow(wait) => write!(out, "slow={}ms", wait.as_millis()),
            Self::Cut { after } => write!(out, "cut?after={after}"),
            Self::Stall { after } => write!(out, "stall?after={after}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_as_it_is_told() {
        let texts =
            ["refuse", "reset", "hang", "garbage", "503", "cut?after=3", "stall?after=0", "slow=2000ms"];
        for text in texts {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        assert_eq!("status=503".parse(), "503".parse::<Fault>());
        assert_eq!("cut".parse(), Ok(Fault::Cut { after: 0 }));
        assert_eq!("slow=2s".parse(), Ok(Fault::Slow(Duration::from_secs(2))));
        let limited: Fault = "429?retry_after=5s".parse().unwrap();
        assert_eq!(limited.to_string(), "429?retry_after=5000ms");
    }

    #[test]
    fn what_is_none_is_refused_with_those_there_are() {
        let wrong = [
            "",
            "200",
            "600",
            "explode",
            "cut?before=1",
            "cut?after=",
            "hang?after=1",
            "503?after=1",
            "slow=",
        ];
        for text in wrong {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
        assert!("explode".parse::<Fault>().unwrap_err().contains("refuse, reset"));
    }
}

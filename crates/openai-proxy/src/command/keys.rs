//! `keys`: callers' keys of a running gateway. One is shown when it is made, and never again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::reach::{self, Desk, Whom, Why, segment};
use super::shell::{self, Shell};
use super::table::table;
use super::{changed, moment};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::{Mark, Talk};

/// Make, see and take away the keys of callers of the running gateway.
#[derive(Args)]
#[command(
    arg_required_else_help = true,
    before_help = "Examples:\n  openai-proxy keys create laptop\n  openai-proxy keys create ci --models 'gpt-4o*,mini' --limit requests=60/min --limit tokens=200k/min --expires 90d\n  openai-proxy keys list\n  eval \"$(openai-proxy keys aws laptop)\"\n  openai-proxy keys revoke laptop --reason 'lost on a train'",
    after_help = "Exit codes: 0 done, 1 failed, 5 it is there already or somebody else changed it, 69 no gateway runs,\n77 not allowed, 78 the configuration this would make is refused."
)]
pub(super) struct Keys {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Make one. It is printed once; nobody can look it up afterwards.
    Create(Create),
    /// List them: the end of each, what it may ask for, and until when.
    List {
        #[command(flatten)]
        whom: Whom,
    },
    /// Print what AWS's libraries sign with in the place of one, as variables of a shell. It belongs to the key, and goes with it.
    Aws(ForAws),
    /// Take one away. Calls that have begun are finished; no other begins.
    Revoke {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        whom: Whom,
        #[command(flatten)]
        why: Why,
    },
}

/// A key that is to be made.
#[derive(Args)]
struct Create {
    /// Its name: who called, in records and limits.
    #[arg(value_name = "NAME")]
    name: String,
    /// Which models it may ask for, by the names callers use and those they lead to; `*` stands for anything.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    models: Option<Vec<String>>,
    /// How much it may ask for: requests=60/min, tokens=200k/min or concurrency=8.
    #[arg(long = "limit", value_name = "LIMIT", value_parser = limit)]
    limits: Vec<(String, Value)>,
    /// The last day it holds, like 2027-06-30, the moment it ends, or how long from now: 90d, 12h.
    #[arg(long, value_name = "WHEN", value_parser = expires)]
    expires: Option<String>,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    why: Why,
}

/// What is signed with in the place of a key.
#[derive(Args)]
struct ForAws {
    /// The key's name.
    #[arg(value_name = "NAME")]
    name: String,
    /// Whose words; without it those of the shell in SHELL.
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    #[command(flatten)]
    whom: Whom,
}

/// Where keys are administered.
const ALL: &str = "/admin/v1/keys";

impl Keys {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        match self.what {
            What::Create(create) => create.run(talk),
            What::List { whom } => list(talk, &whom),
            What::Aws(of) => of.run(talk),
            What::Revoke { name, whom, why } => revoke(talk, &name, &whom, &why),
        }
    }
}

impl Create {
    fn run(self, talk: &Talk) -> Outcome {
        let limits: Map<String, Value> = self.limits.into_iter().collect();
        let limits = Some(limits).filter(|limits| !limits.is_empty());
        let body =
            json!({"name": self.name, "models": self.models, "expires": self.expires, "limits": limits});
        let (whom, why) = (&self.whom, &self.why);
        let made = reach::run(async {
            Desk::open(whom).await?.change((Method::POST, ALL), Some(&body), why).await
        })?;
        if talk.json() {
            talk.print_json(&made);
            return Ok(Exit::Done);
        }
        talk.print(&format!("{}\n", made["key"].as_str().unwrap_or_default()));
        let revision = &made["change"]["revision"];
        talk.say(&format!(
            "{} This is the key of `{}`, shown this once. Revision {revision} counts now.",
            talk.mark(Mark::Good),
            self.name
        ));
        Ok(Exit::Done)
    }
}

impl ForAws {
    fn run(self, talk: &Talk) -> Outcome {
        let at = format!("{ALL}/{}/aws", segment(&self.name));
        let (told, door) = reach::run(async {
            let mut desk = Desk::open(&self.whom).await?;
            Ok((desk.post(&at, None).await?, desk.door()))
        })?;
        let mut all = vec![
            ("AWS_ACCESS_KEY_ID", plain(&told["access_key_id"])?),
            ("AWS_SECRET_ACCESS_KEY", plain(&told["secret_access_key"])?),
        ];
        let environment = environment();
        let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.trim().is_empty());
        match door.starts_with("unix:") {
            true => {
                talk.say("The gateway listens on a Unix socket only, where AWS's libraries cannot be led.")
            }
            false => all.push(("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", door)),
        }
        // Its libraries insist on a region, some by the one name and some by the other; here any will do, but only one.
        const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
        let known = REGIONS.into_iter().find(|name| is_set(name)).and_then(|name| environment.get(name));
        let is_plain =
            |region: &&str| region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let region = known.map(|region| region.trim()).filter(is_plain).unwrap_or("us-east-1");
        let unset = REGIONS.into_iter().filter(|name| !is_set(name));
        all.extend(unset.map(|name| (name, region.to_owned())));
        for (name, why) in ASTRAY {
            if is_set(name) {
                talk.say(&format!("{} {name} is set: {why}. Unset it.", talk.mark(Mark::Warning)));
            }
        }
        shell::print(talk, self.shell, all);
        Ok(Exit::Done)
    }
}

/// What a shell reads as nothing but itself, whoever answered.
fn plain(told: &Value) -> Result<String, Failure> {
    let text = told.as_str().filter(|text| !text.is_empty());
    let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let say = "What was answered is no access key of a gateway's, and was not printed. Does an older one run there?";
    text.map(str::to_owned).ok_or_else(|| Failure::new(Exit::Failed, say))
}

/// Variables of AWS's libraries with which what is printed does not work, and why.
const ASTRAY: [(&str, &str); 2] = [
    ("AWS_SESSION_TOKEN", "the gateway knows no sessions"),
    ("AWS_BEARER_TOKEN_BEDROCK", "it is shown in the place of a signature"),
];

fn list(talk: &Talk, whom: &Whom) -> Outcome {
    let all = reach::run(async { Desk::open(whom).await?.list(ALL, &[], usize::MAX).await })?;
    if talk.json() {
        talk.print_json(&json!({"data": all}));
        return Ok(Exit::Done);
    }
    let row = |key: &Value| {
        let text = |value: &Value| value.as_str().map_or_else(String::new, str::to_owned);
        let names = |value: &Value| {
            let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            names.collect::<Vec<_>>().join(", ")
        };
        let models = if key["models"].is_null() { "*".to_owned() } else { names(&key["models"]) };
        [text(&key["name"]), text(&key["last_four"]), models, text(&key["expires"]), limits(&key["limits"])]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    if rows.is_empty() {
        talk.say("No caller has a key. Make one: openai-proxy keys create NAME");
    }
    talk.print(&table(["NAME", "ENDS IN", "MODELS", "EXPIRES", "LIMITS"], &rows));
    Ok(Exit::Done)
}

/// How much may be asked for, in a few words.
fn limits(limits: &Value) -> String {
    let one = |(name, value): (&String, &Value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{name} {value}")
    };
    limits.as_object().into_iter().flatten().map(one).collect::<Vec<_>>().join(", ")
}

fn revoke(talk: &Talk, name: &str, whom: &Whom, why: &Why) -> Outcome {
    let at = format!("{ALL}/{}", segment(name));
    let (done, left) = reach::run(async {
        let mut desk = Desk::open(whom).await?;
        let done = desk.change((Method::DELETE, &at), None, why).await?;
        Ok((done, desk.list(ALL, &[], 1).await?))
    })?;
    let exit = changed::told(talk, &done)?;
    if left.is_empty() {
        talk.say(&format!(
            "{} It was the last one: unless `auth.mode` is keys, no key is asked for any more.",
            talk.mark(Mark::Warning)
        ));
    }
    Ok(exit)
}

/// `requests=60/min`; what is wrong with the rate, the configuration says.
fn limit(text: &str) -> Result<(String, Value), String> {
    const FIX: &str = "write requests=60/min, tokens=200k/min or concurrency=8";
    let (name, value) = text.split_once('=').ok_or(FIX)?;
    let value = match name {
        "requests" | "tokens" => Value::from(value),
        "concurrency" => Value::from(value.parse::<u32>().map_err(|_| FIX)?),
        _ => return Err(FIX.to_owned()),
    };
    Ok((name.to_owned(), value))
}

/// A day or a moment as it is written, or a span from now as the moment it ends.
fn expires(text: &str) -> Result<String, String> {
    if text.contains('-') {
        return Ok(text.to_owned());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(ends(now, moment::span(text)?))
}

fn ends(now: Duration, span: Duration) -> String {
    let ms = u64::try_from((now + span).as_millis()).unwrap_or(u64::MAX);
    format!("{}Z", moment::told(&ms.into()).replace(' ', "T"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_becomes_the_moment_it_ends() {
        let now = Duration::from_secs(1_795_891_984);
        assert_eq!(ends(now, Duration::from_hours(24)), "2026-11-29T18:53:04Z");
        assert_eq!(expires("2027-06-30"), Ok("2027-06-30".to_owned()));
        assert!(expires("soon").is_err());
    }

    #[test]
    fn what_a_shell_would_read_as_more_than_a_word_is_not_printed() {
        assert_eq!(plain(&json!("OPAK2345")).ok().as_deref(), Some("OPAK2345"));
        for wrong in [
            json!("'; true; '"),
            json!("$(id)"),
            json!("a b"),
            json!("a\n"),
            json!(""),
            json!(1),
            json!(null),
        ] {
            assert!(plain(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_a_word_and_how_much() {
        assert_eq!(limit("requests=60/min"), Ok(("requests".to_owned(), "60/min".into())));
        assert_eq!(limit("concurrency=8"), Ok(("concurrency".to_owned(), 8.into())));
        for wrong in ["60/min", "requsts=1/s", "concurrency=many"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }
}

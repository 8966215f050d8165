//! `doctor`: looks at everything that commonly goes wrong, each with result, cause and the way out. A check is a function of
//! one of the files beside this one; the list of them is below.

mod bundle;
mod configuration;
mod container;
mod doors;
mod environment;
mod finding;
mod loops;
mod program;
mod providers;
mod running;
mod scene;
mod scrub;
mod storage;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::output::deliver_private;
use super::reach;
use crate::exit::{Exit, Failure, Outcome};
use crate::given::Named;
use crate::talk::Talk;
use finding::{Finding, State};
use scene::Scene;

/// Look for what commonly goes wrong, and say how to mend it.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy doctor\n  openai-proxy doctor --offline                contact nobody\n  openai-proxy doctor --deep                   ask each provider for one token and a stream, too\n  openai-proxy doctor --fix                    mend what is safe to mend, and say what\n  openai-proxy doctor --bundle report.txt      a file for a bug report, without secrets",
    after_help = "Providers are asked for their lists of models, which costs nothing; --deep puts real questions to them, which costs a\nfraction of a cent each.\nExit codes: 0 nothing bad, 4 something is."
)]
pub(super) struct Doctor {
    /// Contact nobody: neither servers of this computer nor providers.
    #[arg(long)]
    offline: bool,
    /// Ask each provider for one token and a stream of one. This costs money, if little.
    #[arg(long, conflicts_with = "offline")]
    deep: bool,
    /// Mend what is safe to mend: make files private, take away notes of gateways that are gone.
    #[arg(long)]
    fix: bool,
    /// Write a file for a bug report. It is shown first.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    named: Named,
}

/// The checks that contact nobody beyond this computer's own sockets.
const CHECKS: &[fn(&Scene) -> Vec<Finding>] = &[
    program::check,
    configuration::check,
    storage::check,
    doors::check,
    loops::check,
    environment::keys,
    environment::proxies,
    environment::programs,
    container::check,
];

impl Doctor {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        if self.deep {
            talk.say("Each provider is asked for one token, twice. That costs a fraction of a cent where answers cost money.");
        }
        let working = talk.working("looking, and asking providers");
        let (scene, mut findings) = reach::run(self.look())?;
        drop(working);
        if self.fix {
            mend(talk, &mut findings);
        }
        if talk.json() {
            talk.print_json(&as_json(&findings));
        } else {
            talk.print(&as_text(talk, &findings));
        }
        if let Some(file) = &self.bundle {
            write_bundle(talk, file, &bundle::text(&scene, &findings))?;
        }
        let bad = findings.iter().any(|one| one.state == State::Bad);
        Ok(if bad { Exit::Trouble } else { Exit::Done })
    }

    async fn look(&self) -> Result<(Scene, Vec<Finding>), Failure> {
        let scene = Scene::look(&self.named, self.offline, self.deep).await?;
        let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&scene)).collect();
        let (gateways, providers) = tokio::join!(running::check(&scene), providers::check(&scene));
        findings.extend(gateways);
        findings.extend(providers);
        Ok((scene, findings))
    }
}

/// Does the repairs that are safe, and says each.
fn mend(talk: &Talk, findings: &mut [Finding]) {
    for one in findings {
        let Some(repair) = one.repair.take() else { continue };
        talk.say(&format!("fixing: {}", repair.told()));
        match repair.run() {
            Ok(()) => {
                one.state = State::Good;
                one.what = format!("{}; mended: {}", one.what, repair.told());
                (one.cause, one.fix) = (None, None);
            }
            Err(error) => one.cause = Some(format!("It could not be mended: {error}.")),
        }
    }
}

/// Shows the text, asks, and writes it.
fn write_bundle(talk: &Talk, file: &Path, text: &str) -> Result<(), Failure> {
    if talk.json() {
        talk.say(text);
    } else {
        talk.print(&format!("\n{text}\n"));
    }
    if !talk.confirm(&format!("Write this to {}?", file.display())) {
        let say = if talk.attended() {
            "Nothing was written."
        } else {
            "Nothing was written: this is what it would hold. Write it with --yes."
        };
        return Err(Failure::new(Exit::Conflict, say));
    }
    deliver_private(talk, file, text, "read it once more, then attach it to your report").map(drop)
}

fn count(findings: &[Finding], state: State) -> usize {
    findings.iter().filter(|one| one.state == state).count()
}

fn as_json(findings: &[Finding]) -> serde_json::Value {
    let all: Vec<_> = findings.iter().map(Finding::json).collect();
    let counts = [State::Good, State::Warning, State::Bad, State::Skipped]
        .map(|state| (state.word().to_owned(), json!(count(findings, state))));
    json!({
        "ok": count(findings, State::Bad) == 0,
        "counts": counts.into_iter().collect::<serde_json::Map<_, _>>(),
        "checks": all,
    })
}

/// One line a result; what went well with one provider shares a line.
fn as_text(talk: &Talk, findings: &[Finding]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut before: Option<&Finding> = None;
    let label = |one: &Finding| {
        let kind = one.check.split('.').next().unwrap_or_default();
        if kind == "provider" && !one.about.is_empty() { one.about.clone() } else { kind.to_owned() }
    };
    let width = findings.iter().map(|one| label(one).chars().count()).max().unwrap_or(0).min(20);
    for one in findings {
        let joins = |before: &Finding| {
            let both_good = before.state == State::Good && one.state == State::Good;
            both_good
                && one.check.starts_with("provider")
                && !one.about.is_empty()
                && before.about == one.about
        };
        match lines.last_mut() {
            Some(line) if before.is_some_and(joins) => {
                line.push_str(&format!(", {}", one.what));
            }
            _ => {
                let name = label(one);
                lines.push(format!("{} {name:width$}  {}", talk.mark(one.state.mark()), one.what));
            }
        }
        let margin = " ".repeat(width + 4);
        let more = [("why", &one.cause), ("fix", &one.fix)];
        for (word, text) in more.into_iter().filter_map(|(word, text)| Some((word, text.as_ref()?))) {
            lines.push(format!("{margin}{word}: {}", text.replace('\n', &format!("\n{margin}     "))));
        }
        before = Some(one);
    }
    let warnings = if count(findings, State::Warning) == 1 { "warning" } else { "warnings" };
    let counted =
        [(State::Good, "good"), (State::Warning, warnings), (State::Bad, "bad"), (State::Skipped, "skipped")]
            .map(|(state, word)| format!("{} {word}", count(findings, state)));
    lines.extend([String::new(), counted.join(", "), String::new()]);
    lines.join("\n")
}

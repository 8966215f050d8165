//! `stop` and `reload`: signals to the gateway that runs here, and what becomes of them.

use std::time::{Duration, Instant};

use clap::Args;
use rustix::process::{Signal, kill_process};

use super::reach::{self, Reach, Where, several};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::instance::{self, Instance};
use crate::talk::{Mark, Talk};

/// Stop the gateway on the host.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy stop            running calls finish first\n  openai-proxy stop --now      they do not",
    after_help = "Stopping what does not run is done already: exit 0."
)]
pub(super) struct Stop {
    /// Do not wait for running calls.
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    place: Where,
}

/// Read the configuration anew; a bad one changes nothing.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy reload",
    after_help = "Exit codes: 0 in use, 78 refused, and the one before stays."
)]
pub(super) struct Reload {
    #[command(flatten)]
    place: Where,
}

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(20);
/// A reload is through within this.
const PATIENCE: Duration = Duration::from_secs(10);

impl Stop {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        match one(&self.place)? {
            None => talk.say("Not running."),
            Some(instance) => end(talk, &instance, self.now)?,
        }
        Ok(Exit::Done)
    }
}

impl Reload {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let Some(old) = one(&self.place)? else {
            return Err(Failure::new(
                Exit::NotRunning,
                "No gateway runs here. Start one: openai-proxy start",
            ));
        };
        // One that is under way by now may have read the files before they were as they are.
        let ours = old.reloads_begun.max(old.reloads) + 1;
        signal(&old, Signal::HUP)?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let now = instance::all(&environment()).into_iter().find(|one| one.is(&old));
            let Some(now) = now else {
                return Err(Failure::new(Exit::Failed, "It ended meanwhile. See: openai-proxy logs"));
            };
            match &now.refused {
                _ if now.reloads < ours => std::thread::sleep(LOOK),
                None => {
                    talk.say(&format!("{} The configuration is in use.", talk.mark(Mark::Good)));
                    for note in &now.notes {
                        talk.say(&format!("note: {note}"));
                    }
                    return Ok(Exit::Done);
                }
                Some(problems) => {
                    let say =
                        format!("The configuration is refused; the one before stays in use:\n{problems}");
                    return Err(Failure::new(Exit::Refused, say));
                }
            }
        }
        Err(Failure::new(
            Exit::Failed,
            "It did not say within 10 s what became of it. See: openai-proxy logs",
        ))
    }
}

/// The gateway of ours that is meant; `None`: none runs.
///
/// # Errors
/// When several run, or the one that answers is not ours to command.
pub(super) fn one(place: &Where) -> Result<Option<Instance>, Failure> {
    let mut running = instance::all(&environment());
    if let Some(url) = &place.url {
        let url = url.trim_end_matches('/').trim_end_matches("/v1");
        running.retain(|one| one.urls().iter().any(|known| known == url));
    }
    match running.len() {
        0 => {
            let mut reach = Reach::without_key(place)?;
            let there = reach::run(async { Ok(reach.readiness().await.is_some()) })?;
            if there {
                let say = format!(
                    "The gateway at {} was not started from here.\nStop it where it was started: systemctl, podman, docker, or its terminal.",
                    reach.url
                );
                return Err(Failure::new(Exit::NotAllowed, say));
            }
            Ok(None)
        }
        1 => Ok(running.pop()),
        _ => Err(several(&running)),
    }
}

/// Ends a gateway and waits until it is gone: with `now` at once, else after its calls.
///
/// # Errors
/// When it is not ours to end.
pub(super) fn end(talk: &Talk, instance: &Instance, now: bool) -> Result<(), Failure> {
    signal(instance, Signal::TERM)?;
    if now {
        // Another signal than the first: two of a kind may arrive as one (signal(7)).
        signal(instance, Signal::INT)?;
    }
    let working =
        talk.working("stopping; running calls finish first (a second time at once: openai-proxy stop --now)");
    while instance.runs() {
        std::thread::sleep(LOOK);
    }
    drop(working);
    talk.say(&format!("{} Stopped  {}/v1   pid {}", talk.mark(Mark::Good), instance.url(), instance.pid));
    Ok(())
}

fn signal(instance: &Instance, signal: Signal) -> Result<(), Failure> {
    if instance.foreign {
        let say = format!(
            "The gateway with pid {} is another user's.\nStop it where it was started: systemctl, podman, docker, or its terminal.",
            instance.pid
        );
        return Err(Failure::new(Exit::NotAllowed, say));
    }
    // Gone meanwhile: what was wanted has happened.
    let Some(process) = instance.process() else { return Ok(()) };
    match kill_process(process, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => {
            let say =
                format!("Process {} does not obey us: {error}. Who started it can stop it.", instance.pid);
            Err(Failure::new(Exit::NotAllowed, say))
        }
    }
}

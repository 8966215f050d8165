//! `start-container`: makes the container, starts it, and waits until the gateway in it is ready.

use std::time::{Duration, Instant};

use clap::Args;

use super::engine::{Engine, Kind, Manner, NAME};
use super::kept::Kept;
use super::recipe::{Recipe, Wanted};
use crate::command::outside::for_shell;
use crate::command::reach::{self, Reach, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::{Mark, Talk};

/// Start the proxy container.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy start-container\n  openai-proxy start-container --config openai-proxy.yaml\n  openai-proxy start-container --print      the command, and nothing is done",
    after_help = "Keys that are set here are passed by name; no value stands on a command line.\nExit codes: 0 it runs and is ready, 1 it did not start, 5 somebody else answers there, 69 no engine,\n77 a file the container could not read, 78 configuration refused."
)]
pub(crate) struct Start {
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    wanted: Wanted,
}

/// How long the gateway may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(100);

impl Start {
    pub(crate) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let engine = self.manner.engine(&environment)?;
        let recipe = Recipe::new(&self.wanted, engine.kind, rustix::process::geteuid().is_root())?;
        let line = run_line(&recipe, &[]);
        if self.manner.print {
            talk.print(&typed(engine.name(), &line));
            return Ok(Exit::Done);
        }
        let old = engine.container()?;
        if old.as_ref().is_some_and(|old| old.runs()) {
            talk.say(&format!("Running already: {}/v1", recipe.url));
            return Ok(Exit::Done);
        }
        nobody_answers(&recipe.url)?;
        let working = talk.working("starting");
        if let Some(kept) = Kept::find(&environment)? {
            kept.start(&environment)?;
        } else {
            has_image(&engine, &recipe.image)?;
            if old.is_some() {
                engine.run(&["rm", NAME])?;
            }
            engine.run(&line.concat())?;
        }
        ready(&engine, &recipe)?;
        drop(working);
        talk.say(&format!("{} Started  {}/v1   {}", talk.mark(Mark::Good), recipe.url, engine.name()));
        talk.more(&format!("log: {} logs -f {NAME}", engine.name()));
        Ok(Exit::Done)
    }
}

/// The words of `run`, in groups that belong together.
pub(super) fn run_line(recipe: &Recipe, more: &[&str]) -> Vec<Vec<String>> {
    let mut all = vec![vec!["run".to_owned(), "--detach".to_owned()]];
    if !more.is_empty() {
        all.push(more.iter().map(|word| (*word).to_owned()).collect());
    }
    all.extend(recipe.options());
    all.extend(recipe.passed());
    all.push(vec![recipe.image.clone()]);
    all
}

/// The same as it is typed into a shell.
pub(super) fn typed(program: &str, groups: &[Vec<String>]) -> String {
    let group = |words: &Vec<String>| words.iter().map(|word| for_shell(word)).collect::<Vec<_>>().join(" ");
    let groups: Vec<String> = groups.iter().map(group).collect();
    format!("{program} {}\n", groups.join(" \\\n  "))
}

/// The image has to be here: nothing is fetched from anywhere.
///
/// # Errors
/// When it is not; with the way to build it.
pub(super) fn has_image(engine: &Engine, image: &str) -> Result<(), Failure> {
    if engine.has_image(image)? {
        return Ok(());
    }
    // Podman keeps a health check only in docker's format.
    let format = if engine.kind == Kind::Podman { "--format docker " } else { "" };
    let say = format!(
        "There is no image {image} here. Build it in a checkout of the source:\n  {name} build {format}--tag {image} --file deploy/Dockerfile .\nOr around a program built on Debian 12 or older, in its folder:\n  openai-proxy container-files dockerfile | {name} build {format}--tag {image} --build-arg FROM=ready --file - .",
        name = engine.name()
    );
    Err(Failure::new(Exit::Failed, say))
}

/// Whether the gateway at this address is ready; nobody there is no.
pub(super) fn answers(url: &str) -> bool {
    let place = Where { url: Some(url.to_owned()) };
    let asked =
        Reach::without_key(&place).and_then(|mut reach| reach::run(async { reach.get("/readyz").await }));
    asked.is_ok_and(|told| told.status.is_success())
}

/// With the host's network, who answers there already would be taken for the container, which could not listen.
fn nobody_answers(url: &str) -> Result<(), Failure> {
    if !answers(url) {
        return Ok(());
    }
    let say = format!(
        "A gateway that is not this container answers at {url} already.\nStop it first: openai-proxy stop"
    );
    Err(Failure::new(Exit::Conflict, say))
}

/// Waits until the gateway is ready. A container that ends instead is taken away, and its last words are told.
///
/// # Errors
/// When it ends, or is not ready in time.
pub(super) fn ready(engine: &Engine, recipe: &Recipe) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        if answers(&recipe.url) {
            return Ok(());
        }
        let container = engine.container()?;
        let Some(container) = container.filter(|one| one.runs() || one.state == "created") else {
            return Err(ended(engine, recipe));
        };
        if began.elapsed() > PATIENCE {
            let say = format!(
                "It is {} and does not answer at {} within {} s. See: {} logs {NAME}",
                container.state,
                recipe.url,
                PATIENCE.as_secs(),
                engine.name()
            );
            return Err(Failure::new(Exit::Failed, say));
        }
        std::thread::sleep(LOOK);
    }
}

/// What an ended container leaves.
fn ended(engine: &Engine, recipe: &Recipe) -> Failure {
    let log = engine.log();
    let code = engine.container().ok().flatten().map(|container| container.exit);
    let _ = engine.run(&["rm", "--force", NAME]);
    let exit = if code == Some(i64::from(Exit::Refused as u8)) { Exit::Refused } else { Exit::Failed };
    let mut say = format!("It did not start.\n{log}");
    if recipe.config.is_some() && log.contains("No such file") {
        say.push_str(
            "\nOnly the configuration itself is mounted into the container; files it names are not there.",
        );
    }
    Failure::new(exit, say)
}

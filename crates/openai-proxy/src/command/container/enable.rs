//! `enable-container` and `disable-container`: the container starts with the system. With podman by systemd, through Quadlet
//! where podman is 4.4 or newer; with docker by its own restart policy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::engine::{Engine, Kind, Manner, NAME};
use super::kept::{Form, Kept};
use super::keys;
use super::recipe::{Recipe, Wanted};
use super::start::{has_image, ready, run_line, typed};
use super::unit;
use crate::command::output;
use crate::command::outside::{for_shell, on_one_line};
use crate::command::service::UNIT as HOST_UNIT;
use crate::command::systemd::{Said, Systemd, Whose, make_folder_of, take_away};
use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::{Mark, Talk};

type Environment = BTreeMap<String, String>;

/// Enable container auto-start with system.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy enable-container\n  openai-proxy enable-container --config openai-proxy.yaml\n  openai-proxy enable-container --print      the unit, and nothing is done",
    after_help = "As root for the whole system, else for you. Keys go into a file only its owner reads; the text says which.\nExit codes: 0 enabled and running, 1 it did not start, 5 another file is there, 69 no engine or no systemd."
)]
pub(crate) struct Enable {
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    said: Said,
}

/// Disable container auto-start with system.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy disable-container",
    after_help = "It is stopped, too, and nothing that enable-container wrote is left, but for keys you wrote."
)]
pub(crate) struct Disable {
    #[command(flatten)]
    manner: Manner,
    #[command(flatten)]
    said: Said,
}

/// The file of keys beside the configuration.
fn keys_file(whose: Whose, environment: &Environment) -> Result<PathBuf, Failure> {
    let file = whose.settings(environment)?.join("openai-proxy/keys.env");
    on_one_line("The path of the file of keys", &file.to_string_lossy())?;
    Ok(file)
}

/// A removal, as it is typed.
fn removal(file: &Path) -> String {
    format!("rm {}", for_shell(&file.to_string_lossy()))
}

/// A unit that does not start: where to read why, and where keys go, which is the usual reason.
fn with_places(failure: Failure, kept: &Kept, keys: &Path) -> Failure {
    let user = if kept.whose == Whose::User { "--user " } else { "" };
    let (unit, keys) = (kept.form.unit(), keys.display());
    let say = format!("{}\nIts log: journalctl {user}-u {unit}   Keys go into {keys}", failure.say);
    Failure { say, ..failure }
}

impl Enable {
    pub(crate) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let engine = self.manner.engine(&environment)?;
        if engine.kind == Kind::Docker {
            return self.by_docker(talk, &engine);
        }
        let whose = self.said.or_by_user();
        let as_root = whose == Whose::System || rustix::process::geteuid().is_root();
        let recipe = Recipe::new(&self.wanted, engine.kind, as_root)?.for_unit(&environment);
        let kept = Kept::place(whose, Form::of(&engine), &environment)?;
        let keys = keys_file(whose, &environment)?;
        let text = kept.text(&recipe, &engine, &keys);
        let steps = kept.steps();
        let lines: Vec<String> = steps.iter().map(|words| whose.line(words)).collect();
        if self.manner.print {
            talk.print(&text);
            let (file, keys) = (kept.file.display(), keys.display());
            talk.say(&format!(
                "Would be written to {file}, and an empty file of keys to {keys}; then: {}",
                lines.join("; ")
            ));
            return Ok(Exit::Done);
        }
        if kept.form == Form::Quadlet && whose.units(&environment)?.join(HOST_UNIT).exists() {
            let say = "A service of the same name is installed for the gateway without a container.\nTake it away first: openai-proxy uninstall-service";
            return Err(Failure::new(Exit::Conflict, say));
        }
        has_image(&engine, &recipe.image)?;
        let systemd = Systemd::find(whose, &environment)?;
        make_folder_of(&kept.file)?;
        output::deliver(talk, &kept.file, &text, &lines.join("; "))?;
        keys::make_file(talk, &keys)?;
        for words in &steps {
            systemd.tell(words).map_err(|failure| with_places(failure, &kept, &keys))?;
        }
        ready(&engine, &recipe)?;
        talk.say(&format!("{} Enabled and started  {}/v1", talk.mark(Mark::Good), recipe.url));
        if !recipe.names.is_empty() {
            talk.say(&format!(
                "Set here, but not for the unit: {}. Write them into {}, then: {}",
                recipe.names.join(", "),
                keys.display(),
                whose.line(&["restart", kept.form.unit()])
            ));
        }
        systemd.tell_of_lingering(talk, &environment);
        Ok(Exit::Done)
    }

    /// Docker starts containers again by itself, once its own service starts with the system.
    fn by_docker(&self, talk: &Talk, engine: &Engine) -> Outcome {
        let recipe = Recipe::new(&self.wanted, engine.kind, rustix::process::geteuid().is_root())?;
        let update = ["update", "--restart", "unless-stopped", NAME];
        let run = run_line(&recipe, &["--restart", "unless-stopped"]);
        if self.manner.print {
            talk.print(&typed(engine.name(), &run));
            talk.say(&format!("If the container is there already: docker {}", update.join(" ")));
            return Ok(Exit::Done);
        }
        match engine.container()? {
            Some(container) => {
                engine.run(&update)?;
                if !container.runs() {
                    engine.run(&["start", NAME])?;
                }
            }
            None => {
                has_image(engine, &recipe.image)?;
                engine.run(&run.concat())?;
            }
        }
        ready(engine, &recipe)?;
        talk.say(&format!("{} Enabled and started  {}/v1", talk.mark(Mark::Good), recipe.url));
        talk.say("Docker itself must start with the system: systemctl enable docker");
        Ok(Exit::Done)
    }
}

impl Disable {
    pub(crate) fn run(self, talk: &Talk) -> Outcome {
        let environment = environment();
        let engine = self.manner.engine(&environment)?;
        if engine.kind == Kind::Docker {
            return self.by_docker(talk, &engine);
        }
        let whose = self.said.or_by_user();
        let Some(kept) = Kept::of(whose, &environment)? else {
            talk.say("It does not start with the system.");
            return Ok(Exit::Done);
        };
        if !std::fs::read_to_string(&kept.file).unwrap_or_default().starts_with(unit::OURS) {
            let say =
                format!("{} was not written by this program. Nothing was changed.", kept.file.display());
            return Err(Failure::new(Exit::Conflict, say));
        }
        let [before, after] = kept.steps_back();
        let keys = keys_file(whose, &environment)?;
        if self.manner.print {
            let mut lines = vec![whose.line(&before), removal(&kept.file)];
            lines.extend(keys::is_ours(&keys).then(|| removal(&keys)));
            lines.extend([whose.line(&after), String::new()]);
            talk.print(&lines.join("\n"));
            return Ok(Exit::Done);
        }
        let systemd = Systemd::find(whose, &environment)?;
        systemd.tell(&before)?;
        take_away(&kept.file, whose, &environment)?;
        keys::take_file_away(talk, &keys, whose, &environment)?;
        systemd.tell(&after)?;
        talk.say(&format!("{} Stopped; it does not start with the system any more.", talk.mark(Mark::Good)));
        Ok(Exit::Done)
    }

    fn by_docker(&self, talk: &Talk, engine: &Engine) -> Outcome {
        let (stop, remove) = (["stop", NAME], ["rm", NAME]);
        if self.manner.print {
            talk.print(&format!("docker {}\ndocker {}\n", stop.join(" "), remove.join(" ")));
            return Ok(Exit::Done);
        }
        let Some(container) = engine.container()? else {
            talk.say("It does not start with the system.");
            return Ok(Exit::Done);
        };
        if container.runs() {
            engine.run(&stop)?;
        }
        engine.run(&remove)?;
        talk.say(&format!("{} Stopped; it does not start with the system any more.", talk.mark(Mark::Good)));
        Ok(Exit::Done)
    }
}

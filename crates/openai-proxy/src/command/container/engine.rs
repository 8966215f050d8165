//! The container engine: which one is here, and what it says of our container.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::Value;

use crate::command::outside::{Program, Refused};
use crate::exit::{Exit, Failure};

/// The container's name, the same everywhere.
pub(super) const NAME: &str = "openai-proxy";
/// The label that holds where the gateway is reached from this computer.
pub(super) const URL_LABEL: &str = "openai-proxy.url";

/// A container engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Kind {
    Podman,
    Docker,
}

impl Kind {
    /// The name of its program.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Docker => "docker",
        }
    }
}

/// What all commands about the container take.
#[derive(Args, Clone, Default, Debug)]
pub(super) struct Manner {
    /// The container engine. Without it: podman, else docker.
    #[arg(long, value_enum)]
    engine: Option<Kind>,
    /// Show what would be run or written, and do nothing.
    #[arg(long)]
    pub(super) print: bool,
}

/// An engine of this computer.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    pub(super) kind: Kind,
    program: Program,
}

/// Our container, as the engine knows it.
#[derive(Debug)]
pub(super) struct Container {
    /// `running`, `exited`, `created` ...
    pub(super) state: String,
    /// How it ended, when it has.
    pub(super) exit: i64,
    /// What its health check says: `healthy`, `starting`, `unhealthy`.
    pub(super) health: Option<String>,
    /// What it was made from.
    pub(super) image: String,
    /// Where it is reached.
    pub(super) url: Option<String>,
    /// When the engine itself starts it again: `no`, `unless-stopped` ...
    pub(super) restart: String,
}

impl Manner {
    /// The engine that is meant.
    ///
    /// # Errors
    /// Exit 69 when it is not installed.
    pub(super) fn engine(&self, environment: &BTreeMap<String, String>) -> Result<Engine, Failure> {
        let wanted = self.engine.map_or(vec![Kind::Podman, Kind::Docker], |kind| vec![kind]);
        let found =
            |kind: &Kind| Some(Engine { kind: *kind, program: Program::find(kind.name(), environment)? });
        wanted.iter().find_map(found).ok_or_else(|| {
            let names: Vec<&str> = wanted.iter().map(|kind| kind.name()).collect();
            let say = format!(
                "No container engine is here: {} not found on PATH.\nInstall one, for example: apt-get install podman   (or without a container: openai-proxy start)",
                names.join(" and ")
            );
            Failure::new(Exit::Unreachable, say)
        })
    }
}

impl Engine {
    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// Where its program is.
    pub(super) fn path(&self) -> String {
        self.program.path()
    }

    /// Has it do something; what it says then.
    ///
    /// # Errors
    /// When it does not; with its words. Exit 69 when the engine itself is not there.
    pub(super) fn run<S: AsRef<str>>(&self, arguments: &[S]) -> Result<(String, String), Failure> {
        self.program.run(arguments).map_err(|refused| refused.told(code(&refused)))
    }

    /// Our container, if there is one.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(super) fn container(&self) -> Result<Option<Container>, Failure> {
        let told = match self.program.ask(&["container", "inspect", NAME]) {
            Ok(told) => told,
            Err(refused) if refused.says("no such") => return Ok(None),
            Err(refused) => return Err(refused.told(code(&refused))),
        };
        let told: Value = serde_json::from_str(&told).unwrap_or_default();
        Ok(told.get(0).map(read))
    }

    /// Whether an image is here. Nothing is fetched.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(super) fn has_image(&self, image: &str) -> Result<bool, Failure> {
        match self.program.ask(&["image", "inspect", image]) {
            Ok(_) => Ok(true),
            Err(refused) if refused.says("no such") || refused.says("not known") => Ok(false),
            Err(refused) => Err(refused.told(code(&refused))),
        }
    }

    /// What the container has written, the last lines.
    pub(super) fn log(&self) -> String {
        let (out, err) = self.program.run(&["logs", "--tail", "20", NAME]).unwrap_or_default();
        format!("{out}{err}").trim_end().to_owned()
    }

    /// Its version, as two numbers; `None`: it does not tell.
    pub(super) fn version(&self) -> Option<(u32, u32)> {
        let told = self.program.ask(&["--version"]).ok()?;
        let number = told.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut parts = number.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    }
}

/// An engine whose other half does not run cannot be reached; everything else has failed.
fn code(refused: &Refused) -> Exit {
    let away = refused.says("cannot connect") || refused.says("connection refused");
    if away { Exit::Unreachable } else { Exit::Failed }
}

fn read(told: &Value) -> Container {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let state = &told["State"];
    // Podman before 4 called it `Healthcheck`.
    let health =
        [&state["Health"], &state["Healthcheck"]].into_iter().find_map(|health| text(&health["Status"]));
    Container {
        state: text(&state["Status"]).unwrap_or_default(),
        exit: state["ExitCode"].as_i64().unwrap_or_default(),
        health: health.filter(|health| health != "none"),
        // Podman gives the name beside the container, docker inside its configuration.
        image: text(&told["ImageName"]).or_else(|| text(&told["Config"]["Image"])).unwrap_or_default(),
        url: text(&told["Config"]["Labels"][URL_LABEL]),
        restart: text(&told["HostConfig"]["RestartPolicy"]["Name"]).unwrap_or_else(|| "no".to_owned()),
    }
}

impl Container {
    /// Whether it runs.
    pub(super) fn runs(&self) -> bool {
        self.state == "running"
    }
}

//! What the checks look at, gathered once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{Loaded, Problems};

use crate::exit::Failure;
use crate::given::Named;
use crate::instance::{self, Instance};
use crate::search;

/// Everything there is to look at.
pub(super) struct Scene {
    /// The environment.
    pub(super) environment: BTreeMap<String, String>,
    /// The configuration file that would be read, if there is one.
    pub(super) file: Option<PathBuf>,
    /// Its text, if it can be read.
    pub(super) text: Option<String>,
    /// The files that belong to it, and their texts: `conf.d`, the environment's, `.env`.
    pub(super) companions: Vec<(PathBuf, String)>,
    /// The configuration as a gateway would begin with it.
    pub(super) loaded: Result<Loaded, Problems>,
    /// The gateways that run here.
    pub(super) running: Vec<Instance>,
    /// Nobody is contacted.
    pub(super) offline: bool,
    /// Questions that cost money may be put.
    pub(super) deep: bool,
}

impl Scene {
    /// Looks around.
    ///
    /// # Errors
    /// When a `--set` is none.
    pub(super) async fn look(named: &Named, offline: bool, deep: bool) -> Result<Self, Failure> {
        let mut given = named.given(Vec::new())?;
        let environment = given.environment.clone();
        let must = given.file.is_some()
            || environment.get("OPENAI_PROXY_CONFIG").is_some_and(|path| !path.is_empty());
        let file = config::places(&given).into_iter().find(|path| must || path.is_file());
        let text = file.as_ref().and_then(|path| config::read_text(path).ok());
        let beside = config::looked(&given).into_iter().map(|looked| PathBuf::from(looked.place));
        let companions = beside
            .filter(|path| Some(path) != file.as_ref() && path.is_file())
            .filter_map(|path| Some((path.clone(), config::read_text(&path).ok()?)))
            .collect();
        let running = instance::all(&environment);
        let loaded = if offline {
            config::load(&given)
        } else {
            search::load(&mut given).await.map(|(loaded, _)| loaded)
        };
        Ok(Self { environment, file, text, companions, loaded, running, offline, deep })
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The ports of our doors: as configured, and of gateways that run here.
    pub(super) fn own_ports(&self) -> Vec<u16> {
        let mut ports: Vec<u16> = self.loaded.as_ref().map(search::own_ports).unwrap_or_default();
        let running = self.running.iter().flat_map(Instance::urls);
        ports.extend(running.filter_map(|url| url.rsplit(':').next()?.parse::<u16>().ok()));
        ports.retain(|port| *port != 0);
        ports
    }
}

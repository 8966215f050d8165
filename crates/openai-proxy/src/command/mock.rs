//! `mock`: a gateway that leads to nobody but the vendor inside: for tests of programs, without a key and without a bill.

use clap::Args;
use config::Given;

use super::serve;
use crate::exit::Outcome;
use crate::given::environment;
use crate::talk::Talk;

/// Run a gateway with made-up answers only.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy mock\n  openai-proxy mock --listen 127.0.0.1:auto\n  openai-proxy chat --model 'mock/429?retry_after=2' \"hello\"",
    after_help = "The model's name says what happens: mock/echo, mock/say?text=hello, mock/slow?first=2s, mock/500,\nmock/cut?after=3, mock/hang, mock/refuse, mock/garbage. No file and no key is read, nothing is searched for."
)]
pub(super) struct Mock {
    /// Where to listen.
    #[arg(short, long, value_name = "ADDRESS", default_value = "127.0.0.1:2020")]
    listen: String,
    /// How log lines look: auto, human or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// How much is logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
}

/// Variables that say where things lie, not what a gateway does.
const PLACES: &[&str] = &["HOME", "XDG_STATE_HOME", "RUNTIME_DIRECTORY"];

impl Mock {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let settings = [
            ("providers.mock", Some("{}".to_owned())),
            // Made-up calls are nobody's books.
            ("storage.database", Some("memory".to_owned())),
            ("server.listen", Some(self.listen)),
            ("logging.format", self.log_format),
            ("logging.level", self.log_level),
        ];
        let overrides = settings.into_iter().filter_map(|(path, value)| Some((path.to_owned(), value?)));
        let mut environment = environment();
        environment.retain(|name, _| PLACES.contains(&name.as_str()));
        let given = Given { no_file: true, environment, overrides: overrides.collect(), ..Given::default() };
        serve::run(talk, given, None)
    }
}

//! The command line. The list below is the table of contents; each command is a file of that name.

mod alerts;
mod audit;
mod changed;
mod chat;
mod check_config;
mod check_endpoints;
mod completion;
mod config;
mod connect;
mod container;
mod db;
mod doctor;
mod drill;
mod env;
mod explain;
mod form;
mod healthcheck;
mod import;
mod init;
mod keys;
mod launch;
mod licenses;
mod logs;
mod man;
mod migrate;
mod mock;
mod model_list;
mod moment;
mod output;
mod outside;
mod providers;
mod reach;
mod replay;
mod secrets;
mod serve;
mod service;
mod shell;
mod speak;
mod start;
mod status;
mod stop;
mod systemd;
mod table;
mod tool;
mod transcribe;
mod usage;
mod value;
mod version;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::exit::{Exit, Failure, Outcome};
use crate::given::environment;
use crate::talk::{Manners, Talk};

/// One binary between every program that speaks an AI API and every place that answers.
#[derive(Parser)]
#[command(
    name = "openai-proxy",
    version,
    before_help = "Examples:\n  openai-proxy serve                     what runs here and whose keys are set, or the built-in mock\n  openai-proxy start                     the same in the background; stop, status, logs\n  openai-proxy chat \"hello\"              ask something\n  openai-proxy launch claude             a tool, set up for this call only\n  openai-proxy init                      keep settings in a file",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong use, 3 status: not running, 4 a check found trouble,\n5 somebody must decide first, 69 not reachable, 77 not allowed, 78 configuration refused.",
    term_width = 100
)]
struct Cli {
    #[command(flatten)]
    manners: Manners,
    #[command(subcommand)]
    command: Option<Command>,
}

// Each is described when it is asked for: who starts one does not wait for fifty.
#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    /// Run the gateway in the foreground.
    Serve(serve::Serve),
    /// Check the configuration.
    CheckConfig(check_config::CheckConfig),
    /// Test the endpoints through the running gateway.
    CheckEndpoints(check_endpoints::CheckEndpoints),
    /// Start the gateway in the background on the host.
    Start(start::Start),
    /// Stop the gateway on the host.
    Stop(stop::Stop),
    /// Show the gateway's status on the host.
    Status(status::Status),
    /// Stop the gateway and start it again as it was started.
    Restart(start::Restart),
    /// Read the configuration anew; a bad one changes nothing.
    Reload(stop::Reload),
    /// Show the gateway's log.
    Logs(logs::Logs),
    /// Start the proxy container.
    StartContainer(container::Start),
    /// Stop the proxy container.
    StopContainer(container::Stop),
    /// Show proxy container status.
    StatusContainer(container::Status),
    /// Enable container auto-start with system.
    EnableContainer(container::Enable),
    /// Disable container auto-start with system.
    DisableContainer(container::Disable),
    /// Let systemd keep the gateway running on the host.
    InstallService(service::Install),
    /// Take the gateway out of systemd's hands.
    UninstallService(service::Uninstall),
    /// Write a configuration file from what is found here.
    Init(init::Init),
    /// Turn another program's configuration into ours.
    Import(import::Import),
    /// Take over what another program remembers.
    Migrate(migrate::Migrate),
    /// See where settings come from, change them on a running gateway, and keep the file in shape.
    Config(config::Config),
    /// See, add, try out, pause and take away the providers of the running gateway.
    Providers(providers::Providers),
    /// Make, see and take away the keys of callers of the running gateway.
    Keys(keys::Keys),
    /// Show usage in sums, by hour or day and by what it is grouped by.
    Usage(usage::Usage),
    /// List finished calls, newest first.
    Requests(usage::Requests),
    /// See who did what, and whether the trail of it is whole.
    Audit(audit::Audit),
    /// Try out whether alerts arrive.
    Alerts(alerts::Alerts),
    /// Look after what is kept sealed.
    Secrets(secrets::Secrets),
    /// Look after the database: health, copies, less of it.
    Db(db::Db),
    /// Look for what commonly goes wrong, and say how to mend it.
    Doctor(doctor::Doctor),
    /// Make a provider fail on purpose, for a share of its attempts and for a while.
    Drill(drill::Drill),
    /// Send recorded calls once more, to the mock or to one provider.
    Replay(replay::Replay),
    /// Say where a request would go, and why; nothing of it is sent.
    Explain(explain::Explain),
    /// Ask a model something.
    Chat(chat::Chat),
    /// List the models programs can ask for.
    Models(model_list::Models),
    /// Turn a recording into text.
    Transcribe(transcribe::Transcribe),
    /// Turn text into speech.
    Speak(speak::Speak),
    /// Run a tool with the gateway behind it.
    Launch(launch::Launch),
    /// Show how to point a tool at the gateway.
    Connect(connect::Connect),
    /// Print the variables that lead programs here.
    Env(env::Env),
    /// Run a gateway with made-up answers only.
    Mock(mock::Mock),
    /// Ask the gateway of this computer or container whether it is ready.
    Healthcheck(healthcheck::Healthcheck),
    /// Print the Dockerfile or the compose file.
    ContainerFiles(container::Files),
    /// Write a completion script for a shell.
    Completion(completion::Completion),
    /// Write the manual page.
    Man(man::Man),
    /// Show the version; with --verbose also how this program was built.
    Version(version::Version),
    /// Show the licences of the code inside this program.
    Licenses(licenses::Licenses),
}

impl Command {
    fn run(self, talk: &Talk) -> Result<ExitCode, Failure> {
        let exit = match self {
            // A tool that was run ends with a code of its own.
            Self::Launch(launch) => return launch.run(talk),
            Self::Connect(connect) => connect.run(talk),
            Self::Serve(serve) => serve.run(talk),
            Self::CheckConfig(check) => check.run(talk),
            Self::CheckEndpoints(check) => check.run(talk),
            Self::Start(start) => start.run(talk),
            Self::Stop(stop) => stop.run(talk),
            Self::Status(status) => status.run(talk),
            Self::Restart(restart) => restart.run(talk),
            Self::Reload(reload) => reload.run(talk),
            Self::Logs(logs) => logs.run(talk),
            Self::Config(config) => config.run(talk),
            Self::Providers(providers) => providers.run(talk),
            Self::Keys(keys) => keys.run(talk),
            Self::Usage(usage) => usage.run(talk),
            Self::Requests(requests) => requests.run(talk),
            Self::Audit(audit) => audit.run(talk),
            Self::Alerts(alerts) => alerts.run(talk),
            Self::Secrets(secrets) => secrets.run(talk),
            Self::Doctor(doctor) => doctor.run(talk),
            Self::Drill(drill) => drill.run(talk),
            Self::Replay(replay) => replay.run(talk),
            Self::Explain(explain) => explain.run(talk),
            Self::Chat(chat) => chat.run(talk),
            Self::Models(models) => models.run(talk),
            Self::Transcribe(transcribe) => transcribe.run(talk),
            Self::Speak(speak) => speak.run(talk),
            Self::Env(env) => env.run(talk),
            Self::Mock(mock) => mock.run(talk),
            Self::Init(init) => init.run(talk),
            Self::Import(import) => import.run(talk),
            Self::Migrate(migrate) => migrate.run(talk),
            Self::Db(db) => db.run(talk),
            Self::Completion(completion) => completion.run(talk, Cli::command()),
            Self::Man(man) => man.run(talk, Cli::command()),
            Self::Version(version) => version.run(talk),
            Self::Licenses(licenses) => licenses.run(talk),
            Self::StartContainer(start) => start.run(talk),
            Self::StopContainer(stop) => stop.run(talk),
            Self::StatusContainer(status) => status.run(talk),
            Self::EnableContainer(enable) => enable.run(talk),
            Self::DisableContainer(disable) => disable.run(talk),
            Self::ContainerFiles(files) => files.run(talk),
            Self::InstallService(install) => install.run(talk),
            Self::UninstallService(uninstall) => uninstall.run(talk),
            Self::Healthcheck(healthcheck) => healthcheck.run(talk),
        };
        exit.map(ExitCode::from)
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let talk = Talk::new(cli.manners, environment().get("NO_COLOR").map(String::as_str));
    let ended = match cli.command {
        Some(command) => command.run(&talk),
        None => nothing_asked(&talk).map(ExitCode::from),
    };
    // What was to be printed and could not be was not done, whatever the command thinks.
    ended.and_then(|code| talk.all_written().map(|()| code)).unwrap_or_else(|failure| {
        talk.complain(&failure);
        failure.exit.into()
    })
}

/// Without a command: the help, and whether a gateway runs.
fn nothing_asked(talk: &Talk) -> Outcome {
    talk.say(&Cli::command().render_help().to_string());
    for instance in crate::instance::all(&environment()) {
        talk.say(&format!("Running: {}/v1   (openai-proxy status)", instance.url()));
    }
    Ok(Exit::Misused)
}

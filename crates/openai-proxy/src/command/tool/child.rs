//! Running a tool: variables for it alone, at most one file that is gone afterwards, its own exit code.

use std::io::IsTerminal;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::{Aim, Environment, Temporary, Told, Tool};
use crate::folders;

/// What a tool is run with.
pub(crate) struct Run {
    command: Command,
    /// The folder of its temporary file, removed when this is dropped.
    folder: Option<tempfile::TempDir>,
}

impl Run {
    /// Prepares a run.
    ///
    /// # Errors
    /// When the temporary file cannot be made.
    pub(crate) fn new(
        tool: &Tool,
        program: &Path,
        aim: &Aim,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        for name in tool.without {
            command.env_remove(name);
        }
        command.envs((tool.variables)(aim)).args((tool.arguments)(aim));
        let mut folder = None;
        if let Some(temporary) = &tool.temporary {
            let made =
                folder_for(temporary, environment).context("No folder for the tool's temporary file")?;
            let file = made.path().join(temporary.name);
            folders::write_private(&file, &temporary.text(aim))
                .with_context(|| format!("{} cannot be written", file.display()))?;
            match temporary.told {
                Told::Variable(name) => command.env(name, &file),
                Told::Folder(name) => command.env(name, made.path()),
                Told::Argument(name) => command.arg(name).arg(&file),
            };
            if let Some(own) = temporary.stands_for(environment) {
                show_beside(&own, made.path())
                    .context("The tool's own folder cannot be shown beside ours")?;
            }
            folder = Some(made);
        }
        Ok(Self { command, folder })
    }

    /// Adds the person's own arguments and runs the tool to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn finish(mut self, arguments: &[String]) -> anyhow::Result<ExitCode> {
        self.command.args(arguments);
        let Some(folder) = self.folder else {
            // Nothing is left to do afterwards: the tool takes our place, and terminal and signals are its own.
            use std::os::unix::process::CommandExt;
            return Err(self.command.exec()).context("The tool cannot be started");
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let code = runtime.block_on(watch(self.command));
        // Gone before the code is told, whatever happened.
        folder.close().context("The tool's temporary file cannot be removed")?;
        code
    }
}

/// Waits for the tool, and hands on what is signalled to us.
async fn watch(command: Command) -> anyhow::Result<ExitCode> {
    // From here on no signal ends us before the tool has ended.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    // What is typed at a terminal reaches the tool without us; twice would mean something else.
    let at_terminal =
        std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
    let mut child = tokio::process::Command::from(command).spawn().context("The tool cannot be started")?;
    let status = loop {
        let (sent, typed) = tokio::select! {
            status = child.wait() => break status?,
            _ = interrupt.recv() => (Signal::INT, true),
            _ = quit.recv() => (Signal::QUIT, true),
            _ = terminate.recv() => (Signal::TERM, false),
            _ = hang_up.recv() => (Signal::HUP, false),
        };
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid.filter(|_| !(typed && at_terminal)) {
            let _ = kill_process(pid, sent);
        }
    };
    let code = status.code().or_else(|| status.signal().map(|number| 128 + number)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// A folder of our own for one run: where the session or the system keeps such things, and where the tool accepts it.
fn folder_for(temporary: &Temporary, environment: &Environment) -> std::io::Result<tempfile::TempDir> {
    let session = environment.get("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
    let usual = session.into_iter().chain([std::env::temp_dir()]);
    let accepted = usual.into_iter().find(|folder| !temporary.strict || is_closed(folder));
    let base = match (accepted, folders::state(environment)) {
        (Some(folder), _) => folder,
        (None, Some(state)) => {
            folders::make_private(&state)?;
            state
        }
        (None, None) => std::env::temp_dir(),
    };
    tempfile::Builder::new().prefix("openai-proxy-").tempdir_in(base)
}

/// Whether nobody else may write to a folder or to those above it.
fn is_closed(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    folder
        .ancestors()
        .all(|above| above.metadata().is_ok_and(|known| known.permissions().mode() & 0o022 == 0))
}

/// Everything in the tool's own folder, but for what we put in its place, is to be found beside it.
fn show_beside(own: &Path, ours: &Path) -> std::io::Result<()> {
    let Ok(entries) = own.read_dir() else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let link = ours.join(entry.file_name());
        if !link.exists() {
            std::os::unix::fs::symlink(entry.path(), link)?;
        }
    }
    Ok(())
}

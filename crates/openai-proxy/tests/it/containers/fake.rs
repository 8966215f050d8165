//! A computer of its own for the commands about containers and services: a home, a `PATH` that holds stand-ins only, and what
//! those were told.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::starting::run;

/// The stand-ins and their memory.
pub(crate) struct Fake {
    dir: TempDir,
    /// Where the gateway is to listen.
    pub(crate) port: u16,
}

impl Fake {
    /// With stand-ins for these programs, an image, and podman 4.9.
    pub(crate) fn new(programs: &[&str]) -> Self {
        let fake = Self { dir: tempfile::tempdir().unwrap(), port: free_port() };
        for folder in ["bin", "home/.config", "memory"] {
            std::fs::create_dir_all(fake.dir.path().join(folder)).unwrap();
        }
        for name in programs {
            let file = fake.dir.path().join("bin").join(name);
            std::fs::write(&file, include_str!("fake.sh")).unwrap();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
        }
        let made = format!(
            r#"[{{"State": {{"Status": "running", "ExitCode": 0}}, "ImageName": "localhost/openai-proxy:0.1.0", "Config": {{"Labels": {{"openai-proxy.url": "http://127.0.0.1:{}"}}}}, "HostConfig": {{"RestartPolicy": {{"Name": "no"}}}}}}]"#,
            fake.port
        );
        fake.remember("made.json", &made);
        fake.remember("image", "");
        fake.remember("version", "4.9.3");
        fake
    }

    fn memory(&self) -> PathBuf {
        self.dir.path().join("memory")
    }

    /// Something the stand-ins know.
    pub(crate) fn remember(&self, name: &str, text: &str) {
        std::fs::write(self.memory().join(name), text).unwrap();
    }

    /// Something they do not know any more.
    pub(crate) fn forget(&self, name: &str) {
        std::fs::remove_file(self.memory().join(name)).unwrap();
    }

    /// From now on they all fail, with these words.
    pub(crate) fn fails(&self, words: &str) {
        self.remember("fails", words);
    }

    /// The home's settings.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("home/.config")
    }

    /// The home.
    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Runs our program here: exit code, standard output, standard error.
    pub(crate) fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        self.run_with(arguments, &[])
    }

    /// The same, with more in the environment.
    pub(crate) fn run_with(
        &self,
        arguments: &[&str],
        more: &[(&str, &str)],
    ) -> (Option<i32>, String, String) {
        let (bin, memory, port) = (self.dir.path().join("bin"), self.memory(), self.port.to_string());
        let mut environment = vec![
            ("PATH", bin.to_str().unwrap()),
            ("FAKE", memory.to_str().unwrap()),
            ("GATEWAY", env!("CARGO_BIN_EXE_openai-proxy")),
            ("PORT", port.as_str()),
        ];
        environment.extend(more);
        run(&self.home(), arguments, &environment)
    }

    /// What they were told, of all that begins so.
    pub(crate) fn said(&self, begins: &str) -> Vec<String> {
        let said = std::fs::read_to_string(self.memory().join("said")).unwrap_or_default();
        said.lines().filter(|line| line.starts_with(begins)).map(str::to_owned).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.memory().join("pid")) {
            drop(Command::new("kill").args(["-s", "KILL", pid.trim()]).stderr(Stdio::null()).status());
        }
    }
}

/// A port nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Everything below a folder: folders, and files with what they hold.
pub(crate) fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.push((path.clone(), Vec::new()));
            all.extend(tree(&path));
        } else {
            all.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

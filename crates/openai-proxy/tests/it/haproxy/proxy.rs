//! A real HAProxy for a test: an ordinary user's, on a free port, ended when dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::until::until;

/// A directory HAProxy may read and write, whoever runs it.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        Self(dir)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// HAProxy as an ordinary user, with nothing of our environment.
    fn haproxy(&self, arguments: &[&str]) -> Command {
        let found = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
        let haproxy =
            found.iter().map(|dir| format!("{dir}/haproxy")).find(|file| PathBuf::from(file).exists());
        let Some(haproxy) = haproxy else {
            panic!("These tests need a real HAProxy, 2.6 or later. Install it: apt-get install haproxy.");
        };
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", &haproxy]);
            command
        } else {
            Command::new(haproxy)
        };
        command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("XDG_RUNTIME_DIR", self.0.path()).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// What `haproxy -c` says.
    pub(crate) fn check(&self, config: &str) -> Output {
        let file = self.write("check.cfg", config);
        self.haproxy(&["-c", "-f", file.to_str().unwrap()]).output().unwrap()
    }

    /// Runs it until the result is dropped.
    pub(crate) fn run(self, config: &str) -> Haproxy {
        let listen = bind(config);
        let file = self.write("haproxy.cfg", config);
        let log = std::fs::File::create(self.0.path().join("log")).unwrap();
        let child = self.haproxy(&["-db", "-f", file.to_str().unwrap()]).stderr(log).spawn().unwrap();
        let mut running = Haproxy { child, place: self, address: listen };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(listen).is_err() {
            let ended = running.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "HAProxy does not listen:\n{}",
                running.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }
}

/// The address of the one `bind` line.
fn bind(config: &str) -> SocketAddr {
    let mut lines = config.lines().filter_map(|line| line.trim().strip_prefix("bind "));
    lines.next().unwrap().parse().unwrap()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// A running HAProxy.
pub(crate) struct Haproxy {
    child: Child,
    pub(crate) place: Place,
    pub(crate) address: SocketAddr,
}

impl Haproxy {
    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.place.0.path().join("log")).unwrap_or_default()
    }
}

impl Haproxy {
    /// Waits until it has logged this; a line is written a moment after its answer.
    pub(crate) async fn says(&self, text: &str, limit: Duration) {
        let said = until(limit, async || self.log().contains(text)).await;
        assert!(said, "`{text}` is not said within {limit:?}:\n{}", self.log());
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port nobody has, below those the system gives out by itself: nobody gets it between now and HAProxy's start.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let mut ports = std::iter::from_fn(|| Some(begin + NEXT.fetch_add(1, Ordering::Relaxed) % 2_000));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Replaces words that must be there: a test of a file that has changed under it must fail.
pub(crate) fn put(config: &str, written: &str, instead: &str) -> String {
    assert!(config.contains(written), "`{written}` is not in:\n{config}");
    config.replace(written, instead)
}

/// The file with its door on a free port.
pub(crate) fn on_free_port(config: &str) -> String {
    put(config, "bind 127.0.0.1:2020", &format!("bind 127.0.0.1:{}", free_port()))
}

/// Changes one backend and nothing else.
pub(crate) fn in_backend(config: &str, backend: &str, change: impl FnOnce(&str) -> String) -> String {
    let begin = config.find(&format!("\nbackend {backend} ")).unwrap() + 1;
    let end = config[begin..].find("\nbackend ").map_or(config.len(), |length| begin + length);
    [&config[..begin], &change(&config[begin..end]), &config[end..]].concat()
}

/// Does by hand what the file tells: a # before the active lines, none before those that follow this server's title.
pub(crate) fn with_alternative(section: &str, title: &str) -> String {
    let mut within = false;
    let swapped = section.lines().map(|line| {
        let directive = |text: &str| text.starts_with("http-request ") || text.starts_with("server ");
        if line.trim().is_empty() {
            within = false;
        } else if line.trim().starts_with(&format!("# {title}")) {
            within = true;
        }
        match line.trim().strip_prefix("# ") {
            Some(text) if within && directive(text) => format!("    {text}"),
            None if directive(line.trim()) => line.replacen("    ", "    # ", 1),
            _ => line.to_owned(),
        }
    });
    swapped.collect::<Vec<_>>().join("\n") + "\n"
}

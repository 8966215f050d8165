//! A PostgreSQL that all tests of a process share. It ends with the process, however that ends: it hangs on a pipe.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The server of this process.
pub struct Server {
    folder: PathBuf,
    _keeper: Child,
}

impl Server {
    /// The URL of one of its databases; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://gateway@localhost/{database}?host={}", self.folder.display())
    }
}

/// The server, started when it is asked for first.
///
/// # Panics
/// When PostgreSQL is not here, or does not start.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

/// Starts a server on a socket in a folder of its own, as a user that is not root, which PostgreSQL demands. The shell that
/// starts it waits for the end of its input, which is the end of this process, and then takes everything away.
fn start() -> Server {
    const KEEPER: &str = r#"
set -e
"$1/initdb" --pgdata "$2/data" --username gateway --auth trust --no-sync --encoding UTF8 >"$2/log" 2>&1
"$1/pg_ctl" --pgdata "$2/data" --log "$2/log" --wait --options "-k $2 -c listen_addresses='' -F" start >/dev/null
echo ready
read -r end || true
"$1/pg_ctl" --pgdata "$2/data" --mode immediate stop >/dev/null
rm -rf "$2"
"#;
    let programs = programs();
    let folder = tempfile::Builder::new().prefix("pg").tempdir().expect("a folder and a shell").keep();
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER, "keeper"]).arg(programs).arg(&folder);
    if rustix::process::geteuid().is_root() {
        const NOBODY: u32 = 65_534;
        std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).expect("a folder and a shell");
        keeper.uid(NOBODY).gid(NOBODY);
    }
    // In a group of its own: Ctrl-C ends the tests, and the keeper then tidies up.
    keeper.process_group(0).current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut keeper = keeper.spawn().expect("a folder and a shell");
    let mut said = String::new();
    BufReader::new(keeper.stdout.take().expect("a folder and a shell"))
        .read_line(&mut said)
        .expect("a folder and a shell");
    let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    assert_eq!(said, "ready\n", "PostgreSQL did not start:\n{}", log());
    Server { folder, _keeper: keeper }
}

/// Where PostgreSQL's programs are: Debian keeps them beside the path, one folder a version.
fn programs() -> PathBuf {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    folders.extend(["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"].map(PathBuf::from));
    let found = folders.into_iter().find(|folder| folder.join("initdb").exists());
    found.unwrap_or_else(|| {
        panic!("PostgreSQL is not here: apt-get install postgresql (make prepare-tools does it)")
    })
}

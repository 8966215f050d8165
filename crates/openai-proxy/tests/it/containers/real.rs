//! The whole way with a real podman: the image is built from `deploy/Dockerfile` around this very program, and the commands start,
//! ask and stop it. Nothing is fetched: what stands for the distroless image is made of this computer's own C library. Everything
//! podman keeps lies in a folder of the test's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::fake::free_port;

const PROGRAM: &str = env!("CARGO_BIN_EXE_openai-proxy");
const BASE: &str = "gcr.io/distroless/cc-debian12:nonroot";
const IMAGE: &str = concat!("openai-proxy:", env!("CARGO_PKG_VERSION"));

/// A podman that keeps to its own folder.
struct Podman {
    dir: TempDir,
    path: String,
}

impl Podman {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        let storage = format!(
            "[storage]\ndriver = \"vfs\"\ngraphroot = \"{place}/graph\"\nrunroot = \"{place}/run\"\n"
        );
        std::fs::write(dir.path().join("storage.conf"), storage).unwrap();
        // Where limits may not be raised and control groups are mixed, as on many build machines, runc still runs.
        let runc = ["/usr/sbin/runc", "/usr/bin/runc"].into_iter().find(|path| Path::new(path).exists());
        let engine = runc.map(|_| "[engine]\nruntime = \"runc\"\n").unwrap_or_default();
        let containers =
            format!("[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1000:1000\"]\n{engine}");
        std::fs::write(dir.path().join("containers.conf"), containers).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "where podman and its own helpers are is this computer's affair"
        )]
        let path = std::env::var("PATH").unwrap_or_default();
        Self { dir, path }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let place = self.dir.path();
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("HOME", place)
            .current_dir(place)
            .stdin(Stdio::null());
        command.env("CONTAINERS_CONF", place.join("containers.conf"));
        command.env("CONTAINERS_STORAGE_CONF", place.join("storage.conf"));
        command
    }

    /// Runs podman; its words when it does not do it.
    fn tell(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command("podman").args(arguments).output().map_err(|why| why.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Runs our program.
    fn ours(&self, arguments: &[&str], port: &str) -> Output {
        self.command(PROGRAM)
            .args(arguments)
            .env("PORT", port)
            .env("OPENAI_API_KEY", "sk-canary")
            .output()
            .unwrap()
    }

    /// An image of the C library this program was linked with, under the name the Dockerfile asks for.
    fn make_base(&self) -> Result<(), String> {
        let told = Command::new("ldd").arg(PROGRAM).output().map_err(|why| why.to_string())?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let base = self.dir.path().join("base");
        for library in told.split_whitespace().filter(|word| word.starts_with('/')) {
            let to = base.join(library.trim_start_matches('/'));
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(library, to).unwrap();
        }
        std::fs::write(base.join("Containerfile"), "FROM scratch\nCOPY . /\n").unwrap();
        self.tell(&["build", "--quiet", "--tag", BASE, &base.display().to_string()]).map(drop)
    }

    /// The image, by our Dockerfile as the program prints it.
    fn make_image(&self) -> Result<(), String> {
        let context: PathBuf = self.dir.path().join("context");
        std::fs::create_dir_all(&context).unwrap();
        std::fs::copy(PROGRAM, context.join("openai-proxy")).unwrap();
        let printed = self.ours(&["container-files", "dockerfile"], "1").stdout;
        let file = self.dir.path().join("Dockerfile");
        std::fs::write(&file, printed).unwrap();
        let (file, context) = (file.display().to_string(), context.display().to_string());
        let build = ["build", "--quiet", "--format", "docker", "--pull=never", "--build-arg", "FROM=ready"];
        self.tell(&[&build[..], &["--tag", IMAGE, "--file", &file, &context]].concat()).map(drop)
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        drop(self.tell(&["rm", "--force", "--all", "--time", "0"]));
        drop(self.tell(&["rmi", "--force", "--all"]));
    }
}

/// A podman that can build and run here; else the reason is said.
fn podman() -> Option<Podman> {
    let podman = Podman::new();
    let tried = podman
        .tell(&["--version"])
        .and_then(|_| podman.make_base())
        .and_then(|()| podman.make_image())
        .and_then(|()| podman.tell(&["run", "--rm", "--network", "host", IMAGE, "--version"]));
    match tried {
        Ok(version) => {
            assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
            Some(podman)
        }
        Err(why) => {
            eprintln!(
                "skipped: no podman that runs containers here (apt-get install podman runc): {}",
                why.trim()
            );
            None
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_real_container_starts_is_healthy_and_stops() {
    let Some(podman) = podman() else { return };
    let mut networks = vec!["host"];
    let probe = format!("127.0.0.1:{}:2020", free_port());
    match podman.tell(&["run", "--rm", "--publish", &probe, IMAGE, "--version"]) {
        Ok(_) => networks.push("own"),
        Err(why) => eprintln!("skipped: a network of its own: {}", why.trim()),
    }
    for network in networks {
        let port = free_port().to_string();
        let started = podman.ours(&["start-container", "--network", network], &port);
        assert!(started.status.success(), "{network}: {}", text(&started.stderr));
        let inside = podman.tell(&["exec", "openai-proxy", "/usr/bin/openai-proxy", "healthcheck"]).unwrap();
        assert!(inside.contains(&port), "{network}: {inside}");
        // What the engine itself asks from time to time.
        podman.tell(&["healthcheck", "run", "openai-proxy"]).unwrap();
        let known = podman.tell(&["container", "inspect", "openai-proxy"]).unwrap();
        let known: serde_json::Value = serde_json::from_str(&known).unwrap();
        assert_eq!(known[0]["HostConfig"]["ReadonlyRootfs"], true);
        let user = known[0]["Config"]["User"].as_str().unwrap();
        assert!(!user.is_empty() && !user.starts_with("0:"), "{user}");
        let status = podman.ours(&["status-container"], &port);
        let told = text(&status.stdout);
        assert!(status.status.success() && told.contains(&format!("http://127.0.0.1:{port}/v1")), "{told}");
        let stopped = podman.ours(&["stop-container"], &port);
        assert!(stopped.status.success(), "{}", text(&stopped.stderr));
        assert_eq!(podman.tell(&["ps", "--all", "--quiet"]).unwrap(), "", "nothing is left");
    }

    // A configuration is mounted; what it names besides is not there, and that is said.
    let yaml = podman.dir.path().join("openai-proxy.yaml");
    let secret = podman.dir.path().join("secret");
    std::fs::write(&secret, "sk-canary").unwrap();
    let port = free_port().to_string();
    std::fs::write(
        &yaml,
        format!("providers: {{openai: {{api_key: \"${{file:{}}}\"}}}}\n", secret.display()),
    )
    .unwrap();
    let refused = podman.ours(&["start-container"], &port);
    let err = text(&refused.stderr);
    assert!(
        refused.status.code() == Some(78) && err.contains("Only the configuration itself is mounted"),
        "{err}"
    );
    std::fs::write(&yaml, "providers: {mock: {}}\n").unwrap();
    let started = podman.ours(&["start-container"], &port);
    assert!(started.status.success(), "{}", text(&started.stderr));
    assert!(podman.ours(&["stop-container", "--now"], &port).status.success());
}

//! The gateway as a service of systemd: what it tells systemd, the units we print, and installing them. systemctl itself is a
//! stand-in that writes down what it was told, since a test may not change the machine it runs on.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a set-up that fails must fail its test loudly")]

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::containers::fake::{Fake, tree};
use crate::starting::{Program, run};

const SYSTEM: &str = include_str!("../../../../deploy/systemd/openai-proxy.service");
const USER: &str = include_str!("../../../../deploy/systemd/user/openai-proxy.service");

/// The next words to systemd, as lines.
fn hear(socket: &UnixDatagram) -> Vec<String> {
    let mut bytes = [0; 4096];
    let length = socket.recv(&mut bytes).unwrap_or_else(|why| panic!("nothing is said to systemd: {why}"));
    String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_is_told_of_ready_reload_and_stop() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let mut program = Program::start(dir, &["serve", "--listen", "127.0.0.1:0"], &environment);
    assert_eq!(hear(&socket), ["READY=1"]);
    for _ in 0..2 {
        program.signal("HUP");
        let reload = hear(&socket);
        assert_eq!(reload[0], "RELOADING=1", "{reload:?}");
        // `Type=notify-reload` believes only a reload that carries its time.
        let time = reload[1].strip_prefix("MONOTONIC_USEC=").unwrap_or_else(|| panic!("{reload:?}"));
        assert!(time.parse::<u64>().unwrap() > 0);
        assert_eq!(hear(&socket), ["READY=1"]);
    }
    program.signal("TERM");
    // The drain of ten minutes and a little more.
    assert_eq!(hear(&socket), ["STOPPING=1", "EXTEND_TIMEOUT_USEC=620000000"]);
    let (status, said) = program.ends_within(Duration::from_secs(2)).await;
    assert_eq!(status.code(), Some(0), "{said:?}");
}

/// What `install-service --print` prints, here.
fn printed(arguments: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (code, out, err) = run(dir.path(), &[&["install-service", "--print"], arguments].concat(), &[]);
    assert!(code == Some(0) && err.contains("Would be written to"), "{code:?}: {err}");
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "--print has written something");
    out
}

#[test]
fn the_units_printed_are_those_of_the_repository() {
    let program = env!("CARGO_BIN_EXE_openai-proxy");
    for (flag, file) in [("--system", SYSTEM), ("--user", USER)] {
        assert_eq!(printed(&[flag]).replace(program, "/usr/local/bin/openai-proxy"), file, "{flag}");
    }
    let named = printed(&["--user", "--config", "/etc/a b/50%.yaml"]);
    assert!(
        named.contains(&format!("ExecStart={program} serve --config \"/etc/a b/50%%.yaml\"\n")),
        "{named}"
    );
}

/// Has systemd-analyze look at a unit; `None` where that is not installed.
pub(crate) fn analyzed(arguments: &[&str], unit: &str) -> Option<(bool, String)> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("openai-proxy.service");
    std::fs::write(&file, unit).unwrap();
    let Ok(output) = Command::new("systemd-analyze")
        .args(arguments)
        .arg(&file)
        .env("XDG_RUNTIME_DIR", dir.path())
        .output()
    else {
        eprintln!("skipped: systemd-analyze is not installed (apt-get install systemd)");
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    for (flag, words) in [("--system", &["verify"][..]), ("--user", &["--user", "verify"])] {
        let Some((good, said)) = analyzed(words, &printed(&[flag])) else { return };
        assert!(good && said.trim().is_empty(), "{flag}: {said}");
    }
}

#[test]
fn the_systems_unit_is_closed_to_almost_everything() {
    let Some((good, said)) = analyzed(&["security", "--offline=true", "--no-pager"], &printed(&["--system"]))
    else {
        return;
    };
    if !good && said.contains("offline") {
        eprintln!("skipped: this systemd-analyze knows no --offline (systemd 250 does)");
        return;
    }
    let level =
        said.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_else(|| panic!("{said}"));
    let number = level.split(": ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(number.parse::<f64>().unwrap() < 2.0, "{level}");
}

#[test]
fn installing_tells_systemd_and_uninstalling_leaves_nothing() {
    let fake = Fake::new(&["systemctl", "loginctl"]);
    let before = tree(&fake.config());
    let (code, _, err) = fake.run(&["install-service", "--user"]);
    assert!(
        code == Some(0) && err.contains("Enabled and started") && err.contains("enable-linger"),
        "{code:?}: {err}"
    );
    let file = fake.config().join("systemd/user/openai-proxy.service");
    assert!(std::fs::read_to_string(&file).unwrap().contains("RestartPreventExitStatus=78"));
    assert_eq!(
        fake.said("systemctl --user")[1..],
        ["systemctl --user daemon-reload", "systemctl --user enable --now openai-proxy.service"]
    );
    let (code, _, err) = fake.run(&["uninstall-service", "--user"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        fake.said("systemctl --user")
            .contains(&"systemctl --user disable --now openai-proxy.service".to_owned())
    );
    assert_eq!(tree(&fake.config()), before);
    let (code, _, err) = fake.run(&["uninstall-service", "--user"]);
    assert!(code == Some(0) && err.contains("No service is installed"), "{code:?}: {err}");
}

#[test]
fn a_unit_somebody_else_wrote_is_neither_overwritten_nor_removed() {
    let fake = Fake::new(&["systemctl", "loginctl"]);
    let file = fake.config().join("systemd/user/openai-proxy.service");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "[Service]\nExecStart=/bin/mine\n").unwrap();
    let (code, _, err) = fake.run(&["install-service", "--user"]);
    assert!(code == Some(5) && err.contains("- ExecStart=/bin/mine"), "{code:?}: {err}");
    let (code, _, err) = fake.run(&["uninstall-service", "--user"]);
    assert!(code == Some(5) && err.contains("Nothing was changed"), "{code:?}: {err}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("/bin/mine"));
}

#[test]
fn without_systemd_nothing_is_written() {
    let fake = Fake::new(&[]);
    let (code, _, err) = fake.run(&["install-service", "--user"]);
    assert!(code == Some(69) && err.contains("openai-proxy start"), "{code:?}: {err}");
    let deaf = Fake::new(&["systemctl"]);
    deaf.fails("Failed to connect to bus: No medium found\n");
    let (code, _, err) = deaf.run(&["install-service", "--user"]);
    assert!(code == Some(69) && err.contains("No medium found"), "{code:?}: {err}");
    for fake in [fake, deaf] {
        assert!(tree(&fake.config()).is_empty());
    }
}

/// Health is asked as a container engine does it: nothing is known but the configuration and the environment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_check_finds_the_gateway_without_a_note() {
    let mut program =
        Program::start(tempfile::tempdir().unwrap(), &["serve", "--listen", "127.0.0.1:0"], &[]);
    let port = program.address().port().to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let asked = |environment: &[(&str, &str)]| run(elsewhere.path(), &["healthcheck"], environment);
    let (code, out, err) = asked(&[("PORT", &port)]);
    assert!(code == Some(0) && out.contains(&port), "{code:?}: {err}");
    let everywhere = format!("0.0.0.0:{port}");
    let own = [("OPENAI_PROXY__SERVER__LISTEN", everywhere.as_str()), ("OPENAI_PROXY__AUTH__MODE", "none")];
    assert_eq!(asked(&own).0, Some(0));
    program.signal("TERM");
    program.ends_within(Duration::from_secs(2)).await;
    let (code, _, err) = asked(&[("PORT", &port)]);
    assert!(code == Some(1) && err.contains("No gateway answers"), "{code:?}: {err}");
    let (code, _, err) = run(Path::new("/"), &["healthcheck", "--url", "nonsense://"], &[]);
    assert_eq!(code, Some(1), "an engine knows 0 and 1 only: {err}");
}

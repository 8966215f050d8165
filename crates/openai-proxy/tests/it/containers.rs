//! The commands about the container. Most of it with stand-ins for podman and docker, which write down what they were told; and,
//! where a real podman can run containers, the whole way with it (`containers/real.rs`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a set-up that fails must fail its test loudly")]

pub(crate) mod fake;
mod real;

use std::os::unix::fs::PermissionsExt;

use fake::{Fake, tree};

use crate::starting::run;

const DOCKERFILE: &str = include_str!("../../../../deploy/Dockerfile");
const COMPOSE: &str = include_str!("../../../../deploy/compose.yaml");
const QUADLET: &str = include_str!("../../../../deploy/quadlet/openai-proxy.container");

/// A key that may stand nowhere.
const KEY: (&str, &str) = ("OPENAI_API_KEY", "sk-canary-0123456789");

#[test]
fn what_is_printed_is_done_and_nothing_else_and_no_key_is_in_it() {
    for engine in ["podman", "docker"] {
        let fake = Fake::new(&[engine]);
        let more = [KEY, ("MY_KEY", "sk-canary-mine"), ("UNRELATED", "x"), ("GROQ_API_KEY", "")];
        let yaml = "providers: {openai: {api_key: \"${MY_KEY}\"}}\n";
        let file = fake.home().join("openai-proxy.yaml");
        std::fs::write(&file, yaml).unwrap();
        let (code, printed, err) = fake.run_with(&["start-container", "--print"], &more);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(fake.said("").is_empty(), "--print has told the engine something");
        for part in [
            "--name openai-proxy",
            "--network host",
            "--read-only",
            "--cap-drop all",
            "--security-opt no-new-privileges",
            "--pull never",
            "--stop-timeout 620",
            "--env OPENAI_API_KEY \\",
            "--env MY_KEY \\",
            &format!("--volume {}:/etc/openai-proxy/openai-proxy.yaml:ro", file.display()),
        ] {
            assert!(printed.contains(part), "{part} is missing:\n{printed}");
        }
        assert!(
            !printed.contains("GROQ") && !printed.contains("UNRELATED") && !printed.contains("--user 0"),
            "{printed}"
        );
        let (code, _, err) = fake.run_with(&["start-container"], &more);
        assert!(
            code == Some(0) && err.contains(&format!("http://127.0.0.1:{}/v1", fake.port)),
            "{code:?}: {err}"
        );
        let typed = printed.replace(" \\\n ", "").replace('\'', "");
        assert_eq!(fake.said(&format!("{engine} run")), [typed.trim_end()]);
        assert!(!printed.contains("canary") && !fake.said("").concat().contains("canary"));
    }
}

#[test]
fn a_container_is_started_once_shown_and_stopped() {
    let fake = Fake::new(&["podman"]);
    let (code, out, _) = fake.run(&["status-container"]);
    assert!(code == Some(3) && out.contains("start-container"), "{code:?}: {out}");
    assert_eq!(fake.run(&["start-container"]).0, Some(0));
    let (code, _, err) = fake.run(&["start-container"]);
    assert!(code == Some(0) && err.contains("Running already"), "{code:?}: {err}");
    assert_eq!(fake.said("podman run").len(), 1);
    let (code, out, err) = fake.run(&["status-container"]);
    let url = format!("http://127.0.0.1:{}/v1", fake.port);
    assert!(
        code == Some(0) && out.contains(&url) && out.contains("podman logs -f openai-proxy"),
        "{out}{err}"
    );
    let (code, out, _) = fake.run(&["status-container", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(code == Some(0) && told["ready"] == true && told["engine"] == "podman", "{out}");
    assert_eq!(fake.run(&["stop-container"]).0, Some(0));
    assert_eq!(fake.said("podman stop"), ["podman stop openai-proxy"]);
    assert_eq!(fake.said("podman rm"), ["podman rm openai-proxy"]);
    let (code, _, err) = fake.run(&["stop-container"]);
    assert!(code == Some(0) && err.contains("Not running"), "{code:?}: {err}");
    assert_eq!(fake.run(&["status-container"]).0, Some(3));
}

#[test]
fn each_obstacle_is_told_with_its_way_out() {
    let none = Fake::new(&[]);
    let commands =
        ["start-container", "stop-container", "status-container", "enable-container", "disable-container"];
    for command in commands {
        let (code, _, err) = none.run(&[command]);
        assert!(code == Some(69) && err.contains("apt-get install podman"), "{command}: {code:?}: {err}");
    }
    let fake = Fake::new(&["podman"]);
    let (code, _, err) = fake.run(&["start-container", "--engine", "docker"]);
    assert!(code == Some(69) && err.contains("docker not found"), "{code:?}: {err}");

    fake.forget("image");
    let (code, _, err) = fake.run(&["start-container"]);
    assert!(
        code == Some(1) && err.contains("podman build") && err.contains("deploy/Dockerfile"),
        "{code:?}: {err}"
    );
    assert!(fake.said("podman run").is_empty());
    fake.remember("image", "");

    fake.remember("dies", "The configuration is refused:\nit says so\n");
    let (code, _, err) = fake.run(&["start-container"]);
    assert!(code == Some(78) && err.contains("it says so"), "{code:?}: {err}");
    assert_eq!(fake.said("podman rm"), ["podman rm --force openai-proxy"], "nothing is left of it");
    fake.forget("dies");

    let bad = [("OPENAI_PROXY__SERVER__LISTN", "x")];
    assert_eq!(fake.run_with(&["start-container"], &bad).0, Some(78));
    let socket = [("OPENAI_PROXY__SERVER__LISTEN", "unix:/run/x.sock")];
    let (code, _, err) = fake.run_with(&["start-container"], &socket);
    assert!(code == Some(78) && err.contains("an address with a port"), "{code:?}: {err}");

    fake.fails("one\ntwo\nthree\nfour\nthe cause\n");
    let (code, _, err) = fake.run(&["start-container"]);
    assert!(code == Some(1) && err.contains("the cause") && err.lines().count() <= 4, "{code:?}: {err}");
    fake.fails("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n");
    assert_eq!(fake.run(&["status-container"]).0, Some(69));
}

#[test]
fn who_answers_there_already_is_not_taken_for_the_container() {
    let fake = Fake::new(&["podman"]);
    assert_eq!(fake.run(&["start-container"]).0, Some(0));
    // The engine forgets it; the gateway goes on.
    fake.forget("container.json");
    let (code, _, err) = fake.run(&["start-container"]);
    assert!(code == Some(5) && err.contains("openai-proxy stop"), "{code:?}: {err}");
}

/// D-4: a gateway that listens for others says so, is published on loopback only, and keeps the host names of loopback.
#[test]
fn a_network_of_its_own_opens_no_more_than_it_must() {
    let fake = Fake::new(&["docker"]);
    let (_, printed, _) = fake.run(&["start-container", "--network", "own", "--print"]);
    let port = fake.port;
    for part in [
        format!("--publish 127.0.0.1:{port}:{port} "),
        format!("--env OPENAI_PROXY__SERVER__LISTEN=0.0.0.0:{port} "),
        "--env OPENAI_PROXY__AUTH__MODE=none ".to_owned(),
        "--env 'OPENAI_PROXY__SERVER__ALLOWED_HOSTS=[\"localhost\", \"127.0.0.1\", \"::1\"]'".to_owned(),
    ] {
        assert!(printed.contains(&part), "{part}:\n{printed}");
    }
    assert!(!printed.contains("--network host"), "{printed}");
}

#[test]
fn enabling_and_disabling_leaves_nothing_behind() {
    for (version, file, last) in [
        ("4.9.3", "containers/systemd/openai-proxy.container", "start openai-proxy.service"),
        (
            "4.3.1",
            "systemd/user/openai-proxy-container.service",
            "enable --now openai-proxy-container.service",
        ),
    ] {
        let fake = Fake::new(&["podman", "systemctl", "loginctl"]);
        fake.remember("version", version);
        let before = tree(&fake.config());
        let (code, printed, err) = fake.run_with(&["enable-container", "--user", "--print"], &[KEY]);
        assert!(code == Some(0) && err.contains(file) && !printed.contains("canary"), "{version}: {err}");
        assert_eq!(tree(&fake.config()), before, "--print has written something");
        let (code, _, err) = fake.run_with(&["enable-container", "--user"], &[KEY]);
        assert!(code == Some(0) && err.contains("loginctl enable-linger"), "{version}: {err}");
        assert!(err.contains("not for the unit: OPENAI_API_KEY"), "{err}");
        let written = std::fs::read_to_string(fake.config().join(file)).unwrap();
        assert_eq!(written, printed);
        assert!(written.contains("RestartPreventExitStatus=78"), "{written}");
        // A unit knows no shell: it must listen where it was looked for.
        assert!(written.contains(&format!("PORT={}", fake.port)), "{written}");
        let keys = fake.config().join("openai-proxy/keys.env");
        assert!(written.contains(keys.to_str().unwrap()), "{written}");
        assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
        let told = fake.said("systemctl --user");
        assert_eq!(
            told[1..],
            ["systemctl --user daemon-reload".to_owned(), format!("systemctl --user {last}")]
        );
        let (_, out, _) = fake.run(&["status-container"]);
        assert!(out.contains(&format!("yes, by {}", fake.config().join(file).display())), "{out}");

        assert_eq!(fake.run(&["disable-container", "--user"]).0, Some(0));
        assert_eq!(tree(&fake.config()), before, "{version}");
        let (code, _, err) = fake.run(&["disable-container", "--user"]);
        assert!(code == Some(0) && err.contains("does not start with the system"), "{code:?}: {err}");
    }
}

#[test]
fn keys_and_units_of_others_are_left_alone() {
    let fake = Fake::new(&["podman", "systemctl", "loginctl"]);
    let keys = fake.config().join("openai-proxy/keys.env");
    std::fs::create_dir_all(keys.parent().unwrap()).unwrap();
    std::fs::write(&keys, "OPENAI_API_KEY=sk-canary\n").unwrap();
    assert_eq!(fake.run(&["enable-container", "--user"]).0, Some(0));
    assert_eq!(
        std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777,
        0o600,
        "it is closed to others"
    );
    let unit = fake.config().join("containers/systemd/openai-proxy.container");
    let (code, _, err) = fake.run(&["disable-container", "--user"]);
    assert!(code == Some(0) && err.contains("holds keys and stays") && !unit.exists(), "{code:?}: {err}");
    assert_eq!(std::fs::read_to_string(&keys).unwrap(), "OPENAI_API_KEY=sk-canary\n");

    std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
    std::fs::write(&unit, "[Container]\nImage=mine\n").unwrap();
    let (code, _, err) = fake.run(&["enable-container", "--user"]);
    assert!(code == Some(5) && err.contains("- Image=mine"), "{code:?}: {err}");
    let (code, _, err) = fake.run(&["disable-container", "--user"]);
    assert!(code == Some(5) && err.contains("Nothing was changed"), "{code:?}: {err}");

    // Quadlet would make a unit of the same name as the one for the host.
    std::fs::remove_file(&unit).unwrap();
    assert_eq!(fake.run(&["install-service", "--user"]).0, Some(0));
    let (code, _, err) = fake.run(&["enable-container", "--user"]);
    assert!(code == Some(5) && err.contains("uninstall-service"), "{code:?}: {err}");
}

#[test]
fn what_a_unit_cannot_hold_is_refused() {
    let fake = Fake::new(&["podman", "systemctl"]);
    let names = ["new\nline.yaml", "x\nExecStartPre=\n#.yaml", "tab\t.yaml", "col:on.yaml"];
    for command in ["start-container", "enable-container"] {
        for name in names {
            let file = fake.home().join(name);
            std::fs::write(&file, "providers: {mock: {}}\n").unwrap();
            let (code, out, err) =
                fake.run(&[command, "--print", "--network", "host", "--config", file.to_str().unwrap()]);
            assert!(code == Some(2) && out.is_empty() && err.contains("Rename it"), "{code:?}: {out}{err}");
        }
        for image in ["x\nExecStartPre=/bin/evil", "-v/:/host", "a;b $(x)", ""] {
            let (code, out, err) = fake.run(&[command, "--print", &format!("--image={image}")]);
            assert!(
                code == Some(2) && out.is_empty() && err.contains("no name of an image"),
                "{code:?}: {err}"
            );
        }
        for image in ["ghcr.io/a/b:1.2-rc_1", "localhost:5000/a@sha256:0123abcd", "[::1]:5000/a"] {
            let (code, out, err) = fake.run(&[command, "--print", "--image", image]);
            assert!(code == Some(0) && out.contains(image), "{code:?}: {out}{err}");
        }
    }
    for name in &names[..3] {
        let (code, out, err) = fake.run(&["install-service", "--print", "--user", "--config", name]);
        assert!(code == Some(2) && out.is_empty() && err.contains("Rename it"), "{code:?}: {out}{err}");
    }
    let line = [("OPENAI_PROXY__SERVER__LISTEN", "127.0.0.1:2021\nExecStartPre=/bin/evil")];
    let (_, out, _) = fake.run_with(&["enable-container", "--print"], &line);
    assert!(!out.contains("\nExecStartPre"), "{out}");
}

#[test]
fn what_disabling_would_do_is_what_it_does() {
    let fake = Fake::new(&["podman", "systemctl", "loginctl"]);
    let removals = [
        ("disable-container", "enable-container", "containers/systemd/openai-proxy.container"),
        ("uninstall-service", "install-service", "systemd/user/openai-proxy.service"),
    ];
    for (remove, make, unit) in removals {
        let unit = fake.config().join(unit);
        let (code, out, err) = fake.run(&[remove, "--user", "--print"]);
        assert!(
            code == Some(0) && out.is_empty() && !err.is_empty(),
            "nothing is there: {code:?}: {out}{err}"
        );
        std::fs::create_dir_all(unit.parent().unwrap()).unwrap();
        std::fs::write(&unit, "[Container]\nImage=mine\n").unwrap();
        let (code, out, err) = fake.run(&[remove, "--user", "--print"]);
        let refused = err.contains("was not written by this program");
        assert!(code == Some(5) && out.is_empty() && refused, "{code:?}: {out}{err}");
        std::fs::remove_file(&unit).unwrap();

        assert_eq!(fake.run(&[make, "--user"]).0, Some(0));
        let (code, out, _) = fake.run(&[remove, "--user", "--print"]);
        let files: Vec<&str> = out.lines().filter_map(|line| line.strip_prefix("rm ")).collect();
        assert!(code == Some(0) && files.contains(&unit.to_str().unwrap()), "{code:?}: {out}");
        assert!(files.iter().all(|file| std::path::Path::new(file).exists()), "{files:?}");
        assert_eq!(fake.run(&[remove, "--user"]).0, Some(0));
        assert!(files.iter().all(|file| !std::path::Path::new(file).exists()), "{files:?}");
    }
}

#[test]
fn docker_starts_it_again_by_itself() {
    let fake = Fake::new(&["docker"]);
    assert_eq!(fake.run(&["enable-container"]).0, Some(0));
    assert!(fake.said("docker run")[0].contains("--restart unless-stopped"));
    assert_eq!(fake.run(&["enable-container"]).0, Some(0));
    assert_eq!(fake.said("docker update"), ["docker update --restart unless-stopped openai-proxy"]);
    assert_eq!(fake.run(&["disable-container"]).0, Some(0));
    assert_eq!(fake.said("docker rm"), ["docker rm openai-proxy"]);
}

#[test]
fn the_files_printed_are_those_of_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    for (which, file) in [("dockerfile", DOCKERFILE), ("compose", COMPOSE)] {
        assert_eq!(run(dir.path(), &["container-files", which], &[]).1, file);
    }
    let fake = Fake::new(&["podman"]);
    let (code, printed, _) = fake.run_with(&["enable-container", "--system", "--print"], &[("PORT", "")]);
    assert_eq!((code, printed.as_str()), (Some(0), QUADLET));
    let version = format!("openai-proxy:{}", env!("CARGO_PKG_VERSION"));
    for file in [DOCKERFILE, COMPOSE, QUADLET] {
        assert!(file.contains(&version), "the version has gone on: {file}");
    }
    for part in ["USER 65532", "distroless", "HEALTHCHECK", "\"healthcheck\"]"] {
        assert!(DOCKERFILE.contains(part), "{part}");
    }
}

/// systemd splits the line as it was meant: the plain unit is checked by systemd itself.
#[test]
fn systemd_finds_nothing_wrong_with_the_plain_unit() {
    let fake = Fake::new(&["podman"]);
    fake.remember("version", "4.3.1");
    for network in ["host", "own"] {
        let (_, unit, _) = fake.run(&["enable-container", "--system", "--print", "--network", network]);
        let Some((good, said)) = crate::services::analyzed(&["verify"], &unit) else { return };
        assert!(good && said.trim().is_empty(), "{said}\n{unit}");
    }
}

/// Compose as it is written, and with the lines for a computer without the host's network.
#[test]
fn the_compose_file_needs_no_other_and_opens_nothing() {
    let own: String = COMPOSE
        .lines()
        .filter(|line| !line.contains("network_mode: host"))
        .map(|line| {
            let open =
                ["#ports:", "#extra_hosts:", "#- "].iter().any(|begin| line.trim_start().starts_with(begin));
            if open { line.replacen('#', "", 1) + "\n" } else { line.to_owned() + "\n" }
        })
        .collect();
    for (text, own) in [(COMPOSE.to_owned(), false), (own, true)] {
        let Some(told) = python(&text) else { return };
        let services = told["services"].as_object().unwrap();
        assert_eq!(services.len(), 1);
        let one = &services["openai-proxy"];
        for missing in ["build", "env_file", "volumes", "configs", "secrets"] {
            assert!(one[missing].is_null(), "{missing} needs another file");
        }
        assert_eq!((one["read_only"].clone(), one["user"].as_str()), (true.into(), Some("65532:65532")));
        assert_eq!(
            (one["cap_drop"][0].as_str(), one["security_opt"][0].as_str()),
            (Some("ALL"), Some("no-new-privileges:true"))
        );
        let passed: Vec<&str> =
            one["environment"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        for vendor in protocol::vendor::all() {
            for name in vendor.key_variables() {
                assert!(passed.contains(&name.as_str()), "{name} is not passed");
            }
        }
        if own {
            assert_eq!(one["ports"][0], "127.0.0.1:2020:2020");
            let environment = passed
                .iter()
                .filter_map(|line| line.split_once('='))
                .map(|(a, b)| (a.to_owned(), b.to_owned()));
            // What it says is what a gateway accepts, and nothing but loopback's names gets in.
            let loaded =
                config::parse("", &environment.collect()).unwrap_or_else(|problems| panic!("{problems}"));
            assert_eq!(loaded.snapshot.server.allowed_hosts, ["localhost", "127.0.0.1"]);
        } else {
            assert_eq!(one["network_mode"], "host");
            assert!(one["ports"].is_null() && passed.iter().all(|name| !name.contains('=')), "{passed:?}");
        }
    }
}

/// YAML as Python reads it, which is how podman-compose does.
fn python(yaml: &str) -> Option<serde_json::Value> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("compose.yaml"), yaml).unwrap();
    let script = "import json, yaml; print(json.dumps(yaml.safe_load(open('compose.yaml'))))";
    let output = std::process::Command::new("python3").args(["-c", script]).current_dir(dir.path()).output();
    let output = output.ok().filter(|output| {
        output.status.success() || !String::from_utf8_lossy(&output.stderr).contains("No module named")
    });
    let Some(output) = output else {
        eprintln!("skipped: python3 with yaml is not installed (apt-get install python3-yaml)");
        return None;
    };
    Some(
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr))),
    )
}

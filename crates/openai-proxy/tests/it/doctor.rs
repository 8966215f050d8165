//! `doctor`: names what is wrong, why, and the way out; contacts nobody when told so; mends only what is safe; and its
//! report for strangers holds no secret.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::nobody::Nobody;
use testkit::vendor::{Act, Answer, Seen, Vendor};

use crate::starting::{Program, run};
use crate::tls;

fn list(seen: &Seen) -> Act {
    match seen.path() {
        "/v1/models" => {
            Act::json(200, &json!({"object": "list", "data": [{"id": "text-embedding-3"}, {"id": "gpt-4o"}]}))
        }
        "/v1/chat/completions" if seen.text().contains("\"stream\":true") => {
            Answer::plain(200, "data: {\"choices\":[]}\n\ndata: [DONE]\n\n")
                .header("content-type", "text/event-stream")
                .into()
        }
        "/v1/chat/completions" => Act::json(200, &json!({"choices": [{"message": {"content": "yes"}}]})),
        _ => Act::text(404, "no"),
    }
}

/// A home with a configuration nobody else may read.
fn home(yaml: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("openai-proxy.yaml");
    std::fs::write(&file, format!("server: {{listen: \"127.0.0.1:0\"}}\n{yaml}")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    dir
}

fn provider(name: &str, base_url: &str) -> String {
    format!(
        "  {name}: {{type: openai-compatible, base_url: \"{base_url}\", api_key: sk-canary-0123456789}}\n"
    )
}

/// Runs it beside a vendor of this process.
async fn doctor(
    home: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let home = home.to_owned();
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let ran = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> =
            std::iter::once("doctor").chain(arguments.iter().map(String::as_str)).collect();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        run(&home, &arguments, &environment)
    });
    let (code, out, err) = ran.await.unwrap();
    assert!(!out.contains("canary") && !err.contains("canary"), "{out}{err}");
    assert!(!err.contains("panicked"), "{err}");
    (code, out, err)
}

/// The findings of one check.
async fn findings(
    home: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> (Option<i32>, Vec<Value>) {
    let (code, out, err) = doctor(home, &[arguments, &["--json"]].concat(), environment).await;
    let told: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    assert_eq!(told["ok"], json!(code == Some(0)), "{out}");
    (code, told["checks"].as_array().unwrap().clone())
}

fn one<'a>(all: &'a [Value], check: &str, about: Option<&str>) -> &'a Value {
    let fits = |one: &&Value| one["check"] == check && about.is_none_or(|about| one["about"] == about);
    all.iter().find(fits).unwrap_or_else(|| panic!("{check} {about:?}: {all:#?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_all_is_well_it_says_so_and_spends_nothing() {
    let vendor = Vendor::start(list).await;
    let home = home(&format!("providers:\n{}", provider("near", &format!("{}/v1", vendor.url()))));
    let (code, out, _) = doctor(home.path(), &[], &[]).await;
    assert_eq!(code, Some(0), "{out}");
    let line = out.lines().find(|line| line.contains("near")).unwrap();
    assert!(line.starts_with('✓') && line.contains("answers") && line.contains("2 models"), "{out}");
    assert!(out.contains(" 0 bad"), "{out}");
    assert!(vendor.ledger().requests().iter().all(|seen| seen.method == "GET"), "lists cost nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_trouble_of_a_provider_is_named_with_the_way_out() {
    let wrong_key = Vendor::start(|_| Act::json(401, &json!({"error": {"message": "no"}}))).await;
    let page = Vendor::start(|_| Act::text(200, "<html>hello</html>")).await;
    let nothing = Vendor::start(|_| Act::text(404, "no")).await;
    let broken = Vendor::start(|_| Act::text(500, "no")).await;
    let nobody = Nobody::new();
    let stranger = Vendor::start_with(list, tls::acceptor(&tls::self_signed())).await;
    let secure = stranger.url().replace("http://", "https://");
    let yaml: String = [
        provider("key", &format!("{}/v1", wrong_key.url())),
        provider("page", &page.url()),
        provider("path", &nothing.url()),
        provider("broken", &broken.url()),
        provider("refused", &nobody.url()),
        provider("tls", &secure),
        provider("name", "http://nobody.invalid/v1"),
    ]
    .concat();
    let home = home(&format!("providers:\n{yaml}"));
    let (code, all) = findings(home.path(), &[], &[]).await;
    assert_eq!(code, Some(4), "{all:#?}");
    assert!(one(&all, "provider.certificate", Some("tls"))["cause"].is_string());
    for (name, check, result, fix) in [
        ("key", "provider.key", "bad", "api_key"),
        ("page", "provider.models", "bad", "base_url"),
        ("path", "provider.models", "warning", "base_url"),
        ("broken", "provider.models", "bad", "later"),
        ("tls", "provider.certificate", "bad", "ca_file"),
        ("name", "provider.name", "bad", "base_url"),
    ] {
        let found = one(&all, check, Some(name));
        assert_eq!(found["result"], result, "{found}");
        assert!(found["fix"].as_str().unwrap().contains(fix), "{found}");
    }
    let found = one(&all, "provider.connection", Some("refused"));
    assert!(found["result"] == "bad" && found["cause"].as_str().unwrap().contains("refused"), "{found}");
    // Inside a container localhost is somewhere else, and that is what is told there.
    let fix = found["fix"].as_str().unwrap();
    assert!(fix.contains("Is it running?") || fix.contains("host.docker.internal"), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_is_noticed() {
    let vendor = Vendor::start(|_| {
        let list = json!({"data": [{"id": "gpt-4o"}]}).to_string();
        Answer::plain(200, list)
            .header("content-type", "application/json")
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .into()
    })
    .await;
    let home = home(&format!("providers:\n{}", provider("old", &vendor.url())));
    let (code, all) = findings(home.path(), &[], &[]).await;
    let found = one(&all, "clock", None);
    assert!(code == Some(4) && found["result"] == "bad" && found["fix"].is_string(), "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offline_contacts_nobody() {
    let vendor = Vendor::start(list).await;
    let home = home(&format!("providers:\n{}", provider("near", &format!("{}/v1", vendor.url()))));
    let base = format!("{}/v1", vendor.url());
    let (code, all) = findings(home.path(), &["--offline"], &[("OPENAI_BASE_URL", &base)]).await;
    assert_eq!(code, Some(0), "{all:#?}");
    assert_eq!(one(&all, "provider", None)["result"], "skipped");
    assert_eq!(vendor.ledger().accepted(), 0, "not even a connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_asks_for_one_token_and_a_stream_of_a_model_that_chats() {
    let vendor = Vendor::start(list).await;
    let home = home(&format!("providers:\n{}", provider("near", &format!("{}/v1", vendor.url()))));
    let (code, out, err) = doctor(home.path(), &["--deep"], &[]).await;
    assert!(code == Some(0) && out.contains("gpt-4o answers") && out.contains("streams"), "{out}");
    assert!(err.contains("costs"), "what costs money is said: {err}");
    let asked: Vec<String> =
        vendor.ledger().requests().iter().filter(|seen| seen.method == "POST").map(Seen::text).collect();
    assert_eq!(asked.len(), 2);
    assert!(
        asked.iter().all(|body| body.contains("\"max_tokens\":1,") && body.contains("gpt-4o")),
        "{asked:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_models_are_asked_in_their_own_words() {
    let vendor = Vendor::start(|seen| match seen.text().contains("\"max_tokens\"") {
        true => Act::json(400, &json!({"error": {"message": "Use 'max_completion_tokens' instead."}})),
        false => list(seen),
    })
    .await;
    let home = home(&format!("providers:\n{}", provider("near", &format!("{}/v1", vendor.url()))));
    let (code, out, _) = doctor(home.path(), &["--deep"], &[]).await;
    assert!(code == Some(0) && out.contains("gpt-4o answers") && out.contains("streams"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_safe_is_mended_and_told_and_nothing_else_is_touched() {
    let home = home("providers: {mock: {}, far: {type: openai, api_key: sk-canary-0123456789}}\n");
    let file = home.path().join("openai-proxy.yaml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let state = home.path().join(".local/state/openai-proxy");
    std::fs::create_dir_all(state.join("run")).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    let note = state.join("run/4000000.json");
    let gone = json!({"pid": 4_000_000, "born": 1, "version": "0.0.1", "since": 1, "folder": "/", "arguments": [], "config": null,
        "log": null, "reloads": 0, "refused": null, "view": {"source": "", "searched_ms": null, "providers": [], "silent": [],
        "ways": [], "ready": [], "reach": "", "admin": null, "empty": false}});
    std::fs::write(&note, gone.to_string()).unwrap();
    std::fs::write(state.join("run/notes.txt"), "somebody's").unwrap();

    let (code, all) = findings(home.path(), &["--offline"], &[]).await;
    assert_eq!(code, Some(0), "{all:#?}");
    for check in ["permissions", "state", "notes"] {
        assert_eq!(one(&all, check, None)["result"], "warning");
    }
    assert!(note.exists(), "nothing is mended unasked");

    let (code, out, err) = doctor(home.path(), &["--offline", "--fix"], &[]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    for told in ["fixing: chmod 600", "fixing: chmod 700", "fixing: rm "] {
        assert!(err.contains(told), "{told}: {err}");
    }
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&state), note.exists()), (0o600, 0o700, false));
    assert!(state.join("run/notes.txt").exists());
    let (_, all) = findings(home.path(), &["--offline"], &[]).await;
    assert!(all.iter().all(|one| one["check"] != "notes"), "{all:#?}");
    assert!(
        ["permissions", "state"].iter().all(|check| one(&all, check, None)["result"] == "good"),
        "{all:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_others_may_have_to_read_is_not_closed_to_them() {
    let home = home("providers: {mock: {}}\n");
    let elsewhere = tempfile::tempdir().unwrap();
    let service = elsewhere.path().join("openai-proxy.yaml");
    std::fs::write(&service, "providers: {far: {type: openai, api_key: sk-canary-0123456789}}\n").unwrap();
    // A link in the home leads out of it.
    let link = home.path().join("link.yaml");
    std::os::unix::fs::symlink(&service, &link).unwrap();
    for (mode, result, advice) in [(0o644, "warning", "LoadCredential="), (0o646, "bad", "chmod o-w")] {
        std::fs::set_permissions(&service, std::fs::Permissions::from_mode(mode)).unwrap();
        for file in [&service, &link] {
            let words = ["--offline", "--fix", "--config", file.to_str().unwrap()];
            let (_, all) = findings(home.path(), &words, &[]).await;
            let told = one(&all, "permissions", None);
            assert!(told["result"] == result && told["fix"].as_str().unwrap().contains(advice), "{told:#}");
            assert_eq!(std::fs::metadata(&service).unwrap().permissions().mode() & 0o777, mode);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_running_gateway_is_examined_and_a_file_changed_since_is_noticed() {
    let home = home("providers: {mock: {}}\n");
    let file = home.path().join("openai-proxy.yaml");
    let path = home.path().to_owned();
    let mut program = Program::start(home, &["serve"], &[]);
    let address = program.address();
    let base = format!("http://{address}/v1");
    let (code, all) = findings(&path, &[], &[("OPENAI_BASE_URL", &base)]).await;
    assert_eq!(code, Some(0), "{all:#?}");
    let found = one(&all, "gateway", None);
    assert!(found["result"] == "good" && found["what"].as_str().unwrap().contains("answers"), "{found}");
    assert_eq!(one(&all, "programs", Some("OPENAI_BASE_URL"))["result"], "good");

    let later = SystemTime::now() + Duration::from_secs(5);
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    let (_, all) = findings(&path, &[], &[]).await;
    let found = one(&all, "gateway.configuration", None);
    assert!(found["result"] == "warning" && found["fix"].as_str().unwrap().contains("reload"), "{found}");

    let listen = address.to_string();
    let (code, all) = findings(&path, &["--offline", "--set", &format!("server.listen={listen}")], &[]).await;
    let found = one(&all, "port", None);
    assert!(code == Some(0) && found["what"].as_str().unwrap().contains("is ours: pid"), "{found}");

    let loop_back = format!("providers.back.base_url=http://{address}/v1");
    let (code, all) = findings(&path, &["--offline", "--set", &loop_back], &[]).await;
    let found = one(&all, "loops", Some("back"));
    assert!(code == Some(4) && found["result"] == "bad", "{found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_bad_keys_and_proxies_are_told() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let home = home("providers: {mock: {}}\n");
    let environment = [
        ("OPENAI_API_KEY", "\"sk-canary-0123456789\""),
        ("GROQ_API_KEY", "canary canary"),
        ("HTTPS_PROXY", "http://canary:canary@127.0.0.1:9"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"),
    ];
    std::fs::create_dir(home.path().join(".codex")).unwrap();
    let settings = "other = \"http://localhost:2/x\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
    std::fs::write(home.path().join(".codex/config.toml"), settings).unwrap();
    let (code, all) =
        findings(home.path(), &["--set", &format!("server.listen={address}")], &environment).await;
    assert_eq!(code, Some(4), "{all:#?}");
    let port = one(&all, "port", None);
    assert!(port["what"].as_str().unwrap().contains(&format!("pid {}", std::process::id())), "{port}");
    for (check, about, words) in [
        ("keys", Some("OPENAI_API_KEY"), "quotes"),
        ("keys", Some("GROQ_API_KEY"), "space"),
        ("proxy", None, "NO_PROXY"),
        ("programs", Some("OPENAI_BASE_URL"), "nobody listens"),
        ("programs", Some("Codex (~/.codex/config.toml)"), "port 1 of this computer, where nobody listens"),
    ] {
        let found = one(&all, check, about);
        assert!(found["result"] == "warning" && found["what"].as_str().unwrap().contains(words), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_configuration_is_bad_with_every_mistake() {
    let home = home("providers: {openai: {api_kee: sk-canary-0123456789}}\nroutng: {}\n");
    let (code, all) = findings(home.path(), &[], &[]).await;
    assert_eq!(code, Some(4), "{all:#?}");
    let told: Vec<&Value> = all.iter().filter(|one| one["check"] == "configuration").collect();
    assert!(told.len() >= 2 && told.iter().all(|one| one["result"] == "bad"), "{told:#?}");
    assert!(
        told.iter().any(|one| one["fix"].as_str().is_some_and(|fix| fix.contains("`api_key`"))),
        "{told:#?}"
    );
}

/// Secrets everywhere people put them; each word of them is told apart by its number.
const PLANTED: &str = "\
# an old key: canary01-0123456789
providers:
  openai: {api_key: canary02-0123456789, headers: {x-account: canary03-0123456789}}
  near:
    type: openai-compatible
    base_url: http://127.0.0.1:1/v1
    api_key: ${STRANGE_NAME}
    headers:
      x-extra: |
        canary04-0123456789
  far: {type: openai-compatible, base_url: \"http://127.0.0.1:1/v1\", api_key: \"${UNSET:-canary05-0123456789}\"}
  filed: {type: openai-compatible, base_url: \"http://127.0.0.1:1/v1\", api_key: \"${file:key.txt}\"}
x-old: &old {api_key: canary06-0123456789}
";

const LOG: &str = "\
{\"level\":\"INFO\",\"message\":\"served\",\"model\":\"gpt-4o\",\"request\":\"req_0199c0ffee0123456789abcdef012345\"}
a key of the file canary02-0123456789, of a file canary07-0123456789, and canary08-of-the-environment
Authorization: Bearer canary09
url http://canary10:canary11@host/v1 and http://host/v1?key=canary12&token=canary13
{\"api_key\":\"canary14\",\"password\": \"canary15\"}
header x-api-key: canary16
of a file beside it canary30-0123456789 canary31-0123456789, http://h/canary33-0123456789/v1, of variables canary32-0123456789
a stranger's sk-canary17canary17canary17 and AIzacanary18canary18canary18
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_holds_no_secret_wherever_it_was_planted() {
    let environment = [
        ("STRANGE_NAME", "canary08-of-the-environment"),
        ("SOME_TOKEN", "canary19-0123456789"),
        ("HTTPS_PROXY", "http://canary20:canary21@127.0.0.1:9"),
        ("OPENAI_PROXY__PROVIDERS__OPENAI__API_KEY", "canary22-0123456789"),
        ("NO_PROXY", "localhost,127.0.0.1"),
    ];
    let broken = "\nprovders: {a: {api_kee: canary23-0123456789}}\nserver2: canary24-0123456789\n";
    let login = "\n  url: {base_url: \"http://canary25:canary26@host/v1?key=canary27\"}\n";
    for yaml in [
        PLANTED.to_owned(),
        format!("{PLANTED}{broken}"),
        PLANTED.replace("\nx-old", &format!("{login}x-old")),
    ] {
        let home = home(&yaml);
        let state = home.path().join(".local/state/openai-proxy");
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(home.path().join("key.txt"), "canary07-0123456789\n").unwrap();
        std::fs::write(state.join("openai-proxy.log"), LOG).unwrap();
        std::fs::create_dir(home.path().join("conf.d")).unwrap();
        let beside = "providers: {openai: {base_url: \"http://h/canary33-0123456789/v1\", headers: {x-more: canary30-0123456789}, api_kee: canary31-0123456789}}\n";
        std::fs::write(home.path().join("conf.d/a.yaml"), beside).unwrap();
        std::fs::write(home.path().join(".env"), "OTHER=\"canary32-0123456789\"\n").unwrap();

        let (code, out, err) = doctor(home.path(), &["--bundle", "report.txt"], &environment).await;
        assert!(code == Some(5) && err.contains("--yes"), "nobody said yes: {code:?} {err}");
        assert!(!home.path().join("report.txt").exists());
        assert!(out.contains("== Configuration"), "it is shown first: {out}");

        let (code, _, err) = doctor(home.path(), &["--bundle", "report.txt", "--yes"], &environment).await;
        assert!(matches!(code, Some(0 | 4)), "{code:?} {err}");
        let report = std::fs::read_to_string(home.path().join("report.txt")).unwrap();
        assert!(!report.contains("canary"), "{report}");
        assert!(!report.contains(home.path().to_str().unwrap()), "whose home it is, too: {report}");
        for kept in [
            "== Checks",
            "api_key: ***",
            "${STRANGE_NAME}",
            "http://127.0.0.1:1/v1",
            "req_0199c0ffee",
            "gpt-4o",
            "rustc",
        ] {
            assert!(report.contains(kept), "{kept}:\n{report}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_for_its_owner_and_is_not_written_through_a_link() {
    let home = home("providers: {mock: {}}\n");
    let state = home.path().join(".local/state/openai-proxy");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("openai-proxy.log"), "a\u{1b}[2Jb\r\u{7}c\n").unwrap();
    let report = home.path().join("report.txt");
    let words = ["--offline", "--bundle", "report.txt", "--yes"];
    let mode = || std::fs::metadata(&report).unwrap().permissions().mode() & 0o777;
    for old in [None, Some("an old one, which everybody may read")] {
        if let Some(old) = old {
            std::fs::write(&report, old).unwrap();
            std::fs::set_permissions(&report, std::fs::Permissions::from_mode(0o644)).unwrap();
        }
        let (code, out, err) = doctor(home.path(), &words, &[]).await;
        assert!(code == Some(0), "{code:?} {err}");
        assert_eq!(mode(), 0o600);
        let text = std::fs::read_to_string(&report).unwrap();
        assert!(text.contains("a\\u{1b}[2Jb\\r\\u{7}c"), "{text}");
        assert!(!text.contains('\u{1b}') && !out.contains('\u{1b}'), "{text}");
    }
    std::fs::remove_file(&report).unwrap();
    let other = home.path().join("other.txt");
    std::fs::write(&other, "keep").unwrap();
    std::os::unix::fs::symlink(&other, &report).unwrap();
    let (code, _, err) = doctor(home.path(), &words, &[]).await;
    assert!(code == Some(5) && err.contains("is a link"), "{code:?} {err}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "keep");
}

//! `import azure-proxy`: what the older proxy left in YAML, a state file and a database becomes what is expected, setting by
//! setting, and nothing it left is changed. `UPDATE_GOLDEN=1` rewrites the expectations; read the difference.
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::import::{agree, text};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/import/azure-proxy")
}

/// Runs a statement on a file, as the older program did.
fn database(file: &Path, sql: &str) {
    let work = async {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut theirs = options.connect().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut theirs).await.unwrap();
        theirs.close().await.unwrap();
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

/// A copy of a case, with its database made.
fn installation(case: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(case);
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir(cases().join(case)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        match name {
            "database.sql" => {
                database(&folder.join("instance_state.db"), &std::fs::read_to_string(&path).unwrap());
            }
            "expected" => {}
            name => drop(std::fs::copy(&path, folder.join(name)).unwrap()),
        }
    }
    dir
}

fn run(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_openai-proxy"))
        .args(arguments)
        .env_clear()
        .env("HOME", dir)
        .envs(variables.iter().copied())
        .current_dir(dir)
        .output()
        .unwrap()
}

fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.map(|file| (file.clone(), std::fs::read(&file).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn every_installation_becomes_what_is_expected_and_loads() {
    let mut wrong = Vec::new();
    for case in ["whole", "rows", "columns", "history", "emptied", "yaml-only"] {
        let dir = installation(case);
        let folder = dir.path().join(case);
        let before = content(&folder);
        let arguments = [
            "import",
            "azure-proxy",
            case,
            "--environment",
            "production",
            "--output",
            "new/openai-proxy.yaml",
        ];
        std::fs::create_dir(dir.path().join("new")).unwrap();
        let output = run(dir.path(), &arguments, &[]);
        let report = text(&output.stderr);
        assert!(output.status.success(), "{case}: {report}");
        assert!(content(&folder) == before, "{case}: something of the older program was changed");
        let yaml = std::fs::read_to_string(dir.path().join("new/openai-proxy.yaml")).unwrap();
        let got = format!("{yaml}---\n{report}");
        assert!(!got.contains("canary"), "{case} tells a secret:\n{got}");
        let variables =
            [("AZURE_API_KEY_1", "k"), ("FEISHU_WEBHOOK_URL", "https://hook.example/x"), ("RPM", "9")];
        let checked = run(dir.path(), &["check-config", "new/openai-proxy.yaml"], &variables);
        assert!(checked.status.success(), "{case}: {}\n{yaml}", text(&checked.stderr));
        agree(&cases().join(case).join("expected"), &got, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Keys go where only their owner reads, and what stands there stays.
#[test]
fn keys_go_into_a_private_file_beside_the_configuration() {
    use std::os::unix::fs::PermissionsExt;
    let dir = installation("whole");
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at(".env"), "MINE=1\n").unwrap();
    let arguments = ["import", "azure-proxy", "whole", "--output", "openai-proxy.yaml"];
    assert!(run(dir.path(), &arguments, &[]).status.success());
    let variables = std::fs::read_to_string(at(".env")).unwrap();
    let want = "MINE=1\nEAST_PROXY=http://user:canary-proxy@proxy:1000\nWEST_API_KEY=canary-literal-in-the-file\n\
                SOUTH_API_KEY=canary-south\n";
    assert_eq!(variables, want);
    assert_eq!(at(".env").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(at("openai-proxy.yaml")).unwrap().contains("canary"));

    let again = run(dir.path(), &arguments, &[]);
    assert_eq!((again.status.code(), std::fs::read_to_string(at(".env")).unwrap()), (Some(0), variables));
    std::fs::write(at(".env"), "WEST_API_KEY=another\n").unwrap();
    std::fs::remove_file(at("openai-proxy.yaml")).unwrap();
    let refused = run(dir.path(), &arguments, &[]);
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{told}");
    assert!(told.contains("another WEST_API_KEY already") && !told.contains("canary"), "{told}");
    assert!(!at("openai-proxy.yaml").exists(), "nothing is written when the keys cannot be");
}

/// What cannot be read is told, and nothing is written.
#[test]
fn a_file_that_cannot_be_read_is_told_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let put = |case: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(dir.path().join(case)).unwrap();
        std::fs::write(dir.path().join(case).join(name), bytes).unwrap();
    };
    put("text", "instance_state.db", b"no database at all");
    put("torn", "instance_state.db", &[b"SQLite format 3\0".as_slice(), &[7; 4096]].concat());
    put("json", "state.json", b"{\"instances\": [");
    put("number", "state.json", b"17");
    put("yaml", "base.yaml", b"instances: [\n");
    put("empty", "readme.txt", b"");
    std::fs::create_dir_all(dir.path().join("link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link/state.json")).unwrap();
    for (case, says) in [
        ("text", "instance_state.db cannot be taken over: it is damaged, or no database"),
        ("torn", "instance_state.db cannot be taken over"),
        ("json", "state.json cannot be taken over: it is no JSON"),
        ("number", "it holds no instances"),
        ("yaml", "It cannot be read:"),
        ("empty", "Nothing of the older proxy was found"),
        ("link", "symbolic link"),
        ("absent", "cannot be read"),
    ] {
        let output = run(dir.path(), &["import", "azure-proxy", case, "--output", "out.yaml"], &[]);
        let told = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{case}: {told}");
        assert!(told.contains(says) && told.lines().count() <= 5, "{case}: {told}");
        assert!(!dir.path().join("out.yaml").exists() && !dir.path().join(".env").exists(), "{case}");
    }
}

/// Where the older program would look itself: its usual place, and what its variables name.
#[test]
fn without_a_folder_it_looks_where_the_older_program_did() {
    let dir = installation("rows");
    let usual = dir.path().join(".azure_openai_proxy");
    std::fs::create_dir(&usual).unwrap();
    std::fs::rename(dir.path().join("rows/instance_state.db"), usual.join("instance_state.db")).unwrap();
    let found = run(dir.path(), &["import", "azure-proxy"], &[]);
    assert!(text(&found.stdout).contains("https://east.openai.azure.com"), "{}", text(&found.stderr));
    assert!(text(&found.stderr).contains("Keys are not printed: set EAST_API_KEY"));

    let state = dir.path().join("shared.json");
    std::fs::write(&state, "{\"instances\": {\"far\": {\"api_base\": \"https://far.example\"}}}").unwrap();
    let named = [
        ("INSTANCE_MANAGER_STATE_FILE", state.to_str().unwrap()),
        ("INSTANCE_MANAGER_DB_PATH", "/nowhere.db"),
    ];
    let found = text(&run(dir.path(), &["import", "azure-proxy"], &named).stdout);
    assert!(found.contains("https://far.example") && !found.contains("east"), "{found}");
}

/// A variable that names the older program's database does not make it ours; one that names ours does.
#[test]
fn the_older_database_is_never_taken_for_ours() {
    let dir = installation("rows");
    let theirs = dir.path().join("rows/instance_state.db");
    let before = content(&dir.path().join("rows"));
    let named = |path: &Path| [("INSTANCE_MANAGER_DB_PATH", path.to_str().unwrap().to_owned())];
    let shown = |path: &Path| {
        let variables = named(path);
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, path)| (*name, path.as_str())).collect();
        let output = run(dir.path(), &["check-config"], &variables);
        let health = run(dir.path(), &["db", "stats"], &variables);
        (text(&output.stderr), text(&health.stdout) + &text(&health.stderr))
    };
    let (noted, stats) = shown(&theirs);
    assert!(noted.contains("a database of another program and not used as ours"), "{noted}");
    assert!(!stats.contains("instance_state.db"), "{stats}");
    assert!(content(&dir.path().join("rows")) == before);

    let ours = dir.path().join("rows/ours.db");
    drop(store::Db::open(&store::Place::Sqlite(ours.clone())).unwrap());
    let (noted, stats) = shown(&ours);
    assert!(!noted.contains("another program"), "{noted}");
    assert!(stats.contains("ours.db"), "{stats}");
}

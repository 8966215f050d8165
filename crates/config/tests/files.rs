//! Which file is read, and what is said about files.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::path::{Path, PathBuf};

use config::snapshot::Source;
use config::{Given, load, places};

fn given(pairs: &[(&str, &str)]) -> Given {
    let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Given { environment, home: Some("/home/me".into()), ..Given::default() }
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn the_usual_places_are_looked_at_in_order() {
    let usual = ["openai-proxy.yaml", "/home/me/.config/openai-proxy/openai-proxy.yaml"];
    let last = ["/etc/openai-proxy/openai-proxy.yaml", "/config/base.yaml"];
    assert_eq!(places(&given(&[])), [usual[0], usual[1], last[0], last[1]].map(PathBuf::from));
    let xdg = places(&given(&[("XDG_CONFIG_HOME", "/x")]));
    assert_eq!(xdg[1], PathBuf::from("/x/openai-proxy/openai-proxy.yaml"));
}

#[test]
fn a_named_file_is_the_only_place_and_must_exist() {
    let given = given(&[("OPENAI_PROXY_CONFIG", "/nowhere/at-all.yaml")]);
    assert_eq!(places(&given), [PathBuf::from("/nowhere/at-all.yaml")]);
    let said = load(&given).unwrap_err().to_string();
    assert!(said.starts_with("The configuration /nowhere/at-all.yaml cannot be read:"), "{said}");
}

#[cfg(unix)]
#[test]
fn what_never_ends_is_not_read() {
    let folder = folder("endless");
    let (pipe, link) = (folder.join("pipe"), folder.join("link"));
    for old in [&pipe, &link] {
        drop(std::fs::remove_file(old));
    }
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for (path, why) in [(&pipe, "a pipe"), (&link, "a device"), (&folder, "a folder")] {
        let named = Given { file: Some(path.clone()), ..given(&[]) };
        let said = load(&named).unwrap_err().to_string();
        assert!(said.contains("cannot be read: it is") && said.contains(why), "{said}");
        let text = format!("providers: {{openai: {{api_key: \"${{file:{}}}\"}}}}\n", path.display());
        let file = folder.join("openai-proxy.yaml");
        std::fs::write(&file, text).unwrap();
        let said = load(&Given { file: Some(file), ..given(&[]) }).unwrap_err().to_string();
        assert!(said.contains("cannot be read: it is") && said.contains(why), "{said}");
    }
}

#[test]
fn the_first_file_that_exists_is_read_and_named_as_the_source() {
    let home = folder("home");
    let own = home.join(".config/openai-proxy");
    std::fs::create_dir_all(&own).unwrap();
    let file = own.join("openai-proxy.yaml");
    std::fs::write(&file, "providers: {mock: {}}\n").unwrap();
    let loaded = load(&Given { home: Some(home), ..Given::default() }).unwrap();
    assert_eq!(loaded.snapshot.source, Source::File(file));
}

#[cfg(unix)]
#[test]
fn a_key_in_a_file_others_may_read_is_noted_and_a_variable_is_not() {
    use std::os::unix::fs::PermissionsExt;
    let file = folder("open").join("openai-proxy.yaml");
    let notes = |text: &str, mode: u32| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let given = Given { file: Some(file.clone()), ..given(&[("KEY", "k")]) };
        load(&given).unwrap().notes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let literal = "providers:\n  openai: {api_key: sk-1}\n";
    let said = notes(literal, 0o644);
    assert!(
        said.len() == 1 && said[0].contains(":2: A key stands in this file") && !said[0].contains("sk-1"),
        "{said:?}"
    );
    assert!(notes(literal, 0o600).is_empty());
    assert!(notes("providers:\n  openai: {api_key: \"${KEY}\"}\n", 0o644).is_empty());
}

#[cfg(unix)]
#[test]
fn a_key_in_a_file_of_variables_others_may_read_is_noted() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("open-variables");
    let file = folder.join("openai-proxy.yaml");
    std::fs::write(&file, "providers: {openai: {}}\n").unwrap();
    let variables = folder.join(".env");
    let notes = |mode: u32| {
        std::fs::write(&variables, "LEVEL=info\nOPENAI_API_KEY=sk-1\n").unwrap();
        std::fs::set_permissions(&variables, std::fs::Permissions::from_mode(mode)).unwrap();
        let given = Given { file: Some(file.clone()), ..given(&[]) };
        load(&given).unwrap().notes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let said = notes(0o644);
    assert!(said.len() == 1 && said[0].contains(".env:2: A key stands in this file"), "{said:?}");
    assert!(!said[0].contains("sk-1"), "{said:?}");
    assert!(notes(0o600).is_empty());
}

#[test]
fn secrets_come_from_files_beside_the_configuration() {
    let folder = folder("secrets");
    std::fs::write(folder.join("key"), "sk: #odd\n").unwrap();
    let file = folder.join("openai-proxy.yaml");
    std::fs::write(&file, "providers:\n  openai: {api_key: \"${file:key}\"}\n").unwrap();
    let loaded = load(&Given { file: Some(file), ..Given::default() }).unwrap();
    let credential = &loaded.snapshot.providers[0].credential;
    assert!(matches!(credential, config::snapshot::Credential::Stored(key) if key.expose() == "sk: #odd"));
}

//! Older files in today's spelling, their comments kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its own files has failed")]

use std::collections::BTreeMap;
use std::path::Path;

use config::{migrate, parse, tidy};
use proptest::prelude::*;

fn case(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).join("config.yaml");
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn the_older_example_is_rewritten_line_by_line() {
    let old = case("good-older-example");
    let migrated = migrate(&old, "base.yaml").unwrap();
    assert!(migrated.left.is_empty(), "{:?}", migrated.left);
    assert_eq!(migrated.done.len(), 7);
    let want = [
        "server: {listen: \"127.0.0.1:3010\"}\n",
        "  max_size: 5242880  # 5MB\n  backup_count: 3\n\ntelemetry: {stats_windows: [5m, 15m, 30m, 60m]}\n",
        "# Instance configuration\nproviders:\n  \"instance1\":\n    type: \"azure\"\n    api_key: \"${AZURE_API_KEY_1}\"\n    base_url: ",
        "  retries: 3\n\nlogging:",
        "\nprovider_defaults:\n  timeouts:\n    first_byte: 60\n",
        "\nalerts:\n  to:\n    feishu: \"${FEISHU_WEBHOOK_URL}\"\n",
    ];
    for text in want {
        assert!(migrated.text.contains(text), "{text}\n---\n{}", migrated.text);
    }
    let variables = BTreeMap::from(
        [("AZURE_API_KEY_1", "a"), ("FEISHU_WEBHOOK_URL", "https://h/x")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let loaded = parse(&migrated.text, &variables).unwrap();
    assert!(!loaded.notes.iter().any(|note| note.what.contains("older")), "{:?}", loaded.notes);
    let again = migrate(&migrated.text, "base.yaml").unwrap();
    assert_eq!((again.text, again.done.len()), (migrated.text, 0));
}

#[test]
fn every_way_to_write_a_list_of_instances_becomes_a_map() {
    for (old, new) in [
        (
            "instances:\n- name: a\n  api_base: http://h\n- name: b\n  api_base: http://i\n",
            "providers:\n  a:\n    base_url: http://h\n  b:\n    base_url: http://i\n",
        ),
        (
            "instances:\n  - api_base: http://h   # here\n    name: 'a'\n    priority: 3\n",
            "providers:\n  'a':\n    base_url: http://h   # here\n    priority: 3\n",
        ),
        (
            "instances:\n  - {name: a, api_base: http://h}\n  - {priority: 1, name: b, provider_type: x}\n",
            "providers:\n  a: {base_url: http://h}\n  b: {priority: 1, type: x}\n",
        ),
        ("server:\n  heartbeat: 3s\nport: 1\n", "server:\n  listen: \"127.0.0.1:1\"\n  heartbeat: 3s\n"),
        (
            "providers: {a: {api_base: http://h, \"provider_type\": x}}\n",
            "providers: {a: {base_url: http://h, \"type\": x}}\n",
        ),
    ] {
        let migrated = migrate(old, "f").unwrap();
        assert_eq!((migrated.text.as_str(), migrated.left.len()), (new, 0), "{old}");
    }
}

#[test]
fn what_cannot_be_rewritten_safely_stays_and_is_named() {
    for old in [
        "instances: [{name: a, api_base: http://h}]\n",
        "server: {heartbeat: 3s}\nport: 1\n",
        "instances:\n  - name: a\nproviders: {b: {}}\n",
        "routing: {timeout: 60}\n",
        "provider_defaults: {priority: 1}\nrouting:\n  retries: 1\n  timeout: 60\n",
    ] {
        let migrated = migrate(old, "f").unwrap();
        assert!(!migrated.left.is_empty(), "{old}{}", migrated.text);
    }
    assert!(migrate("a: [", "f").is_err());
}

#[test]
fn white_space_is_tidied_where_it_says_nothing() {
    assert_eq!(
        tidy("\r\na: 1  \r\n\r\n\r\n\r\nb:   2 # kept\t\n\n", "f").unwrap(),
        "a: 1\n\nb:   2 # kept\n"
    );
    let block = "a: |\n  text  \n\n\n\n  more\n";
    assert_eq!(tidy(block, "f").unwrap(), block);
    assert!(tidy("a: [", "f").is_err());
}

/// Lines older files have, in any order and indentation.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("instances:"),
        Just("- name: a"),
        Just("- {name: b, api_base: http://h}"),
        Just("api_base: http://h"),
        Just("name: 'ü'"),
        Just("port: 3010 # ours"),
        Just("server:"),
        Just("heartbeat: 3s"),
        Just("monitoring:"),
        Just("stats_window_minutes: 5"),
        Just("additional_windows: [15, 30]"),
        Just("logging:"),
        Just("feishu_webhook: https://h/x"),
        Just("level: info"),
        Just("routing:"),
        Just("timeout: 60"),
        Just("# words"),
        Just(""),
        Just("text: |"),
        Just("providers: {c: {api_base: http://i}}"),
        Just("- &x {name: d}"),
        Just("- *x"),
    ];
    let indented = (0..4usize, line).prop_map(|(depth, line)| format!("{}{line}\n", "  ".repeat(depth)));
    prop::collection::vec(indented, 0..14).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rewritten_file_says_what_it_said_and_needs_no_second_rewriting(text in lines()) {
        let variables = BTreeMap::new();
        let told = |text: &str| match parse(text, &variables) {
            Ok(loaded) => format!("{:?} {:?}", loaded.snapshot.server, loaded.snapshot.providers),
            Err(problems) => {
                // Lines have moved; what is wrong has not.
                let mut all: Vec<String> = problems.0.into_iter().map(|problem| problem.what).collect();
                all.sort();
                all.join("\n")
            }
        };
        if let Ok(migrated) = migrate(&text, "f") {
            prop_assert_eq!(told(&text), told(&migrated.text), "{}", &migrated.text);
            let again = migrate(&migrated.text, "f").unwrap();
            prop_assert_eq!(&again.text, &migrated.text);
        }
        if let Ok(tidied) = tidy(&text, "f") {
            prop_assert_eq!(told(&text), told(&tidied), "{}", &tidied);
            prop_assert_eq!(&tidy(&tidied, "f").unwrap(), &tidied);
        }
    }
}

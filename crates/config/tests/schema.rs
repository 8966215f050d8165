//! The schema says what the reader says.

#![expect(clippy::unwrap_used, reason = "a test of what must be there")]

use std::collections::BTreeMap;

use serde_json::Value;

/// Every setting of the schema as a dotted path, with its default.
fn settings(schema: &Value, path: &str, out: &mut Vec<(String, Option<String>)>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (key, property) in properties {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let usual = property.get("default").map(|usual| usual.as_str().unwrap().to_owned());
        settings(property, &path, out);
        out.push((path, usual));
    }
}

fn all() -> Vec<(String, Option<String>)> {
    let mut out = Vec::new();
    settings(&config::schema(), "", &mut out);
    out
}

/// One setting as a file of its own.
fn file(path: &str, value: &str) -> String {
    let open = path.split('.').map(|key| format!("{{{key}: ")).collect::<String>();
    format!("{open}{value}{}\n", "}".repeat(path.split('.').count()))
}

#[test]
fn every_default_it_names_is_what_holds_without_a_word() {
    let plain = config::parse("providers: {mock: {}}\n", &BTreeMap::new()).unwrap();
    let defaults: Vec<_> = all().into_iter().filter_map(|(path, usual)| Some((path, usual?))).collect();
    assert!(defaults.len() > 25, "{defaults:?}");
    for (path, usual) in defaults {
        let said = match path.strip_prefix("provider_defaults.") {
            // Laid under a provider, its defaults must change nothing either.
            Some(setting) => file(&format!("providers.mock.{setting}"), &usual),
            None => file(&path, &usual).replacen('{', "{providers: {mock: {}}, ", 1),
        };
        let loaded = config::parse(&said, &BTreeMap::new()).unwrap_or_else(|why| panic!("{said}{why}"));
        assert_eq!(format!("{:?}", loaded.snapshot), format!("{:?}", plain.snapshot), "{said}");
    }
}

#[test]
fn every_setting_it_names_is_known_to_the_reader() {
    for (path, _) in all() {
        // A map where a value stands, a value where a map stands: wrong, but never unknown.
        for value in ["{zzz: 1}", "zzz"] {
            let told = match config::parse(&file(&path, value), &BTreeMap::new()) {
                Ok(loaded) => format!("{:?}", loaded.notes),
                Err(problems) => problems.to_string(),
            };
            let last = path.rsplit('.').next().unwrap();
            assert!(!told.contains(&format!("`{last}` is not a setting")), "{path}: {told}");
        }
    }
}

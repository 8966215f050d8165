//! What else is in a file stays as it was, byte for byte.

use serde_json::json;

use super::*;

/// The text must come out as given, apart from the lines that are new or changed.
fn becomes(format: Format, old: &str, changes: &[Change], new: &str) {
    let once = apply(format, old, changes).unwrap_or_else(|why| panic!("{why}\n{old}"));
    assert_eq!(once, new);
    assert_eq!(apply(format, &once, changes).as_deref(), Ok(new), "written twice is written once");
}

#[test]
fn json_keeps_comments_order_and_indentation() {
    let changes = [
        Change::set(&["env", "URL"], "http://x"),
        Change::set(&["model"], "m"),
        Change::unless_set(&["theme"], "light"),
    ];
    let old = "{\n    // mine\n    \"theme\": \"dark\", /* so */\n    \"model\": \"other\", // was\n    \"list\": [1,2,],\n}\n";
    let new = "{\n    // mine\n    \"theme\": \"dark\", /* so */\n    \"model\": \"m\", // was\n    \"list\": [1,2,],\n    \"env\": {\n        \"URL\": \"http://x\"\n    },\n}\n";
    becomes(Format::Json, old, &changes, new);
    becomes(Format::Json, "", &changes[1..2], "{\n  \"model\": \"m\"\n}\n");
    assert!(apply(Format::Json, "[1]", &changes).is_err());
    assert!(apply(Format::Json, "{\"env\": 3}", &changes).is_err());
    assert!(apply(Format::Json, "{broken", &changes).is_err());
}

#[test]
fn json_lists_get_one_entry_of_ours() {
    let change = [Change::at(vec![Step::item("name", "us")], json!({"name": "us", "models": [{"id": "m"}]}))];
    let once = apply(Format::Json, "[\n  {\"name\": \"them\"} // theirs\n]\n", &change).unwrap();
    assert!(once.contains("// theirs"), "{once}");
    let other = [Change::at(vec![Step::item("name", "us")], json!({"name": "us", "models": []}))];
    let twice = apply(Format::Json, &once, &other).unwrap();
    assert_eq!(twice.matches("\"us\"").count(), 1, "{twice}");
    assert!(apply(Format::Json, "", &change).unwrap().starts_with('['));
}

#[test]
fn toml_keeps_comments_and_tables() {
    let provider = json!({"name": "us", "base_url": "http://x"});
    let changes = [
        Change::set(&["model"], "m"),
        Change::set(&["kind"], "us"),
        Change::set(&["providers", "us"], provider),
    ];
    let old = "# mine\nmodel = \"other\" # was\n\n[tools]\nweb = true\n\n[providers.them]\nname = \"them\"\n";
    let new = "# mine\nmodel = \"m\" # was\nkind = \"us\"\n\n[tools]\nweb = true\n\n[providers.them]\nname = \"them\"\n\n[providers.us]\nname = \"us\"\nbase_url = \"http://x\"\n";
    becomes(Format::Toml, old, &changes, new);
    assert!(apply(Format::Toml, "providers = 3", &changes).is_err());
    assert_eq!(toml_line(&json!({"a": "b", "c": 1})), "{ a = \"b\", c = 1 }");
}

#[test]
fn yaml_is_edited_by_lines_or_not_at_all() {
    let model = json!({"name": "us", "model": "org/m", "key": "a?b"});
    let changes = [
        Change::unless_set(&["name"], "ours"),
        Change::set(&["model"], "x: y"),
        Change::at(vec![Step::key("models"), Step::item("name", "us")], model),
    ];
    let old = "name: theirs # mine\nmodels:\n  # the big one\n  - name: them\n    model: m\n    roles: [chat]\n\n# rules\nrules:\n  - be nice\n";
    let new = "name: theirs # mine\nmodels:\n  # the big one\n  - name: us\n    model: org/m\n    key: \"a?b\"\n  - name: them\n    model: m\n    roles: [chat]\n\n# rules\nrules:\n  - be nice\nmodel: \"x: y\"\n";
    becomes(Format::Yaml, old, &changes, new);
    let remarked = "model: 'it''s # it'  # was\n";
    becomes(Format::Yaml, remarked, &changes[1..2], "model: \"x: y\"  # was\n");
    assert!(apply(Format::Yaml, "model: >\n  folded\n", &changes[1..2]).is_err());
    let flat = [Change::at(vec![Step::item("id", "m")], json!({"id": "m", "base": "http://x"}))];
    becomes(
        Format::Yaml,
        "# list\n- id: a\n  base: b\n",
        &flat,
        "# list\n- id: m\n  base: http://x\n- id: a\n  base: b\n",
    );
    becomes(Format::Yaml, "", &flat, "- id: m\n  base: http://x\n");
    let replaced = [Change::at(vec![Step::item("id", "m")], json!({"id": "m", "base": "http://y"}))];
    becomes(Format::Yaml, "- id: m\n  base: b\n- id: a\n", &replaced, "- id: m\n  base: http://y\n- id: a\n");
    let between = "- id: m\n  base: b\n\n# theirs\n- id: a\n";
    becomes(Format::Yaml, between, &replaced, "- id: m\n  base: http://y\n\n# theirs\n- id: a\n");
    assert!(apply(Format::Yaml, "- id: m # why\n  base: b\n", &replaced).is_err(), "a remark would be lost");
    for unusual in [
        "models: [{name: them}]\n",
        "models: &all\n  - name: a\n",
        "a: 1\n---\nb: 2\n",
        "models: 3\n",
        "\t- x",
    ] {
        assert!(apply(Format::Yaml, unusual, &changes[2..]).is_err(), "{unusual}");
    }
}

#[test]
fn lines_are_replaced_or_added() {
    let changes = [Change::set(&["URL"], "http://x"), Change::set(&["KEY"], "k")];
    becomes(
        Format::Lines,
        "# mine\nURL=old # was\nOTHER=1\n",
        &changes,
        "# mine\nURL=http://x # was\nOTHER=1\nKEY=k\n",
    );
    assert!(apply(Format::Lines, "URL=a\nURL=b\n", &changes).is_err());
}

#[test]
fn line_ends_stay_as_they_are() {
    let changes = [Change::set(&["model"], "m")];
    for (format, old, new) in [
        (Format::Yaml, "# mine\r\nmodel: x\r\n", "# mine\r\nmodel: m\r\n"),
        (Format::Toml, "# mine\r\nmodel = \"x\"\r\n", "# mine\r\nmodel = \"m\"\r\n"),
        (Format::Lines, "# mine\r\nmodel=x\r\n", "# mine\r\nmodel=m\r\n"),
        (Format::Json, "{\r\n  \"model\": \"x\" // so\r\n}\r\n", "{\r\n  \"model\": \"m\" // so\r\n}\r\n"),
    ] {
        becomes(format, old, &changes, new);
    }
    assert!(apply(Format::Yaml, "a: 1\r\nmodel: x\n", &changes).is_err());
}

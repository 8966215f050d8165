//! What the tree keeps, and what it refuses.

use proptest::prelude::*;

use super::{Node, Value, read};

fn tree(text: &str) -> Result<Node, String> {
    read(text, "f")
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// One line, to compare with.
fn flat(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if scalar.quoted => format!("{:?}", scalar.text),
        Value::Scalar(scalar) => scalar.text.clone(),
        Value::List(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let pairs: Vec<String> =
                entries.iter().map(|entry| format!("{}: {}", entry.key, flat(&entry.node))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

#[test]
fn order_quotes_anchors_and_merge_keys_are_kept() {
    for (text, want) in [
        ("b: 1\na: 'no'\n", "{b: 1, a: \"no\"}"),
        ("x: &x {k: 1, l: 2}\ny: {<<: *x, l: 3}\n", "{x: {k: 1, l: 2}, y: {l: 3, k: 1}}"),
        (
            "x: &x {k: 1}\nz: &z {k: 2, m: 3}\ny: {<<: [*x, *z]}\n",
            "{x: {k: 1}, z: {k: 2, m: 3}, y: {k: 1, m: 3}}",
        ),
        ("\u{feff}a: [1, {b: !!str 2}]", "{a: [1, {b: \"2\"}]}"),
        ("", "{}"),
    ] {
        assert_eq!(tree(text).map(|node| flat(&node)), Ok(want.to_owned()), "{text}");
    }
}

#[test]
fn every_node_knows_its_place() {
    let root = tree("a:\n  b: 1\n").ok();
    let place = root
        .as_ref()
        .and_then(|root| root.get("a")?.get("b"))
        .map(|node| (node.place.line, node.place.column));
    assert_eq!(place, Some((2, 6)));
}

#[test]
fn broken_structures_are_refused_with_their_line() {
    for (text, want) in [
        ("a: 1\na: 2\n", "f:2: `a` is written twice, the first time in line 1. Keep one of them."),
        ("a: 1\n---\nb: 2\n", "f:2: The file holds a second document."),
        ("a: &a [*a]\n", "f:1: An alias stands inside the value it repeats."),
        ("a: !vault x\n", "f:1: The tag `!vault` is not understood."),
        ("{a: 1}: b\n", "f:1: A key must be a single word."),
        ("a: {<<: 1}\n", "f:1: `<<` takes a map, or a list of maps."),
        ("a: [1\n", "This is not YAML"),
        ("a: *b\n", "This is not YAML"),
    ] {
        let said = tree(text).err().unwrap_or_default();
        assert!(said.contains(want), "{text}: {said}");
    }
}

#[test]
fn aliases_cannot_grow_beyond_the_budget() {
    let mut bomb = String::from("x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n");
    for level in 1..10 {
        let aliases = vec![format!("*x{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("x{level}: &x{level} [{aliases}]\n"));
    }
    assert!(tree(&bomb).is_err_and(|said| said.contains("expand to too much")));
    assert!(tree(&"[".repeat(100)).is_err_and(|said| said.contains("too deeply")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*") {
        let _ = tree(&text);
    }

    #[test]
    fn arbitrary_yaml_like_text_never_panics(text in "[a-c:\\-\\[\\]{}&*!|>'\"#%@,?<$ \n\t]{0,80}") {
        let _ = tree(&text);
        let _ = crate::parse(&text, &std::collections::BTreeMap::new());
    }
}

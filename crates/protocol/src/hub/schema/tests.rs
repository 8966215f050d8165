//! Values that keep to their schema, and values that do not.

use serde_json::json;

use super::*;

fn told(value: &Value, schema: &Value) -> String {
    check(value, schema).map_or_else(|mismatch| mismatch.to_string(), |()| "keeps".to_owned())
}

#[test]
fn what_a_schema_asks_for_is_looked_at() {
    let person = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 8},
            "age": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 150},
            "kind": {"enum": ["cat", "dog", 1]},
            "friends": {"type": "array", "items": {"$ref": "#"}, "maxItems": 2, "uniqueItems": true},
            "share": {"type": "number", "multipleOf": 0.1},
        },
        "required": ["name"],
        "additionalProperties": false,
    });
    for (value, expected) in [
        (json!({"name": "Ada", "age": 36, "kind": "cat", "share": 0.3}), "keeps"),
        (json!({"name": "Ada", "age": null, "kind": 1.0, "friends": [{"name": "Eve"}]}), "keeps"),
        (json!({"name": "Ada", "age": 36.0}), "keeps"),
        (json!({"name": "Ümläütö"}), "keeps"),
        (json!(["Ada"]), "it is of another type"),
        (json!({"age": 36}), "`/name` is missing"),
        (json!({"name": ""}), "`/name` is too short"),
        (json!({"name": "Augusta Ada"}), "`/name` is too long"),
        (json!({"name": 1}), "`/name` is of another type"),
        (json!({"name": "Ada", "age": 36.5}), "`/age` is of another type"),
        (json!({"name": "Ada", "age": -1}), "`/age` is too small"),
        (json!({"name": "Ada", "age": 150}), "`/age` is too large"),
        (json!({"name": "Ada", "kind": "cow"}), "`/kind` is none of the values it may be"),
        (json!({"name": "Ada", "share": 0.25}), "`/share` is no multiple of its step"),
        (json!({"name": "Ada", "secret": 1}), "it has a property that is not in the schema"),
        (json!({"name": "Ada", "friends": [{"name": "Eve"}, {}]}), "`/friends/1/name` is missing"),
        (
            json!({"name": "Ada", "friends": [{"name": "A"}, {"name": "A"}]}),
            "`/friends` has an element twice",
        ),
    ] {
        assert_eq!(told(&value, &person), expected, "{value}");
    }
}

#[test]
fn schemas_about_the_same_value_are_joined() {
    let shape = json!({
        "$defs": {"a b": {"properties": {"radius": {"type": "number"}}, "required": ["radius"]}},
        "anyOf": [{"$ref": "#/$defs/a%20b"}, {"required": ["side"], "properties": {"kind": {"const": "square"}}}],
        "allOf": [{"properties": {"name": {"type": "string"}}}],
        "not": {"required": ["broken"]},
    });
    for (value, expected) in [
        (json!({"radius": 1}), "keeps"),
        (json!({"side": 1, "kind": "square"}), "keeps"),
        (json!({"side": 1, "kind": "round"}), "it is in none of the ways it may be"),
        (json!({"radius": "1"}), "it is in none of the ways it may be"),
        (json!({"radius": 1, "name": 2}), "`/name` is of another type"),
        (json!({"radius": 1, "broken": true}), "it is what it may not be"),
    ] {
        assert_eq!(told(&value, &shape), expected, "{value}");
    }
    let one = json!({"oneOf": [{"type": "integer"}, {"minimum": 10}]});
    for (value, expected) in [
        (json!(1), "keeps"),
        (json!(10.5), "keeps"),
        (json!(11), "it is in several ways of which it may be one"),
        (json!(1.5), "it is in none of the ways it may be"),
    ] {
        assert_eq!(told(&value, &one), expected, "{value}");
    }
    let pair = json!({"prefixItems": [{"type": "string"}], "items": false, "minItems": 1});
    assert_eq!(told(&json!(["a"]), &pair), "keeps");
    assert_eq!(told(&json!(["a", 1]), &pair), "`/1` may not be there");
    assert_eq!(told(&json!([]), &pair), "it is too short");
}

#[test]
fn what_is_not_understood_is_passed_over() {
    for schema in [
        json!({"type": "string", "pattern": "^x$", "format": "email", "contentEncoding": "base64"}),
        json!({"type": "text"}),
        json!({"$ref": "https://example.com/other"}),
        json!({"$ref": "#/$defs/missing"}),
        json!({"anyOf": [], "enum": "x", "required": "y"}),
        json!(true),
        json!(7),
    ] {
        assert_eq!(check(&json!("hello"), &schema), Ok(()), "{schema}");
    }
    let patterns = json!({"patternProperties": {"^x": {}}, "additionalProperties": false});
    assert_eq!(check(&json!({"y": 1}), &patterns), Ok(()));
}

#[test]
fn a_schema_that_never_ends_ends() {
    let round =
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}});
    assert_eq!(check(&json!(1), &round), Ok(()));
    // Each of the ways has all of them again.
    let wide =
        json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}, {"type": "string"}], "type": "string"});
    assert!(check(&json!("x"), &wide).is_ok());
    let never = json!({"oneOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]});
    assert!(check(&json!("x"), &never).is_ok());
    let many: Vec<u32> = (0..5000).collect();
    assert_eq!(check(&json!(many), &json!({"uniqueItems": true})), Ok(()));
}

/// How many comparisons are made.
fn steps(value: &Value, schema: &Value) -> usize {
    let mut check = Check::of(schema);
    let _ = check.value(value, schema);
    MOST - check.left
}

#[test]
fn every_comparison_counts_and_what_the_answer_does_not_have_is_not_looked_for() {
    let names: Vec<String> = (0..4000).map(|nth| format!("p{nth}")).collect();
    let properties: Map<String, Value> = names.iter().map(|name| (name.clone(), json!({}))).collect();
    let all: Map<String, Value> = names.iter().map(|name| (name.clone(), json!(1))).collect();
    assert!(steps(&json!({}), &json!({"type": "object", "properties": properties})) < 10);
    assert!(steps(&json!(all), &json!({"properties": properties})) >= 8000);
    assert!(steps(&json!(all), &json!({"required": names})) >= 4000);
    assert!(steps(&json!("x"), &json!({"enum": names})) >= 4000);
    assert!(steps(&json!(1), &json!({"type": vec!["string"; 4000]})) >= 4000);
    assert!(steps(&json!(names), &json!({"const": names})) >= 4000);
    let long = "x".repeat(64_000);
    assert!(steps(&json!(long), &json!({"const": long})) >= 1000);
    assert!(steps(&json!(long), &json!({"maxLength": 9})) >= 1000);
    assert!(steps(&json!(1), &json!({"$ref": format!("#{}", "/a".repeat(4000))})) >= 1000);
    // Each of the ways has all of them again.
    let wide = json!({"type": "object", "allOf": [{"$ref": "#"}, {"$ref": "#"}], "properties": properties});
    assert!(steps(&json!({}), &wide) <= 50_000);
    assert_eq!(check(&json!({}), &wide), Ok(()));
}

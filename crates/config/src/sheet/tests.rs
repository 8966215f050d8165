//! What is laid over a sheet makes it say what another one said; changes are what they say they are.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::edit::{By, Edit, What, edited};
use crate::frozen::Text;
use crate::given::Stored;

/// A random tree of few keys in a random order, so that trees meet often.
fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        (0..9u8).prop_map(|number| json!(number)),
        prop::sample::select(vec!["x", "true", "", "007", "2.50", "a: b", "~"]).prop_map(|text| json!(text)),
        Just(json!(true)),
        Just(json!({})),
        prop::collection::vec(0..9u8, 0..3).prop_map(|items| json!(items)),
    ];
    let map = |inner| {
        prop::collection::vec(("[abc]", inner), 0..4)
            .prop_map(|members: Vec<(String, Json)>| Json::Object(members.into_iter().collect::<Map<_, _>>()))
    };
    map(leaf.prop_recursive(3, 24, 4, move |inner| map(inner).boxed()).boxed())
}

/// What a file and stored rows come to.
fn laid(file: &Sheet, stored: Vec<Stored>) -> Sheet {
    let text = Text { layer: Layer::File, path: "a.yaml".into(), text: file.text() };
    let given = Given { stored, ..Given::default() };
    of(stack::of(vec![text], BTreeMap::new(), &given).unwrap_or_else(|why| panic!("{why}")))
}

fn row(patch: Patch) -> Stored {
    Stored {
        layer: Layer::Database,
        path: patch.path,
        value: patch.value.to_string(),
        alone: patch.alone,
        place: "revision 1".to_owned(),
        author: None,
        time: None,
    }
}

fn by() -> By {
    By { author: Some("ada".to_owned()), time: None, place: "revision 2".to_owned() }
}

fn edit(path: &str, what: What) -> Edit {
    Edit { path: path.split('.').map(str::to_owned).collect(), what }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sheet_is_read_as_it_was_written(tree in tree()) {
        let sheet = Sheet(tree);
        prop_assert_eq!(Sheet::read(&sheet.text(), "x").map(|read| read.text()), Ok(sheet.text()));
    }

    /// The heart of a rollback.
    #[test]
    fn what_is_laid_over_a_sheet_makes_it_say_what_another_said(wanted in tree(), file in tree()) {
        let (wanted, file) = (Sheet(wanted), Sheet(file));
        let rows = wanted.over(&file).into_iter().map(row).collect();
        // Sections may stand in another order; below them, the order is the same, too.
        let sections = |sheet: &Sheet| {
            let members = sheet.0.as_object().cloned().unwrap_or_default();
            members.iter().map(|(key, value)| (key.clone(), value.to_string())).collect::<BTreeMap<_, _>>()
        };
        prop_assert_eq!(sections(&laid(&file, rows)), sections(&wanted));
    }

    /// Whatever was changed before: a value that is put somewhere stands there, and what is taken away is gone.
    #[test]
    fn the_last_change_of_a_setting_counts(
        file in tree(),
        edits in prop::collection::vec(("[abc](\\.[abc]){0,2}", 0..4u8, tree()), 1..6),
    ) {
        let file = Sheet(file);
        let mut rows = Vec::new();
        for (path, kind, value) in edits {
            let value = value.get("a").cloned().unwrap_or(value);
            let what = match kind {
                0 => What::Set(value.clone()),
                1 => What::Replace(value.clone()),
                2 => What::Remove,
                _ => What::Reset,
            };
            let edit = edit(&path, what);
            rows = edited(&rows, Layer::Database, std::slice::from_ref(&edit), &file, &by());
            let now = laid(&file, rows.clone());
            let here = now.at(&edit.path);
            match &edit.what {
                What::Replace(value) => prop_assert_eq!(here.map(Json::to_string), Some(value.to_string())),
                What::Remove => prop_assert_eq!(here, None),
                What::Set(value) if !value.is_object() => prop_assert_eq!(here, Some(value)),
                _ => {}
            }
        }
        for path in ["a", "b", "c"] {
            rows = edited(&rows, Layer::Database, &[edit(path, What::Reset)], &file, &by());
        }
        prop_assert_eq!(laid(&file, rows).text(), file.text());
    }
}

#[test]
fn a_provider_that_is_removed_and_added_again_has_nothing_of_the_old_one() {
    let file = Sheet(json!({"providers": {"a": {"base_url": "http://a", "priority": 5}, "b": {}}}));
    let rows = edited(&[], Layer::Database, &[edit("providers.a", What::Remove)], &file, &by());
    assert_eq!(laid(&file, rows.clone()).0, json!({"providers": {"b": {}}}));
    let add = edit("providers.a", What::Replace(json!({"base_url": "http://other"})));
    let rows = edited(&rows, Layer::Database, &[add], &file, &by());
    assert_eq!(laid(&file, rows.clone()).0["providers"]["a"], json!({"base_url": "http://other"}));
    let set = edit("providers.a.weight", What::Set(json!(3)));
    let rows = edited(&rows, Layer::Database, &[set], &file, &by());
    assert_eq!(
        laid(&file, rows.clone()).0["providers"]["a"],
        json!({"base_url": "http://other", "weight": 3})
    );
    // One that only ever stood in the database leaves nothing behind.
    let add = edit("providers.c", What::Replace(json!({"base_url": "http://c"})));
    let with = edited(&rows, Layer::Database, &[add], &file, &by());
    assert_eq!(edited(&with, Layer::Database, &[edit("providers.c", What::Remove)], &file, &by()), rows);
}

#[test]
fn differences_name_the_setting_and_hide_secrets() {
    let old =
        Sheet(json!({"providers": {"a": {"api_key": "sk-1", "priority": 5}}, "logging": {"level": "info"}}));
    let new =
        Sheet(json!({"providers": {"a": {"api_key": "sk-2", "weight": 2}}, "logging": {"level": "info"}}));
    let told: Vec<String> = old
        .differences(&new)
        .into_iter()
        .map(|one| format!("{}: {:?} {:?}", one.path, one.was.as_deref(), one.is.as_deref()))
        .collect();
    let want = [
        "providers.a.api_key: Some(\"***\") Some(\"***\")",
        "providers.a.priority: Some(\"5\") None",
        "providers.a.weight: None Some(\"2\")",
    ];
    assert_eq!(told, want);
}

#[test]
fn names_with_dots_are_one_word_of_a_path() {
    let sheet = Sheet(json!({"models": {"gpt-4.1": {"use": "a"}}}));
    assert_eq!(sheet.words("models.gpt-4.1.use"), ["models", "gpt-4.1", "use"]);
    assert_eq!(sheet.words("models.\"o3.5\".use"), ["models", "o3.5", "use"]);
    assert_eq!(sheet.words("models.o3.5"), ["models", "o3", "5"]);
}

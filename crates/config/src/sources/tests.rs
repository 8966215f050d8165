//! The winner that is named is the one that wins.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Voice, each_leaf, of, said};
use crate::frozen::Text;
use crate::given::{Given, Stored};
use crate::layer::stack;
use crate::load;
use crate::merge;
use crate::origin::Layer;
use crate::problem::Place;
use crate::tree::{self, Node, Value};
use crate::whole::whole;

/// A random tree of few keys, so that layers meet often.
fn text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0..9u8).prop_map(|number| number.to_string()),
        Just("null".to_owned()),
        Just("{}".to_owned()),
        prop::collection::vec(0..9u8, 0..3).prop_map(|items| format!("{items:?}")),
    ];
    let map = |inner| {
        prop::collection::btree_map("[abc]", inner, 0..4).prop_map(|map: BTreeMap<String, String>| {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            format!("{{{}}}", pairs.join(", "))
        })
    };
    map(leaf.prop_recursive(3, 24, 4, move |inner| map(inner).boxed()).boxed())
}

fn same(a: &Node, b: &Node) -> bool {
    format!("{:?}", crate::hide::line(&plain(a))) == format!("{:?}", crate::hide::line(&plain(b)))
}

/// A tree's content, with nothing hidden.
fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Scalar(_) if node.is_null() => serde_json::Value::Null,
        Value::Scalar(scalar) => serde_json::Value::String(scalar.text.clone()),
        Value::List(items) => items.iter().map(plain).collect(),
        Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), plain(&entry.node))).collect(),
    }
}

/// What random layers say about real settings: how each is written, and how the snapshot tells it.
const SETTINGS: &[(&str, &[&str])] = &[
    ("server.limits.body", &["1MiB", "2MiB", "3MiB", "4MiB", "null"]),
    ("server.timeouts.drain", &["1s", "2s", "3s", "null"]),
    ("server.heartbeat", &["1s", "2s", "off", "null"]),
    ("server.allowed_hosts", &["[a]", "[a, b]", "auto", "null"]),
    ("logging.level", &["debug", "warn", "trace", "null"]),
    ("routing.expose_headers", &["on", "off", "null"]),
    ("telemetry.metrics.path", &["/a", "/b", "null"]),
    ("providers.p.priority", &["1", "2", "3", "null"]),
    ("providers.p.timeouts.connect", &["1s", "2s", "3s", "null"]),
    ("providers.p.models", &["[a]", "[a, b]", "{a: b}", "null"]),
    ("provider_defaults.timeouts.connect", &["4s", "5s", "null"]),
    ("provider_defaults.priority", &["7", "8", "null"]),
];

/// What one layer says: for some settings, which value.
type Says = BTreeMap<usize, usize>;

fn says() -> impl Strategy<Value = Says> {
    prop::collection::btree_map(0..SETTINGS.len(), 0..9usize, 0..6)
}

fn value(setting: usize, choice: usize) -> &'static str {
    let values = SETTINGS[setting].1;
    values[choice % values.len()]
}

fn stored(layer: Layer, path: &str, value: &str) -> Stored {
    Stored {
        layer,
        path: path.split('.').map(str::to_owned).collect(),
        value: value.to_owned(),
        alone: false,
        place: "revision 1".to_owned(),
        author: None,
        time: None,
    }
}

/// A file that says so.
fn file(says: &Says) -> String {
    let mut root = Node::empty(Place::outside("test"));
    for (setting, choice) in says {
        let words: Vec<&str> = SETTINGS[*setting].0.split('.').collect();
        let node = Node::literal(value(*setting, *choice), Place::outside("test"));
        merge::set(&mut root, &words, node, &Place::outside("test"));
    }
    flow(&root)
}

fn flow(node: &Node) -> String {
    match &node.value {
        Value::Map(entries) => {
            let pairs: Vec<String> =
                entries.iter().map(|entry| format!("{}: {}", entry.key, flow(&entry.node))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Scalar(scalar) => scalar.text.clone(),
        Value::List(_) => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any trees: what `said` calls the last word is what stands in the merged tree.
    #[test]
    fn the_last_to_speak_is_what_the_layers_come_to(texts in prop::collection::vec(text(), 1..6)) {
        let voices: Vec<Voice> = texts
            .iter()
            .map(|text| Voice { layer: Layer::File, root: tree::read(text, "f").unwrap_or_else(|_| unreachable!()), through: false })
            .collect();
        let nothing = Node::empty(Place::outside("nothing"));
        let all = voices.iter().fold(nothing, |below, voice| merge::over(&below, &voice.root));
        each_leaf(&all, &mut Vec::new(), &mut |words| {
            let here = words.iter().try_fold(&all, |node, word| node.get(word));
            let winner = said(&voices, words).last().map(|(_, node)| *node);
            assert!(
                matches!((here, winner), (Some(here), Some(winner)) if same(here, winner)) || words.is_empty(),
                "{texts:?} at {words:?}: {here:?}, {winner:?}"
            );
        });
    }

    /// Real settings in every layer there is: a file that says nothing but what the winners say, or leaves out what they
    /// take away, is the same configuration.
    #[test]
    fn the_winners_alone_are_the_same_configuration(
        files in prop::collection::vec(says(), 4),
        (imported, database) in (says(), says()),
        variables in says(),
        flags in says(),
    ) {
        let first = "providers: {p: http://localhost:1}\n".to_owned();
        let mut texts = vec![Text { layer: Layer::File, path: "a.yaml".into(), text: first }];
        let layers = [Layer::File, Layer::Included, Layer::Included, Layer::Environment];
        for (index, (says, layer)) in files.iter().zip(layers).enumerate() {
            texts.push(Text { layer, path: format!("{index}.yaml").into(), text: file(says) });
        }
        let pair = |(setting, choice): (&usize, &usize)| {
            (SETTINGS[*setting].0.to_owned(), value(*setting, *choice).to_owned())
        };
        let environment: BTreeMap<String, String> = variables.iter().map(pair).map(|(path, value)| {
            (format!("OPENAI_PROXY__{}", path.to_uppercase().replace('.', "__")), value)
        }).collect();
        let given = Given { environment: environment.clone(), overrides: flags.iter().map(pair).collect(),
            stored: [(Layer::Imported, &imported), (Layer::Database, &database)].into_iter().flat_map(|(layer, says)| {
                says.iter().map(pair).map(move |(path, value)| stored(layer, &path, &value))
            }).collect(), ..Given::default() };

        let read = || stack::of(
            texts.iter().map(|text| Text { layer: text.layer, path: text.path.clone(), text: text.text.clone() }).collect(),
            environment.clone(),
            &given,
        );
        let mut stack = read().unwrap_or_else(|why| panic!("{why}"));
        let root = whole(&mut stack, &given).root;
        let sources = of(&stack, &root, &given);
        let real = load::build(read().unwrap_or_else(|why| panic!("{why}")), &given);

        let mut winners = Given { no_file: true, ..Given::default() };
        for leaf in &sources.leaves {
            prop_assert!(!leaf.said.is_empty(), "{leaf:?}");
            let winner = leaf.winner().and_then(|said| said.value.clone());
            // `provider_defaults` has had its effect on every provider.
            if let (Some(value), false) = (winner, leaf.path.starts_with("provider_defaults")) {
                winners.overrides.push((leaf.path.clone(), value));
            }
        }
        let alone = load::load(&winners);
        let told = |loaded: Result<load::Loaded, crate::Problems>| match loaded {
            Ok(load::Loaded { snapshot, .. }) => {
                let providers: Vec<String> = snapshot
                    .providers
                    .iter()
                    .map(|p| format!("{p:?} {:?} {} {:?}", p.models, p.priority, p.timeouts))
                    .collect();
                let rest = (&snapshot.routing, &snapshot.logging, &snapshot.metrics);
                format!("{:?} {rest:?} {providers:?}", snapshot.server)
            }
            Err(problems) => problems.to_string(),
        };
        prop_assert_eq!(told(real), told(alone), "{:?}", winners.overrides);
    }
}

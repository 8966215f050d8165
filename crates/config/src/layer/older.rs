//! Older and shorter spellings, rewritten in the tree before anything reads it.

use crate::nearest::instead;
use crate::problem::Place;
use crate::reader::Findings;
use crate::tree::{Entry, Node, Value};

/// Settings of a provider that are called differently today.
pub(crate) const RENAMED: [(&str, &str); 2] = [("api_base", "base_url"), ("provider_type", "type")];

/// Where `routing.timeout` stands today.
const PATIENCE: [&str; 3] = ["provider_defaults", "timeouts", "first_byte"];

/// Rewrites one layer into today's long spelling; each older word is noted with the new one. `below` is what weaker layers say.
pub(crate) fn rewrite(root: &mut Node, below: &Node, findings: &Findings) {
    if let Some(entry) = root.take("port") {
        port(root, entry, findings);
    }
    if let Some(entry) = root.take("instances") {
        instances(root, entry, findings);
    }
    if let Some(entry) = root.take("monitoring") {
        windows(root, &entry, findings);
    }
    if let Some(entry) = root.get_mut("logging").and_then(|logging| logging.take("feishu_webhook")) {
        webhook(root, entry, findings);
    }
    patience(root, findings);
    lengthen_providers(root, below, findings);
}

/// An older file's one time for all providers: how long a first byte may take, where a provider says nothing else.
pub(crate) fn patience(root: &mut Node, findings: &Findings) {
    let Some(entry) = root.get_mut("routing").and_then(|routing| routing.take("timeout")) else { return };
    if PATIENCE.iter().try_fold(&*root, |node, word| node.get(word)).is_some() {
        let new = PATIENCE.join(".");
        let what = format!("`routing.timeout` and `{new}` are both written.");
        findings.problem("routing.timeout", Some(&entry.place), what, Some(format!("Keep `{new}`.")));
        return;
    }
    note("routing.timeout", &entry.place, &PATIENCE.join("."), findings);
    crate::merge::set(root, &PATIENCE, entry.node, &entry.place);
}

/// Where an older file's alerts go.
fn webhook(root: &mut Node, entry: Entry, findings: &Findings) {
    let words = ["alerts", "to", "feishu"];
    if words.iter().try_fold(&*root, |node, word| node.get(word)).is_some() {
        let what = "`logging.feishu_webhook` and `alerts.to.feishu` are both written.";
        findings.problem(
            "logging.feishu_webhook",
            Some(&entry.place),
            what,
            Some("Keep `alerts.to.feishu`.".into()),
        );
        return;
    }
    note("logging.feishu_webhook", &entry.place, "alerts.to.feishu", findings);
    crate::merge::set(root, &words, entry.node, &entry.place);
}

/// Minutes, one and then a list of more, become a list of durations.
fn windows(root: &mut Node, entry: &Entry, findings: &Findings) {
    let (first, more) = ("stats_window_minutes", "additional_windows");
    for other in entry.node.entries().iter().filter(|other| other.key != first && other.key != more) {
        let what = format!("`{}` is not a setting of the older `monitoring`.", other.key);
        let fix = instead(&other.key, &[first, more]);
        findings.problem(&format!("monitoring.{}", other.key), Some(&other.place), what, fix);
    }
    let told = |node: &Node| match &node.value {
        Value::List(items) => items.clone(),
        _ => vec![node.clone()],
    };
    let mut windows: Vec<Node> =
        [first, more].iter().filter_map(|key| entry.node.get(key)).flat_map(told).collect();
    for scalar in windows.iter_mut().filter_map(|node| match &mut node.value {
        Value::Scalar(scalar) => Some(scalar),
        _ => None,
    }) {
        if scalar.text.chars().all(|c| c.is_ascii_digit()) {
            scalar.text.push('m');
        }
    }
    if windows.is_empty() {
        return;
    }
    note("monitoring", &entry.place, "telemetry.stats_windows", findings);
    let list = Node::new(Value::List(windows), entry.place.clone());
    crate::merge::set(root, &["telemetry", "stats_windows"], list, &entry.place);
}

fn note(path: &str, place: &Place, new: &str, findings: &Findings) {
    let what = format!("`{path}` is an older spelling and read as it was.");
    findings.note(path, Some(place), what, Some(format!("Today it is `{new}`.")));
}

fn port(root: &mut Node, entry: Entry, findings: &Findings) {
    if root.get("server").and_then(|server| server.get("listen")).is_some() {
        let what = "`port` and `server.listen` are both written.";
        findings.problem("port", Some(&entry.place), what, Some("Keep `server.listen`.".into()));
        return;
    }
    note("port", &entry.place, "server.listen", findings);
    let mut node = entry.node;
    if let Value::Scalar(scalar) = &mut node.value {
        scalar.text = format!("127.0.0.1:{}", scalar.text);
    }
    crate::merge::set(root, &["server", "listen"], node, &entry.place);
}

/// A list of things with names becomes a map of names.
fn instances(root: &mut Node, entry: Entry, findings: &Findings) {
    note("instances", &entry.place, "providers", findings);
    let Value::List(items) = entry.node.value else {
        let fix = Some("Write `providers:`, a map of names.".to_owned());
        findings.problem("instances", Some(&entry.place), "`instances` takes a list.", fix);
        return;
    };
    let mut providers =
        root.take("providers").map_or_else(|| Node::empty(entry.place.clone()), |entry| entry.node);
    for (index, mut item) in items.into_iter().enumerate() {
        let place = item.place.clone();
        let name = item.take("name").and_then(|name| name.node.scalar().map(|scalar| scalar.text.clone()));
        let path = format!("instances[{index}]");
        match name {
            None => findings.problem(
                &path,
                Some(&place),
                format!("`{path}` has no name."),
                Some("Add `name:`.".into()),
            ),
            Some(name) if providers.get(&name).is_some() => {
                let what = format!("The name `{name}` is used twice.");
                findings.problem(&path, Some(&place), what, Some("Give it another name.".into()));
            }
            Some(name) => providers.put(&name, item),
        }
    }
    root.put("providers", providers);
}

/// Gives every provider its long form: a URL alone is its `base_url`, nothing at all is a map without settings.
///
/// Where weaker layers have the provider, nothing at all takes it away instead.
pub(crate) fn lengthen_providers(root: &mut Node, below: &Node, findings: &Findings) {
    let known = |name: &str| below.get("providers").is_some_and(|providers| providers.get(name).is_some());
    let Some(Node { value: Value::Map(providers), .. }) = root.get_mut("providers") else { return };
    for provider in providers.iter_mut().filter(|provider| !provider.key.starts_with("x-")) {
        if provider.node.is_null() {
            if known(&provider.key) {
                continue;
            }
            provider.node = Node::empty(provider.place.clone());
        } else if provider.node.scalar().is_some() {
            let url = std::mem::replace(&mut provider.node, Node::empty(provider.place.clone()));
            provider.node.put("base_url", url);
        }
        for (old, new) in RENAMED {
            rename(provider, old, new, findings);
        }
    }
}

fn rename(provider: &mut Entry, old: &str, new: &str, findings: &Findings) {
    let Some(entry) = provider.node.take(old) else { return };
    let path = format!("providers.{}.{old}", provider.key);
    if provider.node.get(new).is_some() {
        let what = format!("`{path}` and `{new}` are both written.");
        findings.problem(&path, Some(&entry.place), what, Some(format!("Keep `{new}`.")));
        return;
    }
    note(&path, &entry.place, new, findings);
    provider.node.put(new, entry.node);
}

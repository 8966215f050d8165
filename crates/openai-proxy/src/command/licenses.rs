//! `licenses`: the foreign code inside this binary, under which licence, and the texts. The list is made by
//! `cargo xtask licenses` and checked against Cargo.lock.

use clap::Args;
use serde_json::{Value, json};

use crate::exit::{Exit, Outcome};
use crate::talk::Talk;

/// Show the licences of the code inside this program.
#[derive(Args)]
#[command(before_help = "Examples:\n  openai-proxy licenses\n  openai-proxy licenses --text | less")]
pub(super) struct Licenses {
    /// With the text of every licence.
    #[arg(long)]
    text: bool,
}

const LIST: &str = include_str!("licenses.txt");
const OWN: &str = include_str!("../../../../LICENSE");

/// A foreign crate: name, version, licence, the numbers of its texts.
struct Foreign {
    name: &'static str,
    version: &'static str,
    license: &'static str,
    texts: &'static str,
}

fn foreign() -> impl Iterator<Item = Foreign> {
    let lines =
        LIST.lines().take_while(|line| !line.starts_with("====")).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut cells = line.split(" | ");
        let (name, version) = cells.next()?.split_once(' ')?;
        Some(Foreign { name, version, license: cells.next()?, texts: cells.next()? })
    })
}

/// The version of a library inside this binary.
pub(super) fn version_of(name: &str) -> Option<&'static str> {
    foreign().find(|one| one.name == name).map(|one| one.version)
}

impl Licenses {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        if talk.json() {
            let all: Vec<Value> = foreign()
                .map(|one| json!({"name": one.name, "version": one.version, "license": one.license}))
                .collect();
            talk.print_json(&Value::Array(all));
            return Ok(Exit::Done);
        }
        let mut page =
            format!("{:32} {:20} {}\n", "openai-proxy", env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_LICENSE"));
        for Foreign { name, version, license, .. } in foreign() {
            page += &format!("{name:32} {version:20} {license}\n");
        }
        if self.text {
            page += &texts();
        } else {
            talk.say("The texts: openai-proxy licenses --text");
        }
        talk.print(&page);
        Ok(Exit::Done)
    }
}

/// Every text once, under the names of the crates it belongs to.
fn texts() -> String {
    let head = |names: &str| format!("\n{}\n{names}\n\n", "=".repeat(80));
    let mut page = head("openai-proxy") + OWN;
    for part in LIST.split("\n==== ").skip(1) {
        let Some((number, text)) = part.split_once('\n') else { continue };
        let of = foreign().filter(|one| one.texts.split(' ').any(|used| used == number));
        let names: Vec<&str> = of.map(|one| one.name).collect();
        page += &head(&names.join(", "));
        page += text;
        page.push('\n');
    }
    page
}

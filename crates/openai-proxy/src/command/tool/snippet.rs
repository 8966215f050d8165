//! What a person does by hand: variables for a shell, and what a tool's own file says.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{Aim, Tool};

/// The snippet, as `connect` prints it and docs/clients shows it.
pub(crate) fn text(tool: &Tool, aim: &Aim) -> String {
    let mut out = String::new();
    if let Some(by_hand) = tool.by_hand {
        out.push_str(&by_hand(aim));
    }
    if suffices(tool, aim) {
        let _ = writeln!(out, "# {} in this shell", tool.name);
        for (name, value) in (tool.variables)(aim) {
            let _ = writeln!(out, "export {name}={}", quoted(&value));
        }
        for name in tool.without.iter().filter(|name| name.ends_with("_KEY")) {
            let _ = writeln!(out, "unset {name}");
        }
        let _ = writeln!(out, "{}", command(tool, aim));
    }
    for settings in tool.files {
        let or = if out.is_empty() { "" } else { "\n" };
        let text = settings.alone(aim);
        let _ = write!(out, "{or}{} {}\n{text}", settings.format.remark(), settings.usual());
    }
    out
}

/// The same for programs.
pub(crate) fn json(tool: &Tool, aim: &Aim) -> Value {
    let mut variables = Map::new();
    let mut arguments = Vec::new();
    if suffices(tool, aim) {
        variables
            .extend((tool.variables)(aim).into_iter().map(|(name, value)| (name.to_owned(), value.into())));
        arguments = (tool.arguments)(aim);
    }
    let files: Vec<Value> = tool
        .files
        .iter()
        .map(|settings| json!({"path": settings.usual(), "text": settings.alone(aim)}))
        .collect();
    json!({
        "tool": tool.word,
        "name": tool.name,
        "variables": variables,
        "arguments": arguments,
        "files": files,
        "by_hand": tool.by_hand.map(|by_hand| by_hand(aim)),
        "notes": tool.notes,
    })
}

/// Whether variables and arguments are enough.
fn suffices(tool: &Tool, aim: &Aim) -> bool {
    let some = !(tool.variables)(aim).is_empty() || !(tool.arguments)(aim).is_empty();
    some && !tool.temporary.as_ref().is_some_and(|temporary| temporary.needed)
}

/// Its command line with our arguments.
fn command(tool: &Tool, aim: &Aim) -> String {
    let arguments = (tool.arguments)(aim);
    let all = tool.program.map(str::to_owned).into_iter().chain(arguments.iter().map(|word| quoted(word)));
    all.collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:=@%+,-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

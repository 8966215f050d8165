//! `NAME=value`, a line each, as shells and `.env` files have it.

use super::Change;

pub(super) fn apply(old: &str, changes: &[Change]) -> Result<String, String> {
    let mut lines: Vec<String> = old.lines().map(str::to_owned).collect();
    for change in changes {
        let name = change.keys().and_then(|keys| keys.first().map(|key| (*key).to_owned()));
        let (Some(name), Some(value)) = (name, change.value.as_str()) else {
            return Err("only text can be set in such a file".to_owned());
        };
        let line = format!("{name}={value}");
        let with_remark = |old: &str| match old.find(" #") {
            Some(at) => format!("{line}{}", &old[at..]),
            None => line.clone(),
        };
        let named = |other: &String| {
            let other = other.trim_start();
            let other = other.strip_prefix("export ").unwrap_or(other);
            other.split_once('=').is_some_and(|(before, _)| before.trim() == name)
        };
        // Readers differ on whether the first or the last of several counts.
        match lines.iter().filter(|other| named(other)).count() {
            0 => lines.push(line),
            1 => lines.iter_mut().filter(|other| named(other)).for_each(|other| *other = with_remark(other)),
            _ => return Err(format!("`{name}` stands in it more than once")),
        }
    }
    Ok(lines.join("\n") + "\n")
}

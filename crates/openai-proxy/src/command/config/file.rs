//! `config fmt` and `config migrate`: one file, rewritten.

use std::io::Write;
use std::path::Path;

use config::Problem;
use serde_json::{Value, json};

use crate::exit::{Exit, Failure, Outcome};
use crate::given::refused;
use crate::talk::Talk;

/// The file with its white space tidied.
pub(super) fn tidy(talk: &Talk, file: &Path, write: bool) -> Outcome {
    let old = read(file)?;
    let new = config::tidy(&old, &file.display().to_string()).map_err(|problems| refused(&problems))?;
    let changed = new != old;
    deliver(talk, file, &new, write.then_some(changed))?;
    if write {
        let shown = file.display();
        talk.say(&if changed { format!("{shown} is written.") } else { format!("{shown} is tidy already.") });
    }
    if talk.json() {
        talk.print_json(&json!({"changed": changed, "written": write && changed, "text": new}));
    }
    Ok(Exit::Done)
}

/// The file in today's spelling, and what is left to do by hand.
pub(super) fn migrate(talk: &Talk, file: &Path, write: bool) -> Outcome {
    let old = read(file)?;
    let migrated =
        config::migrate(&old, &file.display().to_string()).map_err(|problems| refused(&problems))?;
    let changed = !migrated.done.is_empty();
    deliver(talk, file, &migrated.text, write.then_some(changed))?;
    for done in &migrated.done {
        talk.say(&format!("{}: {}", place_and_path(done), done.fix.as_deref().unwrap_or(&done.what)));
    }
    for left in &migrated.left {
        talk.say(&format!(
            "{}: by hand: {}",
            place_and_path(left),
            left.fix.as_deref().unwrap_or(&left.what)
        ));
    }
    if write {
        let shown = file.display();
        let did = if changed { "is written" } else { "stays as it is" };
        talk.say(&format!("{shown} {did}."));
    }
    if talk.json() {
        let told = |problems: &[Problem]| problems.iter().map(problem).collect::<Value>();
        talk.print_json(&json!({
            "changed": changed,
            "written": write && changed,
            "done": told(&migrated.done),
            "left": told(&migrated.left),
            "text": migrated.text,
        }));
    }
    Ok(if migrated.left.is_empty() { Exit::Done } else { Exit::Trouble })
}

fn problem(problem: &Problem) -> Value {
    json!({"setting": problem.path, "place": place(problem), "what": problem.what, "fix": problem.fix})
}

fn place(problem: &Problem) -> String {
    problem.place.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn place_and_path(problem: &Problem) -> String {
    format!("{} {}", place(problem), problem.path).trim().to_owned()
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|why| {
        let shown = file.display();
        Failure::new(
            Exit::Failed,
            format!("{shown} cannot be read: {why}. Check the path and who may read it."),
        )
    })
}

/// To standard output; or, when it is to be written and says something else than before, over the file.
fn deliver(talk: &Talk, file: &Path, text: &str, write: Option<bool>) -> Result<(), Failure> {
    match write {
        None if talk.json() => Ok(()),
        None => {
            talk.print(text);
            Ok(())
        }
        Some(false) => Ok(()),
        Some(true) => overwrite(file, text),
    }
}

/// Whole or not at all, with the permissions it had.
pub(super) fn overwrite(file: &Path, text: &str) -> Result<(), Failure> {
    // Behind a link stands the file that is meant.
    let target = file.canonicalize();
    let replace = target.and_then(|target| {
        let folder = target.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(std::fs::metadata(&target)?.permissions())?;
        new.persist(&target).map_err(|failed| failed.error)
    });
    replace.map(drop).map_err(|why| {
        Failure::new(
            Exit::Failed,
            format!("{} cannot be written: {why}. Nothing was changed.", file.display()),
        )
    })
}

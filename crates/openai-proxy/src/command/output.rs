//! Files a command writes: never over another without showing the difference and being told to.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Writes a file for a person: says what became of it and what to do next. One that is there and differs is shown, and
/// overwritten only after a yes.
///
/// # Errors
/// Exit 5 without a yes, exit 1 when the file cannot be written.
pub(super) fn deliver(talk: &Talk, file: &Path, text: &str, next: &str) -> Outcome {
    let shown = file.display();
    let failed = |why| Failure::new(Exit::Failed, format!("{shown} cannot be written: {why}."));
    match write(file, text, talk.yes()).map_err(failed)? {
        Written::New => talk.say(&format!("{shown} is written. Next: {next}")),
        Written::Same => talk.say(&format!("{shown} says this already; nothing changed.")),
        Written::Differs(difference) => {
            let say = format!("{shown} is there and differs:\n{difference}");
            if !talk.attended() {
                return Err(Failure::new(Exit::Conflict, format!("{say}Overwrite it with --yes.")));
            }
            talk.say(&say);
            if !talk.confirm("Overwrite it?") {
                return Err(Failure::new(Exit::Conflict, "Nothing was written."));
            }
            write(file, text, true).map_err(failed)?;
            talk.say(&format!("{shown} is written. Next: {next}"));
        }
    }
    Ok(Exit::Done)
}

/// What became of a file.
enum Written {
    New,
    Same,
    /// Nothing was written: this is how the two differ.
    Differs(String),
}

/// Writes a file that is not there yet, or that may be overwritten.
fn write(file: &Path, text: &str, overwrite: bool) -> std::io::Result<Written> {
    match std::fs::read_to_string(file) {
        Ok(old) if old == text => return Ok(Written::Same),
        Ok(old) if !overwrite => return Ok(Written::Differs(difference(&old, text))),
        Ok(_) => std::fs::write(file, text)?,
        // `create_new`: whoever was faster is not overwritten either.
        Err(why) if why.kind() == ErrorKind::NotFound => {
            std::fs::File::create_new(file)?.write_all(text.as_bytes())?;
        }
        Err(why) => return Err(why),
    }
    Ok(Written::New)
}

/// The lines that go (`-`), come (`+`) and stay, as in a unified difference; both texts are short.
pub(super) fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let common = common_lengths(&old, &new);
    let (mut i, mut j, mut out) = (0, 0, String::new());
    let mut line = |sign: char, text: &str| out.push_str(&format!("{sign} {text}\n"));
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            line(' ', old[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            line('-', old[i]);
            i += 1;
        } else {
            line('+', new[j]);
            j += 1;
        }
    }
    out
}

/// For each pair of places, how many lines the rests have in common, in order.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            table[i][j] =
                if old[i] == new[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    table
}

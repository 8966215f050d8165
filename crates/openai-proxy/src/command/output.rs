//! Files a command writes: never over another without showing the difference and being told to.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Writes a file for a person: says what became of it and what to do next. One that is there and differs is shown, and
/// overwritten only after a yes.
///
/// # Errors
/// Exit 5 without a yes, exit 77 when it is not allowed, exit 1 when the file cannot be written for another reason.
pub(super) fn deliver(talk: &Talk, file: &Path, text: &str, next: &str) -> Outcome {
    hand_over(talk, (file, text), next, Open::ToOthers)
}

/// As [`deliver`], for a file that only its owner reads, and that is never written through a link.
///
/// # Errors
/// As for [`deliver`]; exit 5 when the file is a link.
pub(super) fn deliver_private(talk: &Talk, file: &Path, text: &str, next: &str) -> Outcome {
    if file.is_symlink() {
        let say = format!("{} is a link. Nothing was written: name another file.", file.display());
        return Err(Failure::new(Exit::Conflict, say));
    }
    hand_over(talk, (file, text), next, Open::ToOwner)
}

/// Writes a file only its owner reads, over what is there, and shows nothing of it.
///
/// # Errors
/// When it is a link, or cannot be written.
pub(super) fn write_private(file: &Path, text: &str) -> Result<(), Failure> {
    if file.is_symlink() {
        let say = format!("{} is a link, and was not written through.", file.display());
        return Err(Failure::new(Exit::Conflict, say));
    }
    private(file, text, true).map_err(|why| unwritten(file, &why))
}

/// Who may read a file that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// As the umask has it.
    ToOthers,
    ToOwner,
}

fn hand_over(talk: &Talk, (file, text): (&Path, &str), next: &str, open: Open) -> Outcome {
    let shown = file.display();
    let failed = |why| unwritten(file, &why);
    match write(file, text, talk.yes(), open).map_err(failed)? {
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
            write(file, text, true, open).map_err(failed)?;
            talk.say(&format!("{shown} is written. Next: {next}"));
        }
    }
    Ok(Exit::Done)
}

/// A file that cannot be written.
fn unwritten(file: &Path, why: &std::io::Error) -> Failure {
    let shown = file.display();
    match why.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            let say = format!(
                "{shown} may not be written by you: {why}.\nName a file elsewhere, or ask whoever it belongs to."
            );
            Failure::new(Exit::NotAllowed, say)
        }
        _ => Failure::new(Exit::Failed, format!("{shown} cannot be written: {why}.")),
    }
}

/// What became of a file.
enum Written {
    New,
    Same,
    /// Nothing was written: this is how the two differ.
    Differs(String),
}

/// Writes a file that is not there yet, or that may be overwritten.
fn write(file: &Path, text: &str, overwrite: bool, open: Open) -> std::io::Result<Written> {
    if std::fs::metadata(file).is_ok_and(|data| !data.is_file()) {
        // A pipe would be waited for.
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "it is there, and no regular file"));
    }
    match std::fs::read_to_string(file) {
        Ok(old) if old == text && open == Open::ToOthers => return Ok(Written::Same),
        Ok(old) if !overwrite && old != text => return Ok(Written::Differs(difference(&old, text))),
        Ok(_) if open == Open::ToOwner => private(file, text, true)?,
        Ok(_) => std::fs::write(file, text)?,
        Err(why) if why.kind() == ErrorKind::NotFound && open == Open::ToOwner => private(file, text, false)?,
        // `create_new`: whoever was faster is not overwritten either.
        Err(why) if why.kind() == ErrorKind::NotFound => {
            std::fs::File::create_new(file)?.write_all(text.as_bytes())?;
        }
        Err(why) => return Err(why),
    }
    Ok(Written::New)
}

/// Puts a file of mode 0600 in its place, whole or not at all. A link that came there meanwhile is not followed.
fn private(file: &Path, text: &str, overwrite: bool) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    let placed = if overwrite { beside.persist(file) } else { beside.persist_noclobber(file) };
    placed.map(drop).map_err(|failed| failed.error)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_allowed_has_its_own_code() {
        let exit = |kind: ErrorKind| unwritten(Path::new("/x"), &kind.into()).exit;
        assert_eq!(exit(ErrorKind::PermissionDenied), Exit::NotAllowed);
        assert_eq!(exit(ErrorKind::ReadOnlyFilesystem), Exit::NotAllowed);
        assert_eq!(exit(ErrorKind::StorageFull), Exit::Failed);
    }
}

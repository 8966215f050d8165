//! Copies of a tool's own files from before we wrote to them, and putting them back, byte for byte.
//!
//! They lie in our state folder: a note, and for each file what it was before and what we made of it.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::Environment;
use crate::folders;

/// What was done to one file.
#[derive(Serialize, Deserialize, Debug)]
struct Note {
    file: PathBuf,
    /// It was there before.
    existed: bool,
    /// Folders made for it, the innermost first.
    made: Vec<PathBuf>,
    /// Somebody else changed it between two of our writings.
    mixed: bool,
}

/// The copies of one tool.
pub(crate) struct Copies {
    folder: PathBuf,
    notes: Vec<Note>,
}

/// What would be put back.
pub(crate) struct Back {
    pub(crate) file: PathBuf,
    /// What it says now; none if it is gone.
    pub(crate) now: Option<Vec<u8>>,
    /// What it will say; none: it will be gone.
    pub(crate) then: Option<Vec<u8>>,
    /// Somebody changed it since.
    pub(crate) changed: bool,
}

const NOTE: &str = "note.json";

impl Copies {
    /// Reads what is kept for a tool.
    ///
    /// # Errors
    /// When there is no home, or the note cannot be read.
    pub(crate) fn open(word: &str, environment: &Environment) -> anyhow::Result<Self> {
        let state = folders::state(environment).context("There is no home to keep copies in: set HOME")?;
        let folder = state.join("tools").join(word);
        let notes = match std::fs::read(folder.join(NOTE)) {
            Ok(text) => serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged", folder.join(NOTE).display()))?,
            Err(why) if why.kind() == ErrorKind::NotFound => Vec::new(),
            Err(why) => return Err(why).with_context(|| format!("{} cannot be read", folder.display())),
        };
        Ok(Self { folder, notes })
    }

    /// Whether nothing is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Keeps what a file says now, then writes it. A copy from an earlier time stays the one that counts.
    ///
    /// # Errors
    /// When the system does not let us; then the file is as it was.
    pub(crate) fn write(&mut self, file: &Path, text: &str) -> anyhow::Result<()> {
        let old = content(file)?;
        if leads_nowhere(file) {
            anyhow::bail!("{} cannot be written: {NOWHERE}", file.display());
        }
        folders::make_private(&self.folder)?;
        match self.notes.iter().position(|note| note.file == file) {
            Some(at) => {
                let ours = content(&self.copy(at, "after"))?;
                self.notes[at].mixed |= old != ours;
            }
            None => {
                let at = self.notes.len();
                if let Some(old) = &old {
                    write_private(&self.copy(at, "before"), old)?;
                }
                let made = file.ancestors().skip(1).take_while(|folder| !folder.exists());
                let made = made.map(Path::to_owned).collect();
                self.notes.push(Note { file: file.to_owned(), existed: old.is_some(), made, mixed: false });
            }
        }
        let at = self.notes.iter().position(|note| note.file == file).unwrap_or_default();
        write_private(&self.copy(at, "after"), text.as_bytes())?;
        self.note()?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        replace(file, text.as_bytes()).with_context(|| format!("{} cannot be written", file.display()))
    }

    /// What putting back would do.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(crate) fn back(&self) -> anyhow::Result<Vec<Back>> {
        let back = |(at, note): (usize, &Note)| {
            let now = content(&note.file)?;
            let then = content(&self.copy(at, "before"))?;
            let changed = note.mixed || (now != content(&self.copy(at, "after"))? && now != then);
            Ok(Back { file: note.file.clone(), now, then, changed })
        };
        self.notes.iter().enumerate().map(back).collect()
    }

    /// Puts everything back and forgets it.
    ///
    /// # Errors
    /// When the system does not let us; what is not back yet is still kept.
    pub(crate) fn restore(self) -> anyhow::Result<()> {
        for (at, note) in self.notes.iter().enumerate() {
            let shown = note.file.display();
            if note.existed {
                let before = content(&self.copy(at, "before"))?.context("The copy is gone")?;
                replace(&note.file, &before).with_context(|| format!("{shown} cannot be written"))?;
                continue;
            }
            match std::fs::remove_file(&note.file) {
                Err(why) if why.kind() != ErrorKind::NotFound => {
                    return Err(why).with_context(|| format!("{shown} cannot be removed"));
                }
                _ => {}
            }
            for folder in &note.made {
                // One that holds something by now stays.
                let _ = std::fs::remove_dir(folder);
            }
        }
        std::fs::remove_dir_all(&self.folder)
            .with_context(|| format!("{} cannot be removed", self.folder.display()))?;
        if let Some(all) = self.folder.parent() {
            let _ = std::fs::remove_dir(all);
        }
        Ok(())
    }

    fn copy(&self, at: usize, which: &str) -> PathBuf {
        self.folder.join(format!("{at}.{which}"))
    }

    fn note(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.notes)?;
        write_private(&self.folder.join(NOTE), text.as_bytes())
    }
}

/// Why a link that leads nowhere is not written: a file in its place would be gone with --restore, and the link with it.
pub(crate) const NOWHERE: &str = "it is a link to something that is not there";

/// Whether a file is such a link.
pub(crate) fn leads_nowhere(file: &Path) -> bool {
    file.is_symlink() && !file.exists()
}

/// What a file says; none if it is not there.
pub(crate) fn content(file: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(why) => Err(why).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn write_private(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut open = std::fs::OpenOptions::new();
    let written = open
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut out| out.write_all(bytes));
    written.with_context(|| format!("{} cannot be written", file.display()))
}

/// Writes a file whole or not at all. A link stays one, and who may read it stays as it was; a new one, which may hold
/// a key, is its owner's alone.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if leads_nowhere(file) {
        return Err(std::io::Error::new(ErrorKind::NotFound, NOWHERE));
    }
    let real = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let folder = real.parent().unwrap_or(Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".openai-proxy-").tempfile_in(folder)?;
    beside.write_all(bytes)?;
    if let Ok(known) = real.metadata() {
        beside.as_file().set_permissions(known.permissions())?;
    }
    beside.as_file().sync_all()?;
    beside.persist(&real)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Environment) {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment::from([("HOME".to_owned(), home.path().display().to_string())]);
        (home, environment)
    }

    #[test]
    fn what_was_there_comes_back_and_what_was_not_is_gone() {
        let (home, environment) = home();
        let (old, new) = (home.path().join("old"), home.path().join("a/b/new"));
        std::fs::write(&old, b"caf\xe9\r\n").unwrap();
        let mut copies = Copies::open("x", &environment).unwrap();
        copies.write(&old, "ours").unwrap();
        copies.write(&new, "ours").unwrap();
        copies.write(&new, "ours again").unwrap();
        let copies = Copies::open("x", &environment).unwrap();
        assert!(copies.back().unwrap().iter().all(|back| !back.changed));
        copies.restore().unwrap();
        assert_eq!(std::fs::read(&old).unwrap(), b"caf\xe9\r\n");
        assert!(!home.path().join("a").exists());
        assert!(Copies::open("x", &environment).unwrap().is_empty());
    }

    #[test]
    fn what_somebody_changed_since_is_noticed() {
        let (home, environment) = home();
        let file = home.path().join("file");
        let mut copies = Copies::open("x", &environment).unwrap();
        copies.write(&file, "ours").unwrap();
        std::fs::write(&file, "theirs").unwrap();
        assert!(copies.back().unwrap()[0].changed);
        copies.write(&file, "ours and theirs").unwrap();
        assert!(copies.back().unwrap()[0].changed, "theirs would be lost");
    }

    #[test]
    fn a_link_stays_one_and_rights_stay() {
        use std::os::unix::fs::PermissionsExt;
        let (home, environment) = home();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        std::fs::write(&real, "before").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let mut copies = Copies::open("x", &environment).unwrap();
        copies.write(&link, "ours").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "ours");
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        copies.restore().unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "before");
    }
}

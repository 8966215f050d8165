//! Copies of a database in a file: made while others use it, and put back when nobody does.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::db::sqlite::{self, Sqlite};
use crate::db::{Db, Health};
use crate::files;
use crate::problem::StoreProblem;
use crate::spool;

/// A copy that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copied {
    /// Where it is.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Older copies that were taken away.
    pub removed: Vec<PathBuf>,
}

const ENDING: &str = "db";

fn only_files(instead: &str) -> StoreProblem {
    StoreProblem::Address(format!("only a file can be copied here. {instead}"))
}

impl Db {
    /// Copies it into a folder while others use it, under a name with the time: looked through before, and if `verify` says
    /// so, after. Of the copies there the newest `keep` stay.
    ///
    /// # Errors
    /// When it or its copy is damaged, or the folder cannot be written. Then no older copy is taken away.
    pub async fn back_up(&self, folder: &Path, keep: usize, verify: bool) -> Result<Copied, StoreProblem> {
        match self.file() {
            Some(sqlite) => back_up(sqlite, folder, keep, verify).await,
            None if self.outlasts_the_process() => Err(only_files("Use pg_dump.")),
            None => Err(only_files("What is in memory is gone with the process.")),
        }
    }
}

async fn back_up(sqlite: &Sqlite, folder: &Path, keep: usize, verify: bool) -> Result<Copied, StoreProblem> {
    let at = |error: std::io::Error| StoreProblem::file(folder, error);
    sound(sqlite.path(), &sqlite.health(true).await?)?;
    files::private_folder(folder).map_err(at)?;
    let stem = stem(sqlite.path());
    // Of two copies in one second the later one has the next second in its name.
    let mut moment = SystemTime::now();
    while folder.join(format!("{stem}_{}.{ENDING}", stamp(moment))).exists() {
        moment += Duration::from_secs(1);
    }
    let name = format!("{stem}_{}.{ENDING}", stamp(moment));
    // In a folder of its own until it is whole: nobody takes half of it for a copy, and nobody else can read it.
    let beside = Beside::make(folder).map_err(at)?;
    let new = beside.0.join(&name);
    sqlite.copy_to(&new).await?;
    let (file, bytes) = place(&new, &folder.join(&name), verify)?;
    drop(beside);
    let removed = rotate(folder, &stem, keep.max(1)).map_err(at)?;
    Ok(Copied { file, bytes, removed })
}

/// Puts a whole copy in its place.
fn place(new: &Path, file: &Path, verify: bool) -> Result<(PathBuf, u64), StoreProblem> {
    let at = |error: std::io::Error| StoreProblem::file(file, error);
    std::fs::set_permissions(new, std::fs::Permissions::from_mode(0o600)).map_err(at)?;
    if verify {
        sound(new, &sqlite::look_through(new)?)?;
    }
    let copy = File::open(new).map_err(at)?;
    copy.sync_all().map_err(at)?;
    // Of two made at once the second one says so instead of taking the first one's place.
    std::fs::hard_link(new, file).map_err(at)?;
    sync_folder(files::folder_of(file)).map_err(at)?;
    Ok((file.to_owned(), copy.metadata().map_err(at)?.len()))
}

/// Puts a copy in the place of a database no gateway uses. What was there is put beside it under a name with the time, which
/// is returned. The copy is looked through first, and stays.
///
/// # Errors
/// When the copy is damaged, newer or none of ours, or a gateway runs; then nothing has changed.
pub fn put_back(copy: &Path, file: &Path) -> Result<Option<PathBuf>, StoreProblem> {
    let at = |error: std::io::Error| StoreProblem::file(file, error);
    nobody_uses(file)?;
    // The parent of a bare name is nowhere.
    let file = &std::path::absolute(file).map_err(at)?;
    let folder = files::folder_of(file);
    files::private_folder(folder).map_err(at)?;
    let beside = Beside::make(folder).map_err(at)?;
    exchange(copy, file, &beside.0)
}

/// Whether no gateway uses the database in this file.
///
/// # Errors
/// When one does.
pub fn nobody_uses(file: &Path) -> Result<(), StoreProblem> {
    match spool::is_in_use(&PathBuf::from(format!("{}-spool", file.display()))) {
        true => Err(StoreProblem::file(file, "a gateway uses it. Stop that first: openai-proxy stop")),
        false => Ok(()),
    }
}

fn exchange(copy: &Path, file: &Path, beside: &Path) -> Result<Option<PathBuf>, StoreProblem> {
    let at = |error: std::io::Error| StoreProblem::file(file, error);
    let new = beside.join("new.db");
    let mut from = files::read_file(copy).map_err(|error| StoreProblem::file(copy, error))?;
    let mut to = files::private_file(&new, files::Open::New).map_err(at)?;
    std::io::copy(&mut from, &mut to).map_err(at)?;
    let damaged = |problem| match problem {
        // Its name, and not that of our working copy.
        StoreProblem::Damaged { why, .. } => StoreProblem::Damaged { place: copy.display().to_string(), why },
        StoreProblem::Foreign(_) => StoreProblem::Foreign(copy.to_owned()),
        other => other,
    };
    sound(copy, &sqlite::look_through(&new).map_err(damaged)?)?;
    to.sync_all().map_err(at)?;
    let folder = files::folder_of(file);
    let aside = folder.join(format!("{}_before_restore_{}.{ENDING}", stem(file), stamp(SystemTime::now())));
    let was_there = file.exists();
    // The log of a database belongs to it, and must not meet another.
    for ending in ["-wal", "-shm", ""] {
        let part = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        match std::fs::rename(part(file), part(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(at(error)),
            _moved_or_absent => {}
        }
    }
    std::fs::rename(&new, file).map_err(at)?;
    sync_folder(folder).map_err(at)?;
    Ok(was_there.then_some(aside))
}

/// A copy that took the place of a damaged database.
#[derive(Debug)]
pub struct Recovered {
    /// Which.
    pub copy: PathBuf,
    /// Where what is left of the damaged one is now, if anything is.
    pub aside: Option<PathBuf>,
    /// Newer copies that are no good, and why.
    pub passed_over: Vec<(PathBuf, StoreProblem)>,
}

/// Puts the newest good copy of a folder in the place of a damaged database no gateway uses.
///
/// # Errors
/// When the database is not damaged, or there is no good copy; then nothing has changed.
pub fn recover(folder: &Path, file: &Path) -> Result<Recovered, StoreProblem> {
    if file.exists() {
        match sqlite::look_through(file) {
            Ok(health) if health.damages.is_empty() => {
                let why =
                    "it is not damaged, so it was not touched. To put back a copy all the same, name it";
                return Err(StoreProblem::file(file, why));
            }
            Err(problem @ (StoreProblem::Newer { .. } | StoreProblem::Foreign(_))) => return Err(problem),
            _damaged_or_empty => {}
        }
    }
    let mut passed_over = Vec::new();
    for copy in copies(folder, &stem(file)).map_err(|error| StoreProblem::file(folder, error))? {
        match put_back(&copy, file) {
            Ok(aside) => return Ok(Recovered { copy, aside, passed_over }),
            Err(
                problem @ (StoreProblem::Damaged { .. }
                | StoreProblem::Newer { .. }
                | StoreProblem::Foreign(_)),
            ) => passed_over.push((copy, problem)),
            Err(problem) => return Err(problem),
        }
    }
    let why =
        format!("there is no good copy of {} in it ({} are no good)", file.display(), passed_over.len());
    Err(StoreProblem::file(folder, why))
}

fn sound(file: &Path, health: &Health) -> Result<(), StoreProblem> {
    match health.damages.first() {
        None => Ok(()),
        Some(why) => Err(StoreProblem::Damaged { place: file.display().to_string(), why: why.clone() }),
    }
}

/// The copies of a folder, newest first.
fn copies(folder: &Path, stem: &str) -> std::io::Result<Vec<PathBuf>> {
    let is_copy = |name: &str| {
        let stamp = name.strip_prefix(stem)?.strip_prefix('_')?.strip_suffix(".db")?;
        let digits = |c: char| c.is_ascii_digit() || c == '_';
        (stamp.len() == 15 && stamp.chars().all(digits)).then_some(())
    };
    let entries = std::fs::read_dir(folder)?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| is_copy(name).is_some()).collect();
    names.sort_by(|a, b| b.cmp(a));
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// Takes away all copies but the newest; the oldest first.
fn rotate(folder: &Path, stem: &str, keep: usize) -> std::io::Result<Vec<PathBuf>> {
    let old = copies(folder, stem)?.into_iter().skip(keep).rev();
    old.map(|path| std::fs::remove_file(&path).map(|()| path)).collect()
}

fn stem(file: &Path) -> String {
    file.file_stem().map_or_else(|| "openai-proxy".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// A folder for what is not whole yet. It goes with whoever made it, also when that is given up in the middle.
struct Beside(PathBuf);

impl Beside {
    /// One that a killed process has left is older than this.
    const LEFT: Duration = Duration::from_secs(86_400);

    fn make(folder: &Path) -> std::io::Result<Self> {
        Self::sweep(folder);
        let beside = folder.join(format!(".{}.new", uuid::Uuid::now_v7()));
        files::private_folder(&beside).map(|()| Self(beside))
    }

    fn sweep(folder: &Path) {
        let ours = |name: &str| {
            let id = name.strip_prefix('.').and_then(|name| name.strip_suffix(".new"));
            id.is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
        };
        let old = |entry: &std::fs::DirEntry| {
            let changed = entry.metadata().and_then(|data| data.modified());
            changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > Self::LEFT))
        };
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(ours) && old(&entry) {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// `20240615_120000`, UTC. Days to a date as Howard Hinnant's `civil_from_days` does it.
fn stamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_the_date_and_time_in_utc() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "19700101_000000");
        assert_eq!(at(951_782_399), "20000228_235959");
        assert_eq!(at(951_782_400), "20000229_000000");
        assert_eq!(at(1_718_452_800), "20240615_120000");
    }
}

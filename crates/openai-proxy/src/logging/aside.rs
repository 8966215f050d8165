//! Log files that were put aside: `app.log.1` is the newest, `app.log.2` the one before it; packed ones end in `.gz`. Nothing
//! else beside the file is ever touched.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use config::snapshot::Rotation;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::OFlags;

/// Numbers above are not ours: they may be years or days.
pub(super) const MOST: usize = 999;

/// One file that was put aside.
struct Aside {
    number: usize,
    packed: bool,
    path: PathBuf,
}

/// Those of a log file, oldest first.
fn all(log: &Path) -> io::Result<Vec<Aside>> {
    let Some(name) = log.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(log))? {
        let path = entry?.path();
        let rest = path.file_name().and_then(|file| file.to_str()?.strip_prefix(&name)?.strip_prefix('.'));
        let Some(rest) = rest else { continue };
        let (digits, packed) = rest.strip_suffix(".gz").map_or((rest, false), |digits| (digits, true));
        let proper = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        if let Some(number) = digits.parse().ok().filter(|number| proper && (1..=MOST).contains(number)) {
            found.push(Aside { number, packed, path });
        }
    }
    found.sort_by_key(|aside| std::cmp::Reverse(aside.number));
    Ok(found)
}

fn folder(log: &Path) -> &Path {
    log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name of a file put aside.
fn numbered(log: &Path, number: usize, packed: bool) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{number}{}", if packed { ".gz" } else { "" }));
    PathBuf::from(name)
}

/// Puts the file aside as number 1, each of the others one further; those beyond `keep` go. With none to keep, it goes
/// itself.
pub(super) fn put(log: &Path, keep: usize) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(log);
    }
    for aside in all(log)? {
        if aside.number >= keep {
            fs::remove_file(&aside.path)?;
        } else {
            fs::rename(&aside.path, numbered(log, aside.number + 1, aside.packed))?;
        }
    }
    fs::rename(log, numbered(log, 1, false))
}

/// Takes away what is too old or too many, and packs the rest.
pub(super) fn tidy(log: &Path, rules: &Rotation) -> io::Result<()> {
    let now = SystemTime::now();
    for aside in all(log)? {
        let written = fs::symlink_metadata(&aside.path)?.modified()?;
        let old = rules.max_age.is_some_and(|most| now.duration_since(written).is_ok_and(|age| age > most));
        if old || aside.number > rules.backup_count {
            fs::remove_file(&aside.path)?;
        } else if rules.compress && !aside.packed {
            pack(&aside.path, &numbered(log, aside.number, true))?;
        }
    }
    Ok(())
}

/// Packs a file: it is there, whole, under one of the two names at any instant. One that was being packed when its gateway
/// ended is packed anew. One that another gateway, or this one under earlier settings, is packing is left to it.
fn pack(from: &Path, to: &Path) -> io::Result<()> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).unwrap_or(0);
    let mut plain = OpenOptions::new().read(true).custom_flags(flags).open(from)?;
    if plain.try_lock().is_err() {
        return Ok(());
    }
    let data = plain.metadata()?;
    let mut beside = to.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let packed = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let done = packed_into(&mut plain, packed).and_then(|packed| {
        packed.set_permissions(Permissions::from_mode(data.permissions().mode()))?;
        // Its age is that of its lines.
        packed.set_modified(data.modified()?)?;
        packed.sync_all()?;
        fs::rename(&beside, to)
    });
    match done {
        // Another gateway may have moved it on meanwhile, and what has its name now is not packed.
        Ok(()) if fs::symlink_metadata(from).is_ok_and(|now| now.ino() == data.ino()) => {
            fs::remove_file(from)
        }
        Ok(()) => Ok(()),
        Err(error) => {
            // Better no half of one, and the whole file as it was.
            let _ = fs::remove_file(&beside);
            Err(error)
        }
    }
}

fn packed_into(plain: &mut File, packed: File) -> io::Result<File> {
    let mut encoder = GzEncoder::new(packed, Compression::default());
    io::copy(plain, &mut encoder)?;
    encoder.finish()
}

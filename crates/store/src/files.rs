//! Files and folders that are nobody else's business: 0600 and 0700, and no symbolic link is followed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes a folder only we may enter, with those above it. One that is there already stays as it is.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// How a file is to be opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Open {
    /// To be read and written; made if it is not there.
    Kept,
    /// To be added to; it must not be there yet.
    New,
}

/// Opens a file that only we may read. Where a link stands in its place, nothing is opened.
pub(crate) fn private_file(path: &Path, open: Open) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).mode(0o600).custom_flags(no_link());
    match open {
        Open::Kept => options.write(true).create(true).truncate(false),
        Open::New => options.append(true).create_new(true),
    };
    let file = options.open(path).map_err(|error| say_link(path, error))?;
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if data.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Puts a file that only we may read in the place of an older one, whole or not at all.
///
/// # Errors
/// When it cannot be written; the older one is then still there.
pub fn keep_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&beside);
    let _ = std::fs::remove_file(beside);
    let mut new = private_file(beside, Open::New)?;
    let written = new.write_all(bytes).and_then(|()| new.sync_all());
    let kept = written.and_then(|()| std::fs::rename(beside, path));
    if kept.is_err() {
        let _ = std::fs::remove_file(beside);
    }
    kept
}

/// The folder a file is in; one that is named alone is in this one.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Opens a file for reading, if it is no link.
pub(crate) fn read_file(path: &Path) -> io::Result<File> {
    // A pipe is not waited for.
    let flags = no_link() | i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| say_link(path, error))?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

fn no_link() -> i32 {
    i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC).bits()).unwrap_or(0)
}

fn say_link(path: &Path, error: io::Error) -> io::Error {
    let link = std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_symlink());
    if link {
        io::Error::other("it is a symbolic link, which is not followed; name the file itself")
    } else {
        error
    }
}

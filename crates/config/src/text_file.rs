//! Reading a file as text: a file that ends, of a size that was thought of. A pipe would be waited for and a device read for
//! ever, so both are refused.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// O_NONBLOCK (open(2)), which has another number on the BSDs.
const NO_WAITING: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 0x4 };
/// The largest configuration that is read.
pub(crate) const LARGEST: u64 = 4 * 1024 * 1024;

/// The text of a configuration, or of another file that is no larger than those may be.
///
/// # Errors
/// When it cannot be read, is no regular file, or is too large: the reason, in words that follow a colon.
pub fn read_text(path: &Path) -> Result<String, String> {
    read(path, LARGEST)
}

/// The text of a file of at most so many bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    // Before it is opened, because opening a pipe waits for somebody to write.
    regular(&std::fs::metadata(path).map_err(told)?)?;
    // A file of the system may have nothing to say yet, and is not waited for.
    let file = std::fs::OpenOptions::new().read(true).custom_flags(NO_WAITING).open(path).map_err(told)?;
    // And once more, for what is open now.
    regular(&file.metadata().map_err(told)?)?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > most {
        return Err(format!("it is larger than {}", size(most)));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// Whether it ends where its size says.
fn regular(data: &std::fs::Metadata) -> Result<(), String> {
    match (data.is_file(), data.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err("it is a folder".to_owned()),
        _ => Err("it is a pipe or a device, not a regular file".to_owned()),
    }
}

/// A limit in words.
fn size(bytes: u64) -> String {
    match bytes / 1024 {
        kib if kib >= 1024 => format!("{} MiB", kib / 1024),
        kib => format!("{kib} KiB"),
    }
}

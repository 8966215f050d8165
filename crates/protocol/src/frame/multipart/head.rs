//! The two places where a multipart body says something about itself: the `content-type` and the head of a part.

use super::MultipartProblem;

/// Longest name of a field that is kept; with 1000 parts that bounds what names can cost.
const NAME_LIMIT: usize = 1024;

/// What the head of a part says.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// The name of the field.
    pub(super) name: String,
    /// Whether it has a file name.
    pub(super) file: bool,
}

/// The boundary in a `content-type`: 1 to 70 characters of RFC 2046's set, quoted or not.
///
/// # Errors
/// [`MultipartProblem::Boundary`] when the type is another one, or the boundary is missing, given twice or not allowed.
pub fn boundary(content_type: &str) -> Result<String, MultipartProblem> {
    let (kind, rest) = content_type.split_once(';').ok_or(MultipartProblem::Boundary)?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(MultipartProblem::Boundary);
    }
    let given = parameters(rest.as_bytes()).ok_or(MultipartProblem::Boundary)?;
    let value = only(given, "boundary").ok().flatten().ok_or(MultipartProblem::Boundary)?;
    let allowed = (1..=70).contains(&value.len())
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte))
        && value.last() != Some(&b' ');
    match String::from_utf8(value) {
        Ok(value) if allowed => Ok(value),
        _ => Err(MultipartProblem::Boundary),
    }
}

/// Reads the head of a part, with the empty line behind it.
pub(super) fn read(head: &[u8]) -> Result<Part, MultipartProblem> {
    let head = std::str::from_utf8(head).map_err(|_| MultipartProblem::Head)?;
    let mut disposition = None;
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        // A line that begins with white space would continue the one before; nobody writes that, and readers differ.
        let (name, value) = line.split_once(':').ok_or(MultipartProblem::Head)?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return Err(MultipartProblem::Head);
        }
        if name.eq_ignore_ascii_case("content-disposition") && disposition.replace(value.trim()).is_some() {
            return Err(MultipartProblem::Head);
        }
    }
    let disposition = disposition.ok_or(MultipartProblem::MissingName)?;
    let (kind, rest) = disposition.split_once(';').ok_or(MultipartProblem::MissingName)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(MultipartProblem::Head);
    }
    let given = parameters(rest.as_bytes()).ok_or(MultipartProblem::Head)?;
    let file = given.iter().any(|(name, _)| name == "filename" || name == "filename*");
    let name = only(given, "name")?.ok_or(MultipartProblem::MissingName)?;
    if name.len() > NAME_LIMIT {
        return Err(MultipartProblem::HeadTooLarge);
    }
    Ok(Part { name: String::from_utf8(name).map_err(|_| MultipartProblem::Head)?, file })
}

/// The value of a parameter that may be given once.
fn only(given: Vec<(String, Vec<u8>)>, wanted: &str) -> Result<Option<Vec<u8>>, MultipartProblem> {
    let mut values = given.into_iter().filter(|(name, _)| name == wanted).map(|(_, value)| value);
    let value = values.next();
    if values.next().is_some() { Err(MultipartProblem::Head) } else { Ok(value) }
}

/// `name=value` pairs separated by semicolons; names in lower case, values without their quotes.
fn parameters(mut rest: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_ascii();
        if rest.is_empty() {
            return Some(found);
        }
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let name = std::str::from_utf8(rest.get(..equals)?).ok()?.trim().to_ascii_lowercase();
        if name.is_empty() || name.contains([';', '"', ' ']) {
            return None;
        }
        rest = rest.get(equals + 1..)?.trim_ascii_start();
        let value;
        (value, rest) = match rest.strip_prefix(b"\"") {
            Some(inner) => quoted(inner)?,
            None => {
                let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
                let value = rest.get(..end)?.trim_ascii();
                if value.iter().any(|byte| b" \t\"".contains(byte)) {
                    return None;
                }
                (value.to_vec(), rest.get(end..)?)
            }
        };
        found.push((name, value));
        rest = rest.trim_ascii_start();
        rest = match rest.split_first() {
            None => return Some(found),
            Some((b';', rest)) => rest,
            Some(_) => return None,
        };
    }
}

/// The text up to the closing quote, and what stands behind it. A backslash hides only a quote or a backslash: some
/// browsers write whole Windows paths into `filename`.
fn quoted(rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match (rest.get(at)?, rest.get(at + 1)) {
            (b'"', _) => return Some((value, rest.get(at + 1..)?)),
            (b'\\', Some(next @ (b'"' | b'\\'))) => {
                value.push(*next);
                at += 2;
            }
            (byte, _) => {
                value.push(*byte);
                at += 1;
            }
        }
    }
}

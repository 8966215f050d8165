//! The few fields we read of a JSON body, found without parsing the rest, and the edits made in place.
//!
//! [`read`] checks the whole body for being JSON (RFC 8259, at most 64 levels deep, UTF-8 without a mark) because what
//! we forward must mean the same to every reader; it builds nothing but the places of the fields we act on. [`edit`]
//! replaces a model's name and asks for a usage chunk; all other bytes stay as the caller wrote them.

mod bounds;
mod inner;
pub(crate) mod scan;
mod string;

use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

pub use inner::inner_models;
use scan::Scan;

use crate::dialect::Dialect;

/// What was found in a body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// The model's name.
    pub model: Option<Text>,
    /// `stream: true`.
    pub stream: bool,
    /// `stream: false`, in so many words.
    pub whole: bool,
    /// The most tokens an answer may have, in whichever of its spellings; a value that is no number is for its reader to judge.
    pub most_tokens: Option<u64>,
    /// How many answers are asked for (`n`, `candidateCount`).
    pub answers: Option<u64>,
    /// Somewhere in it a string begins as a vendor's mark does that we have claimed (`hub::marks`): it is not for somebody who speaks its
    /// language and never heard of us.
    pub claimed: bool,
    /// The place of `model`'s value, if it is `null`.
    no_model: Option<Range<usize>>,
    /// The place of `stream_options`' value, if it is an object.
    options: Option<Range<usize>>,
    /// The place of `stream_options`' value, if it is `null`.
    no_options: Option<Range<usize>>,
    /// The place of `include_usage`'s value inside it, and whether it is `true`.
    include_usage: Option<(Range<usize>, bool)>,
    /// Where the outermost object's first member would stand.
    first_member: usize,
    /// The outermost object has no member.
    empty: bool,
}

/// A string of the body: its place with quotes, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// The place, quotes included.
    pub place: Range<usize>,
    /// The text, unescaped.
    pub says: String,
}

/// Why a body cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeProblem {
    /// Not JSON; the byte where that shows.
    NotJson(usize),
    /// Not UTF-8; the first byte that is not.
    NotUtf8(usize),
    /// More than 64 levels.
    TooDeep(usize),
    /// The outermost value is not an object.
    NotAnObject,
    /// A field we act on stands twice.
    Duplicate(&'static str),
    /// A field we act on is spelled in letters of the other case, which some programs take for it.
    Misspelt(&'static str),
    /// A field we act on has a value of another type.
    WrongType(&'static str),
}

/// The deepest nesting accepted.
pub const MAX_DEPTH: usize = 64;

/// Finds the fields we act on, in a body of OpenAI's language.
///
/// # Errors
/// As for [`read_in`].
pub fn read(body: &[u8]) -> Result<Envelope, EnvelopeProblem> {
    read_in(Dialect::OpenAi, body)
}

/// Finds the fields we act on, in a body of that language.
///
/// # Errors
/// [`EnvelopeProblem`] for anything that is not one JSON object, and for a field of ours given twice.
pub fn read_in(dialect: Dialect, body: &[u8]) -> Result<Envelope, EnvelopeProblem> {
    let bounds = bounds::of(dialect);
    // Most are nothing but ASCII, which is sooner seen.
    if !body.is_ascii() {
        std::str::from_utf8(body).map_err(|error| EnvelopeProblem::NotUtf8(error.valid_up_to()))?;
    }
    let mut scan = Scan::new(body);
    let mut found = Envelope::default();
    let mut seen = Seen::default();
    scan.space();
    if scan.peek() != Some(b'{') {
        scan.value(1)?;
        scan.end()?;
        return Err(EnvelopeProblem::NotAnObject);
    }
    found.first_member = scan.at() + 1;
    found.empty = true;
    scan.members(|scan, key| {
        found.empty = false;
        match &*unescape(&scan.body()[key]) {
            "model" => {
                seen.model.once("model")?;
                let from = scan.at();
                found.model = text(scan, "model")?;
                found.no_model = found.model.is_none().then(|| from..scan.at());
            }
            "stream" => {
                seen.stream.once("stream")?;
                let stream = flag(scan, "stream")?;
                (found.stream, found.whole) = (stream == Some(true), stream == Some(false));
            }
            "stream_options" => {
                seen.options.once("stream_options")?;
                stream_options(scan, &mut found)?;
            }
            "max_tokens" | "max_completion_tokens" | "max_output_tokens" => {
                found.most_tokens = number(scan, 2)?.max(found.most_tokens);
            }
            "n" => found.answers = number(scan, 2)?,
            // No API has it, and programs in Go take it for `model`.
            name if name.len() == 5 && name.eq_ignore_ascii_case("model") => {
                return Err(EnvelopeProblem::Misspelt("model"));
            }
            name => match bounds.filter(|bounds| bounds.are_in(name)) {
                Some(bounds) => bounds.read(scan, &mut found)?,
                None => scan.value(2)?,
            },
        }
        Ok(())
    })?;
    scan.end()?;
    found.claimed = scan.claimed();
    Ok(found)
}

impl Envelope {
    /// Whether the caller asked for the usage chunk of a stream.
    pub fn asks_usage(&self) -> bool {
        matches!(self.include_usage, Some((_, true)))
    }
}

/// The body with this model's name, put in where there is none, and, if `ask_usage`, with `stream_options.include_usage:
/// true`. Everything else stays byte for byte; without an edit the same bytes are given back, not copied.
pub fn edit(body: &Bytes, envelope: &Envelope, model: Option<&str>, ask_usage: bool) -> Bytes {
    let model = model.filter(|new| envelope.model.as_ref().is_none_or(|text| text.says != *new));
    let usage = ask_usage && !envelope.asks_usage();
    if model.is_none() && !usage {
        return body.clone();
    }
    let model = model.map(|new| model_edit(envelope, new, ask_usage));
    let mut edits: Vec<_> = model.into_iter().chain(usage.then(|| usage_edit(body, envelope))).collect();
    edits.sort_by_key(|(place, _)| place.start);
    let mut out = BytesMut::with_capacity(body.len() + 64);
    let mut from = 0;
    for (place, text) in edits {
        out.put_slice(&body[from..place.start]);
        out.put_slice(text.as_bytes());
        from = place.end;
    }
    out.put_slice(&body[from..]);
    out.freeze()
}

fn model_edit(envelope: &Envelope, new: &str, more: bool) -> (Range<usize>, Cow<'static, str>) {
    let name = serde_json::Value::from(new).to_string();
    if let Some(place) = envelope.model.as_ref().map(|text| &text.place).or(envelope.no_model.as_ref()) {
        return (place.clone(), Cow::Owned(name));
    }
    let comma = if envelope.empty && !more { "" } else { "," };
    (envelope.first_member..envelope.first_member, Cow::Owned(format!("\"model\":{name}{comma}")))
}

fn usage_edit(body: &[u8], envelope: &Envelope) -> (Range<usize>, Cow<'static, str>) {
    if let Some((place, _)) = &envelope.include_usage {
        return (place.clone(), Cow::Borrowed("true"));
    }
    if let Some(place) = &envelope.no_options {
        return (place.clone(), Cow::Borrowed("{\"include_usage\":true}"));
    }
    if let Some(options) = &envelope.options {
        let inside = options.start + 1;
        let bare = body[inside..options.end - 1].iter().all(u8::is_ascii_whitespace);
        let text = if bare { "\"include_usage\":true" } else { "\"include_usage\":true," };
        return (inside..inside, Cow::Borrowed(text));
    }
    let text = if envelope.empty {
        "\"stream_options\":{\"include_usage\":true}"
    } else {
        "\"stream_options\":{\"include_usage\":true},"
    };
    (envelope.first_member..envelope.first_member, Cow::Borrowed(text))
}

/// A member of an object: the place of its value, and of the whole member with one of its commas.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The value.
    pub value: Range<usize>,
    /// Key, colon, value, and the comma before it (or behind it, for the first member).
    pub whole: Range<usize>,
}

/// The first member of that name of the object `text` begins with; whatever follows the object is not looked at.
pub fn member(text: &[u8], name: &str) -> Option<Member> {
    let mut scan = Scan::new(text);
    let mut found: Option<Member> = None;
    let mut behind_previous = None;
    scan.members(|scan, key| {
        let from = key.start - 1;
        let is_it = found.is_none() && unescape(&scan.body()[key]) == name;
        let value = scan.at();
        scan.value(2)?;
        if is_it {
            found =
                Some(Member { value: value..scan.at(), whole: behind_previous.unwrap_or(from)..scan.at() });
        }
        behind_previous = Some(scan.at());
        Ok(())
    })
    .ok()?;
    let mut member = found?;
    let first = text[member.whole.start] == b'"';
    let blank = text[member.whole.end..].iter().take_while(|b| b.is_ascii_whitespace()).count();
    if first && text.get(member.whole.end + blank) == Some(&b',') {
        member.whole.end += blank + 1;
    }
    Some(member)
}

/// The values of these members of the object `text` begins with, as they are written; whatever follows it is not looked at.
///
/// # Errors
/// When one of them stands twice, or it is no object.
pub fn values<'b, const N: usize>(
    text: &'b [u8],
    names: [&'static str; N],
) -> Result<[Option<&'b [u8]>; N], EnvelopeProblem> {
    let mut found = [None; N];
    let mut scan = Scan::new(text);
    scan.members(|scan, key| {
        let key = unescape(&scan.body()[key]);
        let nth = names.iter().position(|name| *name == key);
        let from = scan.at();
        scan.value(2)?;
        match nth.map(|nth| found[nth].replace(&text[from..scan.at()]).map(|_| names[nth])) {
            Some(Some(twice)) => Err(EnvelopeProblem::Duplicate(twice)),
            Some(None) | None => Ok(()),
        }
    })?;
    Ok(found)
}

/// The names of all members of the object `text` begins with; whatever follows it is not looked at.
pub fn members(text: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut scan = Scan::new(text);
    let walked = scan.members(|scan, key| {
        names.push(unescape(&scan.body()[key]).into_owned());
        scan.value(2)
    });
    // What is no object has no members.
    if walked.is_err() { Vec::new() } else { names }
}

/// Which of our fields have been met.
#[derive(Default)]
struct Seen {
    model: Once,
    stream: Once,
    options: Once,
}

#[derive(Default)]
struct Once(bool);

impl Once {
    fn once(&mut self, name: &'static str) -> Result<(), EnvelopeProblem> {
        if std::mem::replace(&mut self.0, true) { Err(EnvelopeProblem::Duplicate(name)) } else { Ok(()) }
    }
}

/// A string, or `null` (as good as absent).
fn text(scan: &mut Scan<'_>, name: &'static str) -> Result<Option<Text>, EnvelopeProblem> {
    let from = scan.at();
    scan.value(2)?;
    let place = from..scan.at();
    let raw = &scan.body()[place.clone()];
    if raw == b"null" {
        return Ok(None);
    }
    if raw.first() != Some(&b'"') {
        return Err(EnvelopeProblem::WrongType(name));
    }
    let says = unescape(&raw[1..raw.len() - 1]).into_owned();
    Ok(Some(Text { place, says }))
}

/// A whole number; anything else is none. `depth` is the level it stands on.
fn number(scan: &mut Scan<'_>, depth: usize) -> Result<Option<u64>, EnvelopeProblem> {
    let from = scan.at();
    scan.value(depth)?;
    let text = std::str::from_utf8(&scan.body()[from..scan.at()]).unwrap_or_default();
    Ok(text.parse().ok())
}

/// `true`, `false`, or `null` (as good as absent).
fn flag(scan: &mut Scan<'_>, name: &'static str) -> Result<Option<bool>, EnvelopeProblem> {
    let from = scan.at();
    scan.value(3)?;
    match &scan.body()[from..scan.at()] {
        b"true" => Ok(Some(true)),
        b"false" => Ok(Some(false)),
        b"null" => Ok(None),
        _ => Err(EnvelopeProblem::WrongType(name)),
    }
}

fn stream_options(scan: &mut Scan<'_>, found: &mut Envelope) -> Result<(), EnvelopeProblem> {
    let from = scan.at();
    if scan.peek() != Some(b'{') {
        // `null` is as good as absent; anything else the vendor would complain about, and nothing can be put inside it.
        scan.value(2)?;
        let place = from..scan.at();
        if &scan.body()[place.clone()] != b"null" {
            return Err(EnvelopeProblem::WrongType("stream_options"));
        }
        found.no_options = Some(place);
        return Ok(());
    }
    let mut seen = Once::default();
    scan.members(|scan, key| {
        if unescape(&scan.body()[key]) != "include_usage" {
            return scan.value(3);
        }
        seen.once("stream_options.include_usage")?;
        let from = scan.at();
        let asked = flag(scan, "stream_options.include_usage")?.unwrap_or(false);
        found.include_usage = Some((from..scan.at(), asked));
        Ok(())
    })?;
    found.options = Some(from..scan.at());
    Ok(())
}

/// The text between two quotes. Broken surrogates become the replacement character: only names are compared with it.
fn unescape(raw: &[u8]) -> Cow<'_, str> {
    let text = std::str::from_utf8(raw).unwrap_or_default();
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    match serde_json::from_str(&format!("\"{text}\"")) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Owned(text.replace('\\', "\u{fffd}")),
    }
}

#[cfg(test)]
mod tests;

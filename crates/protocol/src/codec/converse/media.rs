//! Pictures, sounds and documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Pen, unsayable};
use crate::hub::{File, Media, Part, Source, Unreadable};

/// Documents: the word for a type, and the type.
const DOCUMENTS: &[(&str, &str)] = &[
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", PLAIN),
    ("md", "text/markdown"),
];

/// Plain text.
const PLAIN: &str = "text/plain";

/// The words for sounds.
const SOUNDS: &[&str] =
    &["mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "m4a", "mpeg", "mpga", "pcm", "webm"];

/// What a document without a name is called.
const NAMELESS: &str = "document";

/// Reads a picture, a sound or a document; `None`: it is none, or says more than the hub can.
pub(super) fn read(block: &Value) -> Option<Part> {
    let (name, inner) = block.as_object()?.iter().find(|(_, inner)| !inner.is_null())?;
    let says = |name: &str| inner.get(name).is_some_and(|value| !value.is_null());
    let format = inner["format"].as_str();
    Some(match name.as_str() {
        "image" if !says("error") => {
            Part::Image(Media::new(source(&inner["source"], format.map(|word| format!("image/{word}")))?))
        }
        "audio" if !says("error") => {
            Part::Audio(Media::new(source(&inner["source"], format.map(|word| format!("audio/{word}")))?))
        }
        "document" if !says("context") && !says("citations") => {
            let kind = DOCUMENTS.iter().find(|(word, _)| Some(*word) == format);
            Part::File(File {
                source: source(&inner["source"], kind.map(|(_, kind)| (*kind).to_owned()))?,
                name: inner["name"].as_str().map(str::to_owned),
            })
        }
        _ => return None,
    })
}

fn source(source: &Value, kind: Option<String>) -> Option<Source> {
    if let Some(base64) = source["bytes"].as_str() {
        return Some(Source::Data { kind: kind?, base64: base64.to_owned() });
    }
    if let Some(text) = source["text"].as_str() {
        return Some(match kind {
            // What kind of text it is stays with it.
            Some(kind) if kind != PLAIN => Source::Data { kind, base64: STANDARD.encode(text) },
            _ => Source::Text(text.to_owned()),
        });
    }
    let place = &source["s3Location"];
    let url = place["uri"].as_str().filter(|_| place["bucketOwner"].is_null())?;
    Some(Source::Url { url: url.to_owned(), kind })
}

/// Where it is, as Converse writes it; what is at an address of the web would have to be fetched.
fn source_of(source: &Source) -> Option<Value> {
    match source {
        Source::Data { base64, .. } => Some(json!({"bytes": base64})),
        Source::Url { url, .. } if url.starts_with("s3://") => Some(json!({"s3Location": {"uri": url}})),
        Source::Text(text) => Some(json!({"text": text})),
        Source::Url { .. } | Source::Stored(_) => None,
    }
}

/// The media type, if it is known, and otherwise what follows the last dot of the name or address.
fn word_of(source: &Source, name: Option<&str>) -> String {
    let kind = match source {
        Source::Data { kind, .. } => Some(kind.as_str()),
        Source::Url { kind, .. } => kind.as_deref(),
        Source::Text(_) => Some(PLAIN),
        Source::Stored(_) => None,
    };
    let url = if let Source::Url { url, .. } = source { Some(url.as_str()) } else { None };
    let known = kind.filter(|kind| *kind != "application/octet-stream" && !kind.is_empty());
    match known {
        Some(kind) => kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase(),
        None => name
            .or(url)
            .and_then(|name| name.rsplit_once('.'))
            .map(|(_, ending)| ending.to_ascii_lowercase())
            .unwrap_or_default(),
    }
}

pub(super) fn image(image: &Media, pen: &mut Pen<'_>) -> Option<Value> {
    pen.losses.add_if(image.detail.as_deref().is_some_and(|detail| detail != "auto"), &unsayable::DETAIL);
    let Some(source) = source_of(&image.source) else {
        let stored = matches!(image.source, Source::Stored(_));
        pen.losses.add(if stored { &unsayable::STORED } else { &unsayable::IMAGE_URL });
        return None;
    };
    let word = word_of(&image.source, None);
    let format = match word.strip_prefix("image/").unwrap_or(&word) {
        "jpg" => "jpeg",
        known @ ("png" | "jpeg" | "gif" | "webp") => known,
        _ => {
            pen.losses.add(&unsayable::IMAGE);
            return None;
        }
    };
    Some(json!({"image": {"format": format, "source": source}}))
}

/// A sound is what the question is about: without it the answer would be to another one.
pub(super) fn sound(sound: &Media, pen: &Pen<'_>) -> Result<Option<Value>, Unreadable> {
    let word = word_of(&sound.source, None);
    let word = word.strip_prefix("audio/").unwrap_or(&word);
    let word = match word.strip_prefix("x-").unwrap_or(word) {
        "mpeg" => "mp3",
        "wave" => "wav",
        other => other,
    };
    match source_of(&sound.source) {
        Some(source) if SOUNDS.contains(&word) => {
            Ok(Some(json!({"audio": {"format": word, "source": source}})))
        }
        _ if !pen.asks => Ok(None),
        Some(_) => {
            Err(Unreadable::at("messages", format!("Bedrock does not take sounds of the type `{word}`.")))
        }
        None => Err(Unreadable::at(
            "messages",
            "Bedrock takes a sound only in the request itself or in S3, not by an address or an id.",
        )),
    }
}

pub(super) fn document(file: &File, pen: &mut Pen<'_>) -> Option<Value> {
    let Some(source) = source_of(&file.source) else {
        let stored = matches!(file.source, Source::Stored(_));
        pen.losses.add(if stored { &unsayable::STORED } else { &unsayable::DOCUMENT });
        return None;
    };
    let word = word_of(&file.source, file.name.as_deref());
    let Some((format, _)) = DOCUMENTS.iter().find(|(ending, kind)| word == *ending || word == *kind) else {
        pen.losses.add(&unsayable::DOCUMENT);
        return None;
    };
    let name = name_of(file.name.as_deref(), pen);
    Some(json!({"document": {"format": format, "name": name, "source": source}}))
}

/// A name Bedrock takes, and which no other document of the request has.
fn name_of(given: Option<&str>, pen: &mut Pen<'_>) -> String {
    let begin = match given {
        Some(given) => valid(given),
        None => NAMELESS.to_owned(),
    };
    let (mut name, mut nth) = (begin.clone(), 1);
    while pen.names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
        nth += 1;
        let begin: String = begin.chars().take(190).collect();
        name = format!("{begin} ({nth})");
    }
    pen.losses.add_if(given.is_some_and(|given| given != name), &unsayable::DOCUMENT_NAME);
    pen.names.push(name.clone());
    name
}

/// The name without its ending, which the format says, and with a hyphen for each letter that may not be. `_` may, which the
/// reference does not say, but the service does.
fn valid(given: &str) -> String {
    let ending = |ending: &str| DOCUMENTS.iter().any(|(word, _)| ending.eq_ignore_ascii_case(word));
    let stem = given.rsplit_once('.').filter(|(_, end)| ending(end)).map_or(given, |(stem, _)| stem);
    let mut name = String::new();
    for letter in stem.trim().chars().take(200) {
        if !letter.is_whitespace() {
            let may = letter.is_ascii_alphanumeric() || "_-()[]".contains(letter);
            name.push(if may { letter } else { '-' });
        } else if !name.ends_with(' ') {
            name.push(' ');
        }
    }
    if name.contains(|letter: char| letter.is_ascii_alphanumeric()) {
        name.trim_end().to_owned()
    } else {
        NAMELESS.to_owned()
    }
}

//! What a message holds: one text, and pictures beside it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::json::{Fields, wrong};
use super::unsayable;
use crate::hub::{File, Losses, Media, Part, Source, Unreadable};

/// The field refusals are about: where it stands in it is known to the caller's language only.
pub(super) const MESSAGES: &str = "messages";

/// Texts and pictures, each in order.
#[derive(Debug, Default)]
pub(super) struct Content {
    texts: Vec<String>,
    /// In base64.
    pub(super) pictures: Vec<String>,
}

impl Content {
    /// Sorts parts into texts and pictures.
    ///
    /// # Errors
    /// When there is a part that cannot be asked about without it: a sound, a document, a picture that is elsewhere.
    pub(super) fn of(parts: &[Part], losses: &mut Losses) -> Result<Self, Unreadable> {
        let (mut content, mut amid) = (Self::default(), false);
        for part in parts {
            let known = content.texts.len();
            match part {
                Part::Text(text) => content.texts.push(text.clone()),
                Part::Refusal(text) => {
                    losses.add(&unsayable::REFUSAL);
                    content.texts.push(text.clone());
                }
                Part::Image(media) => {
                    losses.add_if(media.detail.is_some(), &unsayable::DETAIL);
                    content.pictures.push(base64_of(media)?);
                    amid |= known > 0;
                }
                Part::File(file) => {
                    losses.add(&unsayable::TEXT_FILE);
                    content.texts.push(text_of(file)?);
                }
                Part::Audio(_) => {
                    return Err(Unreadable::at(MESSAGES, "Ollama's models take no sound, and there is one."));
                }
                Part::CachePoint(_) => losses.add(&unsayable::CACHE_POINT),
                Part::Thought(_) | Part::Call(_) | Part::Outcome(_) | Part::Cited(..) | Part::Opaque(..) => {
                    losses.add(&unsayable::OPAQUE)
                }
            }
            losses.add_if(amid && content.texts.len() > known, &unsayable::PLACE);
        }
        Ok(content)
    }

    /// Texts that were given side by side, as paragraphs: it is how Ollama itself joins messages.
    pub(super) fn paragraphs(&self) -> String {
        let texts: Vec<&str> =
            self.texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        texts.join("\n\n")
    }

    /// Texts that were cut out of one.
    pub(super) fn whole(&self) -> String {
        self.texts.concat()
    }
}

fn base64_of(media: &Media) -> Result<String, Unreadable> {
    match &media.source {
        Source::Data { base64, .. } => Ok(base64.clone()),
        _ => Err(Unreadable::at(
            MESSAGES,
            "Ollama takes a picture only within the request, as base64, and one is elsewhere.",
        )),
    }
}

fn text_of(file: &File) -> Result<String, Unreadable> {
    let text = match &file.source {
        Source::Text(text) => Some(text.clone()),
        Source::Data { kind, base64 } if kind.starts_with("text/") => {
            STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok())
        }
        _ => None,
    };
    text.ok_or_else(|| {
        Unreadable::at(MESSAGES, "Ollama takes no documents but those of plain text, and there is one.")
    })
}

/// `images`: each in base64. Nothing says what kind they are, save the bytes.
pub(super) fn pictures(fields: &mut Fields) -> Result<Vec<Part>, Unreadable> {
    let at = fields.path("images");
    let read = |(nth, image): (usize, Value)| match image {
        Value::String(text) => Ok(picture(&text)),
        other => Err(wrong(&format!("{at}[{nth}]"), "a string", &other)),
    };
    fields.list("images")?.unwrap_or_default().into_iter().enumerate().map(read).collect()
}

/// One picture; some programs write a `data:` URL.
pub(super) fn picture(text: &str) -> Part {
    let source = if text.starts_with("data:") {
        Source::of_url(text)
    } else {
        Source::Data { kind: kind_of(text).to_owned(), base64: text.to_owned() }
    };
    Part::Image(Media::new(source))
}

/// The media type by how the bytes begin.
fn kind_of(base64: &str) -> &'static str {
    match () {
        () if base64.starts_with("iVBORw0KGgo") => "image/png",
        () if base64.starts_with("/9j/") => "image/jpeg",
        () if base64.starts_with("R0lGOD") => "image/gif",
        () if base64.starts_with("UklGR") => "image/webp",
        () => "application/octet-stream",
    }
}

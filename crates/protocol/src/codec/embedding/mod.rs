//! Vectors: the ways to ask for them, each read into the hub or written from it. As many doors and as many places as there are, and
//! not one times the other.
//!
//! A door reads what its callers ask and writes their answers; a place is asked and read. Where both are of one language no codec is
//! asked: bytes pass as they came. A batch that a vendor does not take in one request is refused and not cut into several: a call is
//! one attempt, with one record, and half a batch would be paid for when its other half fails.

mod bedrock;
mod cohere;
mod gemini;
mod ollama;
mod openai;
#[cfg(test)]
mod tests;
mod unsayable;
mod vector;

use http::HeaderMap;
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};
use serde_json::Value;

use super::Mint;
use super::json::wrong;
use crate::dialect::embedding::{Door, Place};
use crate::hub::embedding::{Form, Input, Request, Response};
use crate::hub::{Losses, Unreadable, Unsayable};
use crate::usage::Usage;

/// For whom an answer is written.
#[derive(Clone, Copy, Debug)]
pub struct To<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What ids are made of.
    pub mint: Mint,
}

/// Reads what a caller asks. The model is put in by who knows the path.
///
/// # Errors
/// When it is no request of this door, or asks for something that goes to no other language (a picture).
pub fn read_request(door: Door, body: &[u8]) -> Result<Request, Unreadable> {
    let request = match door {
        Door::OpenAi => openai::read_request(body),
        Door::Gemini => gemini::read_one(body),
        Door::GeminiBatch => gemini::read_batch(body),
        Door::Cohere => cohere::read_request(body),
        Door::Ollama => ollama::read_request(body),
        Door::OllamaOne => ollama::read_one(body),
    }?;
    if request.inputs.is_empty() {
        return Err(Unreadable::new("There is nothing in it that a vector could be made of."));
    }
    Ok(request)
}

/// Writes a request for a vendor. What cannot be said is left out and told; it is on the list of [`unsayable`], or a field of
/// [`Request::rest`].
///
/// # Errors
/// When it cannot be asked without what cannot be said there, or is more than is taken in one request.
pub fn write_request(place: Place, request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    if request.forms.iter().any(|form| matches!(form, Form::Packed(_))) {
        if !request.wants(&Form::Numbers) && !request.wants(&Form::Base64) {
            let say =
                "Vectors are packed so only where this language is spoken. Ask for `float` or `base64`.";
            return Err(Unreadable::at("embedding_types", say));
        }
        losses.add(&unsayable::PACKED);
    }
    let written = match place {
        Place::OpenAi => openai::write_request(request, losses),
        Place::Gemini => gemini::write_request(request, losses),
        Place::Cohere => cohere::write_request(request, losses),
        Place::Ollama => ollama::write_request(request, losses),
        Place::Bedrock => bedrock::write_request(request, losses),
    }?;
    for name in request.rest.keys() {
        losses.field(name);
    }
    Ok(written)
}

/// Reads a vendor's answer.
///
/// # Errors
/// When it is no answer of this place.
pub fn read_response(place: Place, body: &[u8]) -> Result<Response, Unreadable> {
    match place {
        Place::OpenAi => openai::read_response(body),
        Place::Gemini => gemini::read_response(body),
        Place::Cohere => cohere::read_response(body),
        Place::Ollama => ollama::read_response(body),
        Place::Bedrock => bedrock::read_response(body),
    }
}

/// Writes an answer for a caller.
pub fn write_response(door: Door, response: &Response, to: &To<'_>) -> Vec<u8> {
    match door {
        Door::OpenAi => openai::write_response(response, to),
        Door::Gemini => gemini::write_one(response),
        Door::GeminiBatch => gemini::write_batch(response),
        Door::Cohere => cohere::write_response(response, to),
        Door::Ollama => ollama::write_response(response, to),
        Door::OllamaOne => ollama::write_one(response),
    }
}

/// What cannot be said at a place: the written list.
pub fn unsayable(place: Place) -> &'static [&'static Unsayable] {
    match place {
        Place::OpenAi => openai::UNSAYABLE,
        Place::Gemini => gemini::UNSAYABLE,
        Place::Cohere => cohere::UNSAYABLE,
        Place::Ollama => ollama::UNSAYABLE,
        Place::Bedrock => bedrock::UNSAYABLE,
    }
}

/// What an answer in its caller's own words counts, where that is not found as `usage` in its bytes.
pub fn counted(door: Door, body: &[u8]) -> Option<Usage> {
    let tokens = match door {
        Door::Cohere => cohere::counted(body),
        Door::Ollama => ollama::counted(body),
        Door::OpenAi | Door::Gemini | Door::GeminiBatch | Door::OllamaOne => None,
    };
    tokens.map(read)
}

/// A question for vectors between a caller who asks in one way and a vendor who is asked in another.
#[derive(Debug)]
pub struct Translation {
    door: Door,
    place: Place,
    request: Request,
    mint: Mint,
}

impl Translation {
    /// Reads what a caller asks, for a vendor that calls the model `model`.
    ///
    /// # Errors
    /// As for [`read_request`].
    pub fn read(
        (door, place): (Door, Place),
        body: &[u8],
        model: &str,
        mint: Mint,
    ) -> Result<Self, Unreadable> {
        let mut request = read_request(door, body)?;
        model.clone_into(&mut request.model);
        Ok(Self { door, place, request, mint })
    }

    /// How the caller asks.
    pub fn door(&self) -> Door {
        self.door
    }

    /// The request for the vendor, and what it loses.
    ///
    /// # Errors
    /// As for [`write_request`].
    pub fn request(&self) -> Result<(Vec<u8>, Losses), Unreadable> {
        let mut losses = Losses::default();
        let body = write_request(self.place, &self.request, &mut losses)?;
        Ok((body, losses))
    }

    /// The vendor's answer as its caller reads it, and what it counted.
    ///
    /// # Errors
    /// When it is no answer of the vendor's, or has another number of vectors than was asked for.
    pub fn response(&self, head: &HeaderMap, body: &[u8]) -> Result<(Vec<u8>, Option<Usage>), Unreadable> {
        let mut response = read_response(self.place, body)?;
        let (came, asked) = (response.vectors.len(), self.request.inputs.len());
        if came != asked {
            return Err(Unreadable::new(format!("{came} vectors came for {asked} texts.")));
        }
        let length = response.vectors.first().map_or(0, Vec::len);
        if asked > 0 && (length == 0 || response.vectors.iter().any(|vector| vector.len() != length)) {
            return Err(Unreadable::new("Its vectors are empty, or of different lengths."));
        }
        let packed = self.request.wants(&Form::Base64);
        if packed && !response.vectors.iter().all(|vector| vector::fits_base64(vector)) {
            return Err(Unreadable::new("Its vectors have numbers that no float of four bytes is near to."));
        }
        if self.place == Place::Bedrock {
            response.tokens = response.tokens.or_else(|| bedrock::tokens(head));
        }
        let to = To { request: &self.request, mint: self.mint };
        Ok((write_response(self.door, &response, &to), response.tokens.map(read)))
    }
}

/// Tokens that were read, as they are booked: vectors are not counted in tokens.
fn read(tokens: u64) -> Usage {
    Usage { input: tokens, ..Usage::default() }
}

/// Reads an answer: of its numbers there may be millions, and none is made into a JSON value of its own.
fn answer<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes)
        .map_err(|error| Unreadable::new(format!("It is no list of vectors: {error}.")))
}

/// Counts read out of an answer; what else it has is passed over.
fn counts<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

fn written(answer: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}

/// Each of a list, which must be a string.
fn strings(list: Vec<Value>, at: &str) -> Result<Vec<String>, Unreadable> {
    let one = |(nth, item)| match item {
        Value::String(text) => Ok(text),
        other => Err(wrong(&format!("{at}[{nth}]"), "a string", &other)),
    };
    list.into_iter().enumerate().map(one).collect()
}

/// What is asked, in texts.
fn texts(request: &Request, losses: &mut Losses) -> Result<Vec<String>, Unreadable> {
    let text = |input: &Input| match input {
        Input::Tokens(_) => Err(of_tokens()),
        Input::Text(_) | Input::Parts(_) => Ok(joined(input, losses)),
    };
    request.inputs.iter().map(text).collect()
}

/// One text; of tokens there is none.
fn joined(input: &Input, losses: &mut Losses) -> String {
    match input {
        Input::Text(text) => text.clone(),
        Input::Parts(parts) => {
            losses.add(&unsayable::PARTS);
            parts.join("\n")
        }
        Input::Tokens(_) => String::new(),
    }
}

/// A text in parts, of which there is at least one.
fn of_parts(mut parts: Vec<String>, at: String) -> Result<Input, Unreadable> {
    match parts.len() {
        0 => Err(Unreadable::at(at, "There is nothing in it that a vector could be made of.")),
        1 => Ok(Input::Text(parts.remove(0))),
        _ => Ok(Input::Parts(parts)),
    }
}

/// Why tokens are not told on.
fn of_tokens() -> Unreadable {
    let say = "Tokens are numbers of one vendor's dictionary, and this model has another. Send the text.";
    Unreadable::at("input", say)
}

/// Refuses more texts than are taken in one request.
fn at_most(request: &Request, most: usize, who: &str) -> Result<(), Unreadable> {
    let asked = request.inputs.len();
    if asked <= most {
        return Ok(());
    }
    let s = if most == 1 { "" } else { "s" };
    let say = format!(
        "{who} at most {most} text{s} in one request, and this one has {asked}. Ask in smaller batches."
    );
    Err(Unreadable::new(say))
}

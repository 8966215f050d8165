//! Orders: documents by what they have to do with a question. Two ways to ask, and both are doors and places.

mod cohere;
mod jina;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::Mint;
use super::json::{Fields, wrong};
use crate::dialect::rerank::{Door, Place};
use crate::hub::rerank::{Document, Ranked, Request, Response};
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

/// Reads what a caller asks.
///
/// # Errors
/// When it is no request of this door, or has documents that are no texts.
pub fn read_request(door: Door, body: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = super::json::body(body)?;
    let mut request = Request {
        model: fields.text("model")?.unwrap_or_default(),
        query: query(&mut fields)?,
        documents: documents(&mut fields)?,
        top: fields.whole("top_n")?,
        ..Request::default()
    };
    if door == Door::Jina {
        request.returns = jina::returns(&mut fields)?;
    }
    request.rest = fields.rest();
    Ok(request)
}

/// Writes a request for a vendor. What cannot be said is left out and told; it is on the list of [`unsayable`], or a field of
/// [`Request::rest`].
pub fn write_request(place: Place, request: &Request, losses: &mut Losses) -> Vec<u8> {
    for name in request.rest.keys() {
        losses.field(name);
    }
    match place {
        Place::Jina => jina::write_request(request, losses),
        Place::Cohere => cohere::write_request(request, losses),
    }
}

/// Reads a vendor's answer.
///
/// # Errors
/// When it is no answer of this place.
pub fn read_response(place: Place, body: &[u8]) -> Result<Response, Unreadable> {
    let mut fields = super::json::body(body)?;
    let results = fields.list("results")?.ok_or_else(|| fields.missing("results"))?;
    let mut ranked = results.into_iter().enumerate().map(ranked).collect::<Result<Vec<Ranked>, _>>()?;
    let score = |ranked: &Ranked| ranked.score.as_f64().unwrap_or_default();
    ranked.sort_by(|one, other| score(other).total_cmp(&score(one)));
    let text = |name: &str| fields.peek(name).map(str::to_owned);
    let mut response = Response { id: text("id"), model: text("model"), ranked, ..Response::default() };
    match place {
        Place::Jina => jina::counts(&mut fields, &mut response),
        Place::Cohere => cohere::counts(&mut fields, &mut response),
    }
    Ok(response)
}

/// Writes an answer for a caller.
pub fn write_response(door: Door, response: &Response, to: &To<'_>) -> Vec<u8> {
    match door {
        Door::Jina => jina::write_response(response, to),
        Door::Cohere => cohere::write_response(response, to),
    }
}

/// What cannot be said at a place: the written list.
pub fn unsayable(place: Place) -> &'static [&'static Unsayable] {
    match place {
        Place::Jina => jina::UNSAYABLE,
        Place::Cohere => cohere::UNSAYABLE,
    }
}

static FIELDS: Unsayable =
    Unsayable { what: "fields of documents", why: "those beside `text` are left out: documents are texts" };

/// A question that is a text, or an object with one.
fn query(fields: &mut Fields) -> Result<String, Unreadable> {
    match fields.any("query").ok_or_else(|| fields.missing("query"))? {
        Value::String(text) => Ok(text),
        Value::Object(map) => text(Value::Object(map), "query").map(|document| document.text().to_owned()),
        other => Err(wrong("query", "a string", &other)),
    }
}

fn documents(fields: &mut Fields) -> Result<Vec<Document>, Unreadable> {
    let list = fields.list("documents")?.ok_or_else(|| fields.missing("documents"))?;
    let one = |(nth, item)| match item {
        Value::String(text) => Ok(Document::Text(text)),
        item => text(item, &format!("documents[{nth}]")),
    };
    list.into_iter().enumerate().map(one).collect()
}

/// An object with a text.
fn text(item: Value, at: &str) -> Result<Document, Unreadable> {
    let map = match item {
        Value::Object(map) => map,
        other => return Err(wrong(at, "a string, or an object with a `text`", &other)),
    };
    match map.get("text").and_then(Value::as_str) {
        Some(text) => Ok(Document::Fields(text.to_owned(), map)),
        None => {
            let say = "Documents are texts, or objects with a `text`, where the model is spoken to in another language.";
            Err(Unreadable::at(at, say))
        }
    }
}

/// The documents as texts.
fn texts(request: &Request, losses: &mut Losses) -> Vec<Value> {
    let text = |document: &Document| {
        let more = matches!(document, Document::Fields(_, map) if map.len() > 1);
        losses.add_if(more, &FIELDS);
        Value::from(document.text())
    };
    request.documents.iter().map(text).collect()
}

fn ranked((nth, result): (usize, Value)) -> Result<Ranked, Unreadable> {
    let mut result = Fields::of(result, format!("results[{nth}]"))?;
    let index = result.whole("index")?.ok_or_else(|| result.missing("index"))?;
    let score = result.number("relevance_score")?.ok_or_else(|| result.missing("relevance_score"))?;
    Ok(Ranked { index: usize::try_from(index).unwrap_or(usize::MAX), score })
}

/// A question for an order between a caller who asks in one way and a vendor who is asked in another.
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
    pub fn request(&self) -> (Vec<u8>, Losses) {
        let mut losses = Losses::default();
        let body = write_request(self.place, &self.request, &mut losses);
        (body, losses)
    }

    /// The vendor's answer as its caller reads it, and what it counted in tokens.
    ///
    /// # Errors
    /// When it is no answer of the vendor's, has a document in it that was not sent or one twice, or more than were wanted.
    pub fn response(&self, body: &[u8]) -> Result<(Vec<u8>, Option<Usage>), Unreadable> {
        let response = read_response(self.place, body)?;
        let sent = self.request.documents.len();
        if let Some(ranked) = response.ranked.iter().find(|ranked| ranked.index >= sent) {
            return Err(Unreadable::new(format!("Its document {} was not sent.", ranked.index)));
        }
        let mut seen = vec![false; sent];
        if response.ranked.iter().any(|ranked| std::mem::replace(&mut seen[ranked.index], true)) {
            return Err(Unreadable::new("It has a document twice."));
        }
        let came = response.ranked.len();
        if let Some(top) = self.request.top.filter(|top| came as u64 > *top) {
            return Err(Unreadable::new(format!("It has {came} documents, and {top} were wanted.")));
        }
        let to = To { request: &self.request, mint: self.mint };
        let usage = response.tokens.map(|input| Usage { input, ..Usage::default() });
        Ok((write_response(self.door, &response, &to), usage))
    }
}

//! A pretend language, for tests: what a new one costs. It is this folder; of the others nobody knows it.
//!
//! A caller asks `{"ask": "...", "of": "model"}` and reads `{"say": "...", "why": "done"}`, or a line for each piece of it.

mod reader;
mod writer;

use super::json::{Fields, Object, body};
use super::{Codec, Habits, To};
use crate::hub::part::text_of;
use crate::hub::{Answer, Losses, Part, Request, Response, Role, Stop, Turn, Unreadable, Unsayable};

/// The codec.
pub(super) static CODEC: Codec = Codec {
    read_request,
    write_request,
    read_response,
    write_response,
    reader: || Box::new(reader::Reader::default()),
    writer: |_| Box::new(writer::Writer),
    unsayable: &[&TOOLS, &EARLIER],
    hides_thoughts: false,
    stream_type: "application/x-ndjson",
};

/// What cannot be said in it.
static TOOLS: Unsayable = Unsayable { what: "tools", why: "left out: there are none" };
static EARLIER: Unsayable = Unsayable { what: "earlier turns", why: "left out: only the last one is told" };

fn read_request(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let turn = Turn::new(Role::User, vec![Part::Text(fields.need("ask")?)]);
    let model = fields.text("of")?.unwrap_or_default();
    Ok(Request { model, turns: vec![turn], rest: fields.rest(), ..Request::default() })
}

fn write_request(request: &Request, _: Habits, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let last = request.turns.last().ok_or_else(|| Unreadable::at("ask", "Nothing is asked."))?;
    losses.add_if(!request.tools.is_empty(), &TOOLS);
    losses.add_if(request.turns.len() > 1, &EARLIER);
    let mut out = Object::default();
    out.put("ask", text_of(&last.parts)).put("of", &request.model);
    Ok(out.bytes())
}

fn read_response(bytes: &[u8]) -> Result<Response, Unreadable> {
    let mut fields: Fields = body(bytes)?;
    let parts = vec![Part::Text(fields.need("say")?)];
    let stop = fields.text("why")?.map(|_| Stop::End);
    Ok(Response { answers: vec![Answer { parts, stop, ..Answer::default() }], ..Response::default() })
}

fn write_response(response: &Response, _: &To<'_>) -> Vec<u8> {
    let answer = response.answers.first();
    let mut out = Object::default();
    out.put("say", answer.map(|answer| text_of(&answer.parts)).unwrap_or_default());
    out.maybe("why", answer.and_then(|answer| answer.stop.as_ref()).map(|_| "done"));
    out.bytes()
}

#[cfg(test)]
mod tests;

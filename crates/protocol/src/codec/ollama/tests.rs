//! Traps, and what was recorded.

mod answer;
mod recorded;
mod request;

use serde_json::Value;

use super::super::{Codec, Habits, Mint, To};
use super::*;
use crate::hub::{Losses, Media, Part, Request, Response, Role, Source, Turn, Unreadable};

const MINT: Mint = Mint { now: 1_760_000_000, seed: 7 };

fn asked(parts: Vec<Part>) -> Request {
    Request { turns: vec![Turn::new(Role::User, parts)], ..Request::default() }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn picture() -> Part {
    Part::Image(Media::new(Source::Data { kind: "image/png".to_owned(), base64: "iVBORw0KGgo=".to_owned() }))
}

fn written(codec: &Codec, request: &Request) -> Result<(Value, Vec<String>), Unreadable> {
    let mut losses = Losses::default();
    let bytes = codec.write_request(request, Habits::default(), &mut losses)?;
    Ok((serde_json::from_slice(&bytes).unwrap(), losses.iter().map(str::to_owned).collect()))
}

//! What `/api/chat` is asked.

use super::super::json::{Object, body};
use super::{message, options, tools};
use crate::hub::{Losses, Request, Unreadable};

/// Fields that only Ollama knows: callers of other languages may write them, too.
const OWN: &[&str] = &["keep_alive", "truncate", "shift"];

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = body(bytes)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let messages = fields.list("messages")?.ok_or_else(|| fields.missing("messages"))?;
    message::read(messages, &mut request)?;
    request.tools = tools::read(&mut fields)?;
    options::read(fields, &mut request)?;
    Ok(request)
}

pub(super) fn write(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let mut out = Object::default();
    out.put("model", request.model.as_str()).put("messages", message::write(request, losses)?);
    out.list("tools", tools::write(request, losses));
    options::write(request, OWN, &mut out, losses);
    Ok(out.bytes())
}

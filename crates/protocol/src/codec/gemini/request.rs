//! What is asked.

use super::super::json::{Object, body};
use super::{content, generation, spelling, tools, unsayable};
use crate::hub::{Losses, Request, Unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Request, Unreadable> {
    let mut fields = spelling::fields(body(bytes)?.rest().into(), "")?;
    let mut request = Request::default();
    if let Some(model) = fields.text("model")? {
        request.model = model.strip_prefix("models/").unwrap_or(&model).to_owned();
    }
    if let Some(instruction) = fields.any("systemInstruction") {
        request.system = content::read_system(instruction, &mut request.rest)?;
    }
    if !fields.has("contents") {
        return Err(fields.missing("contents"));
    }
    content::read(spelling::several(&mut fields, "contents")?, &mut request)?;
    request.tools = tools::read(&mut fields, &mut request.rest)?;
    request.choice = tools::read_choice(&mut fields, &mut request.rest)?;
    generation::read(spelling::within(&mut fields, "generationConfig")?, &mut request)?;
    request.metadata = fields.object("labels")?;
    request.tier = fields.text("serviceTier")?.and_then(|word| tier(&word));
    spelling::keep(fields, &mut request.rest);
    Ok(request)
}

/// `serviceTier` in OpenAI's words; `None`: as it is anyway.
pub(super) fn tier(word: &str) -> Option<String> {
    match word.to_ascii_lowercase().as_str() {
        "" | "unspecified" => None,
        "standard" => Some("default".to_owned()),
        other => Some(other.to_owned()),
    }
}

/// The same the other way, of those that Gemini has.
pub(super) fn service_tier(tier: &str) -> Option<&'static str> {
    match tier {
        "default" | "standard" => Some("standard"),
        "flex" => Some("flex"),
        "priority" => Some("priority"),
        _ => None,
    }
}

pub(super) fn write(request: &Request, losses: &mut Losses) -> Result<Vec<u8>, Unreadable> {
    let mut out = Object::default();
    let mut writer = content::Writer::new(request, losses);
    out.maybe("systemInstruction", writer.system()?).put("contents", writer.contents()?);
    tools::write(request, &mut out, losses);
    out.maybe("generationConfig", generation::write(request, losses));
    // `auto` is what the account is set to, as it is without a word.
    if let Some(tier) = request.tier.as_deref().filter(|tier| *tier != "auto") {
        let known = service_tier(tier);
        losses.add_if(known.is_none(), &unsayable::TIER);
        out.maybe("serviceTier", known);
    }
    losses.add_if(request.user.is_some(), &unsayable::USER);
    losses.add_if(request.metadata.is_some(), &unsayable::METADATA);
    losses.add_if(request.cache_key.is_some(), &unsayable::CACHE_KEY);
    losses.add_if(request.verbosity.is_some(), &unsayable::VERBOSITY);
    for name in request.rest.keys() {
        losses.field(name);
    }
    Ok(out.bytes())
}

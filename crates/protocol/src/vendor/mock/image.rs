//! `POST /v1/images/generations` and `/v1/images/edits`: always the same small green square.

use serde_json::{Value, json};

use super::ask::{Ask, HasFile};
use super::error::Problem;
use super::reply::{Reply, named};
use super::voice;

/// A PNG of 16 by 16 pixels.
pub(super) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mMQWFxPEmIY1TCqYfhqAAA/\
    fDIQOwkDdAAAAABJRU5ErkJggg==";
const MOST_IMAGES: usize = 10;
const MOST_PARTIAL: usize = 3;

/// A new image.
pub(super) fn generate(ask: &Ask) -> Result<Reply, Problem> {
    answer(ask, "image_generation")
}

/// A changed image.
pub(super) fn edit(ask: &Ask) -> Result<Reply, Problem> {
    match ask.form {
        Some(HasFile(true)) => {}
        Some(HasFile(false)) => return Err(Problem::missing("image")),
        None => _ = ask.field("image").or(ask.field("images")).ok_or_else(|| Problem::missing("image"))?,
    }
    answer(ask, "image_edit")
}

fn answer(ask: &Ask, event: &str) -> Result<Reply, Problem> {
    let prompt = ask.text("prompt")?.ok_or_else(|| Problem::missing("prompt"))?;
    let count = ask.count("n", 1..=MOST_IMAGES)?.unwrap_or(1);
    if let Some(other) = ask.text("output_format")?.filter(|format| *format != "png") {
        let message = format!("Invalid value: '{other}'. The mock can make 'png'.");
        return Err(Problem::invalid("output_format", "invalid_value", message));
    }
    let words = voice::tokens(prompt);
    let usage = json!({
        "input_tokens": words,
        "input_tokens_details": {"text_tokens": words, "image_tokens": 0},
        "output_tokens": count,
        "total_tokens": words + count,
    });
    let told = |name: &str, usual: &'static str| -> Result<String, Problem> {
        let given = ask.text(name)?.filter(|given| *given != "auto");
        Ok(given.unwrap_or(usual).to_owned())
    };
    let about = json!({
        "background": told("background", "opaque")?,
        "output_format": "png",
        "quality": told("quality", "low")?,
        "size": told("size", "1024x1024")?,
    });
    if ask.flag("stream")? {
        let partial = ask.count("partial_images", 0..=MOST_PARTIAL)?.unwrap_or(0);
        let one = |kind: &str, name: &str, value: Value| {
            let mut data = json!({"type": format!("{event}.{kind}"), "b64_json": PNG, "created_at": ask.now});
            if let (Some(data), Some(about)) = (data.as_object_mut(), about.as_object()) {
                data.extend(about.clone());
            }
            data[name] = value;
            named(&data)
        };
        let partial = (0..partial).map(|index| one("partial_image", "partial_image_index", index.into()));
        return Ok(Reply::events(partial.chain([one("completed", "usage", usage.clone())]).collect()));
    }
    let image = match ask.text("response_format")? {
        None | Some("b64_json") => json!({"b64_json": PNG}),
        Some("url") => json!({"url": format!("data:image/png;base64,{PNG}")}),
        Some(other) => {
            let message = format!("Invalid value: '{other}'. Supported values are: 'url' and 'b64_json'.");
            return Err(Problem::invalid("response_format", "invalid_value", message));
        }
    };
    let mut body = json!({"created": ask.now, "data": vec![image; count]});
    if let (Some(body), Value::Object(about)) = (body.as_object_mut(), about) {
        body.extend(about);
        body.insert("usage".to_owned(), usage);
    }
    Ok(Reply::json(body))
}

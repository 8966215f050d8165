//! `POST /v1/embeddings`, and `:embedContent` and `:batchEmbedContents` of Gemini's language: unit vectors that depend on the input alone.
//! Near texts do not get near vectors.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::completions::prompts;
use super::error::Problem;
use super::reply::Reply;
use super::voice;

const USUAL_DIMENSIONS: usize = 1536;
const MOST_DIMENSIONS: usize = 4096;
const MOST_INPUTS: usize = 2048;

/// Answers one vector for each input.
pub(super) fn answer(ask: &Ask) -> Result<Reply, Problem> {
    ask.needs_model()?;
    let input = ask.needed("input")?;
    let prompts = prompts("input", input, MOST_INPUTS)?;
    let dimensions = ask.count("dimensions", 1..=MOST_DIMENSIONS)?.unwrap_or(USUAL_DIMENSIONS);
    let packed = match ask.text("encoding_format")? {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            let message = format!("Invalid value: '{other}'. Supported values are: 'float' and 'base64'.");
            return Err(Problem::invalid("encoding_format", "invalid_value", message));
        }
    };
    let several = prompts.len() > 1 || input.get(0).is_some_and(|first| !first.is_u64());
    let data = prompts.iter().enumerate().map(|(index, prompt)| {
        // Tokens have no text: what was written for them stands for it.
        let tokens = || if several { input.get(index) } else { Some(input) };
        let seed = match prompt.text.as_str() {
            "" => tokens().map(Value::to_string).unwrap_or_default(),
            text => text.to_owned(),
        };
        let vector = unit_vector(seed.as_bytes(), dimensions);
        let embedding = if packed { Value::String(pack(&vector)) } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let data: Vec<Value> = data.collect();
    let tokens: usize = prompts.iter().map(|prompt| prompt.tokens).sum();
    Ok(Reply::json(json!({
        "object": "list",
        "data": data,
        "model": ask.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })))
}

/// Answers one vector, in Gemini's language.
pub(super) fn embed_content(ask: &Ask) -> Result<Reply, Problem> {
    let (values, tokens) = content(&ask.fields, "EmbedContentRequest")?;
    Ok(Reply::json(json!({"embedding": {"values": values}, "usageMetadata": {"promptTokenCount": tokens}})))
}

/// Answers one vector for each request of a batch.
pub(super) fn batch_embed_contents(ask: &Ask) -> Result<Reply, Problem> {
    let Some(requests) = ask.field("requests").and_then(Value::as_array) else {
        let message = "* BatchEmbedContentsRequest.requests: requests is not specified".to_owned();
        return Err(Problem::invalid("requests", "INVALID_ARGUMENT", message));
    };
    let (mut embeddings, mut counted) = (Vec::new(), 0);
    for request in requests {
        let request = request.as_object().cloned().unwrap_or_default();
        let (values, tokens) = content(&request, "BatchEmbedContentsRequest.requests[]")?;
        embeddings.push(json!({"values": values}));
        counted += tokens;
    }
    Ok(Reply::json(json!({"embeddings": embeddings, "usageMetadata": {"promptTokenCount": counted}})))
}

/// The vector of a content, and its tokens.
fn content(request: &Map<String, Value>, at: &str) -> Result<(Vec<f32>, usize), Problem> {
    let Some(parts) = request.get("content").and_then(|content| content.get("parts")) else {
        let message = format!("* {at}.content: contents is not specified");
        return Err(Problem::invalid("content", "INVALID_ARGUMENT", message));
    };
    let text = voice::text_of(parts);
    let wished = |of: &Map<String, Value>| of.get("outputDimensionality").and_then(Value::as_u64);
    let config = request.get("embedContentConfig").and_then(Value::as_object);
    let dimensions = config.and_then(wished).or_else(|| wished(request));
    let dimensions = dimensions.and_then(|wished| usize::try_from(wished).ok()).unwrap_or(USUAL_DIMENSIONS);
    Ok((unit_vector(text.as_bytes(), dimensions.clamp(1, MOST_DIMENSIONS)), voice::tokens(&text)))
}

/// A direction drawn from a hash of the input (FNV-1a, stretched by SplitMix64).
fn unit_vector(input: &[u8], dimensions: usize) -> Vec<f32> {
    let mut state = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut draw = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [high, low, ..] = mixed.to_be_bytes();
        f32::from(i16::from_be_bytes([high, low])) + 0.5
    };
    let mut vector: Vec<f32> = (0..dimensions).map(|_| draw()).collect();
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    for value in &mut vector {
        #[expect(clippy::cast_possible_truncation, reason = "a vector's parts are single floats on the wire")]
        let scaled = (f64::from(*value) / length) as f32;
        *value = scaled;
    }
    vector
}

/// Little-endian floats in base64.
fn pack(vector: &[f32]) -> String {
    STANDARD.encode(vector.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

//! `POST /v1/audio/transcriptions` and `/translations`. The sound is not listened to.

use serde_json::{Value, json};

use crate::vendor::mock::ask::{Ask, HasFile};
use crate::vendor::mock::error::Problem;
use crate::vendor::mock::reply::{Reply, named};
use crate::vendor::mock::voice;

const HEARD: &str = "This is the mock inside openai-proxy, and it did not listen to the recording.";
const FORMATS: [&str; 5] = ["json", "text", "srt", "vtt", "verbose_json"];

/// Text in the language of the recording, whole or in pieces.
pub(in crate::vendor::mock) fn transcribe(ask: &Ask) -> Result<Reply, Problem> {
    answer(ask, "transcribe")
}

/// Text in English.
pub(in crate::vendor::mock) fn translate(ask: &Ask) -> Result<Reply, Problem> {
    answer(ask, "translate")
}

fn answer(ask: &Ask, task: &str) -> Result<Reply, Problem> {
    if ask.form.is_none() {
        let message = "The recording must be sent as multipart/form-data.";
        return Err(Problem::invalid("file", "invalid_content_type", message));
    }
    ask.needs_model()?;
    if ask.form != Some(HasFile(true)) {
        return Err(Problem::missing("file"));
    }
    let prompt = ask.text("prompt")?.unwrap_or_default();
    let text = voice::said(&ask.behaviour.says, HEARD, prompt);
    let pieces = voice::pieces(&text);
    let seconds = pieces.len().max(1);
    let format = ask.text("response_format")?.unwrap_or("json");
    if !FORMATS.contains(&format) {
        let message = format!("Invalid value: '{format}'. The mock can write '{}'.", FORMATS.join("', '"));
        return Err(Problem::invalid("response_format", "invalid_value", message));
    }
    if task == "transcribe" && ask.flag("stream")? {
        let delta = |piece: &String| named(&json!({"type": "transcript.text.delta", "delta": piece}));
        let done =
            json!({"type": "transcript.text.done", "text": text, "usage": tokens(seconds, pieces.len())});
        return Ok(Reply::events(pieces.iter().map(delta).chain([named(&done)]).collect()));
    }
    let clock = |mark: char| {
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("00:00:00{mark}000 --> {hours:02}:{minutes:02}:{seconds:02}{mark}000")
    };
    Ok(match format {
        "text" => Reply::whole("text/plain; charset=utf-8", format!("{text}\n")),
        "srt" => Reply::whole("text/plain; charset=utf-8", format!("1\n{}\n{text}\n\n", clock(','))),
        "vtt" => Reply::whole("text/vtt; charset=utf-8", format!("WEBVTT\n\n{}\n{text}\n\n", clock('.'))),
        "verbose_json" => Reply::json(json!({
            "task": task,
            "language": if task == "translate" { "english" } else { ask.text("language")?.unwrap_or("english") },
            "duration": seconds,
            "text": text,
            "segments": [segment(&text, seconds)],
            "usage": {"type": "duration", "seconds": seconds},
        })),
        _ if task == "translate" => Reply::json(json!({"text": text})),
        _ => Reply::json(json!({"text": text, "usage": tokens(seconds, pieces.len())})),
    })
}

fn tokens(input: usize, output: usize) -> Value {
    json!({
        "type": "tokens",
        "input_tokens": input,
        "input_token_details": {"text_tokens": 0, "audio_tokens": input},
        "output_tokens": output,
        "total_tokens": input + output,
    })
}

fn segment(text: &str, seconds: usize) -> Value {
    json!({
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": seconds,
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": -0.25,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.01,
    })
}

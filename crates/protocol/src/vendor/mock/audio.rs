//! `/v1/audio/*`: silence for text, and text for any sound.

mod transcript;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

pub(super) use transcript::{transcribe, translate};

use super::ask::Ask;
use super::error::Problem;
use super::reply::{Reply, named};
use super::voice;

/// One MPEG 1 layer III frame: 32 kbit/s, 48 kHz, mono, 24 ms, all zero behind its header, which is silence.
const MP3_FRAME: [u8; 96] = {
    let mut frame = [0; 96];
    [frame[0], frame[1], frame[2], frame[3]] = [0xff, 0xfb, 0x14, 0xc4];
    frame
};
const FRAMES_PER_WORD: usize = 12;
const SAMPLES_PER_SECOND: u32 = 24_000;
/// 288 ms of 16 bit samples, as long as the frames of a word.
const PCM_PER_WORD: usize = 6912 * 2;
/// Longer texts are spoken no longer.
const MOST_WORDS: usize = 300;

/// `POST /v1/audio/speech`: about a third of a second of silence for each word.
pub(super) fn speech(ask: &Ask) -> Result<Reply, Problem> {
    ask.needs_model()?;
    let input = ask.text("input")?.ok_or_else(|| Problem::missing("input"))?;
    ask.needed("voice")?;
    let format = ask.text("response_format")?.unwrap_or("mp3");
    let words = voice::tokens(input).clamp(1, MOST_WORDS);
    let mut pieces: Vec<Bytes> = Vec::new();
    let (content_type, word) = match format {
        "mp3" => ("audio/mpeg", MP3_FRAME.repeat(FRAMES_PER_WORD)),
        "pcm" => ("audio/pcm", vec![0; PCM_PER_WORD]),
        "wav" => {
            pieces.push(wav_head(words * PCM_PER_WORD));
            ("audio/wav", vec![0; PCM_PER_WORD])
        }
        other => {
            let message = format!("Invalid value: '{other}'. The mock can make 'mp3', 'wav' and 'pcm'.");
            return Err(Problem::invalid("response_format", "invalid_value", message));
        }
    };
    pieces.extend(std::iter::repeat_n(Bytes::from(word), words));
    match ask.text("stream_format")? {
        None | Some("audio") => Ok(Reply::stream(content_type, pieces)),
        Some("sse") => {
            let delta = |piece: &Bytes| {
                named(&json!({"type": "speech.audio.delta", "audio": STANDARD.encode(piece)}))
            };
            let tokens = voice::tokens(input);
            let usage =
                json!({"input_tokens": tokens, "output_tokens": words, "total_tokens": tokens + words});
            let done = named(&json!({"type": "speech.audio.done", "usage": usage}));
            Ok(Reply::events(pieces.iter().map(delta).chain([done]).collect()))
        }
        Some(other) => {
            let message = format!("Invalid value: '{other}'. Supported values are: 'sse' and 'audio'.");
            Err(Problem::invalid("stream_format", "invalid_value", message))
        }
    }
}

/// The 44 bytes before mono 16 bit samples.
fn wav_head(data: usize) -> Bytes {
    let length = u32::try_from(data).unwrap_or(u32::MAX - 36);
    let mut head = Vec::with_capacity(44);
    head.extend(b"RIFF");
    head.extend((length + 36).to_le_bytes());
    head.extend(b"WAVEfmt ");
    head.extend(16_u32.to_le_bytes());
    head.extend(1_u16.to_le_bytes());
    head.extend(1_u16.to_le_bytes());
    head.extend(SAMPLES_PER_SECOND.to_le_bytes());
    head.extend((SAMPLES_PER_SECOND * 2).to_le_bytes());
    head.extend(2_u16.to_le_bytes());
    head.extend(16_u16.to_le_bytes());
    head.extend(b"data");
    head.extend(length.to_le_bytes());
    head.into()
}

//! `transcribe`: what is said in a recording.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;

use super::reach::{self, Reach, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Turn a recording into text.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy transcribe memo.wav\n  openai-proxy transcribe talk.mp3 --format srt > talk.srt\n  openai-proxy transcribe memo.wav --language de --json"
)]
pub(super) struct Transcribe {
    /// The recording; the provider says which kinds it takes.
    file: PathBuf,
    /// The model.
    #[arg(short, long, default_value = "whisper-1")]
    model: String,
    /// The language spoken, as ISO 639-1: it is guessed otherwise.
    #[arg(short, long)]
    language: Option<String>,
    /// text, srt, vtt, json or verbose_json.
    #[arg(short, long, default_value = "text")]
    format: String,
    #[command(flatten)]
    place: Where,
}

impl Transcribe {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        let shown = self.file.display();
        let recording = read(&self.file)
            .map_err(|error| Failure::new(Exit::Failed, format!("{shown} cannot be read: {error}.")))?;
        let name = self.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Asked for as JSON even where text is shown: not every server answers `text` alike.
        let format = if talk.json() || self.format == "text" { "json" } else { &self.format };
        let mut fields = vec![("model", self.model.as_str()), ("response_format", format)];
        fields.extend(self.language.as_deref().map(|language| ("language", language)));
        let (kind, form) = super::form::of(&recording, &name, &fields);
        let working = talk.working("listening");
        let told = reach::run(async {
            Reach::find(&self.place)?.tell(Method::POST, "/v1/audio/transcriptions", (&kind, form)).await
        })?;
        drop(working);
        if !told.status.is_success() {
            return Err(Failure::new(Exit::Failed, told.error()));
        }
        let json = told.json();
        match json["text"].as_str() {
            _ if talk.json() => talk.print_json(&json),
            Some(text) if self.format == "text" => talk.print(&format!("{}\n", text.trim())),
            _ => talk.print(&format!("{}\n", String::from_utf8_lossy(&told.body).trim_end())),
        }
        talk.more(&format!("by {}", told.provider().unwrap_or("?")));
        Ok(Exit::Done)
    }
}

/// More than a gateway takes by default (`server.limits.upload`).
const LONGEST: u64 = 1 << 30;

/// A file, or a pipe as `<(command)` makes one.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut recording = Vec::new();
    File::open(file)?.take(LONGEST + 1).read_to_end(&mut recording)?;
    if recording.len() as u64 > LONGEST {
        return Err(std::io::Error::other("it is longer than 1 GiB"));
    }
    Ok(recording)
}

//! `speak`: a text, spoken into a file or to standard output.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use http::Method;
use serde_json::json;

use super::check_endpoints::voice;
use super::reach::{self, Reach, Where};
use crate::exit::{Exit, Failure, Outcome};
use crate::talk::Talk;

/// Turn text into speech.
#[derive(Args)]
#[command(
    before_help = "Examples:\n  openai-proxy speak \"huge manatees\" --output manatees.mp3\n  openai-proxy speak \"hello\" --voice af_bella --format wav | aplay\n  cat letter.txt | openai-proxy speak --output letter.mp3",
    after_help = "A file that is there is overwritten only with --yes."
)]
pub(super) struct Speak {
    /// What to say; without it what comes by standard input.
    text: Vec<String>,
    /// The file to write; without it standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The voice; without it one that the provider has.
    #[arg(long)]
    voice: Option<String>,
    /// The model.
    #[arg(short, long, default_value = "tts-1")]
    model: String,
    /// mp3, wav, flac, opus, aac or pcm; by default what the file's name ends with.
    #[arg(short, long)]
    format: Option<String>,
    #[command(flatten)]
    place: Where,
}

impl Speak {
    pub(super) fn run(self, talk: &Talk) -> Outcome {
        if self.output.is_none() && std::io::stdout().is_terminal() {
            return Err(Failure::new(
                Exit::Misused,
                "Sound is not for a terminal. Name a file: --output FILE",
            ));
        }
        if let Some(file) = self.output.as_ref().filter(|file| file.exists() && !talk.yes()) {
            let say = format!("{} is there already. Overwrite it with --yes.", file.display());
            return Err(Failure::new(Exit::Conflict, say));
        }
        let text = self.text()?;
        let by_name = self.output.as_ref().and_then(|file| file.extension()?.to_str().map(str::to_owned));
        let format = self.format.clone().or(by_name).unwrap_or_else(|| "mp3".to_owned());
        reach::run(async {
            let mut reach = Reach::find(&self.place)?;
            let voice = match &self.voice {
                Some(voice) => voice.clone(),
                None => voice(&mut reach).await,
            };
            let ask = json!({"model": self.model, "voice": voice, "input": text, "response_format": format});
            let body = ("application/json", Bytes::from(ask.to_string()));
            let working = talk.working("speaking");
            let mut visit = reach.ask(Method::POST, "/v1/audio/speech", body).await?;
            if !visit.status.is_success() {
                return Err(Failure::new(Exit::Failed, reach.read(visit).await?.error()));
            }
            let mut out = self.open()?;
            let mut length = 0;
            while let Some(piece) = visit.piece().await.map_err(|problem| reach.unreached(&problem))? {
                length += piece.len();
                match &mut out {
                    None => talk.print_bytes(&piece),
                    Some(file) => file.write_all(&piece).map_err(|error| self.unwritten(&error))?,
                }
            }
            drop(working);
            talk.more(&format!("{length} bytes of {format}, voice {voice}"));
            if let Some(file) = &self.output {
                talk.say(&format!("{} is written.", file.display()));
            }
            Ok(Exit::Done)
        })
    }

    fn text(&self) -> Result<String, Failure> {
        let mut text = self.text.join(" ");
        if text.is_empty() && !std::io::stdin().is_terminal() {
            let unread = |error| {
                Failure::new(Exit::Failed, format!("Standard input cannot be read as text: {error}."))
            };
            std::io::stdin().lock().read_to_string(&mut text).map_err(unread)?;
        }
        if text.trim().is_empty() {
            return Err(Failure::new(
                Exit::Misused,
                "There is nothing to say. Write it: openai-proxy speak \"hello\"",
            ));
        }
        Ok(text)
    }

    fn open(&self) -> Result<Option<std::fs::File>, Failure> {
        let create = |path| std::fs::File::create(path).map_err(|error| self.unwritten(&error));
        self.output.as_ref().map(create).transpose()
    }

    fn unwritten(&self, error: &std::io::Error) -> Failure {
        let file = self.output.clone().unwrap_or_default();
        Failure::new(Exit::Failed, format!("{} cannot be written: {error}.", file.display()))
    }
}

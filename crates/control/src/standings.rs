//! What is said of providers by hand outlasts a restart: it is kept beside the configuration, and said again at the start.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::{Override, OverrideKind, Standing};
use serde::{Deserialize, Serialize};
use store::{StoreProblem, Whence};

use crate::Control;
use crate::status::now_us;

/// Something said by hand, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    kind: String,
    by: String,
    why: String,
    since_us: u64,
}

impl Control {
    /// Says something of a provider by hand, or takes back what was said; none: there is no such provider.
    ///
    /// # Errors
    /// When it cannot be kept. It is then not said.
    pub async fn say(
        &self,
        provider: &str,
        said: Option<Override>,
    ) -> Result<Option<Standing>, StoreProblem> {
        if self.gateway().standing(provider).is_err() {
            return Ok(None);
        }
        let db = &self.books().db;
        let standing = match said {
            None => {
                db.remove_standing(Whence::ByHand, provider).await?;
                self.gateway().reset_standing(provider)
            }
            Some(said) => {
                let kept = Kept {
                    kind: said.kind.word().to_owned(),
                    by: said.by.clone(),
                    why: said.why.clone(),
                    since_us: micros(said.since),
                };
                let text = serde_json::to_string(&kept).unwrap_or_default();
                let until = said.lasts.map(|lasts| now_us().saturating_add(micros(UNIX_EPOCH + lasts)));
                db.keep_standing(Whence::ByHand, provider, &text, until).await?;
                self.gateway().set_standing(provider, said)
            }
        };
        Ok(standing.ok())
    }

    /// Takes in what was said before a restart, or at other gateways of the database, and still holds.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn hear(&self) -> Result<(), StoreProblem> {
        let now = now_us();
        let kept = self.books().db.standings(Whence::ByHand, now).await?;
        let mut heard = self.inner.heard.lock().await;
        if *heard == kept {
            return Ok(());
        }
        for (provider, ..) in heard.iter().filter(|(name, ..)| !kept.iter().any(|(other, ..)| other == name))
        {
            let _ = self.gateway().reset_standing(provider);
        }
        for (provider, text, until) in &kept {
            // One that is gone from the configuration may come back; what is kept stays until then.
            if let Some(said) = said(text, until.map(|until| until.saturating_sub(now))) {
                let _ = self.gateway().set_standing(provider, said);
            }
        }
        *heard = kept;
        Ok(())
    }
}

/// What was kept, and how many microseconds of it are left; none: until it is taken back.
fn said(text: &str, left_us: Option<u64>) -> Option<Override> {
    let Kept { kind: word, by, why, since_us } = serde_json::from_str(text).ok()?;
    let since = UNIX_EPOCH + Duration::from_micros(since_us);
    Some(Override { kind: kind(&word)?, by, why, since, lasts: left_us.map(Duration::from_micros) })
}

fn kind(word: &str) -> Option<OverrideKind> {
    let all = [OverrideKind::Paused, OverrideKind::ForcedOpen, OverrideKind::ForcedClosed];
    all.into_iter().find(|kind| kind.word() == word)
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

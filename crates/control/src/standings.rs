//! What is said of providers by hand outlasts a restart: it is kept beside the configuration, and said again at the start.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::{Override, OverrideKind, Standing};
use serde::{Deserialize, Serialize};
use store::StoreProblem;

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
                db.remove_standing(provider).await?;
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
                db.keep_standing(provider, &text, until).await?;
                self.gateway().set_standing(provider, said)
            }
        };
        Ok(standing.ok())
    }

    /// Says again what was said before a restart, and still holds.
    pub async fn say_again(&self) {
        let now = now_us();
        let kept = match self.books().db.standings(now).await {
            Ok(kept) => kept,
            Err(problem) => {
                tracing::warn!("what was said of providers by hand is not known: {problem}");
                return;
            }
        };
        for (provider, text, until) in kept {
            let said = serde_json::from_str::<Kept>(&text).ok().and_then(|kept| {
                let lasts = until.map(|until| Duration::from_micros(until.saturating_sub(now)));
                let since = UNIX_EPOCH + Duration::from_micros(kept.since_us);
                Some(Override { kind: kind(&kept.kind)?, by: kept.by, why: kept.why, since, lasts })
            });
            // One that is gone from the configuration may come back; what is kept stays until then.
            if let Some(said) = said {
                let _ = self.gateway().set_standing(&provider, said);
            }
        }
    }
}

impl Control {
    /// Takes in what was said at other gateways of the database.
    pub(crate) async fn hear(&self) {
        let Ok(kept) = self.books().db.standings(now_us()).await else { return };
        let mut known = self.inner.heard.lock().await;
        if *known == kept {
            return;
        }
        for (provider, ..) in known.iter().filter(|(name, ..)| !kept.iter().any(|(other, ..)| other == name))
        {
            let _ = self.gateway().reset_standing(provider);
        }
        *known = kept;
        drop(known);
        self.say_again().await;
    }
}

fn kind(word: &str) -> Option<OverrideKind> {
    let all = [OverrideKind::Paused, OverrideKind::ForcedOpen, OverrideKind::ForcedClosed];
    all.into_iter().find(|kind| kind.word() == word)
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

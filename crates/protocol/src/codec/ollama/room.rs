//! Whether a prompt was cut: Ollama reads as much as its context has room for, and says nothing of the rest.
//!
//! What it counts (`prompt_eval_count`) is what was left. Three ways it cuts, and what each leaves:
//! - Whole messages are left out, the oldest first, until the others fit (`chatPrompt` in `server/prompt.go`): any number, up to the
//!   context's length.
//! - What still does not fit loses its middle, until it fills the context exactly (its own runners of 0.4 and later).
//! - Or it is cut to half of it: the first four tokens and half of the others, which is half the context and two (llama.cpp's server,
//!   in the oldest versions and the newest; issue 17427: 65,536 leaves 32,770, ollama-python issue 271: 2,048 leaves 1,026).
//!
//! What is counted alone proves nothing: versions before 0.4, and 0.30 until pull request 16428, leave out what they had in their cache.
//! So it takes two witnesses, and there is silence where one is missing: a false alarm is worse.

use crate::hub::{Part, Request};

/// No real prompt has more characters a token. The most that was seen is 6.0: of the 148 recorded prompts of more than 400 characters,
/// those left aside that a cache or an earlier answer shortened.
const MOST_CHARACTERS: u64 = 8;

/// Context lengths are set in steps of this, mostly: what is written on models, and what the server chooses (4,096, 32,768, 262,144).
const STEP: u64 = 1024;

/// What is known of a prompt and of the room it was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::codec) struct Room {
    /// The length of the context that was asked for (`options.num_ctx`), in tokens.
    told: Option<u64>,
    /// The fewest tokens the prompt can have.
    least: u64,
}

impl Room {
    /// What a request asks for, and how long it is at least: tools and pictures come on top.
    pub(in crate::codec) fn of(request: &Request) -> Self {
        let told = request.rest.get("options").and_then(|options| options.get("num_ctx")?.as_u64());
        let turns = request.turns.iter().flat_map(|turn| &turn.parts);
        let characters: u64 = request.system.iter().chain(turns).map(length).sum();
        Self { told, least: characters / MOST_CHARACTERS }
    }

    /// Whether some of it was surely not read, when so many tokens were.
    pub(in crate::codec) fn is_exceeded(self, read: u64) -> bool {
        if self.told == Some(read) && read > 0 {
            return true;
        }
        let is_mark = read.is_multiple_of(STEP) || read % (STEP / 2) == 2;
        let cut_to = |told: u64| self.least > told || read == told / 2 + 2;
        read > 0
            && self.least > read
            && (is_mark || self.told.is_some_and(|told| read <= told && cut_to(told)))
    }
}

/// Characters that may be tokens: of a run of the same one, such as blanks or a line of dashes, many are a single token.
fn length(part: &Part) -> u64 {
    let text = match part {
        Part::Outcome(outcome) => return outcome.parts.iter().map(length).sum(),
        other => other.text().unwrap_or_default(),
    };
    let mut before = None;
    let mut differs = |c: char| {
        let c = if c.is_whitespace() { ' ' } else { c };
        before.replace(c) != Some(c)
    };
    text.chars().filter(|c| differs(*c)).count() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hub::{Role, Turn};

    fn room(told: Option<u64>, text: &str) -> Room {
        let turns = vec![Turn::new(Role::User, vec![Part::Text(text.to_owned())])];
        let mut request = Request { turns, ..Request::default() };
        if let Some(told) = told {
            request.rest.insert("options".to_owned(), json!({"num_ctx": told}));
        }
        Room::of(&request)
    }

    #[test]
    fn a_prompt_that_filled_its_context_or_left_half_of_it_was_cut() {
        let long = "some words ".repeat(12_000);
        assert!(room(Some(8192), "short").is_exceeded(8192), "there is no room for an answer either");
        assert!(room(Some(10_000), &long).is_exceeded(5002), "half of it, and the first");
        assert!(room(Some(10_000), &long).is_exceeded(9_321), "old messages are left out");
        // The model has less room than it was asked for, or nobody asked.
        for told in [None, Some(131_072)] {
            for read in [4096, 2050, 1026, 8194] {
                assert!(room(told, &long).is_exceeded(read), "{told:?} {read}");
            }
        }
    }

    #[test]
    fn nothing_is_said_where_one_witness_is_missing() {
        let long = "some words ".repeat(12_000);
        let rows = [
            (None, &*long, 3_000, "a cache that is not counted leaves any number"),
            (None, &long, 0, "nothing was counted"),
            (None, &long, 24_578, "all of it was read, and its count looks like a half"),
            (Some(32_768), &long, 24_001, "all of it was read"),
            (Some(4096), &long, 24_001, "the server has more room than it was asked for"),
            (Some(4096), "short", 2050, "a coincidence: so short a text was not cut"),
            (None, "a  line\n\n\n", 2050, "pictures and tools are tokens, too"),
        ];
        for (told, text, read, why) in rows {
            assert!(!room(told, text).is_exceeded(read), "{why}");
        }
        assert_eq!(room(None, &"-".repeat(100_000)).least, 0, "a line of dashes is few tokens");
    }
}

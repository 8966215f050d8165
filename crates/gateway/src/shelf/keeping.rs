//! What a call of Responses knows of its own answer: what that is called, whose it is, and what it goes on with.

use std::sync::Arc;

use bytes::Bytes;
use config::snapshot::KeptResponses;
use protocol::kept::{self, Conversation, Named};
use serde_json::Value;
use store::KeptResponse;
use uuid::Uuid;

use super::recent::{Place, Remembered};
use super::{Lost, Recent, Shelf, now_us};

/// What is known of an answer that may be kept.
#[derive(Clone)]
pub(crate) struct Keeping {
    shelf: Arc<Shelf>,
    owner: Arc<str>,
    id: String,
    /// How answers are kept; `None`: they are not.
    how: Option<KeptResponses>,
    recent: Option<Arc<Recent>>,
    before: Option<Before>,
}

/// What a call goes on with.
#[derive(Clone)]
struct Before {
    /// The answer it names.
    previous: String,
    /// All that was said until then: items with commas between them. Nothing, where nobody will ask for it here.
    items: Arc<str>,
    /// Where that answer is.
    place: Place,
    /// The request as its caller wrote it.
    asked: Bytes,
}

impl Keeping {
    /// For a call of this owner's, which came over that WebSocket.
    pub(crate) fn new(
        shelf: Arc<Shelf>,
        owner: Arc<str>,
        how: Option<KeptResponses>,
        recent: Option<Arc<Recent>>,
    ) -> Self {
        let id = kept::id(Uuid::now_v7().as_u128());
        Self { shelf, owner, id, how, recent, before: None }
    }

    /// Goes on with what the request names, if that is known here: the request with all of it.
    ///
    /// # Errors
    /// When it is an answer of ours that is not there, or cannot be read.
    pub(crate) async fn goes_on(
        &mut self,
        asked: &Bytes,
        previous: Option<String>,
    ) -> Result<Option<Vec<u8>>, Lost> {
        let Some(previous) = previous else { return Ok(None) };
        let found = match self.recent.as_ref().and_then(|recent| recent.find(&previous)) {
            // It has it whole, and more of it than was said here.
            Some(remembered) if remembered.place == Place::Vendor => return Ok(None),
            Some(Remembered { items, place, .. }) => (items, place),
            None if kept::is_ours(&previous) => {
                let line = self.shelf.conversation(&self.owner, &previous).await?;
                let all = line.iter().filter_map(|kept| Conversation::read(&kept.text));
                (written(all.flat_map(|one| one.said().collect::<Vec<_>>())).into(), Place::Shelf)
            }
            None => return Ok(None),
        };
        let (items, place) = found;
        let joined = kept::joined(asked, &items);
        // What is on the shelf is found there again, and need not be held on to for as long as the answer takes.
        let held = self.recent.is_some() || place != Place::Shelf;
        let items = if held { items } else { Arc::from("") };
        // The room it was read into is larger, and is not held on to.
        let asked = Bytes::copy_from_slice(asked);
        self.before = Some(Before { previous, items, place, asked });
        Ok(Some(joined))
    }

    /// Whether it goes on with a conversation that is kept here.
    pub(crate) fn is_ours(&self) -> bool {
        self.before.as_ref().is_some_and(|before| kept::is_ours(&before.previous))
    }

    /// Whether it came over a WebSocket.
    pub(crate) fn is_remembered(&self) -> bool {
        self.recent.is_some()
    }

    /// What its answer is called, where a place of another language gives it.
    pub(crate) fn named(&self, body: &[u8]) -> Named {
        let previous = self.before.as_ref().map(|before| before.previous.clone());
        let kept = self.how.is_some() && may_be_kept(body);
        Named { id: self.id.clone(), kept, previous }
    }

    /// What of `body` is needed once it is answered: nothing, where it is known as its caller wrote it. Not in the room it was read into.
    pub(super) fn asked(&self, body: &Bytes) -> Bytes {
        if self.before.is_some() { Bytes::new() } else { Bytes::copy_from_slice(body) }
    }

    /// The answer to `body` is complete.
    pub(crate) fn keeps(&self, body: &[u8], response: Value) {
        let done = matches!(response["status"].as_str(), Some("completed" | "incomplete"));
        let Some(id) = response["id"].as_str().filter(|_| done).map(str::to_owned) else { return };
        let asked = self.before.as_ref().map_or(body, |before| &before.asked);
        let store = may_be_kept(asked);
        let ours = id == self.id;
        let place = match self.how {
            Some(_) if ours && store => Place::Shelf,
            _ if ours || !store => Place::Here,
            _ => Place::Vendor,
        };
        let input = kept::own_input(asked, Uuid::now_v7().as_u128());
        let said = Conversation { response, input };
        if let Some(recent) = &self.recent {
            let items = self.with_before(written(said.said()));
            recent.remember(Remembered { id: id.clone(), items: items.into(), place });
        }
        if let (Place::Shelf, Some(how)) = (place, self.how) {
            self.put(id, said, how);
        }
    }

    fn put(&self, id: String, mut said: Conversation, how: KeptResponses) {
        let before = self.before.as_ref();
        let previous =
            before.filter(|before| before.place == Place::Shelf).map(|before| before.previous.clone());
        if let (None, Some(before)) = (&previous, before) {
            // Nobody else has what it goes on with.
            let whole = format!("{{\"input\":[{}]}}", before.items);
            let mut input = kept::own_input(whole.as_bytes(), Uuid::now_v7().as_u128());
            input.append(&mut said.input);
            said.input = input;
        }
        let age = u64::try_from(how.age.as_micros()).unwrap_or(u64::MAX);
        let until_us = now_us().saturating_add(age);
        let (owner, text) = (self.owner.to_string(), said.text());
        self.shelf.put(KeptResponse { id, owner, previous, until_us, text }, how.most);
    }

    /// Nothing is to be answered yet; what was said is remembered under the id that is returned.
    pub(crate) fn warms(&self, body: &[u8]) -> &str {
        let asked = self.before.as_ref().map_or(body, |before| &before.asked);
        if let Some(recent) = &self.recent {
            let items = self.with_before(kept::own_said(asked)).into();
            recent.remember(Remembered { id: self.id.clone(), items, place: Place::Here });
        }
        &self.id
    }

    fn with_before(&self, items: String) -> String {
        match &self.before {
            Some(before) if items.is_empty() => before.items.to_string(),
            Some(before) if !before.items.is_empty() => format!("{},{items}", before.items),
            _ => items,
        }
    }
}

/// Whether what a request says may be kept: not where that is in doubt.
fn may_be_kept(body: &[u8]) -> bool {
    kept::wish(body).is_ok_and(|wish| wish.store != Some(false))
}

/// Items with commas between them.
fn written(items: impl Iterator<Item = Value>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

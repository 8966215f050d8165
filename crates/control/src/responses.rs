//! The key that answers are sealed with which the gateway keeps for callers: a secret of the house, as the pepper is.

use std::sync::Arc;

use gateway::{KeyComing, Keyring};

use crate::Inner;

impl Keyring for Inner {
    fn responses_key(self: Arc<Self>) -> KeyComing {
        Box::pin(async move {
            let db = &self.books.db;
            let vault = self.strongbox.vault(db).await?;
            db.responses_key(&vault).await
        })
    }
}

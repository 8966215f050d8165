//! Who may call: whether keys are asked for, and an index of them.

use protocol::secret::Secret;

use crate::document::Document;
use crate::document::callers::Access;
use crate::reader::Findings;
use crate::snapshot::{CallerKey, Callers, Pepper, Proof};

pub(super) fn resolve(document: &Document, pepper: Option<&Secret>, findings: &Findings) -> Callers {
    let asked = match document.auth.access {
        Access::Auto => !document.keys.is_empty(),
        Access::Keys => true,
        Access::None => false,
    };
    if asked && document.keys.is_empty() {
        let what = "`auth.mode` is `keys`, and there is no key: every call is refused.".to_owned();
        let fix = "Make one: openai-proxy keys create NAME".to_owned();
        findings.note("auth.mode", None, what, Some(fix));
    }
    let mut callers = Callers::new(asked, document.auth.accept.clone(), Pepper::new(pepper));
    for key in &document.keys {
        let of_admin = |secret: &Secret| document.admin.keys.iter().any(|key| key.secret.is_same(secret));
        if matches!(&key.proof, Proof::Key(secret) if of_admin(secret)) {
            let what = "is a key of administration, too. Whoever calls could change everything with it.";
            key.name.wrong(findings, what, "Give the caller another one: openssl rand -hex 32");
        }
        let known = CallerKey {
            name: key.name.value.as_str().into(),
            last_four: key.last_four.clone(),
            models: key.models.clone(),
            expires: key.expires,
            limit: key.limit,
            tags: key.tags.clone(),
            fallbacks: key.fallbacks.clone(),
        };
        if let Err(same) = callers.add(known, &key.proof) {
            let what = format!("is the same key as `keys.{}`, and nobody could tell who calls.", same.name);
            key.name.wrong(findings, what, "Give each caller a key of its own.");
        }
    }
    callers
}

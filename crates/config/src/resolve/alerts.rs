//! `alerts`: where hooks are, and the way there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::proxy;
use crate::address::is_near;
use crate::document::alerts::Hook;
use crate::reader::Findings;
use crate::snapshot::{self, Origin};

/// Resolves the hooks.
pub(super) fn resolve(
    written: &[Hook],
    environment: &BTreeMap<String, String>,
    findings: &Findings,
) -> Vec<snapshot::Hook> {
    let hook = |hook: &Hook| {
        let target = &hook.url.value;
        let at = &target.at;
        let plain = Origin::plain(&at.host, at.port);
        snapshot::Hook {
            service: hook.service,
            origin: Arc::new(Origin {
                of_the_machine: false,
                scheme: at.scheme,
                authority: at.authority.clone(),
                // As for providers: whoever writes a near address means it.
                allow_private: hook.allow_private.unwrap_or_else(|| is_near(&at.host)),
                proxy: proxy::of_environment(at, environment, findings),
                ..plain
            }),
            path: target.path.clone(),
            sign: hook.sign.clone(),
        }
    };
    written.iter().map(hook).collect()
}

//! Asking providers whether they are well, where that is written (`providers.NAME.health`): by the same address, proxy,
//! certificate and credential as for a call. It is no call: nothing is recorded, and no model is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::snapshot::{Credential, HealthCheck, Provider};
use http::{Method, StatusCode, Uri};
use tokio::time::Instant;

use super::client::Reply;
use super::inspect;
use crate::Gateway;
use crate::observe::Ending;
use crate::spawn;

/// How often it is looked who is due, where anybody wants to be asked, and where nobody does.
const LOOK: Duration = Duration::from_millis(250);
const RARELY: Duration = Duration::from_secs(1);
/// An answer has this long, and no longer than until the next question: one at a time.
const PATIENCE: Duration = Duration::from_secs(10);
/// So much of an answer is read, so that its connection can be kept.
const MOST: usize = 1 << 20;

/// Asks whoever wants to be asked, until it is dropped.
pub(crate) async fn attend(gateway: Gateway) {
    let gateway = Arc::new(gateway);
    let mut due: BTreeMap<String, Instant> = BTreeMap::new();
    loop {
        tokio::time::sleep(if due.is_empty() { RARELY } else { LOOK }).await;
        round(&gateway, &mut due);
    }
}

/// Asks all that are due, each by itself: one that is silent holds up no other.
fn round(gateway: &Arc<Gateway>, due: &mut BTreeMap<String, Instant>) {
    let (world, now) = (gateway.world(), Instant::now());
    let asked = |provider: &&Arc<Provider>| provider.health.is_some();
    due.retain(|name, _| {
        let stays = world.providers.iter().filter(asked).any(|provider| provider.name == *name);
        if !stays {
            gateway.register.unchecked(name);
        }
        stays
    });
    for provider in world.providers.iter().filter(asked) {
        let Some(rules) = &provider.health else { continue };
        // Not all of them at once that were written together.
        let at =
            due.entry(provider.name.clone()).or_insert_with(|| now + rules.every.mul_f64(fastrand::f64()));
        if *at <= now {
            *at = now + jittered(rules.every);
            spawn::detached(check(gateway.clone(), provider.clone()));
        }
    }
}

/// A tenth less or more, so that several gateways do not ask at one instant.
fn jittered(every: Duration) -> Duration {
    every.mul_f64(0.9 + fastrand::f64() * 0.2)
}

async fn check(gateway: Arc<Gateway>, provider: Arc<Provider>) {
    let Some(rules) = &provider.health else { return };
    // Nothing is sent to one that somebody has paused, and nothing held against it.
    if gateway.register.bars(&provider.name).is_some() {
        return;
    }
    let patience = PATIENCE.min(rules.every.mul_f64(0.9));
    let ending = match tokio::time::timeout(patience, ask(&gateway, &provider, rules)).await {
        Ok(Ok(status)) => ending(&provider, status),
        Ok(Err(why)) => {
            tracing::debug!(provider = provider.name, why, "was not found well");
            Some(Ending::Transport)
        }
        Err(_) => Some(Ending::Transport),
    };
    if let Some(ending) = ending {
        // Until it has been asked again, twice if that comes to nothing.
        let again = rules.every.mul_f64(2.2) + PATIENCE;
        gateway.register.checked(&provider.name, rules, (ending, again));
    }
}

/// What a status says; none: nothing, for it is there and does not want to be asked so often.
fn ending(provider: &Provider, status: StatusCode) -> Option<Ending> {
    let stored = matches!(provider.credential, Credential::Stored(_) | Credential::Identity(_));
    match status.as_u16() {
        429 => None,
        401 | 403 if stored => Some(Ending::KeyRefused),
        500.. => Some(Ending::ProviderFailed),
        // It was there and knew what to say.
        400..=499 => Some(Ending::ProviderRefused),
        _ => Some(Ending::Answered),
    }
}

/// One question; the status of the answer.
async fn ask(gateway: &Gateway, provider: &Provider, rules: &HealthCheck) -> Result<StatusCode, String> {
    let purse = gateway.register.purses.find(provider);
    let grant = Box::pin(inspect::grant(provider, purse.as_ref())).await?;
    let key = gateway.register.keys.first_well(provider);
    let shown = inspect::shown(provider, key.as_ref(), grant.as_deref());
    let mut request = inspect::request(provider, shown, (Method::GET, "/v1/models"), None, Bytes::new())?;
    if let Some(path) = &rules.path {
        *request.uri_mut() = path.parse::<Uri>().map_err(|error| error.to_string())?;
    }
    let deadline = Instant::now() + PATIENCE;
    let reply = gateway.client.send(provider, request.into(), deadline).await;
    let Reply { status, mut rest, .. } = *reply.map_err(|trouble| trouble.cause())?;
    let mut read = 0;
    while let Some(piece) = rest.piece().await {
        read += piece.map_err(|trouble| trouble.cause())?.len();
        if read > MOST {
            return Ok(status);
        }
    }
    rest.finish();
    Ok(status)
}

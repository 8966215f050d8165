//! Asking providers which models they have, when a request needs to know, and not before.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::Snapshot;
use config::snapshot::{Provider, UnknownModel};
use http::Method;
use protocol::listing::{self, Entry};
use protocol::operation::Row;
use protocol::secret::Secret;

use tokio::time::Instant;

use super::client::Reply;
use super::{Client, inspect};
use crate::Gateway;
use crate::catalogue::{Catalogue, FIRST_WAIT};
use crate::intake::{Call, Gathered};
use crate::spawn;
use crate::standing::Purse;

/// A provider has this long for its list; what comes later is taken in all the same.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest list read.
const MAX_LIST: usize = 8 * 1024 * 1024;

/// Whether the way of this call depends on what providers say: a list was asked for, or a model is named that no
/// configuration knows (unless there is only one place it could go anyway).
pub(crate) fn is_needed(world: &Snapshot, call: &Call) -> bool {
    depends(world, call.row, call.model.as_ref())
}

/// The same, for an operation and the model named.
pub(crate) fn depends(world: &Snapshot, row: &Row, model: Option<&String>) -> bool {
    let one_way = world.providers.len() == 1 && world.routing.unknown_model == UnknownModel::Provider(0);
    let unknown = |model: &String| !one_way && world.models.find(model).is_none();
    row.ours || model.is_some_and(unknown)
}

/// Starts asking whoever is due, and lets the first askers wait for a moment.
pub(crate) async fn refresh(gateway: &Gateway, world: &Arc<Snapshot>, model: Option<&str>) {
    let missed = world.providers.iter().any(|provider| provider.local) && is_unknown(gateway, world, model);
    for place in gateway.catalogue.due(world, &gateway.register, missed) {
        let provider = world.providers[place].clone();
        let catalogue = gateway.catalogue.clone();
        let client = gateway.client.share();
        let purse = gateway.register.purses.find(&provider);
        let key = gateway.register.keys.first_well(&provider);
        spawn::detached(ask(client, catalogue, provider, (purse, key)));
    }
    // Polled once when there is nothing to wait for.
    let _ = tokio::time::timeout(FIRST_WAIT, gateway.catalogue.settled(world, missed)).await;
}

/// Whether a model is named that nobody is known to have.
fn is_unknown(gateway: &Gateway, world: &Snapshot, model: Option<&str>) -> bool {
    let known = |model: &str| {
        world.models.find(model).is_some() || !gateway.catalogue.places(world, model).is_empty()
    };
    !model.is_none_or(known)
}

/// What we are known by: what is held of who we are there, or one of several keys.
type Known = (Option<Arc<Purse>>, Option<Secret>);

async fn ask(client: Client, catalogue: Arc<Catalogue>, provider: Arc<Provider>, known: Known) {
    let told = match tokio::time::timeout(PATIENCE, list(&client, &provider, known)).await {
        Ok(told) => told,
        Err(_) => Err("no answer in time".to_owned()),
    };
    if let Err(why) = &told {
        tracing::warn!(provider = %provider.name, why, "did not say which models it has");
    }
    catalogue.learn(&provider, told.ok());
}

/// The list of one provider: OpenAI's shape, `data` with an `id` in each entry.
async fn list(client: &Client, provider: &Provider, (purse, key): Known) -> Result<Vec<Entry>, String> {
    let grant = inspect::grant(provider, purse.as_ref()).await?;
    let shown = inspect::shown(provider, key.as_ref(), grant.as_deref());
    let request = inspect::request(provider, shown, (Method::GET, "/v1/models"), None, Bytes::new())?;
    let reply = client.send(provider, request.into(), Instant::now() + PATIENCE).await;
    let Reply { status, mut rest, .. } = *reply.map_err(|trouble| trouble.cause())?;
    if !status.is_success() {
        return Err(format!("it answered with status {}", status.as_u16()));
    }
    let mut body = Gathered::default();
    while let Some(piece) = rest.piece().await {
        body.push(piece.map_err(|trouble| trouble.cause())?);
        if body.len() > MAX_LIST {
            return Err("its list is longer than 8 MiB".to_owned());
        }
    }
    rest.finish();
    listing::read(&body.into_bytes()).ok_or_else(|| "its answer is no list of models".to_owned())
}

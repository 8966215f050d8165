//! What a head says of who asks for what: enough to know whether a body is worth reading.

use std::net::IpAddr;

use config::Snapshot;
use http::Request;
use protocol::operation::{self, Found};

use super::credential::{self, Offered};
use super::{Peer, caller_address, check_http2, note_spelling, path_error};
use crate::error::ApiError;

/// A request of which only the head was looked at.
pub(crate) struct Knock<'p> {
    /// The operation its path and method mean.
    pub(crate) found: Found<'p>,
    /// The credential it shows.
    pub(crate) offered: Option<Offered>,
    /// Where it came from; behind a trusted proxy, the address that proxy names.
    pub(crate) caller_ip: Option<IpAddr>,
}

/// Looks at the head of a request, whose `path` outlives it.
///
/// # Errors
/// What is wrong with path, method or credential.
pub(crate) fn knock<'p, B>(
    world: &Snapshot,
    peer: &Peer,
    path: &'p str,
    request: &mut Request<B>,
) -> Result<Knock<'p>, ApiError> {
    check_http2(request.uri(), request.version(), request.method(), request.headers())?;
    let found = operation::find(request.method(), path).map_err(|problem| path_error(problem, path))?;
    note_spelling(found.spelling);
    // What administers this gateway is for nobody else, least of all for a provider.
    request.headers_mut().remove(&world.admin.header);
    let administers = |offered: &Offered| world.admin.keys.iter().any(|key| key.secret.is_same(&offered.0));
    let offered = credential::read(world.callers.accept(), request.headers(), request.uri().query())?;
    let offered = offered.filter(|offered| !administers(offered));
    Ok(Knock { found, offered, caller_ip: caller_address(world, peer, request.headers()) })
}

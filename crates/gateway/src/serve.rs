//! THE LINE: one call, from the door to the bill. Every step's result is an argument of a later one.
//!
//! Invariants, each with a test that bears its number (`crates/openai-proxy/tests/it/invariants.rs`):
//!
//! 1. A call sees one snapshot; a change of configuration never shows in the middle of a call.
//! 2. Retry and fallback happen only before the first byte of an answer has gone to the caller. A stream that breaks behind it
//!    may be gone on with elsewhere, so that its caller reads one answer, or ends as broken.
//! 3. Same language in and out: body bytes are forwarded as they came, with at most two edits in place, the model's name
//!    (put in where only the path says it) and the request for a usage chunk (which is then kept from a caller who did not
//!    ask for it). A heartbeat, an empty line between two events of a silent stream or before its first, is ours and no
//!    part of the body; a byte order mark does not pass behind one. Who asks for a schema that its place would refuse is
//!    not in the same language (`upstream/passage.rs`).
//! 4. Exactly one usage record per call, whatever happens.
//! 5. The line never awaits the database.
//! 6. A permit gives back what it holds when it is dropped, on every ending.
//! 7. No stage reads a header or environment variable that is not in the `Call` or the `Snapshot`.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use config::Snapshot;
use futures_util::FutureExt;
use http::Response;
use hyper::Request;
use hyper::body::Incoming;
use protocol::operation;

use crate::account::Meter;
use crate::error::ApiError;
use crate::intake::Peer;
use crate::relay::{self, RelayBody};
use crate::upstream::Answer;
use crate::{Gateway, about, admit, front, identify, intake, listing, office, route, upstream};

/// Serves one request.
pub(crate) async fn serve(gateway: &Gateway, peer: &Peer, request: Request<Incoming>) -> Response<RelayBody> {
    let world = gateway.world();
    if let Some(room) = gateway.office.find(&world, peer, request.uri().path()) {
        return office::visit(&*room, world, peer, request).await;
    }
    let cors = intake::cors(&world, request.headers());
    if let Some(page) = front::page(gateway, &world, peer, &cors, &request) {
        return relay::page(page.status, page.head, page.text, peer);
    }
    let dialect = operation::dialect_of(request.uri().path());
    let mut meter = Meter::start(gateway, &world, peer, &request);
    // A fault of ours ends this call and no other.
    // In a place of its own, which is given up before the answer flows: a connection keeps no room for it meanwhile.
    let walk = Box::pin(line(gateway, &world, peer, request, &mut meter));
    let walked = AssertUnwindSafe(walk).catch_unwind().await;
    meter.ensure_id(intake::fresh_id);
    match walked {
        Ok(Ok(answer)) => relay::send(answer, meter, peer, &cors, gateway.life()),
        Ok(Err(error)) => relay::refuse(error, meter, dialect, peer, &cors),
        Err(_panic) => relay::refuse(ApiError::mistake(), meter, dialect, peer, &cors),
    }
}

async fn line(
    gateway: &Gateway,
    world: &Arc<Snapshot>,
    peer: &Peer,
    mut request: Request<Incoming>,
    meter: &mut Meter,
) -> Result<Answer, ApiError> {
    intake::check_door(world, peer, request.uri(), request.headers())?;
    front::refuse_at_admin_door(peer)?;
    let path = request.uri().path().to_owned();
    let mut knock = intake::knock(world, peer, &path, &mut request)?;
    let caller = identify::caller(&gateway.tries, world, &mut knock)?;
    let call = intake::read(world, peer, knock, request).await?;
    meter.knows(&call, caller.name());
    let asked = admit::ask(gateway, world, &caller, &call);
    meter.leaves(asked.left);
    let permit = asked.permit?;
    if upstream::discover::is_needed(world, &call) {
        upstream::discover::refresh(gateway, world, call.model.as_deref()).await;
    }
    if listing::is_ours(world, &call) {
        return listing::answer(world, &gateway.catalogue, &caller, &call)
            .map(|answer| answer.holding(permit));
    }
    let plan = route::plan(world, gateway.known(), &caller, &call)?;
    if let Some(answer) = about::answer(&call, &plan) {
        return Ok(answer.holding(permit));
    }
    let answer = upstream::attempt(gateway, world, plan, call, meter).await?;
    Ok(answer.holding(permit))
}

//! THE LINE: one call, from the door to the bill. Every step's result is an argument of a later one.
//!
//! Invariants, each with a test that bears its number (`crates/openai-proxy/tests/it/invariants.rs`):
//!
//! 1. A call sees one snapshot; a change of configuration never shows in the middle of a call.
//! 2. Retry and fallback happen only before the first byte of an answer has gone to the caller. A stream that breaks behind it
//!    may be gone on with elsewhere, so that its caller reads one answer, or ends as broken.
//! 3. Same language in and out: body bytes are forwarded as they came, with at most two edits in place, the model's name
//!    (put in where only the path says it) and the request for a usage chunk (which is then kept from a caller who did not
//!    ask for it). A heartbeat, an empty line between two events (or elements of an array) of a silent stream or before its
//!    first, is ours and no part of the body; a byte order mark does not pass behind one. Who asks for a schema that its
//!    place would refuse is not in the same language (`upstream/passage.rs`).
//! 4. Exactly one usage record per call, whatever happens.
//! 5. The line never awaits the database, save for what its caller asks to be read from it by its id (a kept response), and then not for
//!    long.
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
use crate::intake::{Arriving, Cors, Peer};
use crate::relay::{self, RelayBody};
use crate::socket::{self, Hearing, House};
use crate::upstream::Answer;
use crate::{Gateway, about, admit, front, identify, intake, listing, office, route, stored, upstream};

/// Serves one request.
pub(crate) async fn serve(
    gateway: &Arc<Gateway>,
    peer: &Peer,
    request: Request<Incoming>,
) -> Response<RelayBody> {
    let world = gateway.world();
    if let Some(room) = gateway.office.find(&world, peer, request.uri().path()) {
        return office::visit(&*room, world, peer, request).await;
    }
    let cors = intake::cors(&world, request.headers());
    if let Some(page) = front::page(gateway, &world, peer, &cors, &request) {
        return relay::page(page.status, page.head, page.text, peer);
    }
    call(gateway, &world, peer, &cors, request.map(Arriving::Body)).await
}

/// Serves a message of a WebSocket, which is a call of its own.
fn hear(gateway: Arc<Gateway>, peer: Peer, request: Request<Arriving>) -> Hearing {
    Box::pin(async move {
        let world = gateway.world();
        let cors = intake::cors(&world, request.headers());
        call(&gateway, &world, &peer, &cors, request).await
    })
}

/// Whether who opened a WebSocket may still speak.
fn admits(gateway: &Gateway, peer: &Peer, mut request: Request<()>) -> bool {
    let world = gateway.world();
    let path = request.uri().path().to_owned();
    let knock = intake::knock(&world, peer, &path, &mut request);
    let named = knock.and_then(|mut knock| identify::name(&gateway.tries, &world, &mut knock, &request));
    named.and_then(identify::Named::at_once).is_ok()
}

/// One call, and what goes to its caller.
async fn call(
    gateway: &Arc<Gateway>,
    world: &Arc<Snapshot>,
    peer: &Peer,
    cors: &Cors,
    request: Request<Arriving>,
) -> Response<RelayBody> {
    let dialect = operation::dialect_of(request.uri().path());
    let mut meter = Meter::start(gateway, world, peer, &request);
    // A fault of ours ends this call and no other.
    // In a place of its own, which is given up before the answer flows: a connection keeps no room for it meanwhile.
    let walk = Box::pin(line(gateway, world, peer, request, &mut meter));
    let walked = AssertUnwindSafe(walk).catch_unwind().await;
    meter.ensure_id(intake::fresh_id);
    match walked {
        Ok(Ok(answer)) => relay::send(answer, meter, peer, cors, gateway.life()),
        Ok(Err(error)) => relay::refuse(error, meter, dialect, peer, cors),
        Err(_panic) => relay::refuse(ApiError::mistake(), meter, dialect, peer, cors),
    }
}

async fn line(
    gateway: &Arc<Gateway>,
    world: &Arc<Snapshot>,
    peer: &Peer,
    mut request: Request<Arriving>,
    meter: &mut Meter,
) -> Result<Answer, ApiError> {
    intake::check_door(world, peer, request.uri(), request.headers())?;
    front::refuse_at_admin_door(peer)?;
    let path = request.uri().path().to_owned();
    let manages = operation::manages(request.method(), &path);
    if manages {
        office::let_manage(gateway, world, peer, &request).await?;
    }
    let mut knock = intake::knock(world, peer, &path, &mut request)?;
    front::refuse_at_native_door(peer, knock.found.row)?;
    let named = match manages {
        // Who may administer was asked for another key already.
        true => identify::Named::open(),
        false => identify::name(&gateway.tries, world, &mut knock, &request)?,
    };
    if socket::is_asked_for(world, knock.found.row, &request) {
        meter.opens(knock.found.row.operation, named.at_once()?.name());
        return socket::open(House { gateway: gateway.clone(), hear, admits }, peer, request);
    }
    let mut call = intake::read(world, peer, knock, request).await?;
    let caller = identify::prove(&gateway.tries, named, &call)?;
    meter.knows(&call, caller.name());
    let asked = admit::ask(gateway, world, &caller, &call);
    meter.leaves(asked.left);
    let permit = asked.permit?;
    if stored::concerns(&call)
        && let Some(answer) = Box::pin(stored::look(&gateway.shelf, world, &caller, &mut call)).await?
    {
        return Ok(answer.holding(permit));
    }
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
    if let Some(answer) = stored::warmed(&call)? {
        return Ok(answer.holding(permit));
    }
    let course = upstream::Course::new(gateway, world.clone(), plan, call, meter);
    let answer = upstream::attempt(course, meter).await?;
    Ok(answer.holding(permit))
}

//! Runs a case: whole, in pieces, byte by byte, up to 16 connections at once.

use super::case::{Case, Then};
use super::judge;
use super::stage::{Plans, Stage};
use super::text::{Words, expand, fresh_id};
use crate::caller::Caller;
use crate::vendor::{Act, Ending, Step};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Longest block which is cut at every byte.
const EVERY_BYTE: usize = 600;
/// How many cuts a longer one gets.
const CUTS: usize = 48;
const AT_ONCE: usize = 16;

/// How the bytes are sent in one run.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Whole,
    CutAt(usize),
    ByteByByte,
}

/// Everything the runs of one case share.
struct Show {
    case: Case,
    gateway: SocketAddr,
    plans: Plans,
}

/// Executes one case against the gateway at `gateway`, which has `stage` as its vendor. The error says which run went
/// wrong, how, and what the case is about. Cases share a stage one after the other: the ledger is judged by what
/// happened since this one began.
pub async fn run(case: &Case, gateway: SocketAddr, stage: &Stage) -> Result<(), String> {
    let plans = stage.plans();
    let known = plans.ledger.begun();
    let show = Arc::new(Show { case: case.clone(), gateway, plans });
    let explain =
        |manner: Manner, error: String| format!("{} ({manner:?}): {error}\n{}", case.name, case.why);
    let mut ids = Vec::new();
    let mut manners = manners(&show)?.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(manner) = manners.next()
        {
            let (show, id) = (show.clone(), fresh_id());
            ids.push(id.clone());
            running.spawn(async move { (manner, once(&show, manner, id).await) });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((_, Ok(())))) => {}
            Some(Ok((manner, Err(error)))) => return Err(explain(manner, error)),
            Some(Err(panic)) => return Err(explain(Manner::Whole, panic.to_string())),
        }
    }
    // What was smuggled may arrive after its run was judged: everything is looked through once more.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let probe = fresh_id();
    if show.case.expect.vendor_not_reused {
        let mut caller = Caller::connect(gateway).await;
        let answered = judge::probe(&mut caller, gateway, &probe).await;
        answered.map_err(|error| explain(Manner::Whole, error))?;
        ids.push(probe);
    }
    judge::afterwards(&show.case, &show.plans.ledger, known, &ids, &gateway.to_string())
        .map_err(|error| explain(Manner::Whole, error))
}

fn manners(show: &Show) -> Result<Vec<Manner>, String> {
    let words = Words { id: "0".repeat(16), host: show.gateway.to_string() };
    let length = expand(show.case.vendor.as_ref().unwrap_or(&show.case.request), &words)?.len();
    let mut manners = vec![Manner::Whole];
    if show.case.splits {
        let step = if length <= EVERY_BYTE { 1 } else { length / CUTS };
        manners.extend((1..length).step_by(step).map(Manner::CutAt));
        if length <= EVERY_BYTE {
            manners.push(Manner::ByteByByte);
        }
    }
    Ok(manners)
}

async fn once(show: &Show, manner: Manner, id: String) -> Result<(), String> {
    let Show { case, gateway, plans } = show;
    let known = plans.ledger.begun();
    let words = Words { id, host: gateway.to_string() };
    let request = expand(&case.request, &words)?;
    if let Some(vendor) = &case.vendor {
        let ending = match case.vendor_then {
            Then::Open => Ending::Clean,
            Then::Close => Ending::Fin,
            Then::Reset => Ending::Reset,
        };
        plans.answer(&words.id, Act::Raw(steps(expand(vendor, &words)?.into(), manner), ending));
    }
    let mut caller = Caller::connect(*gateway).await;
    // A refusal may come, and the connection close, before all is sent: only the answer is judged.
    drop(match manner {
        _ if case.body_after_100 => body_after_100(&mut caller, &request).await,
        _ if case.vendor.is_some() => caller.send(&request).await,
        Manner::Whole => caller.send(&request).await,
        Manner::CutAt(at) => caller.send_split(&request, &[at]).await,
        Manner::ByteByByte => byte_by_byte(&mut caller, &request).await,
    });
    if case.close_write {
        drop(caller.finish_writing().await);
    }
    let verdict = judge::answers(case, &mut caller, &words).await;
    // RST and not FIN: thousands of runs would otherwise leave thousands of ports in TIME_WAIT.
    caller.reset();
    verdict?;
    judge::upstream(case, &plans.ledger, known, &words)
}

async fn body_after_100(caller: &mut Caller, request: &[u8]) -> std::io::Result<()> {
    let body = memchr::memmem::find(request, b"\r\n\r\n").map_or(request.len(), |at| at + 4);
    caller.send(&request[..body]).await?;
    caller.wait_for_head().await?;
    caller.send(&request[body..]).await
}

async fn byte_by_byte(caller: &mut Caller, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes.chunks(1) {
        caller.send(byte).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn steps(bytes: Bytes, manner: Manner) -> Vec<Step> {
    match manner {
        Manner::Whole => vec![Step::Verbatim(bytes)],
        Manner::CutAt(at) => {
            let pause = Step::Wait(Duration::from_millis(1));
            vec![Step::Verbatim(bytes.slice(..at)), pause, Step::Verbatim(bytes.slice(at..))]
        }
        Manner::ByteByByte => (0..bytes.len()).map(|at| Step::Verbatim(bytes.slice(at..=at))).collect(),
    }
}

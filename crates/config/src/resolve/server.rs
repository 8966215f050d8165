//! The doors: who can reach them, and what follows from that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::document::callers::Access;
use crate::document::listener::Listener;
use crate::reader::Findings;
use crate::snapshot::{Door, Server};

/// Where we listen when nobody says (D-2), and where administration moves when callers come from outside (D-3).
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2020);
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2021);

/// `administered`: there are keys of administration.
pub(super) fn resolve(
    written: &Listener,
    access: Access,
    administered: bool,
    findings: &Findings,
) -> Option<Server> {
    let safe = is_safe(written, access, findings) & is_admin_safe(written, access, administered, findings);
    let mut listen: Vec<Door> = written.listen.iter().map(|door| door.value.clone()).collect();
    if listen.is_empty() {
        listen.push(Door::Tcp(USUAL));
    }
    let public = listen.iter().any(is_public);
    let admin_listen = match &written.admin_listen {
        Some(written) => written.value,
        None => public.then_some(ADMIN),
    };
    let native = written.native_listen.iter().map(|door| door.value.clone());
    let all: Vec<Door> = listen.iter().cloned().chain(native).collect();
    let allowed_hosts = written.allowed_hosts.clone().unwrap_or_else(|| allowed_hosts(&all, written));
    safe.then(|| Server {
        listen,
        admin_listen,
        native_listen: written.native_listen.as_ref().and_then(|door| match door.value {
            Door::Tcp(address) => Some(address),
            Door::Unix(_) => None,
        }),
        manage_models: written.manage_models,
        workers: written
            .workers
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        shared_workers: written.shared_workers,
        allowed_hosts,
        allow_origins: written.allow_origins.clone(),
        trusted_proxies: written.trusted_proxies.clone(),
        limits: written.limits,
        timeouts: written.timeouts,
        heartbeat: written.heartbeat,
        responses_websocket: written.responses_websocket,
        tls: written.tls.clone(),
    })
}

/// A door others can reach needs keys, or the words that it is open to everybody (D-4).
fn is_safe(written: &Listener, access: Access, findings: &Findings) -> bool {
    if access != Access::Auto {
        return true;
    }
    let mut safe = true;
    for door in written.listen.iter().chain(&written.native_listen) {
        if let Door::Tcp(address) = &door.value
            && is_public(&door.value)
        {
            door.wrong(
                findings,
                format!("is {address}, which others can reach, and no key is asked for."),
                format!(
                    "Write `auth: {{mode: keys}}` to ask for keys, `auth: {{mode: none}}` to leave it open to everybody, or listen on 127.0.0.1:{}.",
                    address.port()
                ),
            );
            safe = false;
        }
    }
    safe
}

/// So does the door of administration, with keys of its own kind.
fn is_admin_safe(written: &Listener, access: Access, administered: bool, findings: &Findings) -> bool {
    if access == Access::None || (access == Access::Keys && administered) {
        return true;
    }
    let Some(admin) = &written.admin_listen else { return true };
    let Some(address) = admin.value.filter(|address| !address.ip().is_loopback()) else { return true };
    admin.wrong(
        findings,
        format!("is {address}, which others can reach, and no key is asked for there."),
        format!(
            "Write `admin: {{api_key: ...}}` and `auth: {{mode: keys}}`, or listen on 127.0.0.1:{}.",
            address.port()
        ),
    );
    false
}

fn is_public(door: &Door) -> bool {
    matches!(door, Door::Tcp(address) if !address.ip().to_canonical().is_loopback())
}

/// On loopback only our own names: a page elsewhere must not reach us through a name it makes point here.
fn allowed_hosts(listen: &[Door], written: &Listener) -> Vec<String> {
    if listen.iter().any(is_public) {
        return Vec::new();
    }
    let mut hosts: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let literal = listen.iter().filter_map(|door| match door {
        Door::Tcp(address) => Some(address.ip().to_string()),
        Door::Unix(_) => None,
    });
    for host in literal.chain(written.public_host.clone()) {
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

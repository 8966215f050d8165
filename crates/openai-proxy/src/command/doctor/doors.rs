//! The addresses a gateway would listen on: free, ours, or whose.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;

use config::snapshot::Door;

use super::finding::Finding;
use super::scene::Scene;
use crate::occupant::{self, Occupant};

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let Ok(loaded) = &scene.loaded else { return Vec::new() };
    let server = &loaded.snapshot.server;
    let mut findings: Vec<Finding> = server
        .listen
        .iter()
        .map(|door| match door {
            Door::Tcp(address) => tcp(scene, *address),
            Door::Unix(path) => unix(scene, path),
        })
        .collect();
    findings.extend(server.admin_listen.map(|address| tcp(scene, address)));
    findings.extend(server.native_listen.map(|address| tcp(scene, address)));
    findings
}

fn tcp(scene: &Scene, address: SocketAddr) -> Finding {
    let door = address.to_string();
    if address.port() == 0 {
        return Finding::skipped("port", format!("{door}: any free port is taken"));
    }
    match TcpListener::bind(address) {
        Ok(_) => Finding::good("port", format!("{door} is free")),
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse => taken(scene, &door),
            ErrorKind::PermissionDenied => Finding::bad("port", format!("{door} may not be opened"))
                .cause("Ports below 1024 belong to the system.")
                .fix("Choose a port above 1024, or give the program cap_net_bind_service."),
            ErrorKind::AddrNotAvailable => {
                Finding::bad("port", format!("{door} is no address of this computer"))
                    .fix("Choose another address: server.listen or --listen.")
            }
            _ => Finding::bad("port", format!("{door} cannot be opened")).cause(error.to_string()),
        },
    }
}

fn unix(scene: &Scene, path: &Path) -> Finding {
    let door = format!("unix:{}", path.display());
    if UnixStream::connect(path).is_ok() {
        return taken(scene, &door);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        Finding::good("port", format!("{door} is free"))
    } else {
        Finding::bad("port", format!("{door} cannot be made"))
            .cause(format!("{} is no folder.", folder.display()))
    }
}

fn taken(scene: &Scene, door: &str) -> Finding {
    match occupant::of(door, &scene.environment) {
        Some(Occupant::Ours(one)) => Finding::good("port", format!("{door} is ours: pid {}", one.pid)),
        Some(Occupant::Other(pid, name)) => {
            Finding::bad("port", format!("{door} is taken: {name}, pid {pid}, listens there"))
                .fix("Stop it, or choose another address: server.listen or --listen.")
        }
        None => Finding::bad("port", format!("{door} is taken by another program"))
            .cause("The system does not tell by which; another user's, perhaps, or one in a container.")
            .fix("Stop it, or choose another address: server.listen or --listen."),
    }
}

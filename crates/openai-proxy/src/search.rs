//! Looking for servers on this computer: who is there at start, and who comes later.
//!
//! Only loopback is asked, and, inside a container, the names by which its host is known. A server that goes away stays a
//! provider: what was meant for it never goes elsewhere by itself (D-15).

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use config::{Found, Given, Loaded, Problems};
use gateway::{Sighting, look_around};
use protocol::vendor::fingerprint;
use tokio::net::TcpStream;

/// What a search brought.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Who was recognised.
    pub(crate) sightings: Vec<Sighting>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Searches for at most `patience`. Our own doors are not asked.
pub(crate) async fn search(patience: Duration, own_ports: &[u16]) -> Search {
    let began = Instant::now();
    let ports: Vec<u16> = fingerprint::ports().into_iter().filter(|port| !own_ports.contains(port)).collect();
    let sightings = look_around(&hosts(), &ports, patience).await;
    Search { sightings, took: began.elapsed() }
}

/// The configuration as a gateway begins with it: read, and, where providers are to be found, with what a search of this
/// computer brought.
///
/// # Errors
/// All problems of the configuration.
pub(crate) async fn load(given: &mut Given) -> Result<(Loaded, Option<Search>), Problems> {
    let loaded = config::load(given)?;
    let Some(patience) = loaded.search else { return Ok((loaded, None)) };
    let search = search(patience, &own_ports(&loaded)).await;
    add(given, search.found());
    config::load(given).map(|loaded| (loaded, Some(search)))
}

/// The names by which a container knows its host.
const HOST_OF_CONTAINER: [&str; 2] = ["host.docker.internal", "host.containers.internal"];

/// Loopback; inside a container also its host, where `/etc/hosts` says who that is. No resolver is asked: at start no packet
/// goes beyond this computer.
fn hosts() -> Vec<String> {
    let table = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let mut hosts = vec!["127.0.0.1".to_owned()];
    for line in table.lines().map(|line| line.split('#').next().unwrap_or_default()) {
        let mut words = line.split_whitespace();
        let Some(address) = words.next() else { continue };
        let is_host = words.any(|name| HOST_OF_CONTAINER.contains(&name));
        if is_host && !hosts.iter().any(|known| known == address) {
            hosts.push(address.to_owned());
        }
    }
    hosts
}

/// The ports where servers usually stand, and which of them are open.
pub(crate) struct Ports {
    watched: Vec<u16>,
    open: HashSet<u16>,
}

impl Ports {
    /// Without our own doors.
    pub(crate) fn new(own: &[u16]) -> Self {
        let ours = |port: &u16| own.contains(port);
        Self {
            watched: fingerprint::ports().into_iter().filter(|port| !ours(port)).collect(),
            open: HashSet::new(),
        }
    }

    /// Whether one has opened since the last time. Nothing is asked: a connection to a closed port of this computer is
    /// refused at once, and an open one is let go of.
    pub(crate) async fn opened(&mut self) -> bool {
        let mut opened = false;
        for port in &self.watched {
            let open = matches!(
                tokio::time::timeout(
                    Duration::from_millis(50),
                    TcpStream::connect((Ipv4Addr::LOCALHOST, *port))
                )
                .await,
                Ok(Ok(_))
            );
            if open {
                opened |= self.open.insert(*port);
            } else {
                self.open.remove(port);
            }
        }
        opened
    }
}

impl Search {
    /// Who was recognised at a port.
    pub(crate) fn at(&self, port: u16) -> Option<&Sighting> {
        self.sightings.iter().find(|sighting| sighting.port == port)
    }

    /// The providers these servers become. A second one of a kind is called by its port, too.
    pub(crate) fn found(&self) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for sighting in &self.sightings {
            let taken = found.iter().any(|other| other.name == sighting.kind.name);
            let name = if taken {
                format!("{}-{}", sighting.kind.name, sighting.port)
            } else {
                sighting.kind.name.to_owned()
            };
            let base_url =
                format!("http://{}:{}{}", bracketed(&sighting.host), sighting.port, sighting.kind.base_path);
            found.push(Found { name, kind: sighting.kind.vendor.to_owned(), base_url });
        }
        found
    }
}

/// An address as it stands in a URL.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// Adds what is new to what was found before, and says whether anything was.
pub(crate) fn add(given: &mut Given, found: Vec<Found>) -> Vec<Found> {
    let new: Vec<Found> = found
        .into_iter()
        .filter(|one| !given.found.iter().any(|known| known.base_url == one.base_url))
        .collect();
    for one in &new {
        let taken = given.found.iter().any(|known| known.name == one.name);
        let port =
            one.base_url.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let name = if taken { format!("{}-{port}", one.name) } else { one.name.clone() };
        given.found.push(Found { name, ..one.clone() });
    }
    new
}

/// The ports of our own doors.
pub(crate) fn own_ports(loaded: &Loaded) -> Vec<u16> {
    let port = |door: &config::snapshot::Door| match door {
        config::snapshot::Door::Tcp(address) => Some(address.port()),
        config::snapshot::Door::Unix(_) => None,
    };
    let server = &loaded.snapshot.server;
    server.listen.iter().filter_map(port).chain(server.native_listen.map(|door| door.port())).collect()
}

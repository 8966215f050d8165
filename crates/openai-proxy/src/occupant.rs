//! Who listens at an address that is taken, where the system tells: Linux, for processes we may look into (proc(5)). What it
//! does not tell is not guessed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::instance::{self, Instance};

/// Who listens somewhere.
pub(crate) enum Occupant {
    /// A gateway of ours.
    Ours(Box<Instance>),
    /// Another process: its number and the name it goes by.
    Other(u32, String),
}

/// Who listens at a door, written as `127.0.0.1:2020` or `unix:/path`; `None`: nobody, or the system does not tell.
pub(crate) fn of(door: &str, environment: &BTreeMap<String, String>) -> Option<Occupant> {
    let process = match door.strip_prefix("unix:") {
        Some(path) => process(&unix_sockets(path)),
        None => process(&tcp_sockets(door.parse().ok()?)),
    };
    let mut ours = instance::all(environment).into_iter();
    match process {
        Some((pid, name)) => Some(match ours.find(|one| one.pid == pid) {
            Some(one) => Occupant::Ours(Box::new(one)),
            None => Occupant::Other(pid, name),
        }),
        // Its own note is as good as the system's word.
        None => ours.find(|one| one.listens_at(door)).map(|one| Occupant::Ours(Box::new(one))),
    }
}

/// What is said when a door is taken: by whom, and the ways out.
pub(crate) fn taken(door: &str, environment: &BTreeMap<String, String>) -> String {
    const ELSEWHERE: &str = "choose another address: --listen 127.0.0.1:auto takes a free port.";
    match of(door, environment) {
        Some(Occupant::Ours(one)) => format!(
            "{door} is taken. It is openai-proxy itself, pid {}: openai-proxy status\nStop it (openai-proxy stop), or {ELSEWHERE}",
            one.pid
        ),
        Some(Occupant::Other(pid, name)) => {
            format!("{door} is taken: {name}, pid {pid}, listens there.\nStop it, or {ELSEWHERE}")
        }
        None => format!("{door} is taken: another program listens there.\nStop it, or {ELSEWHERE}"),
    }
}

impl Instance {
    /// Whether it wrote down that it listens there.
    fn listens_at(&self, door: &str) -> bool {
        self.view.ready.iter().any(|url| {
            let url = url.trim_end_matches("/v1");
            url == door || url.split_once("://").is_some_and(|(_, address)| address == door)
        })
    }
}

/// The numbers of the sockets that listen at an address, those at exactly this one first.
fn tcp_sockets(wanted: SocketAddr) -> Vec<String> {
    let mut found: Vec<(bool, String)> = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        for (address, socket) in text.lines().filter_map(listening) {
            let overlaps =
                address.ip() == wanted.ip() || address.ip().is_unspecified() || wanted.ip().is_unspecified();
            if address.port() == wanted.port() && overlaps {
                found.push((address.ip() != wanted.ip(), socket));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, socket)| socket).collect()
}

/// The address and the socket's number of a line, if it listens.
fn listening(line: &str) -> Option<(SocketAddr, String)> {
    const LISTEN: &str = "0A";
    let words: Vec<&str> = line.split_whitespace().collect();
    let (address, state, socket) = (words.get(1)?, words.get(3)?, words.get(9)?);
    let (ip, port) = address.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (*state == LISTEN).then_some((SocketAddr::new(ip_of(ip)?, port), (*socket).to_owned()))
}

/// An address as the kernel prints it: words of 32 bits in this machine's order.
fn ip_of(hex: &str) -> Option<IpAddr> {
    let words = hex.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    <[u8; 4]>::try_from(bytes.as_slice())
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes.as_slice()).map(IpAddr::from))
        .ok()
        .map(|ip| ip.to_canonical())
}

/// The numbers of the sockets bound to a path.
fn unix_sockets(path: &str) -> Vec<String> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let text = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let bound = |line: &&str| line.split_whitespace().nth(7).is_some_and(|at| Path::new(at) == path);
    text.lines().filter(bound).filter_map(|line| line.split_whitespace().nth(6)).map(str::to_owned).collect()
}

/// The process that holds one of these sockets, the first of them first; of several processes the oldest number.
fn process(sockets: &[String]) -> Option<(u32, String)> {
    if sockets.is_empty() {
        return None;
    }
    let wanted: Vec<String> = sockets.iter().map(|number| format!("socket:[{number}]")).collect();
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut pids: Vec<u32> = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    let held = |pid: u32| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.filter_map(|target| wanted.iter().position(|one| target == Path::new(one))).min()
    };
    let (_, pid) = pids.into_iter().filter_map(|pid| held(pid).map(|rank| (rank, pid))).min()?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    // A process may call itself anything.
    let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
    Some((pid, if name.is_empty() { "a process".to_owned() } else { name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let four = "   0: 0100007F:07E4 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1";
        let six = "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 77 1";
        let connected =
            "   2: 0100007F:07E4 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 1 1";
        if cfg!(target_endian = "little") {
            assert_eq!(listening(four), Some(("127.0.0.1:2020".parse().unwrap(), "12345".to_owned())));
            assert_eq!(listening(six), Some(("[::1]:80".parse().unwrap(), "77".to_owned())));
        }
        assert_eq!(listening(connected), None);
        assert_eq!(listening("  sl  local_address rem_address   st"), None);
    }
}

//! Sockets bound before any worker runs, so that a taken address is told at once.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;

use socket2::{Domain, Protocol, Socket, Type};

use super::DoorProblem;

/// What a door is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// Everything that is served.
    All,
    /// Health, metrics and administration.
    Admin,
    /// The paths of one kind of server of this computer, in its place.
    Native,
}

/// A bound, listening socket on its way to a worker.
pub(super) enum Bound {
    /// TCP.
    Tcp(TcpListener, Purpose),
    /// A Unix socket.
    Unix(UnixListener),
}

/// Connections the system may queue before we accept them.
const BACKLOG: i32 = 1024;

/// Binds one socket per share to the same address; says the real one (port 0 picks a free port).
pub(super) fn tcp(
    address: SocketAddr,
    purpose: Purpose,
    shares: &mut [Vec<Bound>],
) -> Result<SocketAddr, DoorProblem> {
    let refused = |error| DoorProblem::Bind(address.to_string(), error);
    // Alone first and without sharing, because two processes may share a port without noticing each other.
    drop(bind(address, false).map_err(refused)?);
    let mut real = address;
    let many = shares.len() > 1;
    for share in shares {
        let listener = bind(real, many).map_err(refused)?;
        real = listener.local_addr().map_err(refused)?;
        share.push(Bound::Tcp(listener, purpose));
    }
    Ok(real)
}

fn bind(address: SocketAddr, share: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds a Unix socket, readable by its owner only. A left-over socket nobody listens on is replaced.
pub(super) fn unix(path: &Path) -> Result<Bound, DoorProblem> {
    let refused = |error| DoorProblem::Bind(format!("unix:{}", path.display()), error);
    let stale = || std::os::unix::net::UnixStream::connect(path).is_err();
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if is_socket && stale() {
        std::fs::remove_file(path).map_err(refused)?;
    }
    let listener = UnixListener::bind(path).map_err(refused)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(Bound::Unix(listener))
}

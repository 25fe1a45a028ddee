//! Addresses at which a server listens: TCP or unix sockets. An accepted connection is a descriptor in either case.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::net::sockopt;

use crate::address::socket_path::shortened;

/// Most connections that wait to be accepted. The kernel takes the lower of this and `net.core.somaxconn` (listen(2)).
const BACKLOG: i32 = 4096;

/// A kind of address.
pub trait Address: 'static {
    /// Why this machine lacks such addresses, if it does.
    fn unavailable() -> Option<String> {
        None
    }

    /// Listens at a new address.
    fn listen() -> io::Result<Listener>;

    /// Connects to the address of a listener.
    fn connect(place: &str) -> io::Result<OwnedFd>;
}

/// A listening socket. Dropping it closes the socket and removes its path.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    place: String,
    path: Option<PathBuf>,
}

impl Listener {
    /// The address, for [`Address::connect`].
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Shuts the socket down for all processes that have it open: accept(2) returns, and new connections are refused.
    /// Closing the descriptor would not wake a process in accept(2).
    pub fn shut_down(&self) -> io::Result<()> {
        rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Both)?;
        Ok(())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // If this fails, the path is removed with the trial's directory.
            let _ = fs::remove_file(path);
        }
    }
}

/// TCP over loopback, at a port that the kernel chooses, with Nagle's algorithm disabled on both sides. A connection
/// takes three segments before accept(2) returns it, and the side that closes first keeps its port for a minute, so
/// clients that connect for each request may run out of ports. Source: tcp(7), RFC 9293.
pub struct Tcp;

impl Address for Tcp {
    fn unavailable() -> Option<String> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let connected = bound.and_then(|listener| TcpStream::connect(listener.local_addr()?));
        connected.err().map(|error| format!("there is no loopback network here: {error}"))
    }

    fn listen() -> io::Result<Listener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let place = listener.local_addr()?.to_string();
        // Accepted sockets inherit it.
        sockopt::set_tcp_nodelay(&listener, true)?;
        // Only changes the backlog. With the default one, many clients at once find the queue full and retry after a
        // second.
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(Listener { socket: listener.into(), place, path: None })
    }

    fn connect(place: &str) -> io::Result<OwnedFd> {
        let stream = TcpStream::connect(place).map_err(|error| match error.raw_os_error() {
            Some(libc::EADDRNOTAVAIL) => io::Error::new(
                error.kind(),
                format!(
                    "{error}: all ports are in use, since closed connections keep theirs for a while; shorten `hot_ms`"
                ),
            ),
            _ => error,
        })?;
        stream.set_nodelay(true)?;
        Ok(stream.into())
    }
}

/// A unix stream socket with a path in the trial's directory. Connecting takes a system call on each side and no
/// protocol; data is copied in and out and passes no network stack. Source: unix(7).
pub struct Unix;

/// Number of the next listener of this process.
static LISTENERS: AtomicU32 = AtomicU32::new(0);

impl Address for Unix {
    fn listen() -> io::Result<Listener> {
        let number = LISTENERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("server.{}.{number}", std::process::id()));
        let place = path.to_str().ok_or_else(|| io::Error::other("the path for temporary files is not UTF-8"))?;
        let place = place.to_owned();
        let socket = shortened(&path, |short| UnixListener::bind(short))?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(Listener { socket: socket.into(), place, path: Some(path) })
    }

    fn connect(place: &str) -> io::Result<OwnedFd> {
        shortened(Path::new(place), |short| UnixStream::connect(short)).map(OwnedFd::from)
    }
}

//! Kinds of addresses at which a server listens. Once a connection is there, it is a descriptor like any other.

pub(super) mod tcp;
pub(super) mod unix;

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Connections that may wait to be accepted. The kernel takes the lower of this and `net.core.somaxconn` (listen(2)).
const BACKLOG: i32 = 4096;

/// A kind of address.
pub trait Address: 'static {
    /// Why this machine has no such addresses.
    fn unavailable() -> Option<String> {
        None
    }

    /// Opens a place of its own where clients can connect.
    fn listen() -> io::Result<Listener>;

    /// Connects to a listener's place.
    fn connect(place: &str) -> io::Result<OwnedFd>;
}

/// A place where clients can connect. Dropped, it closes, and its path goes.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    place: String,
    path: Option<PathBuf>,
}

impl Listener {
    fn new(socket: OwnedFd, place: String, path: Option<PathBuf>) -> Self {
        Self { socket, place, path }
    }

    /// How clients find it.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Ends it for all processes that have it open: whoever waits in accept(2) is told at once, and later calls are
    /// refused. A descriptor that is merely closed would leave them waiting.
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
            // The trial's directory goes anyway; this keeps the path no longer than it is needed.
            let _ = fs::remove_file(path);
        }
    }
}

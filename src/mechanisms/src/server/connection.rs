//! Socket calls that all servers share: accept, receive, send, and serving one client by blocking calls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags};

use super::Service;

/// Result of [`accept`].
pub(super) enum Accepted {
    /// A connection.
    Connection(OwnedFd),
    /// No client is waiting, and the listener is non-blocking.
    None,
    /// The listener was shut down.
    ShutDown,
}

/// Accepts the next connection, which gets `flags` and close-on-exec. Blocks if the listener does.
pub(super) fn accept(listener: BorrowedFd<'_>, flags: SocketFlags) -> io::Result<Accepted> {
    loop {
        match rustix::net::accept_with(listener, flags | SocketFlags::CLOEXEC) {
            Ok(connection) => return Ok(Accepted::Connection(connection)),
            // CONNABORTED: the client has disconnected already.
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(Errno::AGAIN) => return Ok(Accepted::None),
            Err(Errno::INVAL) => return Ok(Accepted::ShutDown),
            Err(other) => return Err(io::Error::new(io::Error::from(other).kind(), format!("accept: {other}"))),
        }
    }
}

/// Waits for the next connection; returns `None` when the listener was shut down.
pub(super) fn next(listener: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    loop {
        match accept(listener, SocketFlags::empty())? {
            Accepted::Connection(connection) => return Ok(Some(connection)),
            // Only from a listener with a time-out.
            Accepted::None => {}
            Accepted::ShutDown => return Ok(None),
        }
    }
}

/// Serves one client until it disconnects.
pub(super) fn serve<S: Service>(connection: &impl AsFd, service: S) -> io::Result<()> {
    let mut buffer = vec![0; service.request_bytes()];
    let mut serve = || {
        while receive(connection, &mut buffer)? {
            let bytes = service.respond(&mut buffer);
            send(connection, &buffer[..bytes])?;
        }
        Ok(())
    };
    serve().or_else(|error: io::Error| if is_disconnected(&error) { Ok(()) } else { Err(error) })
}

/// Fills `buffer` from a blocking connection. Returns false if the connection ends before, also within a message.
pub fn receive(connection: &impl AsFd, buffer: &mut [u8]) -> io::Result<bool> {
    let mut rest = buffer;
    while !rest.is_empty() {
        match rustix::io::read(connection, &mut *rest) {
            Ok(0) => return Ok(false),
            Ok(bytes) => rest = &mut rest[bytes..],
            Err(Errno::INTR) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(true)
}

/// Sends all of `bytes` over a blocking connection.
pub fn send(connection: &impl AsFd, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::net::send(connection, rest, SendFlags::NOSIGNAL) {
            Ok(sent) => rest = &rest[sent..],
            Err(Errno::INTR) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

/// Whether the error only says that the client has disconnected.
pub(super) fn is_disconnected(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

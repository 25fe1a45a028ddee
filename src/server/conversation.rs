//! What every way of serving does with sockets: accept, receive, send, and one conversation from start to end by blocking
//! calls. Not a mechanism.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags};

use super::Service;

/// What came of looking for a call.
pub(super) enum Call {
    /// Somebody connected.
    Taken(OwnedFd),
    /// Nobody is there, and the listener does not wait.
    Nobody,
    /// The listener was shut down: there will be no more.
    Over,
}

/// Takes the next call; waits for it where the listener does. The connection has `flags` and is close-on-exec.
pub(super) fn accept(listener: BorrowedFd<'_>, flags: SocketFlags) -> io::Result<Call> {
    loop {
        match rustix::net::accept_with(listener, flags | SocketFlags::CLOEXEC) {
            Ok(connection) => return Ok(Call::Taken(connection)),
            // Whoever called is gone already.
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(Errno::AGAIN) => return Ok(Call::Nobody),
            Err(Errno::INVAL) => return Ok(Call::Over),
            Err(other) => return Err(io::Error::new(io::Error::from(other).kind(), format!("accept: {other}"))),
        }
    }
}

/// The next connection, waited for; nothing once the listener was shut down.
pub(super) fn next(listener: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    loop {
        match accept(listener, SocketFlags::empty())? {
            Call::Taken(connection) => return Ok(Some(connection)),
            // Only a listener with a time limit says so.
            Call::Nobody => {}
            Call::Over => return Ok(None),
        }
    }
}

/// Answers one client until it is gone.
pub(super) fn hold<S: Service>(connection: &impl AsFd, service: S) -> io::Result<()> {
    let mut buffer = vec![0; service.request_bytes()];
    let mut answer = || {
        while receive(connection, &mut buffer)? {
            let bytes = service.answer(&mut buffer);
            send(connection, &buffer[..bytes])?;
        }
        Ok(())
    };
    answer().or_else(|error: io::Error| if is_gone(&error) { Ok(()) } else { Err(error) })
}

/// Fills `buffer` from a connection whose reads wait. False when it ended before, in the middle of a message too.
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

/// Sends all of `bytes` over a connection whose writes wait.
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

/// Whether an error only says that the other side has left, which it may at any time.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

//! TCP on the loopback device at a port that the kernel chooses, without Nagle's algorithm on either side. A connection is
//! made by three segments before accept(2) sees it, and the side that closes first remembers it for a minute, so whoever
//! connects anew for each request can run out of ports. Source: tcp(7), RFC 9293.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::sockopt;

use super::{Address, BACKLOG, Listener};

/// The kind of address.
pub struct Tcp;

impl Address for Tcp {
    fn unavailable() -> Option<String> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let met = bound.and_then(|listener| TcpStream::connect(listener.local_addr()?));
        met.err().map(|error| format!("there is no loopback network here: {error}"))
    }

    fn listen() -> io::Result<Listener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let place = listener.local_addr()?.to_string();
        // The accepted sockets inherit it.
        sockopt::set_tcp_nodelay(&listener, true)?;
        // A second call only changes the backlog: with the first one's, a crowd of clients would meet a full queue, and
        // try again after a second.
        rustix::net::listen(&listener, BACKLOG)?;
        Ok(Listener::new(listener.into(), place, None))
    }

    fn connect(place: &str) -> io::Result<OwnedFd> {
        let stream = TcpStream::connect(place).map_err(|error| match error.raw_os_error() {
            Some(libc::EADDRNOTAVAIL) => io::Error::new(
                error.kind(),
                format!(
                    "{error}: every port is taken, since closed connections keep theirs for a while; shorten `hot_ms`"
                ),
            ),
            _ => error,
        })?;
        stream.set_nodelay(true)?;
        Ok(stream.into())
    }
}

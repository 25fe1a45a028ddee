//! A unix stream socket found by its path, in the trial's own directory. Connecting takes a call of each side and no
//! protocol; a byte is copied in and out and crosses no network stack. Source: unix(7).

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Address, BACKLOG, Listener};
use crate::address::socket_path::shortened;

/// Tells the listeners of one process apart.
static LISTENERS: AtomicU32 = AtomicU32::new(0);

/// The kind of address.
pub struct Unix;

impl Address for Unix {
    fn listen() -> io::Result<Listener> {
        let number = LISTENERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("server.{}.{number}", std::process::id()));
        let place = path.to_str().ok_or_else(|| io::Error::other("the path for temporary files is no UTF-8"))?;
        let place = place.to_owned();
        let socket = shortened(&path, |short| UnixListener::bind(short))?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(Listener::new(socket.into(), place, Some(path)))
    }

    fn connect(place: &str) -> io::Result<OwnedFd> {
        shortened(Path::new(place), |short| UnixStream::connect(short)).map(OwnedFd::from)
    }
}

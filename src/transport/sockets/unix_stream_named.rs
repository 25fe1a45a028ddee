//! Unix-domain stream socket found by its path: the receiving worker binds and listens, the sending worker connects, and
//! the path goes as soon as they have met. From then on it is the same thing as a socket pair, so the two rows must agree.
//! Cost: two system calls and two copies a message, a wake and a switch when the reader sleeps.
//! Source: unix(7), accept(2).

use std::fs;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::UNIX_BUFFER_BYTES;
use super::dial::{self, Dial};
use crate::address::socket_path::shortened;
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::Block;
use crate::transport::{Offer, Peers, Shape, Transport};

/// Tells the listeners of one process apart.
static LISTENERS: AtomicU32 = AtomicU32::new(0);

/// The transport.
pub struct UnixStreamNamed;

impl Transport for UnixStreamNamed {
    const SUMMARY: &'static str = "unix stream socket by path: bind, connect, accept";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = StreamSender<UnixStream>;
    type Receiver = StreamReceiver<UnixStream>;

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        dial::offer::<ByPath>(end)
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        StreamSender::new(dial::connect::<ByPath>(Endpoint::Sender, peers)?, shape)
    }

    fn attach_receiver(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        StreamReceiver::new(dial::connect::<ByPath>(Endpoint::Receiver, peers)?, shape)
    }

    fn attach_both(
        _: &Address,
        end: Endpoint,
        peers: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let stream = dial::connect::<ByPath>(end, peers)?;
        let other = stream.try_clone()?;
        Ok((StreamSender::new(stream, shape)?, StreamReceiver::new(other, shape)?))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        byte_stream::anatomy::<Block>(shape, UNIX_BUFFER_BYTES)
    }
}

/// Connections found by a path.
struct ByPath;

/// A listener, and the path that goes with it.
struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The trial's directory goes anyway; this keeps the path no longer than it is needed.
        let _ = fs::remove_file(&self.path);
    }
}

impl std::os::fd::AsFd for Listener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Dial for ByPath {
    type Stream = UnixStream;
    type Listener = Listener;

    fn listen() -> io::Result<(Listener, String)> {
        let number = LISTENERS.fetch_add(1, Ordering::Relaxed);
        // The workers of a trial share the directory, so the name says whose it is.
        let path = std::env::temp_dir().join(format!("s{}.{number}", std::process::id()));
        let listener = Listener { socket: shortened(&path, |short| UnixListener::bind(short))?, path };
        let text =
            listener.path.to_str().ok_or_else(|| io::Error::other("the path for temporary files is no UTF-8"))?;
        let text = text.to_owned();
        Ok((listener, text))
    }

    fn accept(listener: Listener) -> io::Result<UnixStream> {
        listener.socket.accept().map(|(stream, _)| stream)
    }

    fn dial(place: &str) -> io::Result<UnixStream> {
        shortened(Path::new(place), |short| UnixStream::connect(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_goes_once_the_sides_have_met() {
        let (listener, place) = ByPath::listen().expect("a listener");
        let _caller = ByPath::dial(&place).expect("a call");
        let _called = ByPath::accept(listener).expect("taken");
        assert!(!Path::new(&place).exists());
    }
}

//! Unix stream sockets, one connection both ways: a socket pair, by wait strategy, or a socket with a path. Cost: two
//! system calls and two copies per message, a buffer (sk_buff) allocated and freed for each write, a wake and a context
//! switch if the receiver sleeps. Source: socketpair(2), unix(7), accept(2).

use std::fs;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::UNIX_TRANSFER;
use super::dial::{self, Connect};
use crate::address::socket_path::shortened;
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Offer, Peers, Shape, Transport};

/// Bytes that a unix stream queues before a write waits: net.core.wmem_default, including kernel bookkeeping.
const BUFFER_BYTES: f64 = 212_992.0;

/// Transport over a socket pair, by wait strategy.
pub struct UnixStreamPair<W = Block>(PhantomData<W>);

impl<W: Readiness> Transport for UnixStreamPair<W> {
    const SUMMARY: &'static str = "unix stream socket pair, one connection both ways";
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    type Sender = StreamSender<UnixStream, W>;
    type Receiver = StreamReceiver<UnixStream, W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (first, second) = UnixStream::pair()?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(first)], receiver: vec![Descriptor::new(second)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        StreamSender::new(address.descriptor(Endpoint::Sender)?.duplicate()?.into(), shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        StreamReceiver::new(address.descriptor(Endpoint::Receiver)?.duplicate()?.into(), shape)
    }

    fn attach_both(
        address: &Address,
        end: Endpoint,
        _: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let stream = UnixStream::from(address.descriptor(end)?.duplicate()?);
        let other = stream.try_clone()?;
        Ok((StreamSender::new(stream, shape)?, StreamReceiver::new(other, shape)?))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        byte_stream::cost_model::<W>(shape, UNIX_TRANSFER, BUFFER_BYTES)
    }
}

/// Number of listeners created by this process.
static LISTENERS: AtomicU32 = AtomicU32::new(0);

/// Transport over a socket with a path: the receiver binds and listens, the sender connects, and the path is removed
/// once they are connected. The connection then acts as a socket pair, so both rows must agree.
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

    fn cost_model(shape: &Shape) -> CostModel {
        byte_stream::cost_model::<Block>(shape, UNIX_TRANSFER, BUFFER_BYTES)
    }
}

/// Connections by path.
struct ByPath;

/// Listener whose path is removed on drop.
struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Removed early; the trial's directory is removed later anyway.
        let _ = fs::remove_file(&self.path);
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Connect for ByPath {
    type Stream = UnixStream;
    type Listener = Listener;

    fn listen() -> io::Result<(Listener, String)> {
        let number = LISTENERS.fetch_add(1, Ordering::Relaxed);
        // The name contains the process id, since the workers of a trial share the directory.
        let path = std::env::temp_dir().join(format!("s{}.{number}", std::process::id()));
        let listener = Listener { socket: shortened(&path, |short| UnixListener::bind(short))?, path };
        let text = listener.path.to_str().ok_or_else(|| io::Error::other("the path of TMPDIR is not UTF-8"))?;
        let text = text.to_owned();
        Ok((listener, text))
    }

    fn accept(listener: Listener) -> io::Result<UnixStream> {
        listener.socket.accept().map(|(stream, _)| stream)
    }

    fn connect(address: &str) -> io::Result<UnixStream> {
        shortened(Path::new(address), |short| UnixStream::connect(short))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_removed_once_the_endpoints_are_connected() {
        let (listener, address) = ByPath::listen().expect("a listener");
        let _caller = ByPath::connect(&address).expect("connected");
        let _accepted = ByPath::accept(listener).expect("accepted");
        assert!(!Path::new(&address).exists());
    }
}

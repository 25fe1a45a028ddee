//! TCP over the loopback device, by how its sides wait and with or without Nagle's algorithm; an ephemeral port, one
//! connection both ways. The whole protocol runs, inside the sender's own write as far as the receiver's queue.
//! Cost: two system calls, two copies, two buffers and an acknowledgement a message, a wake and a switch when the reader
//! sleeps. Source: tcp(7), RFC 9293.
//!
//! With Nagle's algorithm (RFC 896) a small segment waits while an earlier one is unacknowledged. One write and one read
//! in turns never notice, since the answer carries the acknowledgement. The trap is write, write, read: the second write
//! waits for an acknowledgement that the peer delays by up to 40 ms because it has nothing to answer yet. So a stream of
//! small messages gathers into full segments here, and a last, partly filled segment may come late.

use std::io;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::dial::{self, Dial};
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Offer, Peers, Shape, Transport};

/// What goes over in one piece, about, once the windows have grown: a writer fills its buffer (net.ipv4.tcp_wmem) while the
/// reader empties its own. Seen in round trips: one sleep each way at 300 kB, about two at 1 MiB, three to seven at 4 MiB.
const PIECE_BYTES: f64 = 1_048_576.0;

/// The transport, by how its sides wait and whether small segments wait for acknowledgements.
pub struct Tcp<W = Block, const NAGLE: bool = false>(PhantomData<W>);

impl<W: Readiness, const NAGLE: bool> Transport for Tcp<W, NAGLE> {
    const SUMMARY: &'static str = if NAGLE {
        "TCP over loopback with Nagle's algorithm, as a socket is made"
    } else {
        "TCP over loopback with TCP_NODELAY, one connection both ways"
    };
    const GROUP: Group = Group::Sockets;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    type Sender = StreamSender<TcpStream, W>;
    type Receiver = StreamReceiver<TcpStream, W>;

    fn unavailable() -> Option<String> {
        super::no_loopback()
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    fn offer(_: &Address, _: &Shape, end: Endpoint) -> io::Result<Offer> {
        dial::offer::<Loopback<NAGLE>>(end)
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        StreamSender::new(dial::connect::<Loopback<NAGLE>>(Endpoint::Sender, peers)?, shape)
    }

    fn attach_receiver(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        StreamReceiver::new(dial::connect::<Loopback<NAGLE>>(Endpoint::Receiver, peers)?, shape)
    }

    fn attach_both(
        _: &Address,
        end: Endpoint,
        peers: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let stream = dial::connect::<Loopback<NAGLE>>(end, peers)?;
        let other = stream.try_clone()?;
        Ok((StreamSender::new(stream, shape)?, StreamReceiver::new(other, shape)?))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        byte_stream::anatomy::<W>(shape, PIECE_BYTES)
    }
}

/// Connections to a port of this machine that the kernel chose.
struct Loopback<const NAGLE: bool>;

impl<const NAGLE: bool> Dial for Loopback<NAGLE> {
    type Stream = TcpStream;
    type Listener = TcpListener;

    fn listen() -> io::Result<(TcpListener, String)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let place = listener.local_addr()?.to_string();
        Ok((listener, place))
    }

    fn accept(listener: TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(!NAGLE)?;
        Ok(stream)
    }

    fn dial(place: &str) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(place)?;
        stream.set_nodelay(!NAGLE)?;
        Ok(stream)
    }
}

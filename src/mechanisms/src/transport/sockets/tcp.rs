//! TCP over the loopback device, by wait strategy and with or without Nagle's algorithm; ephemeral port, one connection
//! both ways. The sender's write runs the complete protocol up to the receiver's queue. Cost: two system calls, two
//! copies, two buffers and an acknowledgement per message, a wake and a context switch if the receiver sleeps. Source:
//! tcp(7), RFC 9293.
//!
//! With Nagle's algorithm (RFC 896) a small segment waits while an earlier one is unacknowledged. Alternate writes and
//! reads are not affected, since the response carries the acknowledgement. After two writes, the second one waits for
//! an acknowledgement that the peer delays by up to 40 ms while it has no response. So a stream of small messages is
//! sent in full segments, and a last, partly filled segment may arrive late.

use std::io;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::dial::{self, Connect};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Operation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Offer, Peers, Shape, Transport};

/// Approximate size of a piece with grown windows: a sender fills its buffer (net.ipv4.tcp_wmem) while the receiver
/// empties its own. Observed in round trips: one sleep each way at 300 kB, about two at 1 MiB, three to seven at 4 MiB.
const PIECE_BYTES: f64 = 1_048_576.0;

/// Transport over TCP, by wait strategy and use of Nagle's algorithm.
pub struct Tcp<W = Block, const NAGLE: bool = false>(PhantomData<W>);

impl<W: Readiness, const NAGLE: bool> Transport for Tcp<W, NAGLE> {
    const SUMMARY: &'static str = if NAGLE {
        "TCP over loopback with Nagle's algorithm, the default of a socket"
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

    fn cost_model(shape: &Shape) -> CostModel {
        byte_stream::cost_model::<W>(shape, [Operation::TcpSend, Operation::TcpReceive], PIECE_BYTES)
    }
}

/// Connections to a port chosen by the kernel.
struct Loopback<const NAGLE: bool>;

impl<const NAGLE: bool> Connect for Loopback<NAGLE> {
    type Stream = TcpStream;
    type Listener = TcpListener;

    fn listen() -> io::Result<(TcpListener, String)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?.to_string();
        Ok((listener, address))
    }

    fn accept(listener: TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(!NAGLE)?;
        Ok(stream)
    }

    fn connect(address: &str) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(!NAGLE)?;
        Ok(stream)
    }
}

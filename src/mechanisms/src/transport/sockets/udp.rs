//! UDP over the loopback device, connected, ephemeral ports, one datagram per message. The kernel silently drops a
//! datagram if the receiver's buffer is full, so messages are counted, and in a stream a silence of 50 ms means that
//! the rest is lost. With one message in flight the buffer is never full, and a time-out only means a wait. Cost: two
//! system calls and two copies per message, the protocol's work within the sender's call, a wake, a context switch and
//! a timer if the receiver sleeps. Source: udp(7), RFC 768.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};

use super::packet::{self, Nothing, PacketReceiver, PacketSender, SILENCE};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Measure, Operation, Wait};
use crate::transport::readiness::Block;
use crate::transport::{Delivery, Offer, Peers, Shape, Transport};

/// Maximum payload: the 65535 bytes of an IPv4 packet minus its header (20) and UDP's (8).
const MESSAGE_BYTES_MAX: usize = 65_507;
/// Requested receive buffer (SO_RCVBUF); the kernel gives twice this or twice net.core.rmem_max, whichever is less.
const BUFFER_BYTES: usize = 4 << 20;

/// Transport over UDP.
pub struct Udp;

impl Transport for Udp {
    const SUMMARY: &'static str = "UDP over loopback, connected; loss is counted";
    const GROUP: Group = Group::Sockets;
    const DELIVERY: Delivery = Delivery::Lossy;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = PacketSender;
    type Receiver = PacketReceiver;

    fn unavailable() -> Option<String> {
        super::no_loopback()
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes > MESSAGE_BYTES_MAX {
            let bytes = shape.message_bytes;
            return Err(format!("a UDP datagram carries at most {MESSAGE_BYTES_MAX} bytes, not {bytes}"));
        }
        Ok(())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Ok(Address::Offered)
    }

    /// Binds a port at both endpoints and offers it, so that each receives datagrams of the other only.
    fn offer(_: &Address, _: &Shape, _: Endpoint) -> io::Result<Offer> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER_BYTES)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let address = socket.local_addr()?.to_string();
        Ok(Offer { text: Some(address), keep: Some(Box::new(socket)) })
    }

    fn attach_sender(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        PacketSender::new(connected(peers)?.into(), shape)
    }

    fn attach_receiver(_: &Address, peers: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        PacketReceiver::new(connected(peers)?.into(), shape, silence(shape))
    }

    fn attach_both(
        _: &Address,
        _: Endpoint,
        peers: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let socket = connected(peers)?;
        let other = socket.try_clone()?;
        Ok((PacketSender::new(socket.into(), shape)?, PacketReceiver::new(other.into(), shape, silence(shape))?))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        packet::cost_model::<Block>(shape, [Operation::UdpSend, Operation::UdpReceive])
    }
}

/// Meaning of a time-out: loss only if several messages can be in flight.
fn silence(shape: &Shape) -> Nothing {
    match shape.measure {
        Measure::Stream | Measure::Paced | Measure::Conformance => Nothing::Lost,
        _ => Nothing::Waits,
    }
}

/// Connects this endpoint's socket to the peer's. Earlier datagrams of the peer stay in the buffer.
fn connected(peers: Peers) -> io::Result<UdpSocket> {
    let kept = peers.keep.and_then(|kept| kept.downcast::<UdpSocket>().ok());
    let socket = *kept.ok_or_else(|| io::Error::other("no socket was kept from the offer"))?;
    socket.connect(peers.text.ok_or_else(|| io::Error::other("the peer offered no port"))?)?;
    Ok(socket)
}

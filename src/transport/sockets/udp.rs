//! UDP over the loopback device, connected, ephemeral ports. A message is one datagram; one that finds the receiver's
//! buffer full is dropped without a word, so messages are counted and in a stream a silence of 50 ms means that the rest
//! is lost. With one message under way at a time the buffer is never full, and silence only means waiting.
//! Cost: two system calls and two copies a message, the protocol's work inside the sender's call, a wake, a switch and a
//! timer when the reader sleeps. Source: udp(7), RFC 768.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use nix::sys::socket::{setsockopt, sockopt};

use super::packet::{self, Nothing, PacketReceiver, PacketSender, SILENCE};
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Measure, Wait};
use crate::transport::readiness::Block;
use crate::transport::{Delivery, Offer, Peers, Shape, Transport};

/// Largest payload: the 65535 bytes of an IPv4 packet less its header (20) and UDP's (8).
const MESSAGE_BYTES_MAX: usize = 65_507;
/// Asked for as receive buffer (SO_RCVBUF). The kernel gives twice the lesser of this and net.core.rmem_max.
const BUFFER_BYTES: usize = 4 << 20;

/// The transport.
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

    /// Both ends bind a port and tell the other, so that each can be connected to the other and hears nobody else.
    fn offer(_: &Address, _: &Shape, _: Endpoint) -> io::Result<Offer> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER_BYTES)?;
        socket.set_read_timeout(Some(SILENCE))?;
        let place = socket.local_addr()?.to_string();
        Ok(Offer { text: Some(place), keep: Some(Box::new(socket)) })
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

    fn anatomy(shape: &Shape) -> Anatomy {
        packet::anatomy::<Block>(shape)
    }
}

/// What silence means: loss only where more than one message can be under way.
fn silence(shape: &Shape) -> Nothing {
    match shape.measure {
        Measure::Stream | Measure::Paced | Measure::Conformance => Nothing::Lost,
        _ => Nothing::Waits,
    }
}

/// This end's own socket, connected to the other end's. What the other end sent before stays in the buffer.
fn connected(peers: Peers) -> io::Result<UdpSocket> {
    let kept = peers.keep.and_then(|kept| kept.downcast::<UdpSocket>().ok());
    let socket = *kept.ok_or_else(|| io::Error::other("no socket was kept from the offer"))?;
    socket.connect(peers.text.ok_or_else(|| io::Error::other("the other end offered no port"))?)?;
    Ok(socket)
}

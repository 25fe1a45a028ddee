//! Unix socket pairs that keep message boundaries, by kind and wait strategy: in order and without loss, since a sender
//! waits while its buffer is full. Any number of processes may share an endpoint. Cost: two system calls and two copies
//! per message, a buffer (sk_buff) allocated and freed for each, a wake and a context switch if the receiver sleeps.
//! Source: unix(7), socketpair(2), socket(7) on SO_RCVTIMEO.

use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::os::unix::net;

use nix::sys::socket::SockType;

use super::UNIX_TRANSFER;
use super::packet::{self, Nothing, PacketReceiver, PacketSender, SILENCE};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Shape, Topology, Transport};

/// Transport over sequenced packets, by wait strategy.
pub type UnixSeqpacket<W = Block> = UnixPacket<Seqpacket, W>;
/// Transport over datagrams, by wait strategy.
pub type UnixDatagram<W = Block> = UnixPacket<Datagram, W>;

/// Transport over a socket pair, by kind and wait strategy.
pub struct UnixPacket<K, W>(PhantomData<(K, W)>);

/// Kind of socket.
pub trait Kind: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Socket type.
    const TYPE: SockType;
    /// True if an empty packet tells a receiver that all senders have closed.
    const SEES_END: bool;
}

/// SOCK_SEQPACKET: a connection. An empty message reads as the end of the connection.
pub struct Seqpacket;

/// SOCK_DGRAM. A sender sees a closed receiver (ECONNREFUSED), but a receiver does not see its senders close, so its
/// blocking calls have a time limit, which costs a timer per sleep.
pub struct Datagram;

impl Kind for Seqpacket {
    const SUMMARY: &'static str = "unix seqpacket socket pair: reliable, with message boundaries";
    const TYPE: SockType = SockType::SeqPacket;
    const SEES_END: bool = true;
}

impl Kind for Datagram {
    const SUMMARY: &'static str = "unix datagram socket pair: message boundaries, nothing lost";
    const TYPE: SockType = SockType::Datagram;
    const SEES_END: bool = false;
}

impl<K: Kind, W: Readiness> Transport for UnixPacket<K, W> {
    const SUMMARY: &'static str = K::SUMMARY;
    const GROUP: Group = Group::Sockets;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    type Sender = PacketSender<W>;
    type Receiver = PacketReceiver<W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if K::SEES_END && shape.message_bytes == 0 {
            return Err("an empty message on a seqpacket socket reads as the end of all messages".into());
        }
        packet::pair_supports(K::TYPE, shape)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        packet::create_pair(K::TYPE, shape)
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        PacketSender::new(address.descriptor(Endpoint::Sender)?.duplicate()?, shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        receiver::<K, W>(address.descriptor(Endpoint::Receiver)?, shape)
    }

    fn attach_both(
        address: &Address,
        end: Endpoint,
        _: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let own = address.descriptor(end)?;
        Ok((PacketSender::new(own.duplicate()?, shape)?, receiver::<K, W>(own, shape)?))
    }

    fn cost_model(shape: &Shape) -> CostModel {
        packet::cost_model::<W>(shape, UNIX_TRANSFER)
    }
}

fn receiver<K: Kind, W: Readiness>(own: &Descriptor, shape: &Shape) -> io::Result<PacketReceiver<W>> {
    let socket: OwnedFd = own.duplicate()?;
    if K::SEES_END {
        return PacketReceiver::new(socket, shape, Nothing::Ends);
    }
    let socket = net::UnixDatagram::from(socket);
    socket.set_read_timeout(Some(SILENCE))?;
    PacketReceiver::new(socket.into(), shape, Nothing::Waits)
}

//! Unix-domain sequenced packets, a socket pair, by how its sides wait: a connection that keeps message boundaries, in
//! order, loses nothing and tells when the peer is gone. Any number of processes may share an end.
//! Cost: two system calls and two copies a message, a buffer (sk_buff) allocated and freed for each, a wake and a switch
//! when the reader sleeps. Source: unix(7), socketpair(2).

use std::io;
use std::marker::PhantomData;

use nix::sys::socket::SockType;

use super::packet::{self, Nothing, PacketReceiver, PacketSender};
use super::packet_pair;
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Shape, Topology, Transport};

/// The transport, by how its sides wait.
pub struct UnixSeqpacket<W = Block>(PhantomData<W>);

impl<W: Readiness> Transport for UnixSeqpacket<W> {
    const SUMMARY: &'static str = "unix seqpacket socket pair: reliable, with message boundaries";
    const GROUP: Group = Group::Sockets;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    type Sender = PacketSender<W>;
    type Receiver = PacketReceiver<W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes == 0 {
            return Err("an empty message on a seqpacket socket reads as the end of all messages".into());
        }
        packet_pair::supports(SockType::SeqPacket, shape)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        packet_pair::create(SockType::SeqPacket, shape)
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        PacketSender::new(address.descriptor(Endpoint::Sender)?.duplicate()?, shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        PacketReceiver::new(address.descriptor(Endpoint::Receiver)?.duplicate()?, shape, Nothing::Ends)
    }

    fn attach_both(
        address: &Address,
        end: Endpoint,
        _: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let own = address.descriptor(end)?;
        let sender = PacketSender::new(own.duplicate()?, shape)?;
        Ok((sender, PacketReceiver::new(own.duplicate()?, shape, Nothing::Ends)?))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        packet::anatomy::<W>(shape)
    }
}

//! Unix-domain datagrams, a socket pair, by how its sides wait: message boundaries, in order, and nothing lost, since a
//! sender waits while its own buffer is full. A sender learns that the receiver is gone (ECONNREFUSED); a receiver is
//! never told that its senders are, so a blocked one looks up now and then. Any number of processes may share an end.
//! Cost: two system calls and two copies a message, a buffer (sk_buff) for each, a wake and a switch when the reader
//! sleeps, and a timer set and cleared for each sleep. Source: unix(7), socket(7) on SO_RCVTIMEO.

use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;

use nix::sys::socket::SockType;

use super::packet::{self, Nothing, PacketReceiver, PacketSender, SILENCE};
use super::packet_pair;
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Shape, Topology, Transport};

/// The transport, by how its sides wait.
pub struct UnixDatagram<W = Block>(PhantomData<W>);

impl<W: Readiness> Transport for UnixDatagram<W> {
    const SUMMARY: &'static str = "unix datagram socket pair: message boundaries, nothing lost";
    const GROUP: Group = Group::Sockets;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const DUPLEX: bool = true;
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    type Sender = PacketSender<W>;
    type Receiver = PacketReceiver<W>;

    fn supports(shape: &Shape) -> Result<(), String> {
        packet_pair::supports(SockType::Datagram, shape)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        packet_pair::create(SockType::Datagram, shape)
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        PacketSender::new(address.descriptor(Endpoint::Sender)?.duplicate()?, shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        PacketReceiver::new(looking_up(address.descriptor(Endpoint::Receiver)?)?, shape, Nothing::Waits)
    }

    fn attach_both(
        address: &Address,
        end: Endpoint,
        _: Peers,
        shape: &Shape,
    ) -> io::Result<(Self::Sender, Self::Receiver)> {
        let own = address.descriptor(end)?;
        let sender = PacketSender::new(own.duplicate()?, shape)?;
        Ok((sender, PacketReceiver::new(looking_up(own)?, shape, Nothing::Waits)?))
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        packet::anatomy::<W>(shape)
    }
}

/// The socket, whose blocked reader looks up after a while.
fn looking_up(own: &Descriptor) -> io::Result<OwnedFd> {
    let socket = std::os::unix::net::UnixDatagram::from(own.duplicate()?);
    socket.set_read_timeout(Some(SILENCE))?;
    Ok(socket.into())
}

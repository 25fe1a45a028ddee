//! Pipe in packet mode (O_DIRECT): each write up to PIPE_BUF is one packet in a slot of its own, and each read takes one,
//! whatever its length, so a message frames itself. Cost: as a pipe, but a small message fills a slot, so a default pipe
//! holds 16 messages. Source: O_DIRECT in pipe(2), Linux 3.4.
//!
//! A packet must not be empty (a write of nothing leaves no trace) nor larger than PIPE_BUF (it would be split), and a
//! read into less room than the packet has throws the rest away: so the reader always has room for the largest.

use std::fs::File;
use std::io::{self, Read, Write};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::capacity;
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Anatomy, Group, Isolation, Wait};
use crate::transport::byte_stream;
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Receiver, Sender, Shape, Topology, Transport};

/// The largest packet.
const MAX_BYTES: usize = libc::PIPE_BUF;

/// The transport.
pub struct PipePacket;

/// The writing end, and the room a message is built in.
pub struct PacketSender {
    pipe: File,
    room: Box<[u8; MAX_BYTES]>,
}

/// The reading end, and the room a message is read into.
pub struct PacketReceiver {
    pipe: File,
    room: Box<[u8; MAX_BYTES]>,
}

impl Transport for PipePacket {
    const SUMMARY: &'static str = "anonymous pipe in packet mode (O_DIRECT), one message a packet";
    const GROUP: Group = Group::Pipes;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = PacketSender;
    type Receiver = PacketReceiver;

    fn unavailable() -> Option<String> {
        capacity::unavailable(capacity::DEFAULT)
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        match shape.message_bytes {
            0 => Err("a pipe's packet cannot carry an empty message".into()),
            bytes if bytes > MAX_BYTES => Err(too_large(bytes)),
            _ => Ok(()),
        }
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_DIRECT)?;
        capacity::set(&write, capacity::DEFAULT)?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(write)], receiver: vec![Descriptor::new(read)] })
    }

    fn attach_sender(address: &Address, _: Peers, _: &Shape) -> io::Result<PacketSender> {
        Ok(PacketSender { pipe: address.descriptor(Endpoint::Sender)?.duplicate()?.into(), room: empty_room() })
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<PacketReceiver> {
        Ok(PacketReceiver { pipe: address.descriptor(Endpoint::Receiver)?.duplicate()?.into(), room: empty_room() })
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        byte_stream::anatomy::<Block>(shape, MAX_BYTES as f64)
    }
}

fn empty_room() -> Box<[u8; MAX_BYTES]> {
    Box::new([0; MAX_BYTES])
}

#[cold]
fn too_large(bytes: usize) -> String {
    format!("a pipe's packet holds at most {MAX_BYTES} bytes (PIPE_BUF), not {bytes}")
}

impl Sender for PacketSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let room = self.room.get_mut(..len);
        let room = room.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, too_large(len)))?;
        fill(room);
        let written = Block.retry(|| self.pipe.write(room))?;
        // Up to PIPE_BUF bytes go in whole or not at all.
        if written == len { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

impl Receiver for PacketReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        match Block.retry(|| self.pipe.read(&mut self.room[..]))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => Ok(read(&self.room[..bytes])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Case, Measure};

    fn shape(message_bytes: u64) -> Shape {
        Shape::of(
            &Case::new("transport", "pipe-packet", Measure::Stream).with(|p| p.message_bytes = Some(message_bytes)),
        )
    }

    fn ends() -> (PacketSender, PacketReceiver) {
        let shape = shape(8);
        let address = PipePacket::create(&shape).expect("a pipe");
        let sender = PipePacket::attach_sender(&address, Peers::default(), &shape).expect("a sender");
        (sender, PipePacket::attach_receiver(&address, Peers::default(), &shape).expect("a receiver"))
    }

    #[test]
    fn packets_keep_their_borders() {
        let (mut sender, mut receiver) = ends();
        let lengths = [1, 8, 4096, 3, 4095];
        for (number, len) in lengths.into_iter().enumerate() {
            sender.send(len, |room| room.fill(number as u8)).expect("room for all of them");
        }
        for (number, len) in lengths.into_iter().enumerate() {
            let seen = receiver.receive(<[u8]>::to_vec).expect("a packet");
            assert_eq!(seen, vec![number as u8; len]);
        }
    }

    #[test]
    fn what_is_no_packet_is_refused_with_the_limit() {
        let (mut sender, _receiver) = ends();
        let refused = sender.send(4097, |_| panic!("never filled")).expect_err("too large");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("4096"), "{refused}");
        assert!(PipePacket::supports(&shape(4097)).expect_err("too large").contains("PIPE_BUF"));
        assert!(PipePacket::supports(&shape(0)).expect_err("leaves no trace").contains("empty message"));
    }

    /// The kernel's behaviour that the refusals above rest on.
    #[test]
    fn an_empty_write_leaves_no_packet_and_a_short_read_loses_the_rest() {
        let (mut sender, mut receiver) = ends();
        assert_eq!(sender.pipe.write(&[]).expect("an empty write"), 0);
        sender.pipe.write_all(&[1, 2, 3, 4]).expect("room");
        sender.pipe.write_all(&[5]).expect("room");
        assert_eq!(receiver.pipe.read(&mut [0; 2]).expect("half a packet"), 2);
        assert_eq!(receiver.receive(<[u8]>::to_vec).expect("the next packet"), [5]);
    }

    #[test]
    fn the_end_of_either_side_is_seen() {
        let (sender, mut receiver) = ends();
        drop(sender);
        assert_eq!(receiver.receive(|_| ()).expect_err("no writer").kind(), io::ErrorKind::UnexpectedEof);
        let (mut sender, receiver) = ends();
        drop(receiver);
        assert_eq!(sender.send(8, |_| ()).expect_err("no reader").kind(), io::ErrorKind::BrokenPipe);
    }
}

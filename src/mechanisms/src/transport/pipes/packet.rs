//! Pipe in packet mode (O_DIRECT): a write of up to PIPE_BUF bytes is one packet in its own slot, and a read takes one
//! packet. Cost: as [`pipe`](super::pipe), but a default pipe holds only 16 messages, however small. Source: O_DIRECT
//! in pipe(2), Linux 3.4.
//!
//! A packet must not be empty (an empty write has no effect) or larger than PIPE_BUF (it would be split). A read with a
//! smaller buffer discards the rest of the packet, so the receiver's buffer has the maximum size.

use std::fs::File;
use std::io::{self, Read, Write};

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::{TRANSFER, capacity};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::byte_stream;
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Receiver, Sender, Shape, Topology, Transport};

/// Maximum size of a packet.
const MAX_BYTES: usize = libc::PIPE_BUF;

/// Transport over a pipe in packet mode.
pub struct PipePacket;

/// Sender with its message buffer.
pub struct PacketSender {
    pipe: File,
    buffer: Box<[u8; MAX_BYTES]>,
}

/// Receiver with its message buffer.
pub struct PacketReceiver {
    pipe: File,
    buffer: Box<[u8; MAX_BYTES]>,
}

impl Transport for PipePacket {
    const SUMMARY: &'static str = "anonymous pipe in packet mode (O_DIRECT), one packet per message";
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
            0 => Err("a packet of a pipe cannot be empty".into()),
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
        Ok(PacketSender { pipe: address.descriptor(Endpoint::Sender)?.duplicate()?.into(), buffer: new_buffer() })
    }

    fn attach_receiver(address: &Address, _: Peers, _: &Shape) -> io::Result<PacketReceiver> {
        Ok(PacketReceiver { pipe: address.descriptor(Endpoint::Receiver)?.duplicate()?.into(), buffer: new_buffer() })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        byte_stream::cost_model::<Block>(shape, TRANSFER, MAX_BYTES as f64)
    }
}

fn new_buffer() -> Box<[u8; MAX_BYTES]> {
    Box::new([0; MAX_BYTES])
}

#[cold]
fn too_large(bytes: usize) -> String {
    format!("a packet of a pipe has at most {MAX_BYTES} bytes (PIPE_BUF), not {bytes}")
}

impl Sender for PacketSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let message = self.buffer.get_mut(..len);
        let message = message.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, too_large(len)))?;
        fill(message);
        let written = Block.retry(|| self.pipe.write(message))?;
        // Up to PIPE_BUF bytes are written as a whole or not at all.
        if written == len { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

impl Receiver for PacketReceiver {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        match Block.retry(|| self.pipe.read(&mut self.buffer[..]))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => Ok(read(&self.buffer[..bytes])),
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
    fn packets_keep_their_boundaries() {
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
    fn empty_and_too_large_packets_are_refused_with_the_limit() {
        let (mut sender, _receiver) = ends();
        let refused = sender.send(4097, |_| panic!("never filled")).expect_err("too large");
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("4096"), "{refused}");
        assert!(PipePacket::supports(&shape(4097)).expect_err("too large").contains("PIPE_BUF"));
        assert!(PipePacket::supports(&shape(0)).expect_err("empty").contains("cannot be empty"));
    }

    /// Kernel behaviour that the limits above are based on.
    #[test]
    fn an_empty_write_leaves_no_packet_and_a_short_read_discards_the_rest() {
        let (mut sender, mut receiver) = ends();
        assert_eq!(sender.pipe.write(&[]).expect("an empty write"), 0);
        sender.pipe.write_all(&[1, 2, 3, 4]).expect("room");
        sender.pipe.write_all(&[5]).expect("room");
        assert_eq!(receiver.pipe.read(&mut [0; 2]).expect("half a packet"), 2);
        assert_eq!(receiver.receive(<[u8]>::to_vec).expect("the next packet"), [5]);
    }

    #[test]
    fn each_endpoint_sees_the_other_close() {
        let (sender, mut receiver) = ends();
        drop(sender);
        assert_eq!(receiver.receive(|_| ()).expect_err("no writer").kind(), io::ErrorKind::UnexpectedEof);
        let (mut sender, receiver) = ends();
        drop(receiver);
        assert_eq!(sender.send(8, |_| ()).expect_err("no reader").kind(), io::ErrorKind::BrokenPipe);
    }
}

//! Anonymous pipe, by wait strategy and capacity. The kernel copies in and out; a receiver without data sleeps or
//! retries. Cost: two system calls and two copies per message, a wake and a context switch if the receiver sleeps; a
//! message larger than the capacity is sent in pieces, each with its own read and wait. Source: pipe(2), pipe(7).

use std::fs::File;
use std::io;
use std::marker::PhantomData;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::{TRANSFER, capacity};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver, StreamSender};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Shape, Topology, Transport};

/// Transport over a pipe, by wait strategy and capacity in bytes ([`capacity::DEFAULT`] for that of a new pipe).
pub struct Pipe<W = Block, const CAPACITY: usize = { capacity::DEFAULT }>(PhantomData<W>);

impl<W: Readiness, const CAPACITY: usize> Transport for Pipe<W, CAPACITY> {
    const SUMMARY: &'static str = match CAPACITY {
        capacity::DEFAULT => "anonymous pipe of the default capacity, 16 pages",
        4096 => "anonymous pipe of one page, 4 KiB",
        0x10_0000 => "anonymous pipe of 1 MiB",
        _ => "anonymous pipe",
    };
    const GROUP: Group = Group::Pipes;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;
    type Sender = StreamSender<File, W>;
    type Receiver = StreamReceiver<File, W>;

    fn unavailable() -> Option<String> {
        capacity::unavailable(CAPACITY)
    }

    /// Limits messages of several endpoints to PIPE_BUF bytes: such writes are atomic, so that messages never mix and
    /// each read of this size gets a whole message.
    fn supports(shape: &Shape) -> Result<(), String> {
        let (bytes, most) = (shape.message_bytes, libc::PIPE_BUF);
        if (shape.producers > 1 || shape.consumers > 1) && bytes > most {
            return Err(format!(
                "with several senders or receivers a pipe carries messages of up to {most} bytes (PIPE_BUF), not {bytes}"
            ));
        }
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        capacity::set(&write, CAPACITY)?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(write)], receiver: vec![Descriptor::new(read)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Sender> {
        StreamSender::new(address.descriptor(Endpoint::Sender)?.duplicate()?.into(), shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        StreamReceiver::new(address.descriptor(Endpoint::Receiver)?.duplicate()?.into(), shape)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        byte_stream::cost_model::<W>(shape, TRANSFER, capacity::bytes(CAPACITY) as f64)
    }
}

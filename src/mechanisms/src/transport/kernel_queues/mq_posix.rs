//! POSIX message queue of up to `msg_max` messages, all of the same priority here. No mqueue file system need be
//! mounted. Both endpoints block with a time limit, which arms a timer if they sleep. Cost: a system call and a copy at
//! each endpoint, a wake and a context switch if the receiver sleeps. Source: mq_overview(7), mq_timedsend(3),
//! getrlimit(2) on `RLIMIT_MSGQUEUE`.

use std::io;

use nix::errno::Errno;
use nix::time::ClockId;

use super::{cost_model, too_long};
use crate::address::{Address, Name};
use crate::posix_mq::{self, Access, MessageQueue, Size};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::slice::Until;
use crate::transport::{Peers, Receiver, Sender, Shape, Topology, Transport};

/// Transport over a POSIX message queue.
pub struct MqPosix;

/// Endpoint with its message buffer.
pub struct Queue {
    messages: MessageQueue,
    buffer: Vec<u8>,
    until: Until,
}

/// Size of the queue; by default the maximum depth of the system. The kernel requires at least one byte per message.
fn size(shape: &Shape) -> Result<Size, String> {
    let depth = if shape.depth > 0 { shape.depth as usize } else { posix_mq::messages_max()? };
    Ok(Size { messages: depth, message_bytes: shape.message_bytes.max(1) })
}

impl Transport for MqPosix {
    const SUMMARY: &'static str = "POSIX message queue, blocking";
    const GROUP: Group = Group::KernelQueues;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Queue;
    type Receiver = Queue;

    fn unavailable() -> Option<String> {
        posix_mq::unavailable()
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        // A round trip uses two queues.
        size(shape)?.supports(2)
    }

    fn depth(shape: &Shape) -> Option<u32> {
        size(shape).ok().map(|size| size.messages as u32)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        posix_mq::create(size(shape).map_err(io::Error::other)?).map(Address::Named)
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Queue> {
        Queue::open(address.name()?, Access::Send, shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Queue> {
        Queue::open(address.name()?, Access::Receive, shape)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape)
    }
}

impl Queue {
    fn open(name: &Name, access: Access, shape: &Shape) -> io::Result<Self> {
        let message_bytes = shape.message_bytes.max(1);
        Ok(Self {
            messages: MessageQueue::open(name, access, message_bytes)?,
            buffer: vec![0; message_bytes],
            until: Until::on(ClockId::CLOCK_REALTIME)?,
        })
    }
}

impl Sender for Queue {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.buffer.len() {
            return Err(too_long(len, self.buffer.len()));
        }
        fill(&mut self.buffer[..len]);
        loop {
            match self.messages.send_until(&self.buffer[..len], self.until.moment()) {
                Ok(()) => return Ok(()),
                Err(Errno::ETIMEDOUT | Errno::EINTR) => self.until.passed()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}

impl Receiver for Queue {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        loop {
            match self.messages.receive_until(&mut self.buffer, self.until.moment()) {
                Ok(len) => return Ok(read(&self.buffer[..len])),
                Err(Errno::ETIMEDOUT | Errno::EINTR) => self.until.passed()?,
                Err(other) => return Err(other.into()),
            }
        }
    }
}

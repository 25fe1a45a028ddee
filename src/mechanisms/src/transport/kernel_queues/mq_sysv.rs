//! System V message queue of up to `msgmnb` bytes, in order of arrival. Its calls have no time limit: only the removal
//! of the queue or the end of the process ends a wait. Cost: a system call and a copy at each endpoint, a wake and a
//! context switch if the receiver sleeps. Source: sysvipc(7), msgop(2).

use std::io;

use super::{cost_model, too_long};
use crate::address::{Address, NameKind, fresh_name, sysv_key};
use crate::limits;
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::sysv_msg::{MESSAGE_BYTES_MAX, Message, MessageQueue, QUEUE_BYTES_MAX};
use crate::transport::slice;
use crate::transport::{Peers, Receiver, Sender, Shape, Topology, Transport};

/// Transport over a System V message queue.
pub struct MqSysv;

/// Endpoint with its message buffer.
pub struct Queue {
    id: MessageQueue,
    message: Message,
    agreed: usize,
}

/// Bytes that a message takes in the queue; one if it is empty, since there may not be more messages than bytes.
fn share_bytes(shape: &Shape) -> usize {
    shape.message_bytes.max(1)
}

/// Messages in the queue; by default the maximum of the system.
fn depth(shape: &Shape) -> Result<usize, String> {
    if shape.depth > 0 { Ok(shape.depth as usize) } else { Ok(limits::read(QUEUE_BYTES_MAX)? / share_bytes(shape)) }
}

impl Transport for MqSysv {
    const SUMMARY: &'static str = "System V message queue, blocking";
    const GROUP: Group = Group::KernelQueues;
    const TOPOLOGY: Topology = Topology::ManyToMany;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = Queue;
    type Receiver = Queue;

    fn unavailable() -> Option<String> {
        limits::read(MESSAGE_BYTES_MAX).err().map(|why| format!("this system has no System V message queues: {why}"))
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        let (bytes, depth) = (shape.message_bytes, depth(shape)?);
        let (bytes_max, queue_max) = (limits::read(MESSAGE_BYTES_MAX)?, limits::read(QUEUE_BYTES_MAX)?);
        if bytes > bytes_max {
            return Err(format!("a message has at most {bytes_max} bytes (kernel.msgmax), not {bytes}"));
        }
        let wanted = depth.max(1).saturating_mul(share_bytes(shape));
        if wanted > queue_max {
            return Err(format!("a queue holds at most {queue_max} bytes (kernel.msgmnb), not {wanted}"));
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        depth(shape).ok().map(|messages| messages as u32)
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let depth = depth(shape).map_err(io::Error::other)?;
        let name = fresh_name(NameKind::SysvMsg)?;
        let key = sysv_key(&name.name).ok_or(io::ErrorKind::InvalidInput)?;
        MessageQueue::create(key)?.limit_bytes(depth * share_bytes(shape))?;
        Ok(Address::Named(name))
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Queue> {
        Queue::open(address, shape)
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Queue> {
        Queue::open(address, shape)
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape)
    }
}

impl Queue {
    fn open(address: &Address, shape: &Shape) -> io::Result<Self> {
        let key = sysv_key(&address.name()?.name).ok_or(io::ErrorKind::InvalidInput)?;
        let agreed = shape.message_bytes;
        Ok(Self { id: MessageQueue::open(key)?, message: Message::new(agreed), agreed })
    }
}

impl Sender for Queue {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.agreed {
            return Err(too_long(len, self.agreed));
        }
        fill(&mut self.message.text_mut()[..len]);
        loop {
            match self.id.send(&self.message, len) {
                Err(stopped) if stopped.kind() == io::ErrorKind::Interrupted => slice::check()?,
                done => return done,
            }
        }
    }
}

impl Receiver for Queue {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        loop {
            match self.id.receive(&mut self.message) {
                Ok(len) => return Ok(read(&self.message.text()[..len])),
                Err(stopped) if stopped.kind() == io::ErrorKind::Interrupted => slice::check()?,
                Err(other) => return Err(other),
            }
        }
    }
}

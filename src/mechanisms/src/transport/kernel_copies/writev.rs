//! process_vm_writev(2): the sender copies the payload from its own memory into the receiver's. Cost: one system call
//! and one copy at the sender, two line transfers of the mailbox. The sender may reuse its own memory while the
//! receiver still reads. Source: process_vm_readv(2).
#![allow(unsafe_code)]

use std::io::{self, IoSlice};

use nix::sys::uio::{RemoteIoVec, process_vm_writev};

use super::{
    Area, Length, LengthReceiver, LengthSender, NOT_COPIED, cost_model, create, length, mailbox, supports, too_long,
    unavailable, whole,
};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::ring::{Consume, Produce};
use crate::transport::peer::{self, Peer};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};
use crate::wait::Hybrid;

/// Transport over process_vm_writev.
pub struct ProcessVmWritev;

/// Sender, which writes into the receiver's memory.
pub struct Writer {
    lengths: LengthSender,
    target: Peer,
    buffer: Vec<u8>,
}

/// Receiver, whose memory the sender writes.
pub struct Target {
    lengths: LengthReceiver,
    area: Area,
    agreed: usize,
}

impl Transport for ProcessVmWritev {
    const SUMMARY: &'static str = "process_vm_writev: the sender copies into the receiver's memory";
    const GROUP: Group = Group::KernelCopies;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    type Sender = Writer;
    type Receiver = Target;

    fn unavailable() -> Option<String> {
        unavailable()
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        supports(shape)
    }

    fn depth(_: &Shape) -> Option<u32> {
        Some(1)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        create()
    }

    fn offer(_: &Address, shape: &Shape, end: Endpoint) -> io::Result<Offer> {
        if end == Endpoint::Sender {
            return Ok(Offer::default());
        }
        peer::allow_access();
        let area = Area::new(shape.message_bytes)?;
        Ok(Offer { text: Peer::offer(area.address()).text, keep: Some(Box::new(area)) })
    }

    fn attach_sender(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Writer> {
        let lengths = LengthSender::new(mailbox(address, Endpoint::Sender)?, Hybrid);
        Ok(Writer { lengths, target: Peer::of(&peers)?, buffer: vec![0; shape.message_bytes] })
    }

    fn attach_receiver(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Target> {
        let lengths = LengthReceiver::new(mailbox(address, Endpoint::Receiver)?, Hybrid);
        Ok(Target { lengths, area: *peers.kept()?, agreed: shape.message_bytes })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape, Endpoint::Sender)
    }
}

impl Sender for Writer {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let agreed = self.buffer.len();
        let buffer = self.buffer.get_mut(..len).ok_or_else(|| too_long(len, agreed))?;
        fill(buffer);
        let target = self.target;
        let mut copied = Ok(());
        self.lengths.send(size_of::<Length>(), |word| {
            copied = whole(len, |done| {
                let remote = RemoteIoVec { base: target.number + done, len: len - done };
                process_vm_writev(target.pid, &[IoSlice::new(&buffer[done..])], &[remote])
            });
            let announced = if copied.is_ok() { len as u64 } else { NOT_COPIED };
            word.copy_from_slice(&announced.to_le_bytes());
        })?;
        copied
    }
}

impl Receiver for Target {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (area, agreed) = (&self.area, self.agreed);
        self.lengths.receive(|word| {
            let len = length(word, agreed)?;
            // SAFETY: the mailbox is full, so the sender's copy is complete; it starts the next one when the mailbox is
            // empty.
            Ok(read(unsafe { area.bytes(len) }))
        })?
    }
}

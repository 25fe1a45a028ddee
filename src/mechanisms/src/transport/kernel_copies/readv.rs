//! process_vm_readv(2): the receiver copies the payload from the sender's memory into its own. Cost: one system call
//! and one copy at the receiver, two line transfers of the mailbox. The sender may reuse its memory after the copy,
//! while the receiver still reads. Source: process_vm_readv(2).
#![allow(unsafe_code)]

use std::io::{self, IoSliceMut};

use nix::sys::uio::{RemoteIoVec, process_vm_readv};

use super::{
    Area, Length, LengthReceiver, LengthSender, cost_model, create, length, mailbox, supports, too_long, unavailable,
    whole,
};
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::ring::{Consume, Produce};
use crate::transport::peer::{self, Peer};
use crate::transport::{Offer, Peers, Receiver, Sender, Shape, Transport};
use crate::wait::Hybrid;

/// Transport over process_vm_readv.
pub struct ProcessVmReadv;

/// Sender, whose memory the receiver reads.
pub struct Source {
    lengths: LengthSender,
    area: Area,
    agreed: usize,
}

/// Receiver, which reads the sender's memory.
pub struct Reader {
    lengths: LengthReceiver,
    source: Peer,
    buffer: Vec<u8>,
}

impl Transport for ProcessVmReadv {
    const SUMMARY: &'static str = "process_vm_readv: the receiver copies out of the sender's memory";
    const GROUP: Group = Group::KernelCopies;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    type Sender = Source;
    type Receiver = Reader;

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
        if end == Endpoint::Receiver {
            return Ok(Offer::default());
        }
        peer::allow_access();
        let area = Area::new(shape.message_bytes)?;
        Ok(Offer { text: Peer::offer(area.address()).text, keep: Some(Box::new(area)) })
    }

    fn attach_sender(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Source> {
        let lengths = LengthSender::new(mailbox(address, Endpoint::Sender)?, Hybrid);
        Ok(Source { lengths, area: *peers.kept()?, agreed: shape.message_bytes })
    }

    fn attach_receiver(address: &Address, peers: Peers, shape: &Shape) -> io::Result<Reader> {
        let lengths = LengthReceiver::new(mailbox(address, Endpoint::Receiver)?, Hybrid);
        Ok(Reader { lengths, source: Peer::of(&peers)?, buffer: vec![0; shape.message_bytes] })
    }

    fn cost_model(shape: &Shape) -> CostModel {
        cost_model(shape, Endpoint::Receiver)
    }
}

impl Sender for Source {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len > self.agreed {
            return Err(too_long(len, self.agreed));
        }
        let area = &mut self.area;
        self.lengths.send(size_of::<Length>(), |word| {
            // SAFETY: the mailbox is empty, so the receiver has its copy; it starts the next one when the mailbox is
            // full.
            fill(unsafe { area.bytes_mut(len) });
            word.copy_from_slice(&(len as u64).to_le_bytes());
        })
    }
}

impl Receiver for Reader {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let (source, buffer) = (self.source, &mut self.buffer);
        let len = self.lengths.receive(|word| {
            let len = length(word, buffer.len())?;
            whole(len, |done| {
                let remote = RemoteIoVec { base: source.number + done, len: len - done };
                process_vm_readv(source.pid, &mut [IoSliceMut::new(&mut buffer[done..len])], &[remote])
            })?;
            Ok::<_, io::Error>(len)
        })??;
        Ok(read(&self.buffer[..len]))
    }
}

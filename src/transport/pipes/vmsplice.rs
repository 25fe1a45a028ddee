//! Pages lent to a pipe by vmsplice(2) and copied out once by read(2): the copy into the kernel is saved, at the price of
//! looking up each page and of never touching it again before it was read. The pipe holds 1 MiB, so that a message of
//! 256 pages goes over in one call. Cost: two system calls and one copy a message, a page looked up for every 4 KiB, a
//! wake and a switch when the reader sleeps, and rarely a look at what is still inside.
//! Source: vmsplice(2); FIONREAD in pipe(7).
//!
//! **Why no buffer is overwritten before it was read.** The sender uses buffers of whole pages in turn. A slot of the pipe
//! holds one page at most, so once the messages since a buffer's last use fill all slots, that buffer has left the pipe;
//! one buffer more than it takes to fill the pipe is therefore enough, and vmsplice itself does the waiting. That is an
//! argument about slots; the evidence is FIONREAD, which counts the bytes not yet read, under the lock that the reader
//! holds while it copies. No buffer is reused before the count said that it was drained, and a count that contradicts the
//! argument ends the trial. One look usually serves for a whole turn of the buffers.

use std::fs::File;
use std::io::{self, IoSlice};

use memmap2::MmapMut;
use nix::fcntl::{OFlag, SpliceFFlags, vmsplice};
use nix::unistd::pipe2;
use rustix::io::ioctl_fionread;

use super::capacity;
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Sender, Shape, Transport};

/// What the pipe holds: as much as a process without privileges may ask for.
const CAPACITY_BYTES: usize = 0x10_0000;

/// The transport.
pub struct Vmsplice;

impl Transport for Vmsplice {
    const SUMMARY: &'static str = "pages lent to a 1 MiB pipe with vmsplice, copied out once by read";
    const GROUP: Group = Group::Pipes;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process, Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Sender = PageSender;
    type Receiver = StreamReceiver<File>;

    fn unavailable() -> Option<String> {
        capacity::unavailable(CAPACITY_BYTES)
    }

    fn supports(shape: &Shape) -> Result<(), String> {
        byte_stream::refuse_empty(shape)
    }

    fn create(_: &Shape) -> io::Result<Address> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        capacity::set(&write, CAPACITY_BYTES)?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(write)], receiver: vec![Descriptor::new(read)] })
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<PageSender> {
        let pipe = address.descriptor(Endpoint::Sender)?.duplicate()?.into();
        PageSender::new(pipe, shape.message_bytes, buffers(shape.message_bytes))
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Self::Receiver> {
        StreamReceiver::new(address.descriptor(Endpoint::Receiver)?.duplicate()?.into(), shape)
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let copying = byte_stream::anatomy::<Block>(shape, CAPACITY_BYTES as f64);
        let pieces = copying.receiver.system_calls;
        let looks = 1.0 / buffers(shape.message_bytes) as f64;
        let sender = Counts { system_calls: pieces + looks, copied_bytes: 0.0, ..copying.sender };
        Anatomy { sender, ..copying }
    }
}

/// As many messages as fill every slot of the pipe, and the one being built.
fn buffers(message_bytes: usize) -> usize {
    let page = capacity::page_bytes();
    let (slots, pages) = (CAPACITY_BYTES / page, message_bytes.div_ceil(page).max(1));
    slots.div_ceil(pages) + 1
}

/// The sending end, and the buffers whose pages it lends.
pub struct PageSender {
    pipe: File,
    message_bytes: usize,
    /// All buffers, each beginning with a page.
    pages: MmapMut,
    buffer_bytes: usize,
    buffers: u64,
    /// Where the next message's buffer begins.
    next: usize,
    /// Messages lent so far.
    lent: u64,
    /// Messages that were drained by the last look.
    drained: u64,
}

impl PageSender {
    fn new(pipe: File, message_bytes: usize, buffers: usize) -> io::Result<Self> {
        let buffer_bytes = message_bytes.next_multiple_of(capacity::page_bytes());
        let mut pages = MmapMut::map_anon(buffer_bytes * buffers)?;
        // Brings the pages in before the clock starts.
        pages.fill(0);
        Ok(Self { pipe, message_bytes, pages, buffer_bytes, buffers: buffers as u64, next: 0, lent: 0, drained: 0 })
    }

    /// Makes sure that the reader is through with the next buffer, whose last message is `self.buffers` messages ago.
    fn look(&mut self) -> io::Result<()> {
        let bytes = self.message_bytes as u64;
        self.drained = self.lent - ioctl_fionread(&self.pipe)?.div_ceil(bytes);
        if self.lent - self.drained < self.buffers {
            return Ok(());
        }
        let inside = self.lent - self.drained;
        Err(io::Error::other(format!(
            "the pipe still holds {inside} messages of {bytes} bytes, more than it has slots"
        )))
    }
}

impl Sender for PageSender {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != self.message_bytes {
            return Err(byte_stream::other_size(len, self.message_bytes));
        }
        if self.lent - self.drained >= self.buffers {
            self.look()?;
        }
        let buffer = &mut self.pages[self.next..self.next + len];
        fill(buffer);
        let mut rest = &*buffer;
        while !rest.is_empty() {
            let lend = || Ok(vmsplice(&self.pipe, &[IoSlice::new(rest)], SpliceFFlags::empty())?);
            let taken = Block.retry(lend)?;
            if taken == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[taken..];
        }
        self.lent += 1;
        self.next += self.buffer_bytes;
        if self.next == self.pages.len() {
            self.next = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

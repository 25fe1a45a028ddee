//! Pages of the sender given to a pipe by vmsplice(2) and copied out once by read(2). This saves the copy into the
//! kernel, but each page must be looked up, and must not change before it is read. The pipe holds 1 MiB, so that a
//! message of 256 pages takes one call. Cost: two system calls and one copy per message, a page lookup per 4 KiB, a
//! wake and a context switch if the receiver sleeps, and rarely a query of the unread bytes. Source: vmsplice(2);
//! FIONREAD in pipe(7).
//!
//! **Buffer reuse.** The sender uses buffers of whole pages in turn. A slot of the pipe holds at most one page, so a
//! buffer has left the pipe once the messages since its last use fill all slots: one buffer more than fit into the pipe
//! is enough, and vmsplice waits for space. FIONREAD verifies this: it counts the unread bytes under the lock that the
//! reader holds while it copies. No buffer is reused before that count shows it as read, and a contradiction ends the
//! trial. Usually one query covers a whole round of the buffers.

use std::fs::File;
use std::io::{self, IoSlice};

use memmap2::MmapMut;
use nix::fcntl::{OFlag, SpliceFFlags, vmsplice};
use nix::unistd::pipe2;
use rustix::io::ioctl_fionread;

use super::{TRANSFER, capacity};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Wait};
use crate::transport::byte_stream::{self, StreamReceiver};
use crate::transport::readiness::{Block, Readiness};
use crate::transport::{Peers, Sender, Shape, Transport};

/// Capacity of the pipe: the maximum for a process without privileges.
const CAPACITY_BYTES: usize = 0x10_0000;

/// Transport over vmsplice.
pub struct Vmsplice;

impl Transport for Vmsplice {
    const SUMMARY: &'static str = "pages given to a 1 MiB pipe with vmsplice, copied out once by read";
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

    fn cost_model(shape: &Shape) -> CostModel {
        let copying = byte_stream::cost_model::<Block>(shape, TRANSFER, CAPACITY_BYTES as f64);
        let pieces = copying.receiver.system_calls;
        let looks = 1.0 / buffers(shape.message_bytes) as f64;
        let sender = Counts { system_calls: pieces + looks, copied_bytes: 0.0, ..copying.sender };
        CostModel { sender, ..copying }
    }
}

/// Number of buffers: one more than the messages that fill all slots of the pipe.
fn buffers(message_bytes: usize) -> usize {
    let page = capacity::page_bytes();
    let (slots, pages) = (CAPACITY_BYTES / page, message_bytes.div_ceil(page).max(1));
    slots.div_ceil(pages) + 1
}

/// Sender with the buffers whose pages it gives to the pipe.
pub struct PageSender {
    pipe: File,
    message_bytes: usize,
    /// All buffers, each aligned to a page.
    pages: MmapMut,
    buffer_bytes: usize,
    buffers: u64,
    /// Offset of the next message's buffer.
    next: usize,
    /// Messages sent so far.
    lent: u64,
    /// Messages read, according to the last query.
    drained: u64,
}

impl PageSender {
    fn new(pipe: File, message_bytes: usize, buffers: usize) -> io::Result<Self> {
        let buffer_bytes = message_bytes.next_multiple_of(capacity::page_bytes());
        let mut pages = MmapMut::map_anon(buffer_bytes * buffers)?;
        // Faults in the pages before the clock starts.
        pages.fill(0);
        Ok(Self { pipe, message_bytes, pages, buffer_bytes, buffers: buffers as u64, next: 0, lent: 0, drained: 0 })
    }

    /// Verifies that the receiver has read the next buffer, whose last message is `self.buffers` messages ago.
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

/// Tests that buffers are not reused too early, and that an early reuse is detected.
#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::payload::{check, fill, stamp};
    use crate::record::{Case, Measure};
    use crate::transport::Receiver;

    const PRODUCER: u16 = 9;

    /// Both endpoints of a channel whose sender has `buffers` buffers.
    fn ends(message_bytes: usize, buffers: usize) -> (PageSender, StreamReceiver<File>) {
        let case =
            Case::new("transport", "vmsplice", Measure::Stream).with(|p| p.message_bytes = Some(message_bytes as u64));
        let shape = Shape::of(&case);
        let address = Vmsplice::create(&shape).expect("a pipe of 1 MiB");
        let pipe = address.descriptor(Endpoint::Sender).and_then(Descriptor::duplicate).expect("the writing end");
        let sender = PageSender::new(pipe.into(), message_bytes, buffers).expect("memory for the buffers");
        (sender, Vmsplice::attach_receiver(&address, Peers::default(), &shape).expect("the reading end"))
    }

    fn send(sender: &mut PageSender, sequence: u64) {
        let bytes = sender.message_bytes;
        sender.send(bytes, |room| fill(room, stamp(PRODUCER, sequence))).expect("a reader");
    }

    fn verify(receiver: &mut StreamReceiver<File>, bytes: usize, sequence: u64) -> Result<(), String> {
        receiver.receive(|seen| check(seen, bytes, stamp(PRODUCER, sequence))).expect("a writer")
    }

    /// Fills the pipe and builds one more message before it reads the first; returns the result of the check.
    fn first_message_after_the_pipe_is_full(message_bytes: usize, buffers: usize) -> Result<(), String> {
        let (mut sender, mut receiver) = ends(message_bytes, buffers);
        let slots = CAPACITY_BYTES / capacity::page_bytes();
        let fitting = (slots / message_bytes.div_ceil(capacity::page_bytes())) as u64;
        for sequence in 0..fitting {
            send(&mut sender, sequence);
        }
        // Pretends that all messages were read, so that only the payload reveals the mutant.
        sender.drained = sender.lent;
        let (built, is_built) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                sender.send(message_bytes, |room| {
                    fill(room, stamp(PRODUCER, fitting));
                    built.send(()).expect("the reader waits for this");
                })
            });
            is_built.recv().expect("one message more was built");
            let first = verify(&mut receiver, message_bytes, 0);
            // Lets the sender finish.
            let rest: Result<Vec<()>, String> =
                (1..=fitting).map(|next| verify(&mut receiver, message_bytes, next)).collect();
            first.and(rest.map(drop))
        })
    }

    #[test]
    fn a_full_pipe_and_one_more_message_stay_intact() {
        for bytes in [8, 4096, 4097, 300_000, CAPACITY_BYTES] {
            let seen = first_message_after_the_pipe_is_full(bytes, buffers(bytes));
            assert_eq!(seen, Ok(()), "{bytes} bytes");
        }
    }

    /// Mutant with one buffer fewer, which fails wherever messages fill the pipe exactly.
    #[test]
    fn one_buffer_fewer_is_detected_as_corruption() {
        for bytes in [8, 4096, 4097, CAPACITY_BYTES / 2, CAPACITY_BYTES] {
            let seen = first_message_after_the_pipe_is_full(bytes, buffers(bytes) - 1);
            assert!(seen.as_ref().is_err_and(|why| why.contains("message 0")), "{bytes} bytes: {seen:?}");
        }
    }

    #[test]
    fn a_buffer_with_unread_bytes_is_never_reused() {
        let (mut sender, _receiver) = ends(4096, 3);
        (0..3).for_each(|sequence| send(&mut sender, sequence));
        let refused = sender.send(4096, |_| panic!("overwritten")).expect_err("three messages are unread");
        assert!(refused.to_string().contains("still holds 3 messages"), "{refused}");
    }

    /// Kernel behaviour behind the verification: the count follows the reader within a message.
    #[test]
    fn the_count_of_unread_bytes_follows_the_reader() {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        let mut sender = PageSender::new(write.into(), 10_000, 2).expect("memory for the buffers");
        send(&mut sender, 0);
        for (part, left) in [(4096, 5904), (1, 5903), (5903, 0)] {
            assert_eq!(nix::unistd::read(&read, &mut vec![0; part]).expect("bytes to read"), part);
            assert_eq!(ioctl_fionread(&sender.pipe).expect("a pipe can be asked"), left);
        }
        sender.look().expect("all is drained");
        assert_eq!(sender.drained, 1);
    }

    #[test]
    fn messages_beyond_the_capacity_are_transferred_in_pieces() {
        let bytes = 3 * CAPACITY_BYTES + 5;
        let (mut sender, mut receiver) = ends(bytes, buffers(bytes));
        thread::scope(|scope| {
            scope.spawn(move || (0..5).for_each(|sequence| send(&mut sender, sequence)));
            for sequence in 0..5 {
                assert_eq!(verify(&mut receiver, bytes, sequence), Ok(()));
            }
        });
    }
}

//! `rtrb`, a wait-free ring for one sender and one receiver, between threads of one process. A message is a chunk of as
//! many consecutive bytes in the ring, written and read in place, as the crate offers it to audio programs; no allocation.
//! It has no way to wait, so a side without work tries again with the processor's pause hint. Cost: the line of the other
//! side's position, then the lines of the payload; the chunk is zeroed before it is filled. Source: the crate's `chunks`.

use std::io;
use std::sync::Mutex;

use rtrb::{Consumer, Producer, RingBuffer};

use super::owned::gone;
use crate::address::{Address, Endpoint};
use crate::record::{Anatomy, Counts, Group, Isolation, Wait};
use crate::transport::{Peers, Receiver, Sender, Shape, Transport};
use crate::wait::{Parker, PollPolicy, Spin, WaitStrategy};

/// Messages in flight when the plan leaves it open.
const DEFAULT_DEPTH: usize = 1024;
/// Bytes in flight at most then, so that large messages do not fill memory.
const DEFAULT_BYTES: usize = 8 << 20;
/// The first try comes without a pause: a ring that is neither full nor empty costs nothing but itself.
const POLICY: PollPolicy = PollPolicy { before: 0, between: 1 };

/// The transport.
pub struct Rtrb;

/// The sending end. Messages have one size, so that none wraps around the ring's end.
pub struct Tail {
    ring: Producer<u8>,
    message_bytes: usize,
}

/// The receiving end.
pub struct Head {
    ring: Consumer<u8>,
    message_bytes: usize,
}

/// The two ends until the threads fetch theirs.
struct Ends {
    tail: Mutex<Option<Producer<u8>>>,
    head: Mutex<Option<Consumer<u8>>>,
}

impl Transport for Rtrb {
    const SUMMARY: &'static str = "rtrb ring of bytes between threads; a message is a chunk of it, written in place";
    const GROUP: Group = Group::Threads;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Spin);
    const POLLS: bool = true;
    type Sender = Tail;
    type Receiver = Head;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes == 0 {
            return Err("a ring of bytes has no empty messages: at least 1 byte".to_owned());
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        let fitting = (DEFAULT_BYTES / shape.message_bytes.max(1)).clamp(4, DEFAULT_DEPTH) as u32;
        Some(if shape.depth > 0 { shape.depth } else { fitting })
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let messages = Self::depth(shape).map_or(DEFAULT_DEPTH, |depth| depth as usize);
        let (tail, head) = RingBuffer::new(messages * shape.message_bytes);
        Ok(Address::from_here(Ends { tail: Mutex::new(Some(tail)), head: Mutex::new(Some(head)) }))
    }

    fn attach_sender(address: &Address, _: Peers, shape: &Shape) -> io::Result<Tail> {
        let ring = take(&address.here::<Ends>()?.tail, Endpoint::Sender)?;
        Ok(Tail { ring, message_bytes: shape.message_bytes })
    }

    fn attach_receiver(address: &Address, _: Peers, shape: &Shape) -> io::Result<Head> {
        let ring = take(&address.here::<Ends>()?.head, Endpoint::Receiver)?;
        Ok(Head { ring, message_bytes: shape.message_bytes })
    }

    fn anatomy(shape: &Shape) -> Anatomy {
        let bytes = shape.message_bytes as f64;
        Anatomy {
            // The chunk is zeroed before it is written.
            sender: Counts { copied_bytes: bytes, ..Counts::default() },
            receiver: Counts {
                // The sender's position, then the first line of the payload.
                line_hand_overs: 2.0,
                moved_bytes: if bytes > 64.0 { bytes } else { 0.0 },
                ..Counts::default()
            },
        }
    }
}

impl Sender for Tail {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != self.message_bytes {
            return Err(other_size(len, self.message_bytes));
        }
        // As the crate does itself: the other side's position is read only when its last known value does not do.
        if self.ring.cached_slots() < len {
            let ring = &self.ring;
            Spin.until(&Parker::default(), POLICY, || (ring.slots() >= len || ring.is_abandoned()).then_some(()))?;
            if ring.slots() < len {
                return Err(gone(Endpoint::Receiver));
            }
        }
        let mut chunk = self.ring.write_chunk(len).map_err(io::Error::other)?;
        fill(chunk.as_mut_slices().0);
        chunk.commit_all();
        Ok(())
    }
}

impl Receiver for Head {
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        let len = self.message_bytes;
        if self.ring.cached_slots() < len {
            let ring = &self.ring;
            Spin.until(&Parker::default(), POLICY, || (ring.slots() >= len || ring.is_abandoned()).then_some(()))?;
            // A sender that leaves has committed all it sent before that can be seen.
            if ring.slots() < len {
                return Err(gone(Endpoint::Sender));
            }
        }
        let chunk = self.ring.read_chunk(len).map_err(io::Error::other)?;
        let result = read(chunk.as_slices().0);
        chunk.commit_all();
        Ok(result)
    }
}

fn take<T>(kept: &Mutex<Option<T>>, end: Endpoint) -> io::Result<T> {
    let taken = kept.lock().ok().and_then(|mut kept| kept.take());
    taken.ok_or_else(|| io::Error::other(format!("the {end:?}'s end was given away already")))
}

#[cold]
fn other_size(len: usize, agreed: usize) -> io::Error {
    let why = format!("this ring was made for messages of {agreed} bytes, not {len}");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

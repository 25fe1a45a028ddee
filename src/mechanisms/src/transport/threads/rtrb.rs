//! `rtrb`, a wait-free ring for one sender and one receiver between threads. A message is a chunk of consecutive bytes,
//! written and read in place without allocation, as the crate offers it for audio. The ring cannot wait, so an endpoint
//! polls with pause hints. Cost: the line of the peer's position, then the lines of the payload. Source: the crate's
//! `chunks`.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::sync::Mutex;

use rtrb::{Consumer, Producer, RingBuffer};

use super::owned::gone;
use crate::address::{Address, Endpoint};
use crate::record::{CostModel, Counts, Group, Isolation, Wait};
use crate::transport::{Peers, Receiver, Sender, Shape, Transport};
use crate::wait::{Parker, PollPolicy, Spin, WaitStrategy};

/// Default number of messages in flight.
const DEFAULT_DEPTH: usize = 1024;
/// Default limit of bytes in flight, so that large messages do not fill memory.
const DEFAULT_BYTES: usize = 8 << 20;
/// No pause before the first attempt, so that a ring that is neither full nor empty costs no wait.
const POLICY: PollPolicy = PollPolicy { before: 0, between: 1 };

/// Reason of streams.
const OWN_WORK_OR_HEAP: &str =
    "the instructions of the ring have no price, and its heap may have larger pages than the memory of the floors";

/// Transport over rtrb.
pub struct Rtrb;

/// Sender. All messages have one size, so that none wraps around the end of the ring.
pub struct Tail {
    ring: Producer<u8>,
    message_bytes: usize,
}

/// Receiver.
pub struct Head {
    ring: Consumer<u8>,
    message_bytes: usize,
}

/// Endpoints until the threads attach.
struct Ends {
    tail: Mutex<Option<Producer<u8>>>,
    head: Mutex<Option<Consumer<u8>>>,
}

impl Transport for Rtrb {
    const SUMMARY: &'static str = "rtrb ring of bytes between threads; each message is a chunk written in place";
    const GROUP: Group = Group::Threads;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    const WAIT: Option<Wait> = Some(Wait::Spin);
    const POLLS: bool = true;
    type Sender = Tail;
    type Receiver = Head;

    fn supports(shape: &Shape) -> Result<(), String> {
        if shape.message_bytes == 0 {
            return Err("a ring of bytes carries no empty messages: at least 1 byte".to_owned());
        }
        Ok(())
    }

    fn depth(shape: &Shape) -> Option<u32> {
        let fitting = (DEFAULT_BYTES / shape.message_bytes.max(1)).clamp(4, DEFAULT_DEPTH) as u32;
        Some(if shape.depth > 0 { shape.depth } else { fitting })
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        let messages = Self::depth(shape).map_or(DEFAULT_DEPTH, |depth| depth as usize);
        let bytes = messages * shape.message_bytes;
        let (mut tail, mut head) = RingBuffer::new(bytes);
        // Zeroes the ring once, so that senders need not zero each chunk.
        tail.write_chunk(bytes).map_err(io::Error::other)?.commit_all();
        head.read_chunk(bytes).map_err(io::Error::other)?.commit_all();
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

    fn cost_model(shape: &Shape) -> CostModel {
        // In a closed loop the sender's position is polled, then the first line of the payload fetched. In a stream one look
        // at the position serves many messages, and all bytes move in bulk.
        let (line_transfers, alone) = if shape.closed_loop() { (1.5, 64) } else { (0.0, 0) };
        let in_bulk = if shape.message_bytes > alone { shape.message_bytes as f64 } else { 0.0 };
        CostModel {
            sender: Counts::default(),
            receiver: Counts { line_transfers, moved_bytes: in_bulk, ..Counts::default() },
            unexplained: (!shape.closed_loop()).then(|| OWN_WORK_OR_HEAP.into()),
        }
    }
}

impl Sender for Tail {
    #[inline]
    fn send(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        if len != self.message_bytes {
            return Err(other_size(len, self.message_bytes));
        }
        // Like the crate, reads the peer's position only if the cached value is not sufficient.
        if self.ring.cached_slots() < len {
            let ring = &self.ring;
            Spin.until(&Parker::default(), POLICY, || (ring.slots() >= len || ring.is_abandoned()).then_some(()))?;
            if ring.slots() < len {
                return Err(gone(Endpoint::Receiver));
            }
        }
        let mut chunk = self.ring.write_chunk_uninit(len).map_err(io::Error::other)?;
        let room: *mut [MaybeUninit<u8>] = chunk.as_mut_slices().0;
        // SAFETY: `create` has zeroed every byte of the ring and reading leaves bytes as they are, so all are
        // initialised; `chunk` has this part of the ring until it is committed, and all its bytes are initialised.
        unsafe {
            fill(&mut *(room as *mut [u8]));
            chunk.commit_all();
        }
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
            // A sender commits all its messages before it is seen as dropped.
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
    taken.ok_or_else(|| io::Error::other(format!("there is only one {end:?}, which is attached already")))
}

#[cold]
fn other_size(len: usize, agreed: usize) -> io::Error {
    let why = format!("a message of {len} bytes on a ring of messages of {agreed} bytes");
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Case, Measure};

    #[test]
    fn a_chunk_is_not_zeroed_before_it_is_filled() {
        let shape = Shape::of(&Case::new("transport", "rtrb/spin", Measure::Stream).with(|params| {
            params.message_bytes = Some(16);
            params.depth = Some(2);
        }));
        let address = Rtrb::create(&shape).unwrap();
        let mut tail = Rtrb::attach_sender(&address, Peers::default(), &shape).unwrap();
        let mut head = Rtrb::attach_receiver(&address, Peers::default(), &shape).unwrap();
        for number in 1..=2 {
            tail.send(16, |room| room.fill(number)).unwrap();
            assert_eq!(head.receive(<[u8]>::to_vec).unwrap(), [number; 16]);
        }
        tail.send(16, |room| assert_eq!(room, [1; 16], "what the lap before has left")).unwrap();
    }
}

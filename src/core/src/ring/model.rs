//! Model checks: all orders in which two or three threads can run the rings and wait points, at depth 1 and 2, and for
//! each a mutant that the check must catch. Run with `RUSTFLAGS="--cfg loom" cargo test -p ipcmark-core --release --lib
//! ring::model`.
#![allow(unsafe_code)]

mod broadcast;
mod bytes;
mod loan;
mod mailbox;
mod mpmc;
mod mpsc;
mod seqlock;
mod spsc;

use std::io;

use loom::cell::UnsafeCell;
use loom::sync::Arc;

use super::sync::{AtomicU64, Ordering};
use super::{Consume, Produce, Slots};
use crate::address::Descriptor;
use crate::record::Wait;
use crate::wait::model::{Unfenced, Yield, check_within};
use crate::wait::{Park, PollPolicy, Strategy, WaitPoint, WaitStrategy};

/// Bytes of a slot.
const ROOM: usize = 8;

/// Slots under the model checker, as one endpoint sees them. `STRONG` is false in the mutants, which publish without
/// ordering.
struct ModelSlots<const DEPTH: usize, const STRONG: bool, R, W> {
    words: Arc<Words<R, W>>,
    /// Index of this endpoint's position.
    cursor: usize,
}

struct Words<R, W> {
    sequences: Vec<AtomicU64>,
    payloads: Vec<UnsafeCell<[u8; ROOM]>>,
    cursors: Vec<AtomicU64>,
    claimed: AtomicU64,
    readers: R,
    writers: W,
}

impl<const DEPTH: usize, const STRONG: bool, R: WaitPoint + Default, W: WaitPoint + Default>
    ModelSlots<DEPTH, STRONG, R, W>
{
    /// Slots of a fresh ring with `cursors` consumer positions.
    fn fresh(cursors: usize) -> Self {
        let words = Arc::new(Words {
            sequences: (0..DEPTH).map(|_| AtomicU64::new(0)).collect(),
            payloads: (0..DEPTH).map(|_| UnsafeCell::new([0; ROOM])).collect(),
            cursors: (0..cursors).map(|_| AtomicU64::new(0)).collect(),
            claimed: AtomicU64::new(0),
            readers: R::default(),
            writers: W::default(),
        });
        Self { words, cursor: 0 }
    }

    /// The same slots for the endpoint at `cursor`.
    fn at(&self, cursor: usize) -> Self {
        Self { words: Arc::clone(&self.words), cursor }
    }
}

// SAFETY: loom's cells panic on a conflicting access instead of allowing it.
unsafe impl<const DEPTH: usize, const STRONG: bool, R: WaitPoint, W: WaitPoint> Slots
    for ModelSlots<DEPTH, STRONG, R, W>
{
    const PUBLISH: Ordering = if STRONG { Ordering::Release } else { Ordering::Relaxed };
    const GIVE_BACK: Ordering = Self::PUBLISH;
    type Readers = R;
    type Writers = W;

    fn depth(&self) -> u32 {
        DEPTH as u32
    }

    fn message_bytes(&self) -> usize {
        ROOM
    }

    fn sequence(&self, slot: u32) -> &AtomicU64 {
        &self.words.sequences[slot as usize]
    }

    fn consumed(&self) -> &AtomicU64 {
        &self.words.cursors[self.cursor]
    }

    fn slowest(&self, _: u64) -> u64 {
        let positions = self.words.cursors.iter().map(|cursor| cursor.load(Ordering::Acquire));
        positions.min().expect("a ring has a consumer")
    }

    fn claimed(&self) -> &AtomicU64 {
        &self.words.claimed
    }

    unsafe fn write(&self, slot: u32, len: usize, fill: impl FnOnce(&mut [u8])) {
        // SAFETY: loom's `with_mut` lends the cell while the closure runs, and panics on a conflict.
        self.words.payloads[slot as usize].with_mut(|cell| fill(unsafe { &mut (&mut *cell)[..len] }));
    }

    unsafe fn read<T>(&self, slot: u32, len: usize, read: impl FnOnce(&[u8]) -> T) -> T {
        // SAFETY: loom's `with` lends the cell while the closure runs, and panics on a conflict.
        self.words.payloads[slot as usize].with(|cell| read(unsafe { &(&*cell)[..len] }))
    }

    fn readers(&self) -> &R {
        &self.words.readers
    }

    fn writers(&self) -> &W {
        &self.words.writers
    }
}

/// Parking without passing on wake-ups: a ring passes them on only for strategies that sleep, and this one claims to
/// poll.
struct Selfish;

impl Strategy for Selfish {
    const WAIT: Wait = Wait::Park;
    const POLLS: bool = true;

    fn attach(_: &[Descriptor]) -> io::Result<Self> {
        Ok(Self)
    }
}

impl<P: WaitPoint> WaitStrategy<P> for Selfish {
    fn until<R>(&self, point: &P, policy: PollPolicy, ready: impl FnMut() -> Option<R>) -> io::Result<(R, u32)> {
        Park.until(point, policy, ready)
    }

    fn notify(&self, point: &P, most: u32) -> io::Result<()> {
        Park.notify(point, most)
    }
}

/// Sends `messages`, of one byte each.
fn send_all(producer: &mut impl Produce, messages: impl IntoIterator<Item = u8>) {
    for message in messages {
        producer.send(1, |room| room[0] = message).expect("no model is aborted");
    }
}

fn receive_one(consumer: &mut impl Consume) -> u8 {
    consumer.receive(|seen| seen[0]).expect("no model is aborted")
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    check_within(3, model);
}

/// True if the checker finds an error in the mutant of `test`, a name below this module.
fn is_caught(test: &str, model: impl Fn() + Sync + Send + 'static) -> bool {
    crate::wait::model::is_caught(&format!("ring::model::{test}"), model)
}

//! Two copies, of which readers look at one while a writer fills the other, then changes their parts. Readers never wait
//! and never look twice: each says in a line of its own that it is there, and looks. The writer pays for that: before it
//! fills a copy, it waits until all have left who may still look at it since it was the current one (the grace period), and
//! it writes the whole state anew. Writers exclude each other by a test-and-test-and-set lock, whose hand-over costs two
//! line transfers. A reader meets one line transfer after each write, and a full fence every time. One who dies while he
//! looks stops all writers.
//!
//! Source: read-copy-update with two places to copy to. McKenney and Slingwine, Read-Copy Update, PDCS 1998; how a reader
//! is seen from user space: Desnoyers, McKenney, Stern, Dagenais, Walpole, User-Level Implementations of Read-Copy Update,
//! IEEE TPDS 2012.

use std::io;
use std::marker::PhantomData;

use crate::lock::in_memory::RawLock;
use crate::lock::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::lock::{COPIES, Cost, Looked, MAX_HOLDERS};
use crate::record::{Counts, Group, Wait};
use crate::wait::{NoWaiters, PollPolicy, WaitStrategy};

const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// What the line of a reader says who is not looking; else one more than a turn.
const AWAY: u64 = 0;

/// Which copy is current, who may be looking, and the writers' lock, by how they poll. `FENCED` is false only in the model's
/// mutant, where a reader may look before it is seen to be there.
#[cfg_attr(not(loom), repr(C, align(64)))]
pub struct DoubleBuffer<W, const FENCED: bool = true> {
    current: Current,
    writer: Writer,
    readers: [Reader; MAX_HOLDERS as usize],
    wait: PhantomData<W>,
}

/// What readers look at.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Current {
    /// Writes so far; the parts of the copies follow from it.
    turn: AtomicU64,
    /// Lines of readers that were ever used.
    seats: AtomicU32,
}

#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Writer {
    word: AtomicU32,
}

/// What one reader says of itself.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Reader {
    /// [`AWAY`], or one more than a turn that was current when it came, so that what it looks at is at least as new.
    since: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<DoubleBuffer<()>>() == (2 + MAX_HOLDERS as usize) * 64);
const _: () = assert!(COPIES == 2);

// SAFETY: repr(C), atomics and a zero-sized marker; all-zero bytes are the first copy current, nobody there and the lock
// free. Never mapped under the model checker.
unsafe impl<W, const FENCED: bool> crate::shm::SharedLayout for DoubleBuffer<W, FENCED> {}

#[cfg(test)]
impl<W, const FENCED: bool> Default for DoubleBuffer<W, FENCED> {
    fn default() -> Self {
        let readers = std::array::from_fn(|_| Reader::default());
        Self { current: Current::default(), writer: Writer::default(), readers, wait: PhantomData }
    }
}

/// The copy that is current after so many writes.
const fn copy(turn: u64) -> u32 {
    (turn % COPIES as u64) as u32
}

impl<W: WaitStrategy<NoWaiters> + Default, const FENCED: bool> DoubleBuffer<W, FENCED> {
    /// Waits until nobody looks at the copy that was current before `turn`.
    #[inline]
    fn grace(&self, turn: u64) -> io::Result<()> {
        // PAIRS: reader-announced. The turn is visible before the readers are looked for.
        fence(Ordering::SeqCst);
        for reader in self.readers.iter().take(self.current.seats.load(Ordering::Relaxed) as usize) {
            let left = || {
                // PAIRS: reader-left
                let since = reader.since.load(Ordering::Acquire);
                (since == AWAY || since > turn).then_some(())
            };
            if left().is_none() {
                W::default().until(&NoWaiters, PollPolicy::QUICK, left)?;
            }
        }
        Ok(())
    }
}

impl<W: WaitStrategy<NoWaiters> + Default, const FENCED: bool> RawLock for DoubleBuffer<W, FENCED> {
    const SUMMARY: &'static str = "two copies: readers look at one while a writer fills the other";
    const GROUP: Group = Group::ReadMostly;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = true;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        while !self.try_acquire(me) {
            let free = || (self.writer.word.load(Ordering::Relaxed) == FREE).then_some(());
            W::default().until(&NoWaiters, PollPolicy::QUICK, free)?;
        }
        Ok(())
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        // PAIRS: double-buffer-released
        self.writer.word.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        // PAIRS: double-buffer-released
        self.writer.word.store(FREE, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn read<R>(&self, me: u32, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        let (current, own) = (&self.current, &self.readers[me as usize]);
        if current.seats.load(Ordering::Relaxed) <= me {
            current.seats.fetch_max(me + 1, Ordering::Relaxed);
        }
        // PAIRS: reader-left. A writer that sees this instead of the last leaving sees the end of that look all the same.
        own.since.store(current.turn.load(Ordering::Relaxed) + 1, Ordering::Release);
        // PAIRS: reader-announced. This reader is visible before it sees which copy is current.
        if FENCED {
            fence(Ordering::SeqCst);
        }
        // PAIRS: copy-published
        let seen = look(copy(current.turn.load(Ordering::Acquire)));
        // PAIRS: reader-left
        own.since.store(AWAY, Ordering::Release);
        Ok(Looked { seen, retries: 0 })
    }

    #[inline]
    fn write<R>(&self, me: u32, change: impl FnOnce(u32) -> R) -> io::Result<R> {
        self.acquire(me)?;
        let turn = self.current.turn.load(Ordering::Relaxed);
        let written = self.grace(turn).map(|()| {
            let result = change(copy(turn + 1));
            // PAIRS: copy-published
            self.current.turn.store(turn + 1, Ordering::Release);
            result
        });
        self.release(me)?;
        written
    }

    fn cost() -> Cost {
        Cost {
            alone: Counts { atomics: 1.0, ..Counts::default() },
            release: Counts::default(),
            // The line comes to be read, and once more to be written.
            acquire: Counts { line_hand_overs: 2.0, ..Counts::default() },
        }
    }
}

//! Two copies: readers read one while a writer fills the other, then the copies swap. Readers never wait and never
//! retry: each announces itself on its own line and reads. The writer pays for that: before it fills a copy, it waits
//! until all readers that may still read it have left (the grace period), and it writes the whole state anew. Writers
//! exclude each other by a test-and-test-and-set lock, whose hand-off costs two line transfers. A reader needs one line
//! transfer after each write, and a full fence for every read. A reader that dies during a read blocks all writers.
//!
//! Source: read-copy-update with two copies. McKenney and Slingwine, Read-Copy Update, PDCS 1998; detection of readers
//! in user space: Desnoyers, McKenney, Stern, Dagenais, Walpole, User-Level Implementations of Read-Copy Update, IEEE
//! TPDS 2012.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;

use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::raw_lock::{COPIES, Cost, Looked, MAX_CONTENDERS};
use crate::record::{Counts, Group, Wait};
use crate::wait::{NoWaiters, PollPolicy, WaitStrategy};

const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// Value of a reader's line outside a read; during one it is the turn plus one.
const AWAY: u64 = 0;

/// The current copy, the announced readers, and the writers' lock, by wait strategy. `FENCED` is false only in the
/// model's mutant, where a reader may read before its announcement is visible.
#[cfg_attr(not(loom), repr(C, align(64)))]
pub struct DoubleBuffer<W, const FENCED: bool = true> {
    current: Current,
    writer: Writer,
    readers: [Reader; MAX_CONTENDERS as usize],
    wait: PhantomData<W>,
}

/// Fields that readers load.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Current {
    /// Writes so far; the current copy follows from it.
    turn: AtomicU64,
    /// Number of reader lines ever used.
    seats: AtomicU32,
}

#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Writer {
    word: AtomicU32,
}

/// Announcement of one reader.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
struct Reader {
    /// [`AWAY`], or one more than the turn that was current at the start of the read, so that the copy read is at least
    /// as new.
    since: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<DoubleBuffer<()>>() == (2 + MAX_CONTENDERS as usize) * 64);
const _: () = assert!(COPIES == 2);

// SAFETY: repr(C), atomics and a zero-sized marker; all-zero bytes are the first copy current, no reader and the lock
// free. Never mapped under the model checker.
unsafe impl<W, const FENCED: bool> crate::shm::SharedLayout for DoubleBuffer<W, FENCED> {}

#[cfg(test)]
impl<W, const FENCED: bool> Default for DoubleBuffer<W, FENCED> {
    fn default() -> Self {
        let readers = std::array::from_fn(|_| Reader::default());
        Self { current: Current::default(), writer: Writer::default(), readers, wait: PhantomData }
    }
}

/// Number of the copy that is current after `turn` writes.
const fn copy(turn: u64) -> u32 {
    (turn % COPIES as u64) as u32
}

impl<W: WaitStrategy<NoWaiters> + Default, const FENCED: bool> DoubleBuffer<W, FENCED> {
    /// Waits until no reader uses the copy that was current before `turn`.
    #[inline]
    fn grace(&self, turn: u64) -> io::Result<()> {
        // PAIRS: reader-announced. The turn is visible before the readers' lines are loaded.
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
    const SUMMARY: &'static str = "two copies: readers read one while a writer fills the other";
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
        // PAIRS: reader-left. A writer that sees this store instead of the last leaving also sees the end of that read.
        own.since.store(current.turn.load(Ordering::Relaxed) + 1, Ordering::Release);
        // PAIRS: reader-announced. This reader is visible before it loads the current copy's number.
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
            // The line is fetched once to be read, and once more to be written.
            acquire: Counts { line_transfers: 2.0, ..Counts::default() },
        }
    }
}

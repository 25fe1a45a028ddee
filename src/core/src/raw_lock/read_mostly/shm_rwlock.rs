//! Reader-writer lock of one word: active readers, waiting readers and writers, and an active writer. Writers go first:
//! a waiting writer blocks new readers, so that readers cannot starve writers; writers can starve readers. Every reader
//! changes the word twice, so readers transfer its line like the contenders of a mutex, and only long reads gain from
//! concurrency.
//!
//! Source: Courtois, Heymans, Parnas, Concurrent Control With "Readers" and "Writers", CACM 1971 (the second problem);
//! in one word Mellor-Crummey and Scott, Scalable Reader-Writer Synchronization, PPoPP 1991.
#![allow(unsafe_code)]

use std::io;
use std::marker::PhantomData;
#[cfg(not(loom))]
use std::mem::offset_of;

use crate::raw_lock::RawLock;
use crate::raw_lock::sync::{AtomicU32, Ordering};
use crate::raw_lock::{Cost, Looked, MAX_CONTENDERS};
use crate::record::{Counts, Group, Wait};
use crate::wait::{ALL, EventCount, PollPolicy, WaitStrategy};

/// Parts of the word, eight bits each.
const READER: u32 = 1;
const READER_WAITS: u32 = 1 << 8;
const WRITER_WAITS: u32 = 1 << 16;
const WRITER: u32 = 1 << 24;
const PART: u32 = 0xff;
const _: () = assert!(MAX_CONTENDERS <= PART);

const READERS: u32 = PART * READER;
const READERS_WAITING: u32 = PART * READER_WAITS;
const WRITERS_WAITING: u32 = PART * WRITER_WAITS;

/// The word, and the event counts at which readers and writers wait.
#[cfg_attr(not(loom), repr(C, align(64)))]
#[derive(Default)]
pub struct ShmRwLock<W> {
    /// Counts waiters too: a release makes no wake-up call without waiters.
    word: AtomicU32,
    readers: EventCount,
    writers: EventCount,
    wait: PhantomData<W>,
}

#[cfg(not(loom))]
const _: () = assert!(offset_of!(ShmRwLock<()>, readers) == 64 && offset_of!(ShmRwLock<()>, writers) == 128);

// SAFETY: repr(C), atomics and a zero-sized marker; all-zero bytes are a free lock without waiters. Never mapped under
// the model checker.
unsafe impl<W> crate::shm::SharedLayout for ShmRwLock<W> {}

/// Word after a reader enters, with `waited` subtracted from the waiters; `None` while a writer is active or waits.
fn with_reader(word: u32, waited: u32) -> Option<u32> {
    (word & (WRITER | WRITERS_WAITING) == 0).then(|| word + READER - waited)
}

/// Word after a writer enters, with `waited` subtracted from the waiters; `None` while any contender is active.
fn with_writer(word: u32, waited: u32) -> Option<u32> {
    (word & (WRITER | READERS) == 0).then(|| word + WRITER - waited)
}

impl<W: WaitStrategy<EventCount> + Default> ShmRwLock<W> {
    #[inline]
    fn enter(&self, change: impl FnMut(u32) -> Option<u32>) -> bool {
        // PAIRS: rwlock-released. Every change of the word is a read-modify-write, so a later one still carries every
        // earlier release.
        self.word.fetch_update(Ordering::Acquire, Ordering::Relaxed, change).is_ok()
    }

    /// Waits at `point`, counted in the word as `waits`.
    #[cold]
    fn wait_to_enter(&self, point: &EventCount, waits: u32, with_one: fn(u32, u32) -> Option<u32>) -> io::Result<()> {
        self.word.fetch_add(waits, Ordering::Relaxed);
        let entered = || self.enter(|word| with_one(word, waits)).then_some(());
        let found = W::default().until(point, PollPolicy::QUICK, entered).map(drop);
        if found.is_err() {
            self.word.fetch_sub(waits, Ordering::Relaxed);
        }
        found
    }

    #[cold]
    fn wake(&self, before: u32) -> io::Result<()> {
        if before & WRITERS_WAITING != 0 {
            W::default().notify(&self.writers, 1)
        } else {
            W::default().notify(&self.readers, ALL)
        }
    }
}

impl<W: WaitStrategy<EventCount> + Default> RawLock for ShmRwLock<W> {
    const SUMMARY: &'static str = "reader-writer lock of one word; writers go first";
    const GROUP: Group = Group::ReadMostly;
    const WAIT: Wait = W::WAIT;
    const POLLS: bool = W::POLLS;
    const WAKES: bool = !W::POLLS;

    #[inline]
    fn acquire(&self, me: u32) -> io::Result<()> {
        if self.try_acquire(me) { Ok(()) } else { self.wait_to_enter(&self.writers, WRITER_WAITS, with_writer) }
    }

    #[inline]
    fn try_acquire(&self, _: u32) -> bool {
        self.enter(|word| with_writer(word, 0))
    }

    #[inline]
    fn release(&self, _: u32) -> io::Result<()> {
        // PAIRS: rwlock-released
        let before = self.word.fetch_sub(WRITER, Ordering::Release);
        if before & (WRITERS_WAITING | READERS_WAITING) == 0 { Ok(()) } else { self.wake(before) }
    }

    #[inline]
    fn read<R>(&self, _: u32, mut look: impl FnMut(u32) -> R) -> io::Result<Looked<R>> {
        if !self.enter(|word| with_reader(word, 0)) {
            self.wait_to_enter(&self.readers, READER_WAITS, with_reader)?;
        }
        let seen = look(0);
        // PAIRS: rwlock-released
        let before = self.word.fetch_sub(READER, Ordering::Release);
        // Readers wait only behind a writer, which wakes them.
        if before & READERS == READER && before & WRITERS_WAITING != 0 {
            self.wake(before)?;
        }
        Ok(Looked { seen, retries: 0 })
    }

    fn cost() -> Cost {
        // The line is fetched once to be read, and once more to be written.
        let line_transfers = 2.0;
        let alone = Counts { atomics: 2.0, ..Counts::default() };
        if W::WAIT == Wait::Spin {
            return Cost { alone, release: Counts::default(), acquire: Counts { line_transfers, ..Counts::default() } };
        }
        // For a sleeper. The rare sleeper of a hybrid wait executes the fence for all, by a separate call.
        let system_calls = if W::WAIT == Wait::Hybrid { 2.0 } else { 1.0 };
        Cost {
            alone,
            release: Counts { system_calls: 1.0, wakes: 1.0, ..Counts::default() },
            acquire: Counts { system_calls, context_switches: 1.0, line_transfers, ..Counts::default() },
        }
    }
}

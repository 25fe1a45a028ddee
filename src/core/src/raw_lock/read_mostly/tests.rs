//! Threads that share one lock: the properties of the model checks, over many steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::double_buffer::DoubleBuffer;
use super::phase_fair::PhaseFair;
use super::seqlock::Seqlock;
use super::shm_rwlock::ShmRwLock;
use crate::raw_lock::COPIES;
use crate::raw_lock::RawLock;
use crate::wait::{Hybrid, Park, SpinYield};

const WORDS: usize = 8;
const WRITES: u64 = 2000;
const READS: u64 = 2000;

#[derive(Default)]
struct State<R> {
    lock: R,
    copies: [[AtomicU64; WORDS]; COPIES as usize],
    /// Number of writes, changed by exclusive writers.
    count: AtomicU64,
}

impl<R: RawLock> State<R> {
    fn write(&self, me: u32) {
        let change = |copy: u32| {
            let count = self.count.load(Ordering::Relaxed) + 1;
            for word in &self.copies[copy as usize] {
                word.store(count, Ordering::Relaxed);
            }
            self.count.store(count, Ordering::Relaxed);
        };
        self.lock.write(me, change).unwrap();
    }

    fn read(&self, me: u32) -> u64 {
        let copy_out = |copy: u32| self.copies[copy as usize].each_ref().map(|word| word.load(Ordering::Relaxed));
        let seen = self.lock.read(me, copy_out).unwrap().seen;
        assert!(seen.iter().all(|word| *word == seen[0]), "torn: {seen:?}");
        seen[0]
    }
}

/// Two writers and two readers; no read sees half a write or an older value, and no write is lost.
fn readers_and_writers<R: RawLock + Default + Send + Sync>() {
    let state = Arc::new(State::<R>::default());
    thread::scope(|scope| {
        for me in 0..2 {
            let (writer, reader) = (&state, &state);
            scope.spawn(move || (0..WRITES).for_each(|_| writer.write(me)));
            scope.spawn(move || {
                let mut newest = 0;
                for _ in 0..READS {
                    let seen = reader.read(me + 2);
                    assert!(seen >= newest, "{seen} after {newest}");
                    newest = seen;
                }
            });
        }
    });
    assert_eq!((state.read(0), state.count.load(Ordering::Relaxed)), (2 * WRITES, 2 * WRITES));
}

#[test]
fn no_read_sees_half_a_write() {
    readers_and_writers::<Seqlock<SpinYield>>();
    readers_and_writers::<DoubleBuffer<SpinYield>>();
    readers_and_writers::<PhaseFair<SpinYield>>();
    readers_and_writers::<ShmRwLock<SpinYield>>();
}

#[test]
fn a_reader_writer_lock_with_sleepers_loses_no_wake_up() {
    readers_and_writers::<ShmRwLock<Hybrid>>();
    readers_and_writers::<ShmRwLock<Park>>();
}

/// A writer's try succeeds alone, and fails during another write.
fn tries<R: RawLock + Default>() {
    let lock = R::default();
    for _ in 0..3 {
        assert!(lock.try_acquire(0));
        assert!(!lock.try_acquire(1));
        lock.release(0).unwrap();
    }
    lock.acquire(1).unwrap();
    assert!(!lock.try_acquire(0));
    lock.release(1).unwrap();
}

/// A writer's try fails during a read, where the lock counts readers.
fn keeps_out_writers_while_read<R: RawLock + Default>() {
    let lock = R::default();
    let tried = lock.read(0, |_| lock.try_acquire(1)).unwrap().seen;
    assert!(!tried && lock.try_acquire(1));
    lock.release(1).unwrap();
}

/// Two readers read at the same time.
fn lets_readers_in_together<R: RawLock + Default>() {
    let lock = R::default();
    let both = lock.read(0, |_| lock.read(1, |copy| copy).unwrap().seen).unwrap();
    assert_eq!((both.seen, both.retries), (0, 0));
}

#[test]
fn tries_never_wait() {
    tries::<Seqlock<SpinYield>>();
    tries::<DoubleBuffer<SpinYield>>();
    tries::<PhaseFair<SpinYield>>();
    tries::<ShmRwLock<Park>>();
    keeps_out_writers_while_read::<PhaseFair<SpinYield>>();
    keeps_out_writers_while_read::<ShmRwLock<Park>>();
}

#[test]
fn readers_read_together() {
    lets_readers_in_together::<Seqlock<SpinYield>>();
    lets_readers_in_together::<DoubleBuffer<SpinYield>>();
    lets_readers_in_together::<PhaseFair<SpinYield>>();
    lets_readers_in_together::<ShmRwLock<Park>>();
}

#[test]
fn a_write_during_a_read_causes_a_retry() {
    let lock = Seqlock::<SpinYield>::default();
    let mut looks = 0;
    let looked = lock.read(0, |_| {
        looks += 1;
        if looks < 3 {
            lock.write(1, |copy| assert_eq!(copy, 0)).unwrap();
        }
        looks
    });
    let looked = looked.unwrap();
    assert_eq!((looked.seen, looked.retries), (3, 2));
}

#[test]
fn a_writer_fills_the_copy_without_readers() {
    let lock = DoubleBuffer::<SpinYield>::default();
    let seen = lock.read(0, |read| {
        // The first write needs no grace period: the other copy was never current.
        let written = lock.write(1, |copy| copy).unwrap();
        (read, written)
    });
    let seen = seen.unwrap().seen;
    assert_eq!(seen, (0, 1));
    assert_eq!(lock.read(0, |copy| copy).unwrap().seen, 1);
    assert_eq!(lock.write(1, |copy| copy).unwrap(), 0);
}

//! Sequence numbers of entries: even while no writer is active, odd during a write. Shared by several rows.
//!
//! The orderings are those of the sequence lock in the lock family, which is model-checked.
//! Source: Boehm, Can Seqlocks Get Along With Programming Language Memory Models?, MSPC 2012.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::abort;
use crate::wait::{NoWaiters, PollPolicy, Spin, WaitStrategy};

/// Failed attempts between two checks of the abort flag.
const ATTEMPTS_PER_ABORT_CHECK: u32 = 1024;

const fn is_even(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// Waits until no writer is active and returns the number.
///
/// Errors: `Interrupted` when the trial is aborted.
#[inline]
pub(super) fn wait_even(sequence: &AtomicU64) -> io::Result<u64> {
    let even = || {
        // PAIRS: entry-written
        let now = sequence.load(Ordering::Acquire);
        is_even(now).then_some(now)
    };
    match even() {
        Some(now) => Ok(now),
        None => Spin.until(&NoWaiters, PollPolicy::QUICK, even).map(|(now, _)| now),
    }
}

/// Repeats `access` until no writer interfered, and returns its result.
///
/// Errors: `Interrupted` when the trial is aborted.
#[inline]
pub(super) fn read<R>(sequence: &AtomicU64, mut access: impl FnMut() -> R) -> io::Result<R> {
    let mut until_check = ATTEMPTS_PER_ABORT_CHECK;
    loop {
        let before = wait_even(sequence)?;
        let seen = access();
        // PAIRS: entry-marked
        fence(Ordering::Acquire);
        if sequence.load(Ordering::Relaxed) == before {
            return Ok(seen);
        }
        until_check -= 1;
        if until_check == 0 {
            until_check = ATTEMPTS_PER_ABORT_CHECK;
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }
}

/// Runs `change`, excluding other writers.
///
/// Errors: `Interrupted` when the trial is aborted.
#[inline]
pub(super) fn write<R>(sequence: &AtomicU64, change: impl FnOnce() -> R) -> io::Result<R> {
    let taken = || {
        let now = sequence.load(Ordering::Relaxed);
        // PAIRS: entry-written. Between writers, the odd number is a lock.
        let took =
            is_even(now) && sequence.compare_exchange(now, now + 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
        took.then_some(now)
    };
    let before = match taken() {
        Some(now) => now,
        None => Spin.until(&NoWaiters, PollPolicy::QUICK, taken)?.0,
    };
    Ok(marked(sequence, before + 2, change))
}

/// Runs `change` for a writer that excludes all others, and gives the entry the even number `after`, which must be
/// larger than all numbers seen before.
#[inline]
pub(super) fn marked<R>(sequence: &AtomicU64, after: u64, change: impl FnOnce() -> R) -> R {
    sequence.store(after - 1, Ordering::Relaxed);
    // PAIRS: entry-marked. A reader that sees a word of `change` also sees at least the odd number.
    fence(Ordering::Release);
    let result = change();
    // PAIRS: entry-written
    sequence.store(after, Ordering::Release);
    result
}

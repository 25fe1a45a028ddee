//! Sequence numbers: even while nobody writes, odd while somebody does. Not a mechanism; entries are numbered so.
//!
//! The orderings are those of the sequence lock among the locks, which a model checker runs.
//! Source: Boehm, Can Seqlocks Get Along With Programming Language Memory Models?, MSPC 2012.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::abort;
use crate::wait::{NoWaiters, PollPolicy, Spin, WaitStrategy};

/// Looks in vain between two at the abort word.
const LOOKS_PER_ABORT_CHECK: u32 = 1024;

const fn is_even(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// The number while nobody writes.
///
/// Errors: `Interrupted` when the trial is called off.
#[inline]
pub(super) fn settled(sequence: &AtomicU64) -> io::Result<u64> {
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

/// The result of the first `look` that no writer disturbed.
///
/// Errors: `Interrupted` when the trial is called off.
#[inline]
pub(super) fn read<R>(sequence: &AtomicU64, mut look: impl FnMut() -> R) -> io::Result<R> {
    let mut until_check = LOOKS_PER_ABORT_CHECK;
    loop {
        let before = settled(sequence)?;
        let seen = look();
        // PAIRS: entry-marked
        fence(Ordering::Acquire);
        if sequence.load(Ordering::Relaxed) == before {
            return Ok(seen);
        }
        until_check -= 1;
        if until_check == 0 {
            until_check = LOOKS_PER_ABORT_CHECK;
            if abort::requested() {
                return Err(abort::error());
            }
        }
    }
}

/// Runs `change` as the only one of several writers.
///
/// Errors: `Interrupted` when the trial is called off.
#[inline]
pub(super) fn write<R>(sequence: &AtomicU64, change: impl FnOnce() -> R) -> io::Result<R> {
    let taken = || {
        let now = sequence.load(Ordering::Relaxed);
        // PAIRS: entry-written. Among writers the odd number is a lock.
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

/// Runs `change` for the one writer there is, or the one whose turn it is, and gives what it made the even number `after`,
/// which no reader has seen before.
#[inline]
pub(super) fn marked<R>(sequence: &AtomicU64, after: u64, change: impl FnOnce() -> R) -> R {
    sequence.store(after - 1, Ordering::Relaxed);
    // PAIRS: entry-marked. Whoever sees a word of what comes now sees at least the odd number too.
    fence(Ordering::Release);
    let result = change();
    // PAIRS: entry-written
    sequence.store(after, Ordering::Release);
    result
}

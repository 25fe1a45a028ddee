//! Test that the tick counters of several CPUs agree: a stamp passed between CPUs must never come from the future.
//!
//! A constant rate is not enough: counters that started at different times add that difference to every interval that
//! begins on one core and ends on another.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::pause::{Budget, pause};
use super::{now_ns, ticks_in_order};
use crate::pin;

/// Stamps passed each way in the test of one pair.
const TRANSFERS: u32 = 500;
/// Time limit of that test; after it the pair counts as not synchronised. Usually it takes well under a millisecond.
const LIMIT_NS: u64 = 500_000_000;
/// Time to poll an empty word before each yield. Two workers that test the same pair at once would otherwise each occupy
/// one CPU and wait for a thread that the other does not let run.
static BEFORE_YIELD: Budget = Budget::new("tick_stamp", 100_000);

/// True if a tick stamp passed from one of `cpus` to another is never ahead of the receiver's counter, in either
/// direction. Offsets shorter than the transfer itself are not detected, and do not matter for longer intervals.
///
/// The first CPU is compared with each of the others. An empty list means every CPU this thread may use, as for
/// unpinned roles. Also false if a CPU cannot be used or responds too late.
pub fn ticks_synchronised(cpus: &[u32]) -> bool {
    let mut cpus = if cpus.is_empty() { pin::allowed_cpus().unwrap_or_default() } else { cpus.to_vec() };
    cpus.sort_unstable();
    cpus.dedup();
    match cpus.split_first() {
        None => false,
        Some((first, rest)) => rest.iter().all(|other| pair_is_synchronised(*first, *other)),
    }
}

/// Words that two CPUs pass back and forth. Zero means empty; a stamp is never zero.
#[derive(Default)]
struct HandOver {
    there: AtomicU64,
    back: AtomicU64,
    broken: AtomicBool,
}

fn pair_is_synchronised(first: u32, second: u32) -> bool {
    let words = HandOver::default();
    let deadline_ns = now_ns() + LIMIT_NS;
    thread::scope(|scope| {
        let opens = scope.spawn(|| {
            let pass = |_| {
                words.there.store(ticks_in_order() | 1, Ordering::Release); // PAIRS: tick-stamp
                words.arrives_in_past(&words.back, deadline_ns)
            };
            words.judge(first, || (0..TRANSFERS).all(pass))
        });
        let answers = scope.spawn(|| {
            let pass = |_| {
                let fine = words.arrives_in_past(&words.there, deadline_ns);
                words.back.store(ticks_in_order() | 1, Ordering::Release); // PAIRS: tick-stamp
                fine
            };
            words.judge(second, || (0..TRANSFERS).all(pass))
        });
        // Both threads are joined, whatever the first result.
        opens.join().unwrap_or(false) & answers.join().unwrap_or(false)
    })
}

impl HandOver {
    /// Runs one thread on its CPU, and signals the other thread if it fails.
    fn judge(&self, cpu: u32, side: impl FnOnce() -> bool) -> bool {
        let fine = pin::pin_this_thread(cpu).is_ok() && side();
        if !fine {
            self.broken.store(true, Ordering::Relaxed);
        }
        fine
    }

    /// Takes a stamp from `word` and compares it with this CPU's counter. The lowest bit, which marks a full word, is
    /// set on both sides of the comparison.
    fn arrives_in_past(&self, word: &AtomicU64, deadline_ns: u64) -> bool {
        let mut polls_left = BEFORE_YIELD.hints();
        loop {
            let stamp = word.swap(0, Ordering::Acquire); // PAIRS: tick-stamp
            if stamp != 0 {
                return (ticks_in_order() | 1) >= stamp;
            }
            pause(1);
            polls_left -= 1;
            if polls_left == 0 {
                polls_left = BEFORE_YIELD.hints();
                if self.broken.load(Ordering::Relaxed) || now_ns() > deadline_ns {
                    return false;
                }
                thread::yield_now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cpu_agrees_with_itself() {
        let own = pin::allowed_cpus().expect("allowed CPUs")[0];
        assert!(ticks_synchronised(&[own]));
        assert!(ticks_synchronised(&[own, own]));
    }

    #[test]
    fn a_cpu_that_cannot_be_used_is_not_synchronised() {
        let own = pin::allowed_cpus().expect("allowed CPUs")[0];
        assert!(!ticks_synchronised(&[own, 1_000_000]));
    }

    #[test]
    fn a_stamp_from_the_future_is_detected() {
        let words = HandOver::default();
        words.there.store(u64::MAX, Ordering::Release);
        assert!(!words.arrives_in_past(&words.there, now_ns() + LIMIT_NS));
        words.there.store(1, Ordering::Release);
        assert!(words.arrives_in_past(&words.there, now_ns() + LIMIT_NS));
    }

    #[test]
    fn a_missing_peer_ends_the_wait() {
        let words = HandOver::default();
        assert!(!words.arrives_in_past(&words.back, now_ns()));
        words.broken.store(true, Ordering::Relaxed);
        assert!(!words.arrives_in_past(&words.back, u64::MAX));
    }
}

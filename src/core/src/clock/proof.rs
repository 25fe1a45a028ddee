//! The proof that tick counters of several CPUs agree: stamps handed from core to core must never come from the future.
//!
//! A constant rate is not enough. Counters that started at different moments put that difference into every time that
//! begins on one core and ends on another.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::{now_ns, ticks_in_order};
use crate::pin;

/// Stamps passed each way in the hand-over test of one pair.
const HAND_OVERS: u32 = 500;
/// Limit of that test; past it the pair counts as unproven. Healthy pairs take well under a millisecond.
const PATIENCE_NS: u64 = 500_000_000;
/// Looks at an empty word, some 100 us, between two times to let somebody else have the CPU. Two workers that test the
/// same pair at once would otherwise hold one CPU each and wait for a side that the other keeps from running.
const LOOKS_PER_TURN: u32 = 8192;

/// True when a tick stamp handed from one of `cpus` to another is never ahead of the receiver's own counter, in either
/// direction. Offsets below a hand-over's own time stay unseen, and do no harm to what is longer than one.
///
/// The first CPU is compared with each of the others. No CPUs means every one this thread may use, as for unpinned
/// roles. False also when a CPU can't be used or answers too late: what is not proven is not trusted.
pub fn ticks_synchronised(cpus: &[u32]) -> bool {
    let mut cpus = if cpus.is_empty() { pin::allowed_cpus().unwrap_or_default() } else { cpus.to_vec() };
    cpus.sort_unstable();
    cpus.dedup();
    match cpus.split_first() {
        None => false,
        Some((first, rest)) => rest.iter().all(|other| pair_is_synchronised(*first, *other)),
    }
}

/// The word that two CPUs pass to and fro. A stamp is never zero, which says that the word is empty.
#[derive(Default)]
struct HandOver {
    there: AtomicU64,
    back: AtomicU64,
    broken: AtomicBool,
}

fn pair_is_synchronised(first: u32, second: u32) -> bool {
    let words = HandOver::default();
    let deadline_ns = now_ns() + PATIENCE_NS;
    thread::scope(|scope| {
        let opens = scope.spawn(|| {
            let pass = |_| {
                words.there.store(ticks_in_order() | 1, Ordering::Release); // PAIRS: tick-stamp
                words.arrives_in_past(&words.back, deadline_ns)
            };
            words.judge(first, || (0..HAND_OVERS).all(pass))
        });
        let answers = scope.spawn(|| {
            let pass = |_| {
                let fine = words.arrives_in_past(&words.there, deadline_ns);
                words.back.store(ticks_in_order() | 1, Ordering::Release); // PAIRS: tick-stamp
                fine
            };
            words.judge(second, || (0..HAND_OVERS).all(pass))
        });
        // Both are joined, whatever the first says.
        opens.join().unwrap_or(false) & answers.join().unwrap_or(false)
    })
}

impl HandOver {
    /// Runs one side on its CPU and lets the other side go when it fails.
    fn judge(&self, cpu: u32, side: impl FnOnce() -> bool) -> bool {
        let fine = pin::pin_this_thread(cpu).is_ok() && side();
        if !fine {
            self.broken.store(true, Ordering::Relaxed);
        }
        fine
    }

    /// Takes a stamp out of `word` and compares it with this CPU's counter. The lowest bit, which marks a full word, is
    /// given to the receiver.
    fn arrives_in_past(&self, word: &AtomicU64, deadline_ns: u64) -> bool {
        let mut looks = 0u32;
        loop {
            let stamp = word.swap(0, Ordering::Acquire); // PAIRS: tick-stamp
            if stamp != 0 {
                return (ticks_in_order() | 1) >= stamp;
            }
            looks = looks.wrapping_add(1);
            hint::spin_loop();
            if looks.is_multiple_of(LOOKS_PER_TURN) {
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
        let own = pin::allowed_cpus().expect("Linux tells")[0];
        assert!(ticks_synchronised(&[own]));
        assert!(ticks_synchronised(&[own, own]));
    }

    #[test]
    fn a_cpu_that_cannot_be_used_proves_nothing() {
        let own = pin::allowed_cpus().expect("Linux tells")[0];
        assert!(!ticks_synchronised(&[own, 1_000_000]));
    }

    #[test]
    fn a_stamp_from_the_future_is_seen() {
        let words = HandOver::default();
        words.there.store(u64::MAX, Ordering::Release);
        assert!(!words.arrives_in_past(&words.there, now_ns() + PATIENCE_NS));
        words.there.store(1, Ordering::Release);
        assert!(words.arrives_in_past(&words.there, now_ns() + PATIENCE_NS));
    }

    #[test]
    fn a_side_that_stays_silent_ends_the_wait() {
        let words = HandOver::default();
        assert!(!words.arrives_in_past(&words.back, now_ns()));
        words.broken.store(true, Ordering::Relaxed);
        assert!(!words.arrives_in_past(&words.back, u64::MAX));
    }
}

//! Price of the processor's pause hint, and times to spin as numbers of hints.
//!
//! A hint takes about 10 cycles on one processor and 140 on another, so the same number of hints is a different time on
//! each. A [`Budget`] is therefore a time; the number of hints follows from the price, which each process measures once.
//! Source of the two prices: Intel 64 and IA-32 Architectures Optimization Reference Manual, "Pause Latency in Skylake
//! Client Microarchitecture".

use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::now_ns;
use crate::record::SpinBudget;

/// Hints of one timed chunk: long against a clock read, short against a time slice.
const CHUNK: u32 = 200;
/// Chunks, of which the fastest counts: 60 us in total where a hint takes 50 ns.
const CHUNKS: usize = 6;
/// Prices that a processor may have, in nanoseconds. Outside them the clock is too coarse or the machine is emulated.
const PLAUSIBLE_NS: RangeInclusive<f64> = 0.5..=500.0;

/// Executes so many pause hints.
#[inline]
pub fn pause(hints: u32) {
    for _ in 0..hints {
        std::hint::spin_loop();
    }
}

/// Price of a pause hint in nanoseconds on the CPU of the first caller, measured once per process within about 60 us.
///
/// Each role calls it while it is set up, so that no timed window contains the measurement; forked processes inherit
/// it.
///
/// ```
/// use ipcmark_core::clock::pause;
///
/// assert!(pause::price_ns() > 0.0);
/// ```
pub fn price_ns() -> f64 {
    static PRICE_NS: OnceLock<f64> = OnceLock::new();
    *PRICE_NS.get_or_init(|| {
        measure(|hints| {
            let start = now_ns();
            pause(hints);
            now_ns().saturating_sub(start)
        })
    })
}

/// Price of a hint, given a function that times a number of them. A disturbance only adds time, so the fastest of
/// several chunks counts, less the fastest reading without a hint.
fn measure(mut timed_ns: impl FnMut(u32) -> u64) -> f64 {
    let mut fastest_ns = |hints| (0..CHUNKS).map(|_| timed_ns(hints)).min().unwrap_or(0);
    let (empty_ns, chunk_ns) = (fastest_ns(0), fastest_ns(CHUNK));
    (chunk_ns.saturating_sub(empty_ns) as f64 / f64::from(CHUNK)).clamp(*PLAUSIBLE_NS.start(), *PLAUSIBLE_NS.end())
}

/// Number of hints that takes about `ns` where one takes `price_ns`; at least one.
fn hints(ns: u64, price_ns: f64) -> u32 {
    (ns as f64 / price_ns).round().max(1.0) as u32
}

/// Time to spin before something else is done. The number of hints is worked out at the first use in a process.
#[derive(Debug)]
pub struct Budget {
    name: &'static str,
    ns: u64,
    /// 0 until the first use.
    hints: AtomicU32,
}

impl Budget {
    /// Budget of `ns` nanoseconds.
    pub const fn new(name: &'static str, ns: u64) -> Self {
        Self { name, ns, hints: AtomicU32::new(0) }
    }

    /// Number of pause hints that takes about this time; at least one. Read it once per wait or per structure. A model
    /// checker runs other threads at every step, so there one hint is enough.
    #[inline]
    pub fn hints(&self) -> u32 {
        if cfg!(loom) {
            return 1;
        }
        match self.hints.load(Ordering::Relaxed) {
            0 => self.convert(),
            hints => hints,
        }
    }

    #[cold]
    fn convert(&self) -> u32 {
        let hints = hints(self.ns, price_ns());
        self.hints.store(hints, Ordering::Relaxed);
        hints
    }

    /// Name, time and number of hints, if this process has used it.
    pub fn used(&self) -> Option<SpinBudget> {
        let hints = self.hints.load(Ordering::Relaxed);
        (hints > 0).then(|| SpinBudget { name: self.name.into(), ns: self.ns, hints })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Prices from 10 to 140 cycles at 2 to 5 GHz.
    fn prices_ns() -> impl Iterator<Item = f64> {
        [10.0, 40.0, 64.0, 140.0].into_iter().flat_map(|cycles| [2.0, 3.0, 5.0].map(|ghz| cycles / ghz))
    }

    #[test]
    fn a_budget_is_the_same_time_at_every_price() {
        for price_ns in prices_ns() {
            for ns in [50, 100, 800, 2_000, 10_000, 50_000] {
                let spun_ns = f64::from(hints(ns, price_ns)) * price_ns;
                let off_ns = (spun_ns - ns as f64).abs();
                assert!(off_ns <= price_ns / 2.0 + 1e-9 || spun_ns <= price_ns, "{spun_ns} for {ns} at {price_ns} ns");
            }
        }
    }

    #[test]
    fn a_price_is_found_although_most_chunks_are_disturbed() {
        for price_ns in prices_ns() {
            let mut reads = 0;
            let found_ns = measure(|hints| {
                reads += 1;
                // Two of three chunks are preempted for a time slice.
                let stolen_ns = if reads % 3 == 0 { 0 } else { 4_000_000 };
                30 + (f64::from(hints) * price_ns) as u64 + stolen_ns
            });
            assert!((found_ns / price_ns - 1.0).abs() < 0.01, "{found_ns} for {price_ns}");
        }
    }

    #[test]
    fn an_implausible_price_is_bounded() {
        let (lowest_ns, highest_ns) = (measure(|_| 0), measure(|hints| u64::from(hints) * 1_000_000));
        assert!((lowest_ns - PLAUSIBLE_NS.start()).abs() < f64::EPSILON, "{lowest_ns}");
        assert!((highest_ns - PLAUSIBLE_NS.end()).abs() < f64::EPSILON, "{highest_ns}");
        assert_eq!((hints(1, highest_ns), hints(u64::MAX, lowest_ns)), (1, u32::MAX));
    }

    #[test]
    fn a_budget_is_listed_once_it_is_used() {
        let budget = Budget::new("test", 1_000);
        assert_eq!(budget.used(), None);
        let hints = budget.hints();
        assert_eq!(budget.used(), Some(SpinBudget { name: "test".into(), ns: 1_000, hints }));
        assert_eq!(hints, super::hints(1_000, price_ns()));
        assert!(PLAUSIBLE_NS.contains(&price_ns()));
    }
}

//! Due times of an open loop: set by the clock, independent of earlier messages.
//!
//! The due time of a message is a pure function of seed, rate, producer and sequence, so sender and receiver compute
//! the same times, and a lost message changes no other. Times count picoseconds from the start: at ten million messages
//! per second, gaps rounded to nanoseconds could distort the rate by half a percent.
//!
//! Source: exponential gaps by inversion (Devroye, Non-Uniform Random Variate Generation, 1986, II.2); open loops:
//! Schroeder, Wierman, Harchol-Balter, Open Versus Closed, NSDI 2006.

use std::hint;
use std::io;
use std::thread;

use crate::control::Page;
use crate::payload::{mix, stamp};
use crate::record::{Arrivals, Case};
use crate::{abort, clock};

const PS_PER_S: u64 = 1_000_000_000_000;
const PS_PER_NS: u64 = 1000;
/// Time before a due message in which the clock is polled without a pause hint, for precision. Earlier polls use the
/// hint, which gives a sibling hardware thread its share of the core.
const ALERT_NS: u64 = 1000;
/// Polls of the clock or the page between two checks of the abort flag: about 100 us.
const LOOKS_PER_ABORT_CHECK: u32 = 4096;

/// Due times of one producer in nanoseconds from the start, without end.
#[derive(Clone, Debug)]
pub struct Schedule {
    rate_per_s: u64,
    /// Producers that share the rate.
    producers: u32,
    burst: u64,
    /// Source of the gaps; Poisson arrivals only.
    random: Option<Random>,
    /// Messages of the current burst that are not yet returned.
    left_of_burst: u64,
    /// Distance between bursts: whole picoseconds, and the remainder in parts of the rate.
    step_ps: u64,
    step_rest: u64,
    /// Due time of the next burst, in the same form.
    next_ps: u64,
    next_rest: u64,
    /// Due time of the last message.
    due_ps: u64,
}

/// Source of Poisson gaps.
#[derive(Clone, Debug)]
struct Random {
    seed: u64,
    producer: u16,
    sequence: u64,
}

impl Schedule {
    /// Schedule of `case`. Only Poisson arrivals use the seed.
    ///
    /// Errors: a case without a rate.
    pub fn of(case: &Case, producer: u16, seed: u64) -> io::Result<Self> {
        let rate_per_s = case.params.rate_per_s.filter(|rate| *rate > 0);
        let rate_per_s = rate_per_s.ok_or_else(|| io::Error::other("a paced case names its messages a second"))?;
        let arrivals = case.params.arrivals.unwrap_or(Arrivals::Constant);
        let burst = if arrivals == Arrivals::Burst { u64::from(case.params.burst.unwrap_or(1).max(1)) } else { 1 };
        let alone = Self {
            rate_per_s,
            producers: 1,
            burst,
            random: (arrivals == Arrivals::Poisson).then_some(Random { seed, producer, sequence: 0 }),
            left_of_burst: 0,
            step_ps: 0,
            step_rest: 0,
            next_ps: 0,
            next_rest: 0,
            due_ps: 0,
        };
        Ok(alone.share(0, 1))
    }

    /// Part of the `index`-th of `producers` that share the rate. Constant arrivals and bursts are dealt out in turn, so that
    /// those of all producers together are those of one; Poisson arrivals of each are independent of the others'.
    #[must_use]
    pub fn share(self, index: u32, producers: u32) -> Self {
        let rate = u128::from(self.rate_per_s);
        let bursts = |number: u32| {
            let ps = u128::from(number) * u128::from(self.burst) * u128::from(PS_PER_S);
            ((ps / rate) as u64, (ps % rate) as u64)
        };
        let ((step_ps, step_rest), (next_ps, next_rest)) = (bursts(producers), bursts(index));
        Self { producers, step_ps, step_rest, next_ps, next_rest, ..self }
    }

    /// Messages per burst.
    pub fn burst(&self) -> u64 {
        self.burst
    }

    /// Mean time between two messages of this producer, in nanoseconds.
    pub fn interval_ns(&self) -> f64 {
        1e9 / self.rate_per_s as f64 * f64::from(self.producers)
    }

    /// Advances to the next burst. Accumulated remainders keep the rate exact without a division per message, which
    /// would cost more than a fast mechanism.
    fn next_burst(&mut self) -> u64 {
        let due_ps = self.next_ps;
        self.next_ps += self.step_ps;
        self.next_rest += self.step_rest;
        if self.next_rest >= self.rate_per_s {
            self.next_rest -= self.rate_per_s;
            self.next_ps += 1;
        }
        due_ps
    }
}

impl Iterator for Schedule {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        if let Some(random) = &mut self.random {
            let gap_ps = random.exponential() * PS_PER_S as f64 / self.rate_per_s as f64 * f64::from(self.producers);
            self.due_ps += gap_ps.round() as u64;
        } else if self.left_of_burst == 0 {
            self.left_of_burst = self.burst - 1;
            self.due_ps = self.next_burst();
        } else {
            self.left_of_burst -= 1;
        }
        Some(self.due_ps / PS_PER_NS)
    }
}

impl Random {
    /// Next independent number with an exponential distribution of mean 1. The uniform number is never 0, whose
    /// logarithm is infinite.
    fn exponential(&mut self) -> f64 {
        let random = mix(mix(self.seed).wrapping_add(stamp(self.producer, self.sequence)));
        self.sequence += 1;
        let uniform = ((random >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        -uniform.ln()
    }
}

/// Polls the monotonic clock until it shows `due_ns`, and returns its time. Timer slack and wake-up would make a sleep
/// longer than the latencies to be measured.
///
/// Errors: `Interrupted` if the trial is aborted.
#[inline]
pub fn spin_until(due_ns: u64) -> io::Result<u64> {
    poll_until(due_ns, hint::spin_loop)
}

/// Like [`spin_until`], and yields the CPU between polls, for a thread that shares it with other roles.
///
/// Errors: `Interrupted` if the trial is aborted.
#[inline]
pub fn yield_until(due_ns: u64) -> io::Result<u64> {
    poll_until(due_ns, thread::yield_now)
}

#[inline]
fn poll_until(due_ns: u64, rest: fn()) -> io::Result<u64> {
    spin_for(|| {
        let now_ns = clock::now_ns();
        if now_ns + ALERT_NS < due_ns {
            rest();
        }
        (now_ns >= due_ns).then_some(now_ns)
    })
}

/// Polls until the role on `slot` has posted `word`.
///
/// Errors: `Interrupted` if the trial is aborted.
#[inline]
pub fn spin_for_post(page: &Page, slot: u32, word: u64) -> io::Result<()> {
    spin_for(|| {
        let posted = page.posted(slot) == word;
        if !posted {
            hint::spin_loop();
        }
        posted.then_some(())
    })
}

/// Polls until the role on `slot` has posted its first word, and returns it.
///
/// Errors: `Interrupted` if the trial is aborted.
pub fn spin_for_first_post(page: &Page, slot: u32) -> io::Result<u64> {
    spin_for(|| {
        hint::spin_loop();
        Some(page.posted(slot)).filter(|word| *word > 0)
    })
}

#[inline]
fn spin_for<R>(mut ready: impl FnMut() -> Option<R>) -> io::Result<R> {
    loop {
        for _ in 0..LOOKS_PER_ABORT_CHECK {
            if let Some(found) = ready() {
                return Ok(found);
            }
        }
        if abort::requested() {
            return Err(abort::error());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measure;

    fn schedule(rate_per_s: u64, arrivals: Arrivals, burst: Option<u32>, seed: u64) -> Schedule {
        let case = Case::new("transport", "any", Measure::Paced).with(|p| {
            p.rate_per_s = Some(rate_per_s);
            p.arrivals = Some(arrivals);
            p.burst = burst;
        });
        Schedule::of(&case, 7, seed).expect("it has a rate")
    }

    #[test]
    fn a_constant_rate_keeps_its_rate_however_long() {
        let mut all = schedule(3_000_000, Arrivals::Constant, None, 1);
        assert_eq!(all.clone().take(4).collect::<Vec<_>>(), [0, 333, 666, 1000]);
        assert_eq!(all.nth(3_000_000), Some(1_000_000_000));
        assert_eq!(schedule(1, Arrivals::Constant, None, 1).nth(100_000), Some(100_000_000_000_000));
    }

    #[test]
    fn a_burst_is_due_at_once_and_the_mean_rate_stays() {
        let all = schedule(1_000_000, Arrivals::Burst, Some(4), 1);
        assert_eq!(all.take(9).collect::<Vec<_>>(), [0, 0, 0, 0, 4000, 4000, 4000, 4000, 8000]);
    }

    #[test]
    fn producers_that_share_a_rate_offer_together_what_one_would() {
        for (arrivals, burst) in [(Arrivals::Constant, None), (Arrivals::Burst, Some(4))] {
            let whole = schedule(3_000_000, arrivals, burst, 1);
            let mut of_all: Vec<u64> = (0..3).flat_map(|index| whole.clone().share(index, 3).take(400)).collect();
            of_all.sort_unstable();
            assert_eq!(of_all, whole.take(1200).collect::<Vec<_>>(), "{arrivals}");
        }
        let whole = schedule(1_000_000, Arrivals::Poisson, None, 1);
        assert!((whole.clone().share(1, 4).interval_ns() - 4000.0).abs() < 1e-9);
        let last = whole.share(0, 4).nth(9_999).expect("a schedule has no end");
        assert!((36_000_000..44_000_000).contains(&last), "ten standard errors around 40 ms: {last}");
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_their_law() {
        const COUNT: usize = 200_000;
        let due: Vec<u64> = schedule(1_000_000, Arrivals::Poisson, None, 42).take(COUNT).collect();
        assert!(due.is_sorted());
        let gaps: Vec<f64> = due.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        let beyond_mean = gaps.iter().filter(|gap| **gap > 1000.0).count() as f64 / gaps.len() as f64;
        // Four standard errors of each.
        assert!((mean - 1000.0).abs() < 9.0, "{mean}");
        assert!((variance.sqrt() - 1000.0).abs() < 18.0, "{}", variance.sqrt());
        assert!((beyond_mean - (-1.0f64).exp()).abs() < 0.005, "{beyond_mean}");
    }

    #[test]
    fn both_sides_compute_the_same_times_and_another_seed_gives_others() {
        for arrivals in Arrivals::ALL.iter().copied() {
            let times = |seed| schedule(777, arrivals, Some(3), seed).take(1000).collect::<Vec<_>>();
            assert_eq!(times(5), times(5));
            assert_eq!(times(5) == times(6), arrivals != Arrivals::Poisson);
        }
    }

    #[test]
    fn a_case_without_a_rate_has_no_schedule() {
        let case = Case::new("transport", "any", Measure::Paced);
        assert!(Schedule::of(&case, 7, 1).is_err());
    }
}

//! Records of a contender, about one per two microseconds: a clock read per acquisition would cost as much as a fast
//! lock. Acquisitions run in batches; one at a random position is stamped and counts for the whole batch, so that fast and
//! slow times have the right weight. The batch length adapts to the target duration.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::sample::Samples;
use crate::clock::Anchor;
use crate::measure::{MeasureError, histogram};
use crate::protocol::HolderFinding;

/// Target duration of a batch.
const BATCH_NS: f64 = 2000.0;
const BATCH_MAX: u32 = 256;
const NS_PER_MS: f64 = 1e6;

/// What a batch does: acquisitions, and the clock in ticks.
pub(in crate::measure) trait Turns {
    fn now(&self) -> u64;
    /// Runs one acquisition and the think time after it; returns the nominal work in nanoseconds.
    fn run(&mut self) -> Result<f64, MeasureError>;
    /// The same; also returns the wait and the time of the critical section, in ticks.
    fn run_stamped(&mut self) -> Result<(Stamped, f64), MeasureError>;
    /// Whether to stop after `done` acquisitions, since the window is over.
    fn is_over(&self, done: u32) -> bool;
}

/// Times of the stamped acquisition, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::measure) struct Stamped {
    pub(in crate::measure) waited: u64,
    pub(in crate::measure) held: u64,
}

/// Times of one batch, in ticks.
#[derive(Clone, Copy, Debug)]
pub(in crate::measure) struct Batch {
    /// Before the first acquisition.
    pub(in crate::measure) began: u64,
    /// After the last acquisition.
    pub(in crate::measure) ended: u64,
    /// `None` if the window ended before it.
    stamped: Option<Stamped>,
    /// Acquisitions.
    pub(in crate::measure) count: u32,
    /// Nominal work, in nanoseconds.
    pub(in crate::measure) worked_ns: f64,
}

impl Batch {
    /// Runs up to `count` acquisitions, at least one, and stamps the one at position `at`.
    #[inline]
    pub(in crate::measure) fn run(turns: &mut impl Turns, count: u32, at: u32) -> Result<Self, MeasureError> {
        let began = turns.now();
        let (mut stamped, mut worked_ns, mut done) = (None, 0.0, 0);
        loop {
            worked_ns += if done == at {
                let (stamps, worked_ns) = turns.run_stamped()?;
                stamped = Some(stamps);
                worked_ns
            } else {
                turns.run()?
            };
            done += 1;
            if done >= count || turns.is_over(done) {
                return Ok(Self { began, ended: turns.now(), stamped, count: done, worked_ns });
            }
        }
    }
}

/// Records of one contender in a window.
pub(in crate::measure) struct Looks {
    start_tick: u64,
    ns_per_tick: f64,
    per_ms: Vec<u32>,
    samples: u64,
    acquisitions: u64,
    starved_ns: f64,
    wait: Samples,
    hold: Samples,
}

impl Looks {
    /// Creates records for a window of `length_ns` from `start_ns`. `anchor` is a time shortly before it.
    pub(in crate::measure) fn new(start_ns: u64, length_ns: u64, anchor: Anchor, ns_per_tick: f64) -> Self {
        // One more entry for late batches.
        let milliseconds = (length_ns as f64 / NS_PER_MS).ceil() as usize + 1;
        Self {
            start_tick: anchor.tick + (start_ns.saturating_sub(anchor.ns) as f64 / ns_per_tick) as u64,
            ns_per_tick,
            per_ms: vec![0; milliseconds],
            samples: 0,
            acquisitions: 0,
            starved_ns: 0.0,
            wait: Samples::new(ns_per_tick),
            hold: Samples::new(ns_per_tick),
        }
    }

    /// Records a batch and returns the length of the next one.
    #[inline]
    pub(in crate::measure) fn note(&mut self, batch: &Batch) -> u32 {
        if let Some(Stamped { waited, held }) = batch.stamped {
            self.samples += 1;
            self.wait.push(waited, batch.count);
            self.hold.push(held, batch.count);
        }
        self.tally(batch.began, batch.ended, batch.count, batch.worked_ns)
    }

    /// Records a batch without the times within it, and returns the length of the next one.
    #[inline]
    pub(in crate::measure) fn tally(&mut self, began: u64, ended: u64, count: u32, worked_ns: f64) -> u32 {
        let ns = |from: u64, to: u64| to.saturating_sub(from) as f64 * self.ns_per_tick;
        let lasted_ns = ns(began, ended);
        self.acquisitions += u64::from(count);
        self.starved_ns = self.starved_ns.max(lasted_ns - worked_ns);
        let at = (ns(self.start_tick, ended) / NS_PER_MS) as usize;
        let last = self.per_ms.len() - 1;
        self.per_ms[at.min(last)] += count;
        next_count(count, lasted_ns)
    }

    /// Converts the records to a finding for the harness.
    pub(in crate::measure) fn finding(self) -> HolderFinding {
        let named = [("wait", self.wait.distribution()), ("hold", self.hold.distribution())];
        HolderFinding {
            acquisitions: self.acquisitions,
            samples: self.samples,
            starved_ns: self.starved_ns.max(0.0) as u64,
            per_ms: self.per_ms,
            histograms: encoded(named),
            ..HolderFinding::default()
        }
    }
}

/// Histograms by name, encoded as in records; empty ones are left out.
pub(in crate::measure) fn encoded(
    named: impl IntoIterator<Item = (&'static str, Histogram<u64>)>,
) -> BTreeMap<String, String> {
    let filled = named.into_iter().filter(|(_, histogram)| !histogram.is_empty());
    filled.filter_map(|(name, histogram)| Some((name.to_owned(), histogram::encode(&histogram)?))).collect()
}

/// Doubles the count after a short batch, halves it after a long one.
fn next_count(count: u32, lasted_ns: f64) -> u32 {
    if lasted_ns < BATCH_NS {
        (2 * count).min(BATCH_MAX)
    } else if lasted_ns > 2.0 * BATCH_NS {
        (count / 2).max(1)
    } else {
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::window::sample::Positions;

    fn noted(batches: &[(u64, u64, u32)]) -> HolderFinding {
        let anchor = Anchor { ns: 1_000_000, tick: 500 };
        let mut looks = Looks::new(1_000_000, 3_000_000, anchor, 1.0);
        for (began, ended, count) in batches {
            let stamped = Some(Stamped { waited: 10, held: 20 });
            looks.note(&Batch { began: began + 500, ended: ended + 500, stamped, count: *count, worked_ns: 100.0 });
        }
        looks.finding()
    }

    /// Weights of a batch and batches that ended before their stamp are no samples.
    #[test]
    fn only_stamped_acquisitions_are_samples() {
        let mut looks = Looks::new(0, 3_000_000, Anchor { ns: 0, tick: 0 }, 1.0);
        let batch = |stamped| Batch { began: 0, ended: 2_000, stamped, count: 200, worked_ns: 100.0 };
        looks.note(&batch(Some(Stamped { waited: 10, held: 20 })));
        looks.note(&batch(None));
        let finding = looks.finding();
        assert_eq!((finding.acquisitions, finding.samples), (400, 1));
    }

    #[test]
    fn a_batch_weighs_its_count_and_is_counted_where_it_ends() {
        let finding = noted(&[(0, 2_000, 50), (999_000, 1_000_500, 1), (1_000_500, 9_000_000, 7)]);
        assert_eq!((finding.acquisitions, finding.samples), (58, 3));
        assert_eq!(finding.per_ms, [50, 1, 0, 7]);
        assert_eq!(finding.starved_ns, 9_000_000 - 1_000_500 - 100);
        let wait = histogram::decode(&finding.histograms["wait"]).unwrap();
        assert_eq!((wait.len(), wait.max()), (58, 10));
    }

    const HELD: u64 = 10;
    const LONG: u64 = 990;
    const SHORT: u64 = 10;

    /// Made-up lock of two contenders, seen by one: a wait is long if the lock was handed over, else short.
    struct Made {
        clock: u64,
        random: Positions,
        /// Handed over at the first acquisition of a batch, when this contender was busy outside the lock; else one in
        /// eight times, at random.
        greedy: bool,
        first: bool,
        waited: u64,
        handed_over: u64,
        acquired: u64,
    }

    impl Turns for Made {
        fn now(&self) -> u64 {
            self.clock
        }

        fn run(&mut self) -> Result<f64, MeasureError> {
            Ok(self.run_stamped()?.1)
        }

        fn run_stamped(&mut self) -> Result<(Stamped, f64), MeasureError> {
            let handed_over = if self.greedy { self.first } else { self.random.below(8) == 0 };
            let waited = if handed_over { LONG } else { SHORT };
            self.clock += waited + HELD;
            self.waited += waited;
            self.handed_over += u64::from(handed_over);
            self.acquired += 1;
            self.first = false;
            Ok((Stamped { waited, held: HELD }, HELD as f64))
        }

        fn is_over(&self, _: u32) -> bool {
            false
        }
    }

    /// Sum of the weighted waits over that of all waits, and share of long waits over the share of hand-offs.
    fn ratios(greedy: bool, count: u32, batches: u32) -> [f64; 2] {
        let random = Positions::new(7);
        let mut made = Made { clock: 0, random, greedy, first: true, waited: 0, handed_over: 0, acquired: 0 };
        let mut looks = Looks::new(0, 1_000_000, Anchor { ns: 0, tick: 0 }, 1.0);
        let mut positions = Positions::new(0);
        for _ in 0..batches {
            made.first = true;
            let batch = Batch::run(&mut made, count, positions.below(count)).expect("a made-up lock does not fail");
            looks.note(&batch);
        }
        let finding = looks.finding();
        let wait = histogram::decode(&finding.histograms["wait"]).expect("waits");
        assert_eq!((finding.acquisitions, wait.len()), (made.acquired, made.acquired));
        // The window of one contender is its waits and its work.
        assert_eq!(made.clock, made.waited + made.acquired * HELD);
        let long = wait.len() - wait.count_between(1, LONG / 2);
        let sum = wait.mean() * wait.len() as f64;
        [sum / made.waited as f64, long as f64 / made.handed_over as f64]
    }

    /// The sums fit the window, and the share of long waits the counted hand-offs. A stamp at a fixed position would
    /// show 15 times too many hand-offs, or none.
    #[test]
    fn weighted_waits_fit_the_window_and_the_hand_offs() {
        for (greedy, count) in [(false, 1), (false, 16), (false, 256), (true, 2), (true, 16)] {
            let found = ratios(greedy, count, 2_000_000 / count.max(8));
            assert!(found.iter().all(|ratio| (ratio - 1.0).abs() < 0.05), "batches of {count}: {found:?}");
        }
    }

    #[test]
    fn a_batch_that_ends_before_its_stamp_has_no_sample() {
        struct Over;
        impl Turns for Over {
            fn now(&self) -> u64 {
                0
            }
            fn run(&mut self) -> Result<f64, MeasureError> {
                Ok(1.0)
            }
            fn run_stamped(&mut self) -> Result<(Stamped, f64), MeasureError> {
                Ok((Stamped { waited: 5, held: 6 }, 1.0))
            }
            fn is_over(&self, done: u32) -> bool {
                done == 2
            }
        }
        let cut = Batch::run(&mut Over, 8, 2).expect("runs");
        assert_eq!((cut.count, cut.stamped), (2, None));
        let stamped = Batch::run(&mut Over, 8, 1).expect("runs");
        assert_eq!((stamped.count, stamped.stamped.map(|one| one.waited)), (2, Some(5)));
    }

    #[test]
    fn batches_aim_at_two_microseconds() {
        assert_eq!(next_count(1, 20.0), 2);
        assert_eq!(next_count(64, 3_000.0), 64);
        assert_eq!(next_count(64, 50_000.0), 32);
        assert_eq!((next_count(1, 1e9), next_count(BATCH_MAX, 1.0)), (1, BATCH_MAX));
    }
}

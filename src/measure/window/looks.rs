//! Records of a contender, about one per two microseconds: a clock read per acquisition would cost as much as a fast
//! lock. Acquisitions run in batches whose first one is stamped and counts for the whole batch, so that fast and slow
//! times have the right weight. The batch length adapts to the target duration.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::clock::Anchor;
use crate::measure::histogram;
use crate::protocol::HolderFinding;

/// Target duration of a batch.
const BATCH_NS: f64 = 2000.0;
const BATCH_MAX: u32 = 256;
const NS_PER_MS: f64 = 1e6;

/// Times of one batch, in ticks.
#[derive(Clone, Copy, Debug)]
pub(in crate::measure) struct Batch {
    /// Before the first acquisition.
    pub(in crate::measure) asked: u64,
    /// At the start of the first critical section.
    pub(in crate::measure) entered: u64,
    /// At the end of the first critical section.
    pub(in crate::measure) left: u64,
    /// After the last acquisition.
    pub(in crate::measure) ended: u64,
    /// Acquisitions.
    pub(in crate::measure) count: u32,
    /// Nominal work, in nanoseconds.
    pub(in crate::measure) worked_ns: f64,
}

/// Records of one contender in a window.
pub(in crate::measure) struct Looks {
    start_tick: u64,
    ns_per_tick: f64,
    per_ms: Vec<u32>,
    samples: u64,
    acquisitions: u64,
    starved_ns: f64,
    wait: Histogram<u64>,
    hold: Histogram<u64>,
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
            wait: histogram::empty(),
            hold: histogram::empty(),
        }
    }

    /// Records a batch and returns the length of the next one.
    #[inline]
    pub(in crate::measure) fn note(&mut self, batch: &Batch) -> u32 {
        let ns = |from: u64, to: u64| to.saturating_sub(from) as f64 * self.ns_per_tick;
        let weight = u64::from(batch.count);
        self.wait.saturating_record_n((ns(batch.asked, batch.entered) as u64).max(1), weight);
        self.hold.saturating_record_n((ns(batch.entered, batch.left) as u64).max(1), weight);
        self.tally(batch.asked, batch.ended, batch.count, batch.worked_ns)
    }

    /// Records a batch without the times within it, and returns the length of the next one.
    #[inline]
    pub(in crate::measure) fn tally(&mut self, asked: u64, ended: u64, count: u32, worked_ns: f64) -> u32 {
        let ns = |from: u64, to: u64| to.saturating_sub(from) as f64 * self.ns_per_tick;
        let lasted_ns = ns(asked, ended);
        self.samples += 1;
        self.acquisitions += u64::from(count);
        self.starved_ns = self.starved_ns.max(lasted_ns - worked_ns);
        let at = (ns(self.start_tick, ended) / NS_PER_MS) as usize;
        let last = self.per_ms.len() - 1;
        self.per_ms[at.min(last)] += count;
        next_count(count, lasted_ns)
    }

    /// Converts the records to a finding for the harness.
    pub(in crate::measure) fn finding(self) -> HolderFinding {
        let named = [("wait", self.wait), ("hold", self.hold)];
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

    fn noted(batches: &[(u64, u64, u32)]) -> HolderFinding {
        let anchor = Anchor { ns: 1_000_000, tick: 500 };
        let mut looks = Looks::new(1_000_000, 3_000_000, anchor, 1.0);
        for (asked, ended, count) in batches {
            let (asked, ended) = (asked + 500, ended + 500);
            let batch = Batch { asked, entered: asked + 10, left: asked + 30, ended, count: *count, worked_ns: 100.0 };
            looks.note(&batch);
        }
        looks.finding()
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

    #[test]
    fn batches_aim_at_two_microseconds() {
        assert_eq!(next_count(1, 20.0), 2);
        assert_eq!(next_count(64, 3_000.0), 64);
        assert_eq!(next_count(64, 50_000.0), 32);
        assert_eq!((next_count(1, 1e9), next_count(BATCH_MAX, 1.0)), (1, BATCH_MAX));
    }
}

//! Waiting times of reads and writes. In each batch the first access of each kind is stamped and counts for all of its
//! kind, so that nearly all of the rare writes are stamped.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::looks::encoded;
use crate::measure::histogram;

/// Names of the distributions in findings: both kinds, reads, writes.
pub(in crate::measure) const WAIT: &str = "wait";
pub(in crate::measure) const READ_WAIT: &str = "read_wait";
pub(in crate::measure) const WRITE_WAIT: &str = "write_wait";

/// One kind of access.
pub(in crate::measure) struct Kind {
    /// Wait of the stamped access of this batch, in ticks.
    waited: u64,
    /// Accesses in this batch.
    in_batch: u32,
    /// Accesses in the window.
    pub(in crate::measure) count: u64,
    /// Stamped accesses.
    pub(in crate::measure) samples: u64,
    waits: Histogram<u64>,
}

impl Kind {
    fn none() -> Self {
        Self { waited: 0, in_batch: 0, count: 0, samples: 0, waits: histogram::empty() }
    }

    /// Whether to stamp the next access of this batch.
    #[inline]
    pub(in crate::measure) fn wants_stamp(&self) -> bool {
        self.in_batch == 0
    }

    /// Records an access; `waited` is used if it was stamped.
    #[inline]
    pub(in crate::measure) fn note(&mut self, waited: u64) {
        if self.in_batch == 0 {
            self.waited = waited;
        }
        self.in_batch += 1;
    }

    fn end_batch(&mut self, ns_per_tick: f64) {
        if self.in_batch > 0 {
            let ns = ((self.waited as f64 * ns_per_tick) as u64).max(1);
            self.waits.saturating_record_n(ns, u64::from(self.in_batch));
            self.count += u64::from(self.in_batch);
            self.samples += 1;
            self.in_batch = 0;
        }
    }
}

/// Both kinds.
pub(in crate::measure) struct Waits {
    pub(in crate::measure) reads: Kind,
    pub(in crate::measure) writes: Kind,
}

impl Waits {
    /// Creates empty records.
    pub(in crate::measure) fn none() -> Self {
        Self { reads: Kind::none(), writes: Kind::none() }
    }

    /// Adds the batch to the totals.
    #[inline]
    pub(in crate::measure) fn end_batch(&mut self, ns_per_tick: f64) {
        self.reads.end_batch(ns_per_tick);
        self.writes.end_batch(ns_per_tick);
    }

    /// Distributions by name: each kind, and both together.
    pub(in crate::measure) fn encoded(self) -> BTreeMap<String, String> {
        let mut both = self.reads.waits.clone();
        // Both have the bounds of `empty`, so `add` cannot fail.
        let _ = both.add(&self.writes.waits);
        encoded([(READ_WAIT, self.reads.waits), (WRITE_WAIT, self.writes.waits), (WAIT, both)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_stands_for_its_batch() {
        let mut waits = Waits::none();
        for waited in [40, 0, 0] {
            assert_eq!(waits.reads.wants_stamp(), waited > 0);
            waits.reads.note(waited);
        }
        waits.writes.note(900);
        waits.end_batch(0.5);
        waits.reads.note(60);
        waits.end_batch(0.5);
        assert_eq!((waits.reads.count, waits.reads.samples), (4, 2));
        assert_eq!((waits.writes.count, waits.writes.samples), (1, 1));
        let found = waits.encoded();
        let decoded = |name: &str| histogram::decode(&found[name]).unwrap();
        assert_eq!((decoded(READ_WAIT).count_at(20), decoded(READ_WAIT).count_at(30)), (3, 1));
        assert_eq!((decoded(WRITE_WAIT).max(), decoded(WAIT).len()), (450, 5));
    }
}

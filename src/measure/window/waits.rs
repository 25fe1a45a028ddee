//! Waiting times of reads and writes. Each kind has blocks of its own, about as long as its part of a batch; one access in
//! each block is stamped and counts for all of it, so that nearly all of the rare writes are stamped.

use std::collections::BTreeMap;

use super::looks::encoded;
use super::sample::{Positions, Samples};

/// Names of the distributions in findings: both kinds, reads, writes.
pub(in crate::measure) const WAIT: &str = "wait";
pub(in crate::measure) const READ_WAIT: &str = "read_wait";
pub(in crate::measure) const WRITE_WAIT: &str = "write_wait";

/// One kind of access.
pub(in crate::measure) struct Kind {
    /// Accesses in the current block so far, its length, and the position that is stamped.
    done: u32,
    length: u32,
    at: u32,
    /// Wait of the stamped access of this block, in ticks.
    waited: u64,
    /// Accesses in this batch, and in the last one that had any.
    in_batch: u32,
    last_batch: u32,
    /// Accesses in the window.
    pub(in crate::measure) count: u64,
    /// Stamped accesses.
    pub(in crate::measure) samples: u64,
    positions: Positions,
    waits: Samples,
}

impl Kind {
    fn new(seed: u32, ns_per_tick: f64) -> Self {
        Self {
            done: 0,
            length: 1,
            at: 0,
            waited: 0,
            in_batch: 0,
            last_batch: 1,
            count: 0,
            samples: 0,
            positions: Positions::new(seed),
            waits: Samples::new(ns_per_tick),
        }
    }

    /// Whether to stamp the next access.
    #[inline]
    pub(in crate::measure) fn wants_stamp(&self) -> bool {
        self.done == self.at
    }

    /// Records an access; `waited` is used if it was stamped.
    #[inline]
    pub(in crate::measure) fn note(&mut self, waited: u64) {
        if self.done == self.at {
            self.waited = waited;
        }
        self.done += 1;
        self.in_batch += 1;
        if self.done == self.length {
            self.end_block();
        }
    }

    /// Adds the block to the samples; a block that was cut short before its stamp has none.
    fn end_block(&mut self) {
        if self.done > self.at {
            self.waits.push(self.waited, self.done);
            self.samples += 1;
        }
        (self.done, self.length) = (0, self.last_batch);
        self.at = self.positions.below(self.length);
    }

    fn end_batch(&mut self) {
        self.count += u64::from(self.in_batch);
        if self.in_batch > 0 {
            (self.last_batch, self.in_batch) = (self.in_batch, 0);
        }
    }
}

/// Both kinds.
pub(in crate::measure) struct Waits {
    pub(in crate::measure) reads: Kind,
    pub(in crate::measure) writes: Kind,
}

impl Waits {
    /// Creates empty records of the contender on `slot`.
    pub(in crate::measure) fn new(slot: u32, ns_per_tick: f64) -> Self {
        Self { reads: Kind::new(2 * slot, ns_per_tick), writes: Kind::new(2 * slot + 1, ns_per_tick) }
    }

    /// Adds the batch to the totals.
    #[inline]
    pub(in crate::measure) fn end_batch(&mut self) {
        self.reads.end_batch();
        self.writes.end_batch();
    }

    /// Ends the window, in which the last block may not be full.
    pub(in crate::measure) fn end(mut self) -> Self {
        self.end_batch();
        self.reads.end_block();
        self.writes.end_block();
        self
    }

    /// Distributions by name: each kind, and both together.
    pub(in crate::measure) fn encoded(self) -> BTreeMap<String, String> {
        let (reads, writes) = (self.reads.waits.distribution(), self.writes.waits.distribution());
        let mut both = reads.clone();
        // Both have the bounds of `empty`, so `add` cannot fail.
        let _ = both.add(&writes);
        encoded([(READ_WAIT, reads), (WRITE_WAIT, writes), (WAIT, both)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::histogram;

    #[test]
    fn a_stamped_access_stands_for_its_block() {
        let mut waits = Waits::new(0, 0.5);
        let mut stamped = vec![];
        for batch in 0..10 {
            for at in 0..4u64 {
                let stamps = waits.reads.wants_stamp();
                if stamps && batch > 1 {
                    stamped.push(at);
                }
                waits.reads.note(if stamps { 40 } else { 0 });
            }
            waits.writes.note(900);
            waits.end_batch();
        }
        let waits = waits.end();
        assert_eq!((waits.reads.count, waits.writes.count, waits.writes.samples), (40, 10, 10));
        assert!((10..=14).contains(&waits.reads.samples), "{}", waits.reads.samples);
        stamped.dedup();
        assert!(stamped.len() > 1, "the same access of each batch is stamped");
        let found = waits.encoded();
        let decoded = |name: &str| histogram::decode(&found[name]).unwrap();
        // The last block may end before its stamp.
        assert!((37..=40).contains(&decoded(READ_WAIT).count_at(20)));
        assert_eq!(decoded(READ_WAIT).len(), decoded(READ_WAIT).count_at(20));
        assert_eq!((decoded(WRITE_WAIT).max(), decoded(WRITE_WAIT).len()), (450, 10));
        assert_eq!(decoded(WAIT).len(), decoded(READ_WAIT).len() + 10);
    }

    /// Reads that wait long right after a batch, when this contender was busy outside the lock.
    #[test]
    fn waits_at_the_begin_of_a_batch_are_not_counted_too_often() {
        let mut waits = Waits::new(1, 1.0);
        for _ in 0..100_000 {
            for at in 0..16 {
                waits.reads.note(if at == 0 { 1000 } else { 10 });
            }
            waits.end_batch();
        }
        let found = histogram::decode(&waits.end().encoded()[READ_WAIT]).unwrap();
        let share = 16.0 * (found.len() - found.count_between(1, 500)) as f64 / found.len() as f64;
        assert!((share - 1.0).abs() < 0.05, "{share}");
    }
}

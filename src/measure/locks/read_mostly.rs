//! Cost of reads and writes of one state. In a fixed window each contender reads and writes in random order at a given
//! ratio. A read copies the state and checks that it is one written version, not older than one seen before. Locks
//! without shared mode serve reads exclusively, which may be faster for short reads than counting readers.
//! The window is that of `contention`.

mod versions;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use self::versions::VersionedState;
use super::Part;
use super::protected_state::ProtectedState;
use super::work::{Chain, ThinkTime};
use crate::clock;
use crate::control::{Leader, Member};
use crate::lock::{Handle, Lock};
use crate::measure::paired::Floor;
use crate::measure::window::looks::Looks;
use crate::measure::window::waits::{READ_WAIT, WRITE_WAIT, Waits};
use crate::measure::window::{self, Player, Span, WindowGauge};
use crate::measure::{MeasureError, MeasureResult, Task, histogram, invalid};
use crate::payload::{mix, stamp};
use crate::protocol::HolderFinding;
use crate::record::{ContenderShare, Metrics, metric};

/// One contender.
pub struct Accessor<L: Lock> {
    holder: L::Handle,
    state: VersionedState,
    mixture: Mixture,
    think_time: ThinkTime,
    critical_section_ns: f64,
    /// Accesses between two clock reads.
    batch: u32,
    slot: u32,
    waits: Waits,
    retries: u64,
}

/// Ticks around one batch, and its nominal work.
struct Done {
    asked: u64,
    ended: u64,
    count: u32,
    worked_ns: f64,
}

impl<L: Lock> Accessor<L> {
    /// Creates the contender of `task`. Calibrates this CPU.
    pub fn new(holder: L::Handle, protected: ProtectedState, task: &Task) -> Self {
        let (case, chain) = (&task.case, Chain::calibrated());
        let critical_section_ns = case.params.critical_section_ns.unwrap_or(0);
        Self {
            holder,
            state: VersionedState::new(protected, task.slot, chain.rounds(critical_section_ns)),
            mixture: Mixture::new(task.slot, case.params.reads_percent.unwrap_or(0)),
            think_time: ThinkTime::of(case, task.slot, chain),
            critical_section_ns: critical_section_ns as f64,
            batch: 1,
            slot: task.slot,
            waits: Waits::new(task.slot, 1.0),
            retries: 0,
        }
    }

    /// Runs a batch, with one access in each block of a kind stamped; stops early if the window ends.
    #[inline]
    fn batch(&mut self, span: Span, protected: &ProtectedState) -> Result<Done, MeasureError> {
        let asked = clock::tick(span.trusted);
        let (mut think_time_ns, mut count) = (0.0, 0);
        while count < self.batch {
            if self.mixture.reads_next() {
                self.read(span.trusted)?;
            } else {
                self.write(span.trusted)?;
            }
            think_time_ns += self.think_time.work();
            count += 1;
            if span.cuts_short(protected, count) {
                break;
            }
        }
        let ended = clock::tick(span.trusted);
        Ok(Done { asked, ended, count, worked_ns: think_time_ns + f64::from(count) * self.critical_section_ns })
    }

    /// Runs one read, from the request until the copy is accepted and checked.
    #[inline]
    fn read(&mut self, trusted: bool) -> Result<(), MeasureError> {
        let Self { holder, state, .. } = self;
        let stamped = self.waits.reads.wants_stamp();
        let now = || if stamped { clock::tick(trusted) } else { 0 };
        let asked = now();
        // Only the last attempt counts: the time of failed attempts is waiting time.
        let looked = holder.read(|copy| (now(), state.copy_out(copy)))?;
        let (entered, seen) = &looked.seen;
        state.check(seen);
        self.waits.reads.note(entered.saturating_sub(asked));
        self.retries += looked.retries;
        Ok(())
    }

    /// Runs one write.
    #[inline]
    fn write(&mut self, trusted: bool) -> Result<(), MeasureError> {
        let Self { holder, state, .. } = self;
        let stamped = self.waits.writes.wants_stamp();
        let now = || if stamped { clock::tick(trusted) } else { 0 };
        let asked = now();
        let entered = holder.write(|copy| {
            let entered = now();
            state.write(copy);
            entered
        })?;
        self.waits.writes.note(entered.saturating_sub(asked));
        Ok(())
    }
}

impl<L: Lock> Player for Accessor<L> {
    fn counted(&mut self, span: Span, _: bool, gauge: &mut WindowGauge<'_>) -> Result<HolderFinding, MeasureError> {
        let mut looks = Looks::new(span.start_ns, span.length_ns, span.now, span.ns_per_tick);
        (self.waits, self.retries) = (Waits::new(self.slot, span.ns_per_tick), 0);
        let started_ns = gauge.wait_for(span.start_ns)?;
        let protected = self.state.protected().clone();
        let ended_ns = span.fill(&protected, || {
            let done = self.batch(span, &protected)?;
            self.waits.end_batch();
            self.batch = looks.tally(done.asked, done.ended, done.count, done.worked_ns);
            Ok(done.ended)
        })?;
        gauge.stop();
        let waits = std::mem::replace(&mut self.waits, Waits::new(self.slot, 1.0)).end();
        Ok(HolderFinding {
            agreed_ns: span.start_ns,
            started_ns,
            ended_ns,
            reads: waits.reads.count,
            samples: waits.reads.samples + waits.writes.samples,
            read_samples: waits.reads.samples,
            retries: self.retries,
            histograms: waits.encoded(),
            ..looks.finding()
        })
    }

    fn changes(&self) -> u64 {
        self.state.writes()
    }

    fn fault(&self) -> Option<String> {
        self.state.fault()
    }

    /// Checks that no write was lost and that the final state is the last write of a contender.
    fn compare(&mut self, changes: &[u64]) -> Result<Metrics, MeasureError> {
        let (counted, writes) = (self.state.all_writes(), changes.iter().sum::<u64>());
        if counted != writes {
            return invalid(format!("the state was written {counted} times by {writes} writes"));
        }
        let last = self.holder.read(|copy| self.state.copy_out(copy))?.seen;
        match VersionedState::writer(&last) {
            None if writes == 0 => Ok(Metrics::new()),
            Some((slot, count)) if changes.get(slot as usize) == Some(&count) => Ok(Metrics::new()),
            _ => invalid("the final state is not the last write of any contender"),
        }
    }
}

impl<L: Lock> Part for Accessor<L> {
    fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        window::lead(self, leader, task, floor)
    }

    fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        window::follow(self, member, task, floor)
    }
}

/// Random sequence of reads and writes of one contender.
pub(super) struct Mixture {
    slot: u32,
    drawn: u64,
    reads_percent: u64,
}

impl Mixture {
    /// Creates the sequence of the contender on `slot`, with `reads_percent` reads.
    pub(super) fn new(slot: u32, reads_percent: u32) -> Self {
        Self { slot, drawn: 0, reads_percent: u64::from(reads_percent) }
    }

    /// True when the next access is a read.
    #[inline]
    pub(super) fn reads_next(&mut self) -> bool {
        self.drawn += 1;
        // The upper half of the bits, scaled to a hundred.
        let draw = ((mix(stamp(self.slot as u16, self.drawn)) >> 32) * 100) >> 32;
        draw < self.reads_percent
    }
}

/// Metrics of the median, the 99th percentile and the longest wait.
const READ_NAMES: [&str; 3] = [metric::READ_P50_NS, metric::READ_P99_NS, metric::READ_STARVED_NS];
const WRITE_NAMES: [&str; 3] = [metric::WRITE_P50_NS, metric::WRITE_P99_NS, metric::WRITE_STARVED_NS];

/// Rates and waits of reads and writes over `length_ns`; empty if the measure does not distinguish them.
pub(in crate::measure::locks) fn metrics(
    holders: &[&HolderFinding],
    shares: &[ContenderShare],
    length_ns: u64,
    histograms: &BTreeMap<String, Histogram<u64>>,
) -> Metrics {
    if ![READ_WAIT, WRITE_WAIT].iter().any(|name| histograms.contains_key(*name)) {
        return Metrics::new();
    }
    // Each contender has a constant read ratio, so its share has the ratio of all its accesses.
    let reads_in = |(holder, share): (&&HolderFinding, &ContenderShare)| {
        share.acquisitions as f64 * holder.reads as f64 / holder.acquisitions.max(1) as f64
    };
    let all: f64 = shares.iter().map(|share| share.acquisitions as f64).sum();
    let reads: f64 = holders.iter().zip(shares).map(reads_in).sum();
    let a_second = 1e9 / length_ns as f64;
    let sum = |read: fn(&HolderFinding) -> u64| holders.iter().map(|holder| read(holder)).sum::<u64>();
    let mut metrics = Metrics::from([
        (metric::READS_PER_S.into(), reads * a_second),
        (metric::WRITES_PER_S.into(), (all - reads) * a_second),
        (metric::RETRIES_PER_READ.into(), sum(|one| one.retries) as f64 / sum(|one| one.reads).max(1) as f64),
    ]);
    let read_samples = sum(|one| one.read_samples);
    let write_samples = sum(|one| one.samples) - read_samples;
    for (name, names, samples) in [(READ_WAIT, READ_NAMES, read_samples), (WRITE_WAIT, WRITE_NAMES, write_samples)] {
        if let Some(waits) = histograms.get(name) {
            metrics.extend(waits_of(waits, samples, names));
        }
    }
    metrics
}

/// Supported percentiles, and the maximum.
fn waits_of(waits: &Histogram<u64>, samples: u64, [p50, p99, longest]: [&str; 3]) -> Metrics {
    let quantiles = [(0.5, p50), (0.99, p99)].into_iter();
    let found = quantiles
        .filter_map(|(quantile, name)| Some((name.to_owned(), histogram::quantile_of(waits, samples, quantile)?)));
    found.chain([(longest.to_owned(), waits.max() as f64)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_requested_one() {
        for percent in [0, 50, 90, 99, 100] {
            let mut mixture = Mixture::new(1, percent);
            let reads = (0..100_000).filter(|_| mixture.reads_next()).count();
            assert!(reads.abs_diff(percent as usize * 1000) < 600, "{reads} of 100000 at {percent} %");
            assert!(percent > 0 || reads == 0);
            assert!(percent < 100 || reads == 100_000);
        }
    }

    #[test]
    fn contenders_draw_independently() {
        let (mut first, mut second) = (Mixture::new(0, 50), Mixture::new(1, 50));
        let alike = (0..1000).filter(|_| first.reads_next() == second.reads_next()).count();
        assert!((400..600).contains(&alike), "{alike}");
    }

    fn waits(values: &[(u64, u64)]) -> Histogram<u64> {
        let mut waits = histogram::empty();
        for (ns, count) in values {
            waits.saturating_record_n(*ns, *count);
        }
        waits
    }

    #[test]
    fn reads_and_writes_are_reported_separately() {
        let holder = |acquisitions, reads| HolderFinding {
            acquisitions,
            reads,
            samples: 30,
            read_samples: 25,
            retries: reads / 10,
            ..HolderFinding::default()
        };
        let (first, second) = (holder(1000, 900), holder(400, 200));
        let share = |acquisitions| ContenderShare { acquisitions, ..ContenderShare::default() };
        let histograms = BTreeMap::from([
            (READ_WAIT.to_owned(), waits(&[(10, 900), (70, 200)])),
            (WRITE_WAIT.to_owned(), waits(&[(500, 290), (9000, 10)])),
        ]);
        let found = metrics(&[&first, &second], &[share(500), share(400)], 1_000_000_000, &histograms);
        let expect = |name: &str, value: f64| assert!((found[name] - value).abs() < 1e-9, "{name}: {}", found[name]);
        expect(metric::READS_PER_S, 450.0 + 200.0);
        expect(metric::WRITES_PER_S, 50.0 + 200.0);
        expect(metric::RETRIES_PER_READ, 0.1);
        expect(metric::READ_P50_NS, 10.0);
        assert!(found[metric::WRITE_STARVED_NS] >= 9000.0 && found[metric::READ_STARVED_NS] < 100.0);
        // There are too few samples of writes, and too few of reads for the 99th percentile.
        let missing = [metric::WRITE_P50_NS, metric::READ_P99_NS];
        assert!(missing.iter().all(|name| !found.contains_key(*name)));
    }

    #[test]
    fn without_reads_there_are_no_metrics() {
        let found = metrics(&[], &[], 1, &BTreeMap::from([("wait".to_owned(), waits(&[(1, 1)]))]));
        assert!(found.is_empty());
    }
}

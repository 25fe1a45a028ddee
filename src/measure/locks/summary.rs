//! Summary of a lock trial: the findings of all contenders as one result.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::read_mostly;
use super::tickets;
use crate::lock::Guard;
use crate::measure::histogram;
use crate::measure::window::together::{Span, jain};
use crate::protocol::{HolderFinding, Report};
use crate::record::{ContenderShare, Contest, Metrics, RoleCost, Window, metric};

/// Result of a trial, from the reports of all contenders.
#[derive(Debug, Default)]
pub struct Concluded {
    /// Metrics by name.
    pub metrics: Metrics,
    /// Slices of the time in which all contenders ran.
    pub windows: Vec<Window>,
    /// Waiting times.
    pub histogram: Option<String>,
    /// Further distributions by name, encoded as in records.
    pub distributions: BTreeMap<String, String>,
    /// Shares, hand-offs, fairness.
    pub contest: Option<Contest>,
    /// Result of a check that had to fail.
    pub expected: Option<Expected>,
    /// Reasons not to trust the numbers.
    pub doubts: Vec<String>,
}

/// Result of a check that had to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It failed, with a description.
    Caught(String),
    /// It did not fail, with a description.
    Missed(String),
}

/// Merges the findings of all contenders; empty if there are none.
pub fn conclude(reports: &[Report], guard: Guard) -> Concluded {
    let holders: Vec<&HolderFinding> = reports.iter().flat_map(|report| &report.holders).collect();
    if holders.is_empty() {
        return Concluded::default();
    }
    if let Some(sold) = tickets::conclude(reports, guard) {
        return sold;
    }
    let roles: Vec<&RoleCost> = reports.iter().flat_map(|report| &report.roles).collect();
    let (span, mut doubts) = (Span::of(&holders), vec![]);
    if !span.shared {
        doubts.push(format!("all contenders ran together in only {} of {} ms", span.together_ms, span.to));
    }
    let mut metrics = Metrics::new();
    let shares: Vec<ContenderShare> = holders.iter().map(|holder| span.share(holder)).collect();
    let total: u64 = shares.iter().map(|share| share.acquisitions).sum();
    if total == 0 {
        doubts.push("no contender acquired the lock while all ran".to_owned());
    }
    metrics.insert(metric::ACQUISITIONS_PER_S.into(), total as f64 * 1e9 / span.length_ns() as f64);
    metrics.extend(costs(&holders, &roles));

    let mut histograms = merged(&holders);
    if let Some(wait) = &histograms.get("wait") {
        let samples: u64 = holders.iter().map(|holder| holder.samples).sum();
        histogram::percentiles_of(wait, samples, &mut metrics);
    }
    for (name, metric) in [("hold", metric::HOLD_NS), ("hand_off", metric::HAND_OFF_NS)] {
        metrics.extend(histograms.get(name).and_then(histogram::typical).map(|ns| (metric.into(), ns)));
    }
    let fairness = span.fairness(&holders);
    metrics.insert(metric::JAIN.into(), jain(&shares.iter().map(|share| share.acquisitions).collect::<Vec<_>>()));
    let most = |read: fn(&ContenderShare) -> u64| shares.iter().map(read).max().unwrap_or(0) as f64;
    metrics.insert(metric::STARVED_NS.into(), most(|share| share.starved_ns));
    let hand_offs = hand_offs(&holders);
    let by_kind = read_mostly::metrics(&holders, &shares, span.length_ns(), &histograms);
    // Readers share the lock, so their accesses are no series of hand-offs.
    if guard == Guard::Exclusive && by_kind.is_empty() {
        metrics.insert(metric::LONGEST_RUN.into(), most(|share| share.longest_run));
        let same: u64 = (0..hand_offs.len()).map(|at| hand_offs[at][at]).sum();
        let all: u64 = hand_offs.iter().flatten().sum();
        metrics.insert(metric::HANDED_OFF_SHARE.into(), (all - same) as f64 / all.max(1) as f64);
    }
    metrics.extend(by_kind);
    let histogram = histograms.remove("wait").as_ref().and_then(histogram::encode);
    let histograms = histograms.iter().filter_map(|(name, all)| Some((name.clone(), histogram::encode(all)?)));
    Concluded {
        windows: span.slices(&holders),
        histogram,
        distributions: BTreeMap::new(),
        expected: expected(guard, holders.len(), reports),
        contest: Some(Contest { contenders: shares, hand_offs, fairness, histograms: histograms.collect() }),
        metrics,
        doubts,
    }
}

fn hand_offs(holders: &[&HolderFinding]) -> Vec<Vec<u64>> {
    let slots: Vec<usize> = holders.iter().map(|holder| holder.slot as usize).collect();
    let from = |slot: &usize| holders.iter().map(|to| to.after.get(*slot).copied().unwrap_or(0)).collect::<Vec<u64>>();
    slots.iter().map(from).collect()
}

/// Resources used by all contenders, per acquisition.
pub(super) fn costs(holders: &[&HolderFinding], roles: &[&RoleCost]) -> Metrics {
    let acquisitions = holders.iter().map(|holder| holder.acquisitions).sum::<u64>().max(1) as f64;
    let samples = holders.iter().map(|holder| holder.samples).sum::<u64>() as f64;
    let sum = |read: fn(&RoleCost) -> u64| roles.iter().map(|role| read(role)).sum::<u64>() as f64;
    // Retries of readers are counted per read.
    let updaters = holders.iter().filter(|holder| holder.reads == 0);
    let retries = updaters.map(|holder| holder.retries).sum::<u64>() as f64;
    let mut metrics = Metrics::from([
        (metric::CPU_NS_PER_ACQUISITION.into(), sum(|role| role.user_ns + role.system_ns) / acquisitions),
        (
            metric::SWITCHES_PER_ACQUISITION.into(),
            sum(|role| role.voluntary_switches + role.involuntary_switches) / acquisitions,
        ),
    ]);
    if samples > 0.0 {
        metrics.insert(metric::SAMPLED_EVERY.into(), acquisitions / samples);
    }
    if retries > 0.0 {
        metrics.insert(metric::RETRIES_PER_UPDATE.into(), retries / acquisitions);
    }
    metrics
}

/// Merges the contenders' distributions of the same name.
fn merged(holders: &[&HolderFinding]) -> BTreeMap<String, Histogram<u64>> {
    let mut all = BTreeMap::new();
    for (name, blob) in holders.iter().flat_map(|holder| &holder.histograms) {
        if let Some(one) = histogram::decode(blob) {
            // All have the bounds of `empty`, so `add` cannot fail.
            let _ = all.entry(name.clone()).or_insert_with(histogram::empty).add(one);
        }
    }
    all
}

/// Checks that updates were lost without a lock.
fn expected(guard: Guard, holders: usize, reports: &[Report]) -> Option<Expected> {
    if guard != Guard::Nothing || holders < 2 {
        return None;
    }
    let lost: f64 = reports.iter().filter_map(|report| report.metrics.get(metric::LOST_UPDATES)).sum();
    Some(if lost > 0.0 {
        Expected::Caught(format!("without a lock {lost:.0} updates were lost, and the check saw it"))
    } else {
        Expected::Missed("no update was lost without a lock, so this run does not show that the check works".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::window::together::NS_PER_MS;

    fn holder(slot: u32, per_ms: &[u32], after: &[u64]) -> HolderFinding {
        HolderFinding {
            slot,
            agreed_ns: 1000,
            started_ns: 1000,
            ended_ns: 1000 + (per_ms.len() as u64 - 1) * NS_PER_MS,
            acquisitions: per_ms.iter().map(|count| u64::from(*count)).sum(),
            per_ms: per_ms.to_vec(),
            samples: 1,
            after: after.to_vec(),
            ..HolderFinding::default()
        }
    }

    fn report(holder: HolderFinding) -> Report {
        Report { messages: holder.acquisitions, holders: vec![holder], ..Report::default() }
    }

    #[test]
    fn only_the_time_in_which_all_ran_counts() {
        let mut late = holder(1, &[0, 0, 10, 10, 99], &[0, 20]);
        late.started_ns += 2 * NS_PER_MS - 5;
        let all = [report(holder(0, &[50, 50, 30, 30, 99], &[160, 0])), report(late)];
        let found = conclude(&all, Guard::Exclusive);
        assert!((found.metrics[metric::ACQUISITIONS_PER_S] - 80.0 / 2e-3).abs() < 1e-6);
        let contest = found.contest.unwrap();
        assert_eq!(contest.contenders.iter().map(|share| share.acquisitions).collect::<Vec<_>>(), [60, 20]);
        assert_eq!(found.windows.iter().map(|window| window.messages).collect::<Vec<_>>(), [40, 40]);
        assert_eq!(contest.hand_offs, [[160, 0], [0, 20]]);
    }

    #[test]
    fn alternating_is_fair_in_the_long_run_only() {
        let all = [report(holder(0, &[9, 0, 9, 0, 0], &[])), report(holder(1, &[0, 9, 0, 9, 0], &[]))];
        let found = conclude(&all, Guard::Exclusive);
        assert!((found.metrics[metric::JAIN] - 1.0).abs() < 1e-9);
        let by_ms = &found.contest.unwrap().fairness[0];
        assert!((by_ms.jain_mean - 0.5).abs() < 1e-9 && (by_ms.starved_share - 0.5).abs() < 1e-9, "{by_ms:?}");
        assert_eq!(by_ms.windows, 4);
    }

    #[test]
    fn contenders_that_never_overlapped_are_doubted() {
        let mut late = holder(1, &[0, 0, 5], &[]);
        late.started_ns += 3 * NS_PER_MS;
        let found = conclude(&[report(holder(0, &[5, 5, 5], &[])), report(late)], Guard::Exclusive);
        assert_eq!(found.doubts.len(), 1);
    }

    #[test]
    fn without_a_lock_lost_updates_are_expected() {
        let mut two = [report(holder(0, &[5, 5, 5], &[])), report(holder(1, &[5, 5, 5], &[]))];
        assert!(matches!(conclude(&two, Guard::Nothing).expected, Some(Expected::Missed(_))));
        two[0].metrics.insert(metric::LOST_UPDATES.into(), 3.0);
        assert!(matches!(conclude(&two, Guard::Nothing).expected, Some(Expected::Caught(_))));
        assert_eq!(conclude(&two[..1], Guard::Nothing).expected, None);
    }
}

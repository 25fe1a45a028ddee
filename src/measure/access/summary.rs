//! Summary of an access trial: the findings of all users as one result.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::UPDATE;
use crate::measure::histogram;
use crate::measure::locks::Concluded;
use crate::measure::window::together::Span;
use crate::measure::window::waits::{READ_WAIT, WAIT, WRITE_WAIT};
use crate::protocol::{HolderFinding, Report};
use crate::record::{Metrics, RoleCost, metric};

/// Names of distributions in records and in findings.
const DISTRIBUTIONS: [(&str, &str); 3] = [("read", READ_WAIT), ("write", WRITE_WAIT), ("update", UPDATE)];

/// Merges the findings of all users; empty if there are none.
pub fn conclude(reports: &[Report]) -> Concluded {
    let users: Vec<&HolderFinding> = reports.iter().flat_map(|report| &report.holders).collect();
    if users.is_empty() {
        return Concluded::default();
    }
    let (span, mut doubts) = (Span::of(&users), vec![]);
    if !span.shared {
        doubts.push(format!("all users ran together in only {} of {} ms", span.together_ms, span.to));
    }
    let shares: Vec<u64> = users.iter().map(|user| span.share(user).acquisitions).collect();
    let accesses: u64 = shares.iter().sum();
    if accesses == 0 {
        doubts.push("no user accessed the state while all ran".to_owned());
    }
    // Each user has a constant read ratio, so its share has the ratio of all its accesses.
    let reads_in =
        |(user, share): (&&HolderFinding, &u64)| *share as f64 * user.reads as f64 / user.acquisitions.max(1) as f64;
    let reads: f64 = users.iter().zip(&shares).map(reads_in).sum();
    let a_second = 1e9 / span.length_ns() as f64;
    let mut metrics = Metrics::from([
        (metric::ACCESSES_PER_S.into(), accesses as f64 * a_second),
        (metric::READS_PER_S.into(), reads * a_second),
        (metric::WRITES_PER_S.into(), (accesses as f64 - reads).max(0.0) * a_second),
        (metric::CPU_NS_PER_MESSAGE.into(), cpu_per_access(&users, reports)),
    ]);
    let histograms = merged(&users);
    metrics.extend(latencies(&users, &histograms));
    let encoded = |(name, found): (&str, &str)| Some((name.to_owned(), histogram::encode(histograms.get(found)?)?));
    Concluded {
        metrics,
        windows: span.slices(&users),
        histogram: histograms.get(WAIT).and_then(histogram::encode),
        distributions: DISTRIBUTIONS.into_iter().filter_map(encoded).collect(),
        doubts,
        ..Concluded::default()
    }
}

/// CPU time per access, of all users and the manager.
fn cpu_per_access(users: &[&HolderFinding], reports: &[Report]) -> f64 {
    let accesses: u64 = users.iter().map(|user| user.acquisitions).sum();
    let spent = |role: &RoleCost| role.user_ns + role.system_ns;
    let spent: u64 = reports.iter().flat_map(|report| &report.roles).map(spent).sum();
    spent as f64 / accesses.max(1) as f64
}

/// Merges the users' distributions of the same name.
fn merged(users: &[&HolderFinding]) -> BTreeMap<String, Histogram<u64>> {
    let mut all = BTreeMap::new();
    for (name, blob) in users.iter().flat_map(|user| &user.histograms) {
        if let Some(one) = histogram::decode(blob) {
            // All have the bounds of `empty`, so `add` cannot fail.
            let _ = all.entry(name.clone()).or_insert_with(histogram::empty).add(one);
        }
    }
    all
}

/// Supported percentiles, of all accesses and of each kind.
fn latencies(users: &[&HolderFinding], histograms: &BTreeMap<String, Histogram<u64>>) -> Metrics {
    let sum = |read: fn(&HolderFinding) -> u64| users.iter().map(|user| read(user)).sum::<u64>();
    let (samples, read_samples) = (sum(|user| user.samples), sum(|user| user.read_samples));
    let mut metrics = Metrics::new();
    if let Some(all) = histograms.get(WAIT) {
        histogram::percentiles_of(all, samples, &mut metrics);
    }
    if samples > 0 {
        metrics.insert(metric::SAMPLED_EVERY.into(), sum(|user| user.acquisitions) as f64 / samples as f64);
    }
    let kinds = [
        (READ_WAIT, read_samples, metric::READ_P50_NS, metric::READ_P99_NS),
        (WRITE_WAIT, samples - read_samples, metric::WRITE_P50_NS, metric::WRITE_P99_NS),
    ];
    for (name, samples, p50, p99) in kinds {
        let Some(of_kind) = histograms.get(name) else { continue };
        for (quantile, metric) in [(0.5, p50), (0.99, p99)] {
            let found = histogram::quantile_of(of_kind, samples, quantile);
            metrics.extend(found.map(|ns| (metric.to_owned(), ns)));
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::window::together::NS_PER_MS;

    fn user(slot: u32, per_ms: &[u32], reads: u64, waits: &[(&str, u64, u64)]) -> Report {
        let acquisitions = per_ms.iter().map(|count| u64::from(*count)).sum();
        let filled = |(name, ns, count): &(&str, u64, u64)| {
            let mut all = histogram::empty();
            all.saturating_record_n(*ns, *count);
            ((*name).to_owned(), histogram::encode(&all).unwrap())
        };
        let finding = HolderFinding {
            slot,
            agreed_ns: 1000,
            started_ns: 1000,
            ended_ns: 1000 + (per_ms.len() as u64 - 1) * NS_PER_MS,
            acquisitions,
            reads,
            per_ms: per_ms.to_vec(),
            samples: 100,
            read_samples: 90,
            histograms: waits.iter().map(filled).collect(),
            ..HolderFinding::default()
        };
        let role = RoleCost { user_ns: 500, system_ns: 100, ..RoleCost::default() };
        Report { holders: vec![finding], roles: vec![role], ..Report::default() }
    }

    #[test]
    fn rates_and_latencies_cover_all_users() {
        let waits = [(WAIT, 10, 90), (READ_WAIT, 10, 90), (WRITE_WAIT, 900, 10), (UPDATE, 70, 5)];
        let manager = Report { roles: vec![RoleCost { user_ns: 800, ..RoleCost::default() }], ..Report::default() };
        let all = [user(0, &[50, 50, 0], 90, &waits), user(1, &[10, 90, 0], 10, &waits), manager];
        let found = conclude(&all);
        let expect = |name: &str, value: f64| assert!((found.metrics[name] - value).abs() < 1e-6 * value, "{name}");
        expect(metric::ACCESSES_PER_S, 200.0 / 2e-3);
        expect(metric::READS_PER_S, 100.0 / 2e-3);
        expect(metric::WRITES_PER_S, 100.0 / 2e-3);
        expect(metric::CPU_NS_PER_MESSAGE, 2000.0 / 200.0);
        expect(metric::READ_P50_NS, 10.0);
        assert!(!found.metrics.contains_key(metric::READ_P99_NS), "too few samples");
        expect(metric::SAMPLED_EVERY, 1.0);
        assert_eq!(found.distributions.keys().collect::<Vec<_>>(), ["read", "update", "write"]);
        assert_eq!(found.windows.iter().map(|window| window.messages).collect::<Vec<_>>(), [60, 140]);
        assert!(found.histogram.is_some() && found.doubts.is_empty(), "{:?}", found.doubts);
    }

    #[test]
    fn without_findings_there_are_no_metrics() {
        assert!(conclude(&[Report::default()]).metrics.is_empty());
    }
}

//! What the findings of all holders say about reads and writes apart.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::{READ_WAIT, WRITE_WAIT};
use crate::measure::histogram;
use crate::protocol::HolderFinding;
use crate::record::{HolderShare, Metrics, metric};

/// Names of one kind's median, 99th percentile and longest wait.
const READ_NAMES: [&str; 3] = [metric::READ_P50_NS, metric::READ_P99_NS, metric::READ_STARVED_NS];
const WRITE_NAMES: [&str; 3] = [metric::WRITE_P50_NS, metric::WRITE_P99_NS, metric::WRITE_STARVED_NS];

/// Rates and waits of reads and writes, over the `length_ns` in which all ran; nothing where nobody told them apart.
pub(in crate::measure::locks) fn metrics(
    holders: &[&HolderFinding],
    shares: &[HolderShare],
    length_ns: u64,
    histograms: &BTreeMap<String, Histogram<u64>>,
) -> Metrics {
    if ![READ_WAIT, WRITE_WAIT].iter().any(|name| histograms.contains_key(*name)) {
        return Metrics::new();
    }
    // Each holder draws at one ratio all the time, so his share splits as the whole of his accesses does.
    let reads_in = |(holder, share): (&&HolderFinding, &HolderShare)| {
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

/// Percentiles with enough samples behind them, and the longest.
fn waits_of(waits: &Histogram<u64>, samples: u64, [p50, p99, longest]: [&str; 3]) -> Metrics {
    let quantiles = [(0.5, p50), (0.99, p99)].into_iter();
    let known = quantiles.filter(|(quantile, _)| histogram::supports(samples, *quantile));
    let found = known.map(|(quantile, name)| (name.to_owned(), waits.value_at_quantile(quantile) as f64));
    found.chain([(longest.to_owned(), waits.max() as f64)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(values: &[(u64, u64)]) -> Histogram<u64> {
        let mut waits = histogram::empty();
        for (ns, count) in values {
            waits.saturating_record_n(*ns, *count);
        }
        waits
    }

    #[test]
    fn reads_and_writes_are_told_apart() {
        let holder = |acquisitions, reads| HolderFinding {
            acquisitions,
            reads,
            samples: 30,
            read_samples: 25,
            retries: reads / 10,
            ..HolderFinding::default()
        };
        let (first, second) = (holder(1000, 900), holder(400, 200));
        let share = |acquisitions| HolderShare { acquisitions, ..HolderShare::default() };
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
        // Too few writes were stamped, and for the 99th percentile too few reads as well.
        let missing = [metric::WRITE_P50_NS, metric::READ_P99_NS];
        assert!(missing.iter().all(|name| !found.contains_key(*name)));
    }

    #[test]
    fn where_nobody_reads_there_is_nothing_to_say() {
        let found = metrics(&[], &[], 1, &BTreeMap::from([("wait".to_owned(), waits(&[(1, 1)]))]));
        assert!(found.is_empty());
    }
}

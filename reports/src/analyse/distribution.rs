//! Latency distributions of a case. Every repetition has the same weight, whatever its number of samples: the fastest one
//! has the most and would decide otherwise.

use std::io::Cursor;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::statistics::median;

/// Least number of samples beyond a percentile that is shown.
const SAMPLES_BEYOND: f64 = 10.0;
/// Weight of one repetition in the merged histogram, far above its number of samples.
const WEIGHT: u128 = 1 << 48;

/// Latencies of all repetitions of a case.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Latencies of each repetition; none is empty.
    each: Vec<Histogram<u64>>,
    /// All of them, with the same weight per repetition.
    merged: Histogram<u64>,
}

/// Decodes a recorded histogram: HDR V2 deflate in base64, nanoseconds.
fn decode(text: &str) -> anyhow::Result<Histogram<u64>> {
    let bytes = STANDARD.decode(text).context("the histogram is not base64")?;
    Deserializer::new()
        .deserialize(&mut Cursor::new(bytes))
        .map_err(|e| anyhow!("the histogram is not HDR V2 deflate: {e}"))
}

impl Distribution {
    /// Merges the readable histograms of `texts` with the same weight for each; `None` if there are no samples.
    pub fn merge<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let readable = texts.into_iter().filter_map(|text| decode(text).ok());
        let each: Vec<Histogram<u64>> = readable.filter(|one| !one.is_empty()).collect();
        let mut merged = Histogram::new_from(each.first()?);
        merged.auto(true);
        for one in &each {
            for step in one.iter_recorded() {
                let weight = u128::from(step.count_since_last_iteration()) * WEIGHT / u128::from(one.len());
                // With resizing on, this fails only when memory runs out.
                merged.record_n(step.value_iterated_to(), weight as u64).ok()?;
            }
        }
        Some(Self { each, merged })
    }

    /// Number of latencies.
    pub fn samples(&self) -> u64 {
        self.each.iter().map(Histogram::len).sum()
    }

    /// Number of samples of equal weight that would be worth as much (Kish 1965): repetitions times the harmonic mean of
    /// their samples.
    fn effective_samples(&self) -> f64 {
        let each: f64 = self.each.iter().map(|one| 1.0 / one.len() as f64).sum();
        (self.each.len() as f64).powi(2) / each
    }

    /// Quantile `q` of all repetitions merged, in nanoseconds; `None` if too few samples lie beyond it.
    pub fn at(&self, q: f64) -> Option<f64> {
        supports(self.effective_samples(), q).then(|| self.merged.value_at_quantile(q) as f64)
    }

    /// Quantile `q` of each repetition, median over them, in nanoseconds; `None` if too few samples of any lie beyond it.
    pub fn typical_at(&self, q: f64) -> Option<f64> {
        let of = |one: &Histogram<u64>| supports(one.len() as f64, q).then(|| one.value_at_quantile(q) as f64);
        median(self.each.iter().map(of).collect::<Option<Vec<f64>>>()?)
    }

    /// Smallest latency in nanoseconds.
    pub fn min(&self) -> f64 {
        self.each.iter().map(Histogram::min).min().unwrap_or(0) as f64
    }

    /// Largest latency in nanoseconds.
    pub fn max(&self) -> f64 {
        self.each.iter().map(Histogram::max).max().unwrap_or(0) as f64
    }
}

/// Whether enough samples lie beyond quantile `q`.
fn supports(samples: f64, q: f64) -> bool {
    samples * (1.0 - q) + 1e-6 >= SAMPLES_BEYOND
}

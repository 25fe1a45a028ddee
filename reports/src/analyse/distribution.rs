//! Latency distributions of a case. Every repetition has the same weight, whatever its number of samples: the fastest one
//! has the most and would decide otherwise.

use std::io::Cursor;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use ipcmark_record::percentile::{has_samples, is_resolved};

use super::statistics::median;

/// Weight of one repetition in the merged histogram, far above its number of samples.
const WEIGHT: u128 = 1 << 48;

/// Latencies of all repetitions of a case.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Latencies of each repetition, with their number of samples; none is empty.
    each: Vec<(Histogram<u64>, f64)>,
    /// All of them, with the same weight per repetition.
    merged: Histogram<u64>,
    /// Step of the clock that stamped them.
    step_ns: f64,
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
        Self::merge_sampled(texts.into_iter().map(|text| (text, 1.0)))
    }

    /// Like [`Self::merge`], for histograms whose samples each stand for several values, this many in the mean.
    pub fn merge_sampled<'a>(texts: impl IntoIterator<Item = (&'a str, f64)>) -> Option<Self> {
        let readable = texts.into_iter().filter_map(|(text, values)| Some((decode(text).ok()?, values.max(1.0))));
        let filled = readable.filter(|(one, _)| !one.is_empty());
        let each: Vec<_> =
            filled.map(|(one, values)| (one.len() as f64 / values, one)).map(|(n, one)| (one, n)).collect();
        let mut merged = Histogram::new_from(&each.first()?.0);
        merged.auto(true);
        for (one, _) in &each {
            for step in one.iter_recorded() {
                let weight = u128::from(step.count_since_last_iteration()) * WEIGHT / u128::from(one.len());
                // With resizing on, this fails only when memory runs out.
                merged.record_n(step.value_iterated_to(), weight as u64).ok()?;
            }
        }
        Some(Self { each, merged, step_ns: 0.0 })
    }

    /// Withholds what a clock with steps of `step_ns` cannot tell.
    #[must_use]
    pub fn stamped_in_steps_of(self, step_ns: f64) -> Self {
        Self { step_ns, ..self }
    }

    /// A latency that the clock can tell.
    fn resolved(&self, ns: f64) -> Option<f64> {
        is_resolved(ns, self.step_ns).then_some(ns)
    }

    /// Number of samples.
    pub fn samples(&self) -> u64 {
        self.each.iter().map(|(_, samples)| samples).sum::<f64>().round() as u64
    }

    /// Number of samples of equal weight that would be worth as much (Kish 1965): repetitions times the harmonic mean of
    /// their samples.
    fn effective_samples(&self) -> f64 {
        let each: f64 = self.each.iter().map(|(_, samples)| 1.0 / samples).sum();
        (self.each.len() as f64).powi(2) / each
    }

    /// Quantile `q` of all repetitions merged, in nanoseconds; `None` if too few samples lie beyond it or
    /// the clock cannot tell it.
    pub fn at(&self, q: f64) -> Option<f64> {
        let enough = has_samples(self.effective_samples(), q);
        enough.then(|| self.merged.value_at_quantile(q) as f64).and_then(|ns| self.resolved(ns))
    }

    /// Quantile `q` of each repetition, median over them, in nanoseconds; `None` if too few samples of any lie beyond
    /// it or the clock cannot tell it.
    pub fn typical_at(&self, q: f64) -> Option<f64> {
        let of =
            |(one, samples): &(Histogram<u64>, f64)| has_samples(*samples, q).then(|| one.value_at_quantile(q) as f64);
        median(self.each.iter().map(of).collect::<Option<Vec<f64>>>()?).and_then(|ns| self.resolved(ns))
    }

    /// Smallest latency in nanoseconds, if the clock can tell it.
    pub fn min(&self) -> Option<f64> {
        self.each.iter().map(|(one, _)| one.min()).min().and_then(|ns| self.resolved(ns as f64))
    }

    /// Largest latency in nanoseconds.
    pub fn max(&self) -> f64 {
        self.each.iter().map(|(one, _)| one.max()).max().unwrap_or(0) as f64
    }
}

//! Latency distributions: histograms of all repetitions merged, and percentiles only where the tail has enough samples.

use std::io::Cursor;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// Least number of samples beyond a percentile that is shown.
const SAMPLES_BEYOND: f64 = 10.0;

/// Latencies of all repetitions of a case.
#[derive(Clone, Debug)]
pub struct Distribution(Histogram<u64>);

impl Distribution {
    /// Decodes a recorded histogram: HDR V2 deflate in base64, nanoseconds.
    pub fn decode(text: &str) -> anyhow::Result<Self> {
        let bytes = STANDARD.decode(text).context("the histogram is not base64")?;
        let histogram = Deserializer::new()
            .deserialize(&mut Cursor::new(bytes))
            .map_err(|e| anyhow!("the histogram is not HDR V2 deflate: {e}"))?;
        Ok(Self(histogram))
    }

    /// Merges the readable histograms of `texts`; `None` if there are no samples.
    pub fn merge<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut readable = texts.into_iter().filter_map(|text| Self::decode(text).ok());
        let mut merged = readable.next()?.0;
        merged.auto(true);
        for other in readable {
            // With resizing on, `add` fails only when memory runs out.
            merged.add(&other.0).ok()?;
        }
        (!merged.is_empty()).then_some(Self(merged))
    }

    /// Number of latencies.
    pub fn samples(&self) -> u64 {
        self.0.len()
    }

    /// Quantile `q` in nanoseconds; `None` if too few samples lie beyond it.
    pub fn at(&self, q: f64) -> Option<f64> {
        (self.samples() as f64 * (1.0 - q) + 1e-6 >= SAMPLES_BEYOND).then(|| self.0.value_at_quantile(q) as f64)
    }

    /// Smallest latency in nanoseconds.
    pub fn min(&self) -> f64 {
        self.0.min() as f64
    }

    /// Largest latency in nanoseconds.
    pub fn max(&self) -> f64 {
        self.0.max() as f64
    }
}

//! Latency distributions: histograms of all repetitions merged, and percentiles only where the tail has enough samples.

use std::io::Cursor;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

/// A percentile is shown only when at least this many samples lie beyond it.
const SAMPLES_BEYOND: f64 = 10.0;

/// Every latency of every repetition of a case.
#[derive(Clone, Debug)]
pub struct Distribution(Histogram<u64>);

impl Distribution {
    /// Reads one histogram as records hold it: HDR V2 deflate in base64, nanoseconds.
    pub fn decode(text: &str) -> anyhow::Result<Self> {
        let bytes = STANDARD.decode(text).context("the histogram is not base64")?;
        let histogram = Deserializer::new()
            .deserialize(&mut Cursor::new(bytes))
            .map_err(|e| anyhow!("the histogram is not HDR V2 deflate: {e}"))?;
        Ok(Self(histogram))
    }

    /// Merges those of `texts` that can be read; `None` when none can, or when they hold nothing.
    pub fn merge<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut readable = texts.into_iter().filter_map(|text| Self::decode(text).ok());
        let mut merged = readable.next()?.0;
        merged.auto(true);
        for other in readable {
            // With resizing on, adding fails only when memory for the counts cannot be found.
            merged.add(&other.0).ok()?;
        }
        (!merged.is_empty()).then_some(Self(merged))
    }

    /// How many latencies it holds.
    pub fn samples(&self) -> u64 {
        self.0.len()
    }

    /// The latency below which a share `q` of all lies, in nanoseconds; `None` when too few samples lie beyond it.
    pub fn at(&self, q: f64) -> Option<f64> {
        (self.samples() as f64 * (1.0 - q) + 1e-6 >= SAMPLES_BEYOND).then(|| self.0.value_at_quantile(q) as f64)
    }

    /// The smallest, in nanoseconds.
    pub fn min(&self) -> f64 {
        self.0.min() as f64
    }

    /// The largest, in nanoseconds.
    pub fn max(&self) -> f64 {
        self.0.max() as f64
    }
}

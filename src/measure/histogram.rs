//! Latency distributions: HDR histograms that merge, stored as V2 deflate in base64 so that other HDR tools read them.

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};

use crate::record::{Metrics, metric, percentile};

/// One nanosecond to one minute, three significant digits (0.1 %).
pub fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are constants that hdrhistogram accepts")
}

/// Encodes a distribution for a record.
pub fn encode(histogram: &Histogram<u64>) -> Option<String> {
    let mut blob = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut blob).ok()?;
    Some(base64::engine::general_purpose::STANDARD.encode(blob))
}

/// Decodes a distribution of a record.
pub fn decode(blob: &str) -> Option<Histogram<u64>> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(blob).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

/// Inserts the percentiles that have enough samples, the largest value, and the step of the clock that stamped them.
pub fn percentiles(histogram: &Histogram<u64>, clock_step_ns: f64, metrics: &mut Metrics) {
    percentiles_of(histogram, histogram.len(), metrics);
    metrics.insert(metric::CLOCK_STEP_NS.into(), clock_step_ns);
}

/// Inserts the percentiles that have enough samples, and the largest value. Each of the `samples` may stand for several
/// values.
pub fn percentiles_of(histogram: &Histogram<u64>, samples: u64, metrics: &mut Metrics) {
    let names = [(0.5, metric::P50_NS), (0.9, metric::P90_NS), (0.99, metric::P99_NS), (0.999, metric::P999_NS)];
    for (quantile, name) in names {
        metrics.extend(quantile_of(histogram, samples, quantile).map(|ns| (name.into(), ns)));
    }
    if !histogram.is_empty() {
        metrics.insert(metric::MAX_NS.into(), histogram.max() as f64);
    }
}

/// A quantile, if `samples` are enough for it.
pub fn quantile_of(histogram: &Histogram<u64>, samples: u64, quantile: f64) -> Option<f64> {
    percentile::has_samples(samples as f64, quantile).then(|| histogram.value_at_quantile(quantile) as f64)
}

/// Median as the value of a trial, of any number of samples; `None` without any. Unlike a percentile it needs no minimum:
/// the interval over repetitions says how sure it is.
pub fn typical(histogram: &Histogram<u64>) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(0.5) as f64)
}

/// The median; 0 without values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

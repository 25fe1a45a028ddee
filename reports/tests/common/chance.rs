//! Seeded noise: random draws and histograms of them.

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};
use ipcmark_record::{Outcome, metric};
use ipcmark_reports::analyse::statistics::Random;

/// Encoded histogram of latencies around `typical_ns` with a long tail.
pub fn latencies(typical_ns: f64, random: &mut Random) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 100_000_000, 2).expect("constant bounds");
    for _ in 0..2_500 {
        let tail = uniform(random).powf(-0.22);
        histogram.saturating_record((typical_ns * (0.93 + 0.03 * gauss(random).abs()) * tail) as u64);
    }
    encode(&histogram)
}

/// Encodes a histogram as in records.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("into memory");
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Adds the percentiles of the histogram that have ten samples beyond them, as the measures do.
pub fn with_percentiles(mut outcome: Outcome) -> Outcome {
    let names = [(0.5, metric::P50_NS), (0.9, metric::P90_NS), (0.99, metric::P99_NS), (0.999, metric::P999_NS)];
    if let (Some(text), Some(metrics)) = (&outcome.histogram, &mut outcome.metrics) {
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("just encoded");
        let all: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).expect("just encoded");
        let known = names.into_iter().filter(|(q, _)| all.len() as f64 * (1.0 - q) >= 10.0 - 1e-6);
        metrics.extend(known.map(|(q, name)| (name.to_owned(), all.value_at_quantile(q) as f64)));
    }
    outcome
}

/// Uniform draw between 0 and 1, both excluded.
pub fn uniform(random: &mut Random) -> f64 {
    ((random.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

/// Standard normal draw (Box & Muller 1958).
pub fn gauss(random: &mut Random) -> f64 {
    (-2.0 * uniform(random).ln()).sqrt() * (std::f64::consts::TAU * uniform(random)).cos()
}

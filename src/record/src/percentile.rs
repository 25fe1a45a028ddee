//! Which percentiles and other times of single events may be stated: the one rule of workers, harness and reports.

/// Least number of samples beyond a percentile.
const SAMPLES_BEYOND: f64 = 10.0;
/// Steps of the clock in a time that it can tell, at the least.
const STEPS: f64 = 10.0;
/// Rounding of `samples * (1 - q)`, and of steps.
const ROUNDING: f64 = 1e-6;

/// Whether `samples` independent samples are enough for quantile `q`: at least ten lie beyond it.
///
/// Entries of a histogram that stand for several values are one sample each, whatever their weight.
///
/// ```
/// use ipcmark_record::percentile::has_samples;
/// assert!(has_samples(1_000.0, 0.99) && !has_samples(999.0, 0.99));
/// ```
pub fn has_samples(samples: f64, q: f64) -> bool {
    samples * (1.0 - q) + ROUNDING >= SAMPLES_BEYOND
}

/// Whether a clock that moves in steps of `step_ns` tells a time of `ns` between two single stamps: a step is at most a
/// tenth of it. Times of whole blocks are no such times.
///
/// ```
/// use ipcmark_record::percentile::is_resolved;
/// assert!(is_resolved(400.0, 40.0) && !is_resolved(350.0, 40.0));
/// ```
pub fn is_resolved(ns: f64, step_ns: f64) -> bool {
    step_ns * STEPS <= ns * (1.0 + ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_samples_lie_beyond_a_percentile() {
        for (q, least) in [(0.5, 20.0), (0.9, 100.0), (0.99, 1_000.0), (0.999, 10_000.0), (0.9999, 100_000.0)] {
            assert!(has_samples(least, q), "{least} for {q}");
            assert!(!has_samples(least - 1.0, q), "{least} - 1 for {q}");
        }
    }
}

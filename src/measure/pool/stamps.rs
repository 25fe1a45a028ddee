//! Distributions of the times between submission, start, finish and reading of tasks.

use hdrhistogram::Histogram;

use super::frame::Response;
use crate::clock;
use crate::measure::{MeasureError, histogram};
use crate::protocol::Report;
use crate::record::metric;

/// Times in nanoseconds.
pub struct Stamps {
    /// From submission to the worker's start.
    start: Histogram<u64>,
    /// From the worker's finish to the reading of the result.
    visible: Histogram<u64>,
    /// From submission to the reading of the result.
    whole: Histogram<u64>,
    ns_per_tick: f64,
    trusted: bool,
}

impl Stamps {
    /// Creates empty distributions for ticks of `ns_per_tick`, from the tick counter if `trusted`.
    pub fn new(ns_per_tick: f64, trusted: bool) -> Self {
        let empty = histogram::empty;
        Self { start: empty(), visible: empty(), whole: empty(), ns_per_tick, trusted }
    }

    /// Whether the tick counter is used.
    pub(super) fn trusted(&self) -> bool {
        self.trusted
    }

    /// Adds the times of one request.
    pub(super) fn note(&mut self, submitted: u64, response: &Response, read: u64) {
        let ns = |from: u64, to: u64| ((to.saturating_sub(from) as f64 * self.ns_per_tick) as u64).max(1);
        self.start.saturating_record(ns(submitted, response.started));
        self.visible.saturating_record(ns(response.finished, read));
        self.whole.saturating_record(ns(submitted, read));
    }

    /// Adds the whole times to the report as its main distribution, and the parts as further ones.
    ///
    /// Errors: a distribution could not be encoded.
    pub(super) fn describe(&self, report: &mut Report) -> Result<(), MeasureError> {
        let step_ns = clock::step_ns(self.trusted, self.ns_per_tick);
        histogram::percentiles(&self.whole, step_ns, &mut report.metrics);
        report.histogram = histogram::encode(&self.whole);
        self.describe_parts(report)
    }

    /// Adds only the parts and their medians to the report.
    ///
    /// Errors: a distribution could not be encoded.
    pub(super) fn describe_parts(&self, report: &mut Report) -> Result<(), MeasureError> {
        let parts = [
            ("submit_to_start", metric::SUBMIT_TO_START_NS, &self.start),
            ("finish_to_visible", metric::FINISH_TO_VISIBLE_NS, &self.visible),
        ];
        for (name, median, part) in parts {
            keep(report, name, part)?;
            report.metrics.extend(histogram::typical(part).map(|ns| (median.into(), ns)));
        }
        Ok(())
    }
}

/// Adds a named distribution to the report.
///
/// Errors: the distribution could not be encoded.
pub(super) fn keep(report: &mut Report, name: &str, histogram: &Histogram<u64>) -> Result<(), MeasureError> {
    let unencoded = || MeasureError::Invalid(format!("the distribution `{name}` could not be encoded"));
    report.distributions.insert(name.into(), histogram::encode(histogram).ok_or_else(unencoded)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_whole_of_one_task_are_recorded() {
        let mut stamps = Stamps::new(0.5, true);
        stamps.note(1000, &Response { started: 1200, finished: 1600, ..Response::default() }, 2000);
        let mut report = Report::default();
        stamps.describe(&mut report).expect("encoded");
        let parts = (report.metrics[metric::SUBMIT_TO_START_NS], report.metrics[metric::FINISH_TO_VISIBLE_NS]);
        assert!((parts.0 - 100.0).abs() < 0.5 && (parts.1 - 200.0).abs() < 0.5, "{parts:?}");
        assert!((report.metrics[metric::MAX_NS] - 500.0).abs() < 0.5);
        assert_eq!(report.distributions.len(), 2);
    }
}

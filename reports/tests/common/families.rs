//! Synthetic records of processes, pools, queues, shared state and servers, computed by formulas.

pub mod pools;
pub mod processes;
pub mod python;
pub mod servers;
pub mod states;

use std::collections::BTreeMap;
use std::sync::Arc;

use hdrhistogram::Histogram;
use ipcmark_record::{Case, Group, Isolation, Measure, Metrics, Outcome, Record, Status, Verdict, Wait};
use ipcmark_reports::analyse::statistics::Random;

use super::chance::with_percentiles;
use super::{blank, encode, gauss, uniform};

/// Variant of any family with its relative cost.
#[derive(Clone, Copy)]
pub struct One {
    pub family: &'static str,
    pub mechanism: &'static str,
    pub group: Group,
    pub wait: Option<Wait>,
    pub isolation: Isolation,
    /// Nanoseconds, or the unit of its family's formulas.
    pub cost: f64,
}

impl One {
    pub fn case(&self, measure: Measure) -> Case {
        Case {
            group: Some(self.group),
            wait: self.wait,
            isolation: self.isolation,
            program: (self.group == Group::Python).then(|| "python".to_owned()),
            ..Case::new(self.family, self.mechanism, measure)
        }
    }
}

/// Measured trial of a case.
pub fn trial(case: Case, repetition: u32, metrics: &[(&str, f64)]) -> Record {
    let metrics: Metrics = metrics.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    let outcome = Outcome {
        status: Status::Measured,
        verdict: Some(Verdict::Stable),
        why: None,
        metrics: Some(metrics),
        distributions: BTreeMap::new(),
        ..Outcome::skipped("")
    };
    blank(case, repetition, outcome)
}

/// Adds a distribution around `typical_ns` to a trial.
pub fn with_waits(record: Record, typical_ns: f64, random: &mut Random) -> Record {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 2).expect("constant bounds");
    for _ in 0..2_000 {
        histogram.saturating_record((typical_ns * (0.9 - 0.15 * uniform(random).ln())) as u64);
    }
    let outcome = with_percentiles(Outcome { histogram: Some(encode(&histogram)), ..record.outcome });
    Record { outcome, ..record }
}

/// Random factor of a repetition.
pub fn noise(random: &mut Random) -> f64 {
    1.0 + 0.02 * gauss(random)
}

/// Sets the order and the question of the records.
pub fn finish(mut records: Vec<Record>, question: &str) -> Vec<Record> {
    for (order, record) in records.iter_mut().enumerate() {
        record.order_in_run = u32::try_from(order).expect("few records");
        Arc::make_mut(&mut record.suite).question = question.into();
    }
    records
}

//! Processes, pools, queues, shared state and servers of a machine that does not exist: a handful of variants each, and
//! a formula behind every number.

pub mod pools;
pub mod processes;
pub mod python;
pub mod servers;
pub mod states;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use ipcmark_record::{Case, Group, Isolation, Measure, Metrics, Outcome, Record, Status, Verdict, Wait};
use ipcmark_reports::analyse::statistics::Random;

use super::{blank, encode, gauss, uniform};

/// A variant of any family, and its cost next to the others.
#[derive(Clone, Copy)]
pub struct One {
    pub family: &'static str,
    pub mechanism: &'static str,
    pub group: Group,
    pub wait: Option<Wait>,
    pub isolation: Isolation,
    /// Nanoseconds, or whatever the formulas of its family take it for.
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

/// A measured trial of this case.
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

/// A trial of the same with a distribution around `typical_ns`.
pub fn with_waits(record: Record, typical_ns: f64, random: &mut Random) -> Record {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 2).expect("constant bounds");
    for _ in 0..2_000 {
        histogram.saturating_record((typical_ns * (0.9 - 0.15 * uniform(random).ln())) as u64);
    }
    let outcome = Outcome { histogram: Some(encode(&histogram)), ..record.outcome };
    Record { outcome, ..record }
}

/// What repetitions differ by.
pub fn noise(random: &mut Random) -> f64 {
    1.0 + 0.02 * gauss(random)
}

/// Numbers them and gives them a question.
pub fn finish(mut records: Vec<Record>, question: &str) -> Vec<Record> {
    for (order, record) in records.iter_mut().enumerate() {
        record.order_in_run = u32::try_from(order).expect("few records");
        record.suite.question = question.into();
    }
    records
}

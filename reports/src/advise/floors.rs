//! Predictions where only the floors of a machine were measured: declared costs times floors, and the unexplained rest of
//! other rows or machines.
//!
//! The error is that of leaving cases out: the cost model uses no measured time of its case, so each measured case
//! shows how far off it is. With recordings of several machines those of the machine in question are left out last.

use std::collections::BTreeMap;

use ipcmark_record::{Case, CostModel, Counts, Floors, Measure};

use super::span::{Multiple, Span};
use super::table::{Basis, Figure};
use crate::analyse::cost_model::{Moment, price_case};
use crate::analyse::families::TRANSPORT;
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};

/// Declared cost of one row.
struct Declared<'s> {
    case: &'s Case,
    cost_model: &'s CostModel,
}

/// What prices say about rows of transports.
pub(super) struct FromFloors<'s> {
    declared: BTreeMap<String, (Manner, Vec<Declared<'s>>)>,
    floors: Option<&'s Floors>,
    /// Measured over explained, by machine, measure and manner; the machine in question first.
    ratios: Vec<(bool, Measure, Manner, String, f64)>,
}

impl<'s> FromFloors<'s> {
    /// Collects declared costs, and how they relate to measured times, from the machine in question and others.
    pub fn of(here: &'s Study<'_>, others: &'s [Study<'_>]) -> Self {
        let mut all = Self { declared: BTreeMap::new(), floors: here.floors(), ratios: Vec::new() };
        for (study, is_here) in std::iter::once((here, true)).chain(others.iter().map(|study| (study, false))) {
            for case in study.cases.iter().filter(|case| case.case.family == TRANSPORT) {
                let (Some(cost_model), true) = (case.cost_model(), case.series.between_processes()) else { continue };
                let entry = all.declared.entry(case.series.label()).or_insert((case.series.manner, Vec::new()));
                entry.1.push(Declared { case: case.case, cost_model });
                if let Some(ratio) = study.floors().and_then(|floors| ratio(case, cost_model, floors)) {
                    all.ratios.push((is_here, case.case.measure, case.series.manner, case.series.label(), ratio));
                }
            }
        }
        all
    }

    /// Rows with a declared cost.
    pub fn names(&self) -> impl Iterator<Item = (&String, Manner, &'s Case)> {
        self.declared.iter().filter_map(|(row, (manner, all))| Some((row, *manner, all.first()?.case)))
    }

    /// Nanoseconds of a round trip, or of a message of a stream, at this size.
    pub fn figure(&self, row: &str, measure: Measure, bytes: u64) -> Option<Figure> {
        let (manner, declared) = self.declared.get(row)?;
        let far = |one: &&Declared<'_>| one.case.params.message_bytes.unwrap_or(0).abs_diff(bytes);
        let nearest = declared.iter().min_by_key(far)?;
        let from = nearest.case.params.message_bytes.unwrap_or(0);
        let case = Case { measure, ..nearest.case.clone() }.with(|p| p.message_bytes = Some(bytes));
        let cost_model = resized(nearest.cost_model, from, bytes);
        let priced = price_case(&case, &cost_model, false, 1.0, self.floors?, Moment::default())?;
        let multiple = self.multiple(measure, *manner, row);
        let figure = Figure {
            span: Span::exact(priced.explained_ns()),
            basis: Basis::Floors,
            evidence: "declared cost times the floors of this machine".to_owned(),
            cases: vec![],
            error: None,
        };
        Some(figure.times(multiple.map_or(1.0, |m| m.ratio), multiple.map(|m| m.error), Basis::Floors))
    }

    /// Measured over explained time in other rows of this machine, else in all rows of other machines; one ratio a row.
    fn multiple(&self, measure: Measure, manner: Manner, row: &str) -> Option<Multiple> {
        [true, false].into_iter().find_map(|of_here| {
            let mut rows: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            for (here, of_measure, of_manner, name, ratio) in &self.ratios {
                if *here == of_here && *of_measure == measure && *of_manner == manner && (!of_here || name != row) {
                    rows.entry(name).or_default().push(*ratio);
                }
            }
            let each: Vec<f64> = rows.into_values().flatten().collect();
            Multiple::of(&each)
        })
    }
}

/// Measured over explained time of a case on two CPUs.
fn ratio(case: &CaseStudy<'_>, cost_model: &CostModel, floors: &Floors) -> Option<f64> {
    if case.one_cpu() || !case.plain() {
        return None;
    }
    let priced = price_case(case.case, cost_model, false, case.cost_ns()?, floors, Moment::default())?;
    (priced.explained_ns() > 0.0).then(|| 1.0 / priced.explained_share())
}

/// Declared cost for another message size: counts of bytes and pages grow with it.
fn resized(cost_model: &CostModel, from: u64, to: u64) -> CostModel {
    if from == to || from == 0 {
        return cost_model.clone();
    }
    let factor = to as f64 / from as f64;
    let side = |counts: &Counts| {
        let mut counts = counts.clone();
        counts.copied_bytes *= factor;
        counts.moved_bytes *= factor;
        for (operation, times) in &mut counts.operations {
            if operation.copied_bytes() > 0.0 {
                *times *= factor;
            }
        }
        counts
    };
    CostModel { sender: side(&cost_model.sender), receiver: side(&cost_model.receiver), ..cost_model.clone() }
}

//! Advice at every combination of measured values: what a form answers from without this program.

use std::collections::BTreeMap;

use ipcmark_record::Placement;

use super::axes::Axis;
use super::transports::choice_errors;
use super::{Advice, Basis, Decision, Request, Subject, families, from_studies};
use crate::analyse::study::{CaseStudy, Study};

/// Most rows at all points together: they weigh about 40 bytes each on a page.
const MOST_ROWS: usize = 900;

/// Advice about one family.
pub(crate) struct Grid {
    /// The family, with any values.
    pub subject: Subject,
    /// Where the roles ran.
    pub placement: Option<Placement>,
    /// Axes with their measured values.
    pub fields: Vec<Field>,
    /// Advice without limits at each combination of values, in the order of the fields.
    pub points: Vec<(Vec<f64>, Advice)>,
    /// Point with the most measured figures.
    pub usual: usize,
}

/// Values that can be asked for on one axis.
pub(crate) struct Field {
    /// Name of the axis.
    pub name: &'static str,
    /// Values, ascending.
    pub values: Vec<f64>,
    /// A value as text.
    pub show: fn(f64) -> String,
}

/// Grids of the families about which the records decide something.
pub(crate) fn grids(study: &Study<'_>) -> Vec<Grid> {
    Subject::EACH.into_iter().filter_map(|subject| Grid::of(study, subject)).collect()
}

impl Grid {
    fn of(study: &Study<'_>, subject: Subject) -> Option<Self> {
        let measure = subject.measure();
        let cases = families::cases(study, subject);
        let timed: Vec<&&CaseStudy<'_>> = cases.iter().filter(|case| case.summary.typical.is_some()).collect();
        timed.iter().find(|case| case.case.measure == measure)?;
        let field = |axis: Axis| {
            // Round trips tell about sizes too, but not about rates.
            let tells = |case: &&&&CaseStudy<'_>| {
                case.case.measure == measure || subject.axes(case.case.measure).iter().all(|own| own.name == axis.name)
            };
            let mut values: Vec<f64> = timed.iter().filter(tells).map(|case| (axis.has)(case.case)).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            Field { name: axis.name, values, show: axis.show }
        };
        let mut fields: Vec<Field> = subject.axes(measure).into_iter().map(field).collect();
        let mut errors = BTreeMap::new();
        let mut advice = |values: &[f64]| {
            let subject = subject.at(values);
            // Of all values only the roles matter.
            let roles =
                if let Subject::Transport { pattern, .. } = subject { pattern.to_string() } else { String::new() };
            let choice_errors = errors.entry(roles).or_insert_with(|| choice_errors(subject, study, &[]));
            let request = Request { subject, p99_ns: None, max_cpus: None, must_survive_crash: false };
            from_studies(&request, study, &[], &|_| None, choice_errors)
        };
        let least: Vec<f64> = fields.iter().map(|field| field.values[0]).collect();
        let first = advice(&least);
        thin(&mut fields, MOST_ROWS / (first.candidates.len() + first.excluded.len()).max(1));
        let points: Vec<(Vec<f64>, Advice)> = combinations(&fields)
            .into_iter()
            .map(|values| {
                let advice = advice(&values);
                (values, advice)
            })
            .collect();
        let decides = |advice: &Advice| matches!(advice.decision, Decision::Clear | Decision::Tied);
        points.iter().find(|(_, advice)| decides(advice))?;
        let measured = |advice: &Advice| {
            let figures = advice.candidates.iter().filter_map(|one| one.typical.as_ref());
            figures.filter(|figure| figure.basis == Basis::Measured).count()
        };
        // On ties `max_by_key` takes the last.
        let usual = (0..points.len()).rev().max_by_key(|&at| measured(&points[at].1))?;
        Some(Self { subject, placement: families::placement(study, subject), fields, points, usual })
    }
}

/// Leaves out values in the middle of the longest axis until at most `most` combinations are left.
fn thin(fields: &mut [Field], most: usize) {
    while fields.iter().map(|field| field.values.len()).product::<usize>() > most.max(1) {
        let Some(longest) = fields.iter_mut().max_by_key(|field| field.values.len()) else { return };
        let at = longest.values.len() / 2;
        longest.values.remove(at);
    }
}

fn combinations(fields: &[Field]) -> Vec<Vec<f64>> {
    fields.iter().fold(vec![vec![]], |before, field| {
        let with = |values: &Vec<f64>| -> Vec<Vec<f64>> {
            field.values.iter().map(|&value| [values.as_slice(), &[value]].concat()).collect()
        };
        before.iter().flat_map(with).collect()
    })
}

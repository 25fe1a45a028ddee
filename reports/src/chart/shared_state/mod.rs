//! Charts about state that several read and write, one file each.

mod rates;
mod waits;

use ipcmark_record::Measure;

use super::{Figure, Looks};
use crate::analyse::families::{SHARED_STATE, is_python};
use crate::analyse::ground::measured;
use crate::analyse::study::{CaseStudy, Study};

/// Every chart about shared state that the records have data for, in the order of the page.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let figures = [rates::against_reads, rates::against_users, waits::figure];
    figures.into_iter().filter_map(|figure| figure(study, looks)).collect()
}

/// Measured accesses to shared state.
fn accessed<'s, 'a>(study: &'s Study<'a>) -> impl Iterator<Item = &'s CaseStudy<'a>> {
    measured(study, SHARED_STATE).filter(|case| case.case.measure == Measure::Access)
}

/// True for what lives between processes and is not Python's.
fn competes(case: &CaseStudy<'_>) -> bool {
    case.series.between_processes() && !is_python(case.case)
}

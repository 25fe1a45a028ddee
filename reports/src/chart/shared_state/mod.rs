//! Charts about state that several read and write, one file each.

mod rates;
mod waits;

use ipcmark_record::{Case, Measure};

use super::{Figure, Looks};
use crate::analyse::families::{SHARED_STATE, is_python};
use crate::analyse::ground::{Ground, measured};
use crate::analyse::study::{CaseStudy, Study};

/// Every chart about shared state that the records have data for, in the order of the page.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let figures = [rates::against_reads, rates::against_holders, waits::figure];
    figures.into_iter().filter_map(|figure| figure(study, looks)).collect()
}

/// The grounds on which shared state was used, that of most variants first.
fn grounds<'s, 'a>(study: &'s Study<'a>, open: fn(&mut Case)) -> Vec<Ground<'s, 'a>> {
    Ground::all(measured(study, SHARED_STATE).filter(|case| case.case.measure == Measure::Access), open)
}

/// Of a hundred accesses, how many only read.
fn reads(case: &CaseStudy<'_>) -> u64 {
    u64::from(case.case.params.reads_percent.unwrap_or(0))
}

/// How many use the state.
fn holders(case: &CaseStudy<'_>) -> u64 {
    u64::from(case.case.params.contenders.unwrap_or(1))
}

/// True for what lives between processes and is not Python's.
fn competes(case: &CaseStudy<'_>) -> bool {
    case.series.between_processes() && !is_python(case.case)
}

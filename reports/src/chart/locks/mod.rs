//! Charts about locks, one file each. Each stands on the page only where the records hold what it is about.

mod acquire;
mod anatomy;
mod crowding;
mod fairness;
mod hand_overs;
mod read_mostly;
mod reader_waits;
mod scaling;
mod starvation;
mod throughput;
mod tickets;
mod waits;

use ipcmark_record::Placement;

use super::lines::by_manner;
use super::plot::{Line, Panel};
use super::{Figure, Looks};
use crate::analyse::locks::excludes;
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};

/// Every chart about locks that one placement has data for, in the order of the page.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let mut figures: Vec<Figure> = acquire::figure(study, looks, placement).into_iter().collect();
    figures.extend(throughput::figures(study, looks, placement));
    let single = [
        crowding::figure,
        waits::figure,
        fairness::figure,
        starvation::figure,
        hand_overs::figure,
        read_mostly::figure,
        reader_waits::figure,
        tickets::figure,
        anatomy::figure,
    ];
    figures.extend(single.into_iter().filter_map(|figure| figure(study, looks, placement)));
    figures
}

/// Panels by how a holder waits, a line for each variant among `cases`, which come in order of series; what never waits
/// is a reference in each.
fn panels(
    cases: &[&CaseStudy<'_>],
    limits: &[(f64, String)],
    line: impl Fn(&[&CaseStudy<'_>]) -> Option<Line>,
) -> Vec<Panel> {
    let lines = |cases: &[&CaseStudy<'_>]| -> Vec<Line> {
        cases.chunk_by(|a, b| a.series == b.series).filter_map(&line).collect()
    };
    let (locks, without): (Vec<&CaseStudy<'_>>, Vec<_>) = cases.iter().copied().partition(|case| excludes(case));
    let panel = |heading: &str, members: &[&CaseStudy<'_>]| {
        let lines = lines(&without).into_iter().chain(lines(members)).collect();
        Panel { heading: heading.to_owned(), lines, limits: limits.to_vec() }
    };
    let panels: Vec<Panel> = by_manner(&locks, |case| case.series.manner)
        .map(|(heading, members)| panel(heading, &members.into_iter().copied().collect::<Vec<_>>()))
        .collect();
    if panels.is_empty() && !without.is_empty() { vec![panel(Manner::NeverWaits.word(), &[])] } else { panels }
}

/// The case with the least or most of something, where any has it.
fn extreme<'s, 'a>(
    cases: &[&'s CaseStudy<'a>],
    least: bool,
    value: impl Fn(&CaseStudy<'_>) -> Option<f64>,
) -> Option<(&'s CaseStudy<'a>, f64)> {
    let known = cases.iter().filter_map(|case| Some((*case, value(case)?)));
    let sign = if least { 1.0 } else { -1.0 };
    known.min_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))
}

//! Charts about worker pools, one file each. Each stands on the page only where the records hold what it is about.

mod chunks;
mod cost;
mod efficiency;
mod grains;
mod overhead;
mod results;

use ipcmark_record::{Call, Measure};

use super::parameter::GRAIN;
use super::{Figure, Looks, load};
use crate::analyse::families::{POOL, SERIAL, is_python};
use crate::analyse::ground::{Ground, measured};
use crate::analyse::load::Due;
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};

/// Every chart about pools that the records have data for, in the order of the page.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let mut figures: Vec<Figure> = results::side_by_side(study).into_iter().collect();
    let single = [cost::figure, overhead::figure, efficiency::figure, grains::figure];
    figures.extend(single.into_iter().filter_map(|figure| figure(study, looks)));
    figures.extend(load::apart(study, looks, Due::Tasks));
    figures.extend(chunks::figure(study, looks));
    figures.extend(results::after_kills(study));
    figures
}

/// Measured cases of pools that answer one question.
fn asked<'s, 'a>(study: &'s Study<'a>, measure: Measure) -> impl Iterator<Item = &'s CaseStudy<'a>> + use<'s, 'a> {
    measured(study, POOL).filter(move |case| case.case.measure == measure)
}

/// Empty tasks handed out in every way, each by itself, on the ground that most pools share.
fn empty_tasks<'s, 'a>(study: &'s Study<'a>) -> Option<Ground<'s, 'a>> {
    let plain = |case: &&CaseStudy<'_>| no_work(case) && no_chunks(case);
    Ground::most(asked(study, Measure::Dispatch).filter(plain), |shape| shape.params.call = None)
}

/// True where tasks have no work of their own.
fn no_work(case: &CaseStudy<'_>) -> bool {
    case.case.params.grain_ns.unwrap_or(0) == 0
}

/// True where tasks are handed over as the plan left it.
fn no_chunks(case: &CaseStudy<'_>) -> bool {
    case.case.params.chunk.is_none_or(|chunk| chunk == ipcmark_record::Chunk::One)
}

/// The case of the same variant that is called this way.
fn called<'s, 'a>(ground: &Ground<'s, 'a>, like: &CaseStudy<'_>, call: Call) -> Option<&'s CaseStudy<'a>> {
    ground.cases.iter().copied().find(|case| case.series == like.series && case.case.params.call == Some(call))
}

/// One case for each variant of a ground, those that come first.
fn variants<'s, 'a>(cases: &[&'s CaseStudy<'a>]) -> Vec<&'s CaseStudy<'a>> {
    let mut each: Vec<&CaseStudy<'_>> = Vec::new();
    for case in cases {
        if each.iter().all(|known| known.series != case.series) {
            each.push(case);
        }
    }
    each
}

/// True for the loop that stands for having no pool.
fn is_serial(case: &CaseStudy<'_>) -> bool {
    case.case.mechanism == SERIAL
}

/// True for a pool of worker processes that competes with the others of its kind.
fn competes(case: &CaseStudy<'_>) -> bool {
    case.series.between_processes() && !is_python(case.case)
}

/// What sort of thing a row of a pool chart is: the headings of its sections, in their order.
fn sort(case: &CaseStudy<'_>) -> (u8, &'static str) {
    if is_python(case.case) {
        (3, "Python")
    } else if case.series.manner == Manner::Alone {
        (2, "no pool")
    } else if case.series.between_processes() {
        (0, "worker processes")
    } else {
        (1, "worker threads")
    }
}

/// Cases under the headings of [`sort`], the cheapest of each first.
fn sorted<'s, 'a>(cases: &[&'s CaseStudy<'a>]) -> Vec<(&'static str, Vec<&'s CaseStudy<'a>>)> {
    let cost = |case: &CaseStudy<'_>| case.cost_ns().unwrap_or(f64::MAX);
    let mut cases = cases.to_vec();
    cases.sort_by(|a, b| (sort(a).0).cmp(&sort(b).0).then(cost(a).total_cmp(&cost(b))));
    cases.chunk_by(|a, b| sort(a) == sort(b)).map(|of_sort| (sort(of_sort[0]).1, of_sort.to_vec())).collect()
}

/// Pools over grains on the ground that most of them share, in order of series and grain, and the plain loop over the
/// same payload; `None` where fewer than two grains were tried.
fn swept<'s, 'a>(study: &'s Study<'a>) -> Option<(Ground<'s, 'a>, Vec<&'s CaseStudy<'a>>)> {
    let (serial, pools): (Vec<&CaseStudy<'_>>, Vec<_>) =
        asked(study, Measure::Dispatch).filter(|case| no_chunks(case)).partition(|case| is_serial(case));
    let swept = GRAIN.grounds(pools.iter().copied().filter(|case| (GRAIN.of)(case) > 0)).into_iter();
    // Where tasks go over one by one and many at once, the efficiency of many at once is the question.
    let ground = swept.max_by_key(|ground| (ground.cases.len(), ground.shape.params.call != Some(Call::Apply)))?;
    let mut loops: Vec<&CaseStudy<'_>> = Vec::new();
    for case in serial.into_iter().filter(|case| case.bytes() == ground.shape.params.message_bytes.unwrap_or(0)) {
        if loops.iter().all(|known| (GRAIN.of)(known) != (GRAIN.of)(case)) {
            loops.push(case);
        }
    }
    Some((ground, loops))
}

//! Charts about worker pools, one file each.

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

/// Charts about pools with data, in page order.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let mut figures: Vec<Figure> = results::side_by_side(study).into_iter().collect();
    let single = [cost::figure, overhead::figure, efficiency::figure, grains::figure];
    figures.extend(single.into_iter().filter_map(|figure| figure(study, looks)));
    figures.extend(load::apart(study, looks, Due::Tasks));
    figures.extend(chunks::figure(study, looks));
    figures.extend(results::after_kills(study));
    figures
}

/// Measured pool cases of one measure.
fn asked<'s, 'a>(study: &'s Study<'a>, measure: Measure) -> impl Iterator<Item = &'s CaseStudy<'a>> + use<'s, 'a> {
    measured(study, POOL).filter(move |case| case.case.measure == measure)
}

/// Cases with empty tasks in all calls without chunks, on the ground of most pools.
fn empty_tasks<'s, 'a>(study: &'s Study<'a>) -> Option<Ground<'s, 'a>> {
    let plain = |case: &&CaseStudy<'_>| no_work(case) && no_chunks(case);
    Ground::most(asked(study, Measure::Dispatch).filter(plain), |shape| shape.params.call = None)
}

/// True for empty tasks.
fn no_work(case: &CaseStudy<'_>) -> bool {
    case.case.params.grain_ns.unwrap_or(0) == 0
}

/// True for the default chunk policy.
fn no_chunks(case: &CaseStudy<'_>) -> bool {
    case.case.params.chunk.is_none_or(|chunk| chunk == ipcmark_record::Chunk::One)
}

/// Case of the same variant with this call.
fn called<'s, 'a>(ground: &Ground<'s, 'a>, like: &CaseStudy<'_>, call: Call) -> Option<&'s CaseStudy<'a>> {
    ground.cases.iter().copied().find(|case| case.series == like.series && case.case.params.call == Some(call))
}

/// First case of each variant.
fn variants<'s, 'a>(cases: &[&'s CaseStudy<'a>]) -> Vec<&'s CaseStudy<'a>> {
    let mut each: Vec<&CaseStudy<'_>> = Vec::new();
    for case in cases {
        if each.iter().all(|known| known.series != case.series) {
            each.push(case);
        }
    }
    each
}

/// True for the serial loop without a pool.
fn is_serial(case: &CaseStudy<'_>) -> bool {
    case.case.mechanism == SERIAL
}

/// True for a pool of worker processes outside Python.
fn competes(case: &CaseStudy<'_>) -> bool {
    case.series.between_processes() && !is_python(case.case)
}

/// Order and heading of a case's section.
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

/// Groups cases by [`sort`], cheapest first.
fn sorted<'s, 'a>(cases: &[&'s CaseStudy<'a>]) -> Vec<(&'static str, Vec<&'s CaseStudy<'a>>)> {
    let cost = |case: &CaseStudy<'_>| case.cost_ns().unwrap_or(f64::MAX);
    let mut cases = cases.to_vec();
    cases.sort_by(|a, b| (sort(a).0).cmp(&sort(b).0).then(cost(a).total_cmp(&cost(b))));
    cases.chunk_by(|a, b| sort(a) == sort(b)).map(|of_sort| (sort(of_sort[0]).1, of_sort.to_vec())).collect()
}

/// Pools over grains on the ground of most cases, sorted by series and grain, and the serial loop with the same
/// payload; `None` with fewer than two grains.
fn swept<'s, 'a>(study: &'s Study<'a>) -> Option<(Ground<'s, 'a>, Vec<&'s CaseStudy<'a>>)> {
    let (serial, pools): (Vec<&CaseStudy<'_>>, Vec<_>) =
        asked(study, Measure::Dispatch).filter(|case| no_chunks(case)).partition(|case| is_serial(case));
    let swept = GRAIN.grounds(pools.iter().copied().filter(|case| (GRAIN.of)(case) > 0)).into_iter();
    // With several calls the one with many tasks at once is preferred.
    let ground = swept.max_by_key(|ground| (ground.cases.len(), ground.shape.params.call != Some(Call::Apply)))?;
    let mut loops: Vec<&CaseStudy<'_>> = Vec::new();
    for case in serial.into_iter().filter(|case| case.bytes() == ground.shape.params.message_bytes.unwrap_or(0)) {
        if loops.iter().all(|known| (GRAIN.of)(known) != (GRAIN.of)(case)) {
            loops.push(case);
        }
    }
    Some((ground, loops))
}

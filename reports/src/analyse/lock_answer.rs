//! What a report says about locks beside its answer.

use ipcmark_record::{Measure, metric};

use super::best::{Best, named};
use super::locks::{
    FAIRNESS_WINDOW_NS, common_ground, contenders, describe_ground, excludes, fairness, on_ground, placement_of, rivals,
};
use super::recovery::{fates, survives};
use super::study::{CaseStudy, Study};
use super::trials::value;
use crate::format;

/// Distance from the best rate within which the fairest lock is chosen.
const NEARLY_AS_FAST: f64 = 0.25;
/// Further findings, one sentence each.
pub fn findings(study: &Study<'_>) -> Vec<String> {
    [fairest(study), caught(study)].into_iter().flatten().collect()
}

/// Sound cases of locks between processes for one measure.
fn competing<'s, 'a>(study: &'s Study<'a>, measure: Measure) -> Vec<&'s CaseStudy<'a>> {
    let Some(placement) = placement_of(study, measure) else { return Vec::new() };
    let mut cases = rivals(study, measure, placement);
    cases.retain(|case| excludes(case) && case.is_sound() && case.series.between_processes());
    cases
}

/// Comparable contended cases with a CPU for each contender; without any, those of any number of contenders.
fn contended<'s, 'a>(study: &'s Study<'a>) -> Option<(Vec<&'s CaseStudy<'a>>, String)> {
    let all = competing(study, Measure::Contention);
    let fits = |case: &&CaseStudy<'_>| study.cpus().is_none_or(|cpus| contenders(case.case) <= cpus);
    let roomy: Vec<&CaseStudy<'_>> = all.iter().copied().filter(fits).collect();
    let (cases, ground) = match common_ground(study, &roomy) {
        Some(ground) => (roomy, ground),
        None => (all.clone(), common_ground(study, &all)?),
    };
    Some((on_ground(&cases, ground), describe_ground(ground)))
}

/// Fairest lock among those close to the best rate.
fn fairest(study: &Study<'_>) -> Option<String> {
    let (cases, ground) = contended(study)?;
    let best = Best::among(cases.clone())?;
    let rate = |case: &CaseStudy<'_>| case.summary.typical.map_or(0.0, |typical| typical.value);
    let enough = rate(best.leader) * (1.0 - NEARLY_AS_FAST);
    let even = |case: &CaseStudy<'_>| fairness(case, FAIRNESS_WINDOW_NS);
    let fast = cases.iter().filter(|case| rate(case) >= enough).filter_map(|case| Some((case, even(case)?)));
    let (fairest, jain) = fast.max_by(|a, b| a.1.total_cmp(&b.1))?;
    let leader = if fairest.series == best.leader.series {
        "it is also the fastest".to_owned()
    } else {
        let jain = even(best.leader).map(|jain| format!(", of Jain {}", format::ratio(jain)));
        format!("the fastest is {}{}", best.leader.series.quoted(), jain.unwrap_or_default())
    };
    Some(format!(
        "Fairest lock within {} of the best rate ({ground}): {}, Jain {} over 10 ms; {leader}.",
        format::percent(NEARLY_AS_FAST),
        fairest.series.quoted(),
        format::ratio(jain),
    ))
}

/// Locks that can be acquired again after their owner is killed while holding it: `5 of 40: a, b, c and 2 more`.
pub fn survivors(study: &Study<'_>) -> Option<String> {
    let fates = fates(study);
    let judged: Vec<_> = fates.iter().filter_map(|(series, fates)| Some((series, survives(fates)?))).collect();
    let surviving: Vec<String> = judged.iter().filter(|one| one.1).map(|(series, _)| series.quoted()).collect();
    let (some, all) = (surviving.len(), judged.len());
    match some {
        _ if all == 0 => None,
        0 => Some(format!("none of {all}")),
        _ => Some(format!("{some} of {all}: {}", named(surviving))),
    }
}

/// Sentence on a caught case: a row without a lock that lost updates or oversold.
fn caught(study: &Study<'_>) -> Option<String> {
    let case = study.cases.iter().find(|case| !case.is_sound())?;
    let losses = value(case, metric::LOST_UPDATES).map(|lost| format!("lost {} updates", format::whole(lost as u64)));
    let losses = losses.or_else(|| {
        value(case, metric::OVERSOLD).map(|sold| format!("sold {} tickets too many", format::whole(sold as u64)))
    })?;
    Some(format!("The check works: {} {losses} and was caught.", case.series.quoted()))
}

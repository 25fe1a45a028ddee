//! Accesses a second, against how many of them only read, and against how many use the state.

use ipcmark_record::Case;

use super::super::against::{Against, Swept};
use super::super::{Figure, Looks};
use super::{competes, grounds, holders, reads};
use crate::analyse::best::{Best, with_interval};
use crate::analyse::ground::Ground;
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

const READS: Swept = Swept {
    name: "accesses that only read",
    of: reads,
    show: reads_told,
    column: ("Reads", "reads_percent"),
    even: true,
};

const HOLDERS: Swept =
    Swept { name: "users", of: holders, show: holders_told, column: ("Users", "holders_count"), even: false };

fn reads_told(percent: u64) -> String {
    format!("{percent}\u{202f}%")
}

fn holders_told(n: u64) -> String {
    n.to_string()
}

/// Against reads, with as many users as most variants share; `None` where one mix was tried.
pub fn against_reads(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = swept(
        study,
        &READS,
        |shape| shape.params.reads_percent = None,
        |shape| shape.params.contenders.map(|n| n.abs_diff(2)),
    )?;
    let answer = best_at_ends(&ground, &READS);
    let figure = chart(
        &ground,
        READS,
        format!("Accesses per second against reads: {}", ground.told()),
        "Accesses per second of all together by how many of a hundred only read, one line per way to share state.",
        "access-reads",
    )
    .figure_of_one_kind(study, looks)?;
    Some(Figure { answer, ..figure })
}

/// Against users, at the mix that most variants share; `None` where one number was tried.
pub fn against_holders(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let ground = swept(
        study,
        &HOLDERS,
        |shape| shape.params.contenders = None,
        |shape| shape.params.reads_percent.map(|n| n.abs_diff(90)),
    )?;
    let answer = best_at_ends(&ground, &HOLDERS);
    let figure = chart(
        &ground,
        HOLDERS,
        format!("Accesses per second against users: {}", ground.told()),
        "Accesses per second of all together by how many use the state, on logarithmic axes, one line per way to share state.",
        "access-holders",
    )
    .figure_of_one_kind(study, looks)?;
    Some(Figure { answer, ..figure })
}

/// The ground on which most was swept, in order of series and place; of equals the one that is least far from the usual:
/// two users, and of ten accesses nine that read.
fn swept<'s, 'a>(
    study: &'s Study<'a>,
    swept: &Swept,
    open: fn(&mut Case),
    far: fn(&Case) -> Option<u32>,
) -> Option<Ground<'s, 'a>> {
    let several = |ground: &Ground<'_, '_>| {
        let mut places: Vec<u64> = ground.cases.iter().map(|case| (swept.of)(case)).collect();
        places.sort_unstable();
        places.dedup();
        places.len() > 1
    };
    let mut grounds = grounds(study, open);
    grounds.retain(several);
    let most = grounds.first()?.cases.len();
    let level = grounds.into_iter().filter(|ground| ground.cases.len() == most);
    let mut ground = level.min_by_key(|ground| far(&ground.shape))?;
    ground.cases.sort_by(|a, b| (&a.series, (swept.of)(a)).cmp(&(&b.series, (swept.of)(b))));
    Some(ground)
}

fn chart<'s, 'a>(
    ground: &Ground<'s, 'a>,
    swept: Swept,
    title: String,
    description: &'static str,
    id: &'static str,
) -> Against<'s, 'a> {
    Against {
        cases: ground.cases.clone(),
        swept,
        value: |case: &CaseStudy<'_>| case.summary.typical.map(Estimate::with_ends),
        floor: None,
        show: format::rate,
        y_name: "accesses per second, in all",
        columns: [("Accesses per second", "accesses_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
        id,
        title,
        description,
        note: "A fixed window in which all are at work; keys are drawn evenly. Every value read is checked to be one version \
               that one user wrote, and no older than what this reader saw before. Bands are 95 % intervals over repetitions."
            .into(),
    }
}

/// The highest rate at the smallest and at the largest value.
fn best_at_ends(ground: &Ground<'_, '_>, swept: &Swept) -> String {
    let places = || ground.cases.iter().map(|case| (swept.of)(case));
    let mut ends: Vec<u64> = places().min().into_iter().chain(places().max()).collect();
    ends.dedup();
    let told = |at: u64| {
        let there = ground.cases.iter().copied().filter(|case| (swept.of)(case) == at && competes(case));
        let best = Best::among(there.collect())?;
        let (place, rate) = ((swept.show)(at), with_interval(best.typical(), format::rate));
        let plural = if at == 1 { "user" } else { "users" };
        let what = if swept.even { format!("{place} of reads") } else { format!("{place} {plural}") };
        Some(format!("With {what}, {} does most: {rate}.", best.names()))
    };
    ends.into_iter().filter_map(told).collect::<Vec<_>>().join(" ")
}

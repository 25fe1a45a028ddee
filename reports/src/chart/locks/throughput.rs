//! Acquisitions per second against the number of contenders, up to more contenders than CPUs.

use ipcmark_record::{Measure, Placement, metric};

use super::super::parameter::CONTENDERS;
use super::super::sweep::{Sweep, TYPICAL, Value};
use super::super::table::Table;
use super::super::{Figure, Looks};
use super::scaling;
use crate::analyse::answer::place;
use crate::analyse::best::with_interval;
use crate::analyse::locks::{Work, contenders, excludes, rivals};
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

const ACQUISITIONS_PER_S: Value = Value {
    name: "acquisitions per second, in all",
    of: TYPICAL,
    show: format::rate,
    columns: [("Rate", "acquisitions_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Chart for each work with several numbers of contenders, followed by the limits of each lock.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let mut cases = rivals(study, Measure::Contention, placement);
    cases.sort_by(|a, b| {
        let order = |case: &CaseStudy<'_>| (Work::of(case.case), case.series.clone(), contenders(case.case));
        order(a).cmp(&order(b))
    });
    let each = cases.chunk_by(|a, b| Work::of(a.case) == Work::of(b.case));
    each.filter(|cases| CONTENDERS.values(cases).len() > 1)
        .flat_map(|cases| [figure(study, looks, placement, cases), scaling::figure(cases, placement)])
        .flatten()
        .collect()
}

fn figure(study: &Study<'_>, looks: &Looks, placement: Placement, cases: &[&CaseStudy<'_>]) -> Option<Figure> {
    let work = Work::of(cases[0].case);
    // The rate of a row that loses updates has no meaning and would stretch the axis.
    let lossy: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| !case.is_sound()).collect();
    let sound = |case: &&CaseStudy<'_>| lossy.iter().all(|lossy| lossy.series != case.series);
    let numbers = CONTENDERS.values(cases);
    let limit = study.cpu_limit(&numbers, |contenders| contenders);
    let sweep = Sweep {
        id: format!("contenders-{}", work.id()),
        title: format!("Acquisitions per second against contenders: {work}, {}", place(placement)),
        description: "Acquisitions per second of all contenders together by the number of contenders, on logarithmic axes, \
                      one line per lock.",
        note: format!(
            "A fixed window in which all contenders run; each repeats {work}. Right of the grey line there \
             are more contenders than CPUs. Rows that lose updates have no rate and are in the table only. \
             Grey lines are single instructions instead of a lock. A high rate can be one contender that the \
             others never interrupt: see fairness below."
        ),
        limit: Box::new(move |_| limit.map(|at| (at, "more contenders than CPUs"))),
        ..Sweep::of(cases.iter().copied().filter(sound).collect(), CONTENDERS, ACQUISITIONS_PER_S)
    };
    Some(Figure { answer: answer(study, cases, &numbers), table: table(cases), ..sweep.figure(study, looks)? })
}

/// Highest rates with a CPU for each contender, and with the most contenders.
fn answer(study: &Study<'_>, cases: &[&CaseStudy<'_>], numbers: &[u64]) -> String {
    let fitting =
        study.cpus().and_then(|cpus| numbers.iter().copied().filter(|&n| n > 1 && n <= u64::from(cpus)).max());
    let mut asked: Vec<u64> = fitting.into_iter().chain(numbers.last().copied()).collect();
    asked.dedup();
    let best = |n: u64, polls: bool| {
        let of = |case: &&&CaseStudy<'_>| {
            let competes = excludes(case) && case.is_sound() && case.series.between_processes();
            competes && u64::from(contenders(case.case)) == n && (case.series.manner == Manner::Polls) == polls
        };
        let cost = |case: &&&CaseStudy<'_>| case.cost_ns().unwrap_or(f64::MAX);
        let best = cases.iter().filter(of).min_by(|a, b| cost(a).total_cmp(&cost(b)))?;
        let word = best.series.manner.word();
        Some(format!(
            "{}, which {word}, {}",
            best.series.quoted(),
            with_interval(best.summary.typical.as_ref()?, format::rate)
        ))
    };
    let describe = |&n: &u64| {
        let parts: Vec<String> = [best(n, true), best(n, false)].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("With {n} contenders the highest rate is that of {}.", parts.join(" and ")))
    };
    asked.iter().filter_map(describe).collect::<Vec<_>>().join(" ")
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .count("Contenders", "contenders_count", |case| Some(f64::from(contenders(case.case))))
        .spread(ACQUISITIONS_PER_S.columns, format::rate)
        .metric("CPU time each", "cpu_ns", format::time, metric::CPU_NS_PER_ACQUISITION)
        .metric("Switches each", "switches_count", format::count, metric::SWITCHES_PER_ACQUISITION)
        .metric("Handed off", "handed_off_share", format::percent, metric::HANDED_OFF_SHARE)
        .metric("Lost updates", "lost_count", |lost| format::whole(lost as u64), metric::LOST_UPDATES)
        .verdict()
        .table()
}

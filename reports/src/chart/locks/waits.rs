//! Wait for a lock against its offered utilisation.

use ipcmark_record::{Measure, Placement};

use super::super::canvas::Dash;
use super::super::parameter::UTILISATION;
use super::super::sweep::{AsPoint, Curve, Layout, Sweep, Value};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::extreme;
use crate::analyse::locks::{Work, contenders, excludes, rivals, utilisation};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

const MEDIAN: AsPoint = |case| case.summary.p50_ns.map(on_log_axis);

/// Waits shorter than a clock step count as 1 ns.
fn on_log_axis(wait: Estimate) -> (f64, Option<(f64, f64)>) {
    let (ns, ends) = wait.with_ends();
    (ns.max(1.0), ends.map(|(low, high)| (low.max(1.0), high.max(1.0))))
}

const WAIT: Value = Value {
    name: "wait for the lock",
    of: MEDIAN,
    show: format::time,
    columns: [("p50", "p50_ns"), ("Low", "low_ns"), ("High", "high_ns")],
};

const PERCENTILES: [Curve; 3] = [
    Curve { label: "p99.9", dash: Dash::Dotted, of: |case| case.summary.p999_ns.map(on_log_axis) },
    Curve { label: "p99", dash: Dash::Dashed, of: |case| case.summary.p99_ns.map(on_log_axis) },
    Curve { label: "median", dash: Dash::Solid, of: MEDIAN },
];

/// Chart of the largest sweep over think time; `None` without any.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let cases = sweep(study, placement)?;
    let (n, inside) = (contenders(cases[0].case), Work::of(cases[0].case).critical_section_ns);
    let inside = if inside > 0 {
        format!(", critical section {}", format::time(inside as f64).trimmed())
    } else {
        String::new()
    };
    let sweep = Sweep {
        id: "waits".into(),
        title: format!("The wait against offered utilisation: {n} contenders{inside}, {}", place(placement)),
        description: "Median, 99th and 99.9th percentile of the wait by offered utilisation, on logarithmic \
             axes, one panel per lock.",
        note: "\u{3c1} = n C / (C + N): n contenders with critical section C and think time N request that \
               share of the time of the lock, if the lock itself cost nothing. A wait is the time from request \
               to acquisition, over the sampled acquisitions; percentiles are medians over repetitions. Without a calibrated critical section, the \
               measured hold time counts as C."
            .into(),
        layout: Layout::Variant(&PERCENTILES),
        ..Sweep::of(cases.clone(), UTILISATION, WAIT)
    };
    Some(Figure { answer: answer(&cases), table: table(&cases), ..sweep.figure(study, looks)? })
}

/// Cases of the largest sweep over think time, in order of series and utilisation, without locks that have a single
/// case.
fn sweep<'s, 'a>(study: &'s Study<'a>, placement: Placement) -> Option<Vec<&'s CaseStudy<'a>>> {
    let mut cases = rivals(study, Measure::Contention, placement);
    cases.retain(|case| excludes(case) && case.is_sound() && case.summary.p50_ns.is_some());
    let field = |case: &CaseStudy<'_>| {
        let work = Work::of(case.case);
        (contenders(case.case), work.critical_section_ns, work.lines)
    };
    let mut fields: Vec<_> = cases.iter().map(|case| field(case)).collect();
    fields.sort_unstable();
    fields.dedup();
    let swept = |wanted| {
        let mut members: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| field(case) == wanted).collect();
        members.sort_by(|a, b| {
            let rho = |case: &CaseStudy<'_>| utilisation(case).unwrap_or(0.0);
            a.series.cmp(&b.series).then(rho(a).total_cmp(&rho(b)))
        });
        let each = members.chunk_by(|a, b| a.series == b.series).filter(|cases| cases.len() > 1);
        each.flat_map(<[_]>::to_vec).collect::<Vec<_>>()
    };
    fields.into_iter().filter(|field| field.0 > 1).map(swept).max_by_key(Vec::len).filter(|cases| !cases.is_empty())
}

/// Shortest and longest waits at the lowest and at the highest utilisation.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let places = UTILISATION.values(cases);
    let describe = |outside: u64| {
        let there: Vec<&CaseStudy<'_>> =
            cases.iter().copied().filter(|case| Work::of(case.case).think_time_ns == outside).collect();
        let p99 = |case: &CaseStudy<'_>| case.summary.p99();
        let (least, most) = (extreme(&there, true, p99)?, extreme(&there, false, p99)?);
        let rho = format::ratio(utilisation(least.0)?);
        let name = |(case, ns): (&CaseStudy<'_>, f64)| format!("{} with {}", format::ns(ns), case.series.quoted());
        Some(format!(
            "At \u{3c1} = {rho} one wait in a hundred is longer than {}, and than {}.",
            name(least),
            name(most)
        ))
    };
    let ends = [places.last().copied(), places.first().copied().filter(|_| places.len() > 1)];
    ends.into_iter().flatten().filter_map(describe).collect::<Vec<_>>().join(" ")
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .text("Work", "work", |case| Work::of(case.case).to_string())
        .number("\u{3c1}", "utilisation_count", format::ratio, |case| utilisation(case))
        .time("p50", "p50_ns", |case| Some(case.summary.p50_ns?.value))
        .time("p99", "p99_ns", |case| case.summary.p99())
        .time("p99.9", "p999_ns", |case| Some(case.summary.p999_ns?.value))
        .typical("Rate", "acquisitions_per_s", format::rate)
        .table()
}

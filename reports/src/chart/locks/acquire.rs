//! Uncontended acquire and release: warm, after another core had the lock, and as a try-lock.

use ipcmark_record::{Group, Kind, Measure, Placement, metric};

use super::super::axis::Axis;
use super::super::canvas::Marker;
use super::super::dots::{Dots, Mark, Row, Section};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, with_interval};
use crate::analyse::locks::{excludes, home, remote, rivals};
use crate::analyse::series::{Manner, group_word};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::estimate;
use crate::format;

/// Least shown difference: below it is noise, and a log axis has no zero.
const LEAST_NS: f64 = 0.1;

/// Builds the chart; `None` without uncontended cases.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let placement = home(study, Measure::Acquire, placement)?;
    let mut cases = rivals(study, Measure::Acquire, placement);
    cases.sort_by(|a, b| warm(a).total_cmp(&warm(b)));
    let shown = Shown::of(&cases, |_| 0);
    let best: Vec<&CaseStudy<'_>> = cases.iter().copied().filter(|case| shown.shows(&case.series)).collect();
    let title = format!("Uncontended acquire and release, {}", place(placement));
    let chart = Chart { study, looks };
    let short = chart.of(&best);
    (!cases.is_empty()).then(|| {
        Figure {
            answer: answer(&cases),
            note: format!(
                "Acquire, one counter update, release; median over repetitions with its interval. Circle: \
                     the same core had the lock last. Diamond: another core had it last; this is the extra \
                     time over passing the turn alone, 0 if the lock arrives together with the turn, and withheld if it is \
                     negative beyond its interval. \
                     Triangle: try-lock. Grey rows are not locks.{}",
                shown.describe()
            ),
            legend: looks.kinds_of(cases.iter().map(|case| &case.series)),
            table: table(&cases),
            ..Figure::drawn("acquire", title, &short)
        }
        .unfolding(format!("All {} variants, kind by kind", cases.len()), shown.is_partial().then(|| chart.of(&cases)))
    })
}

fn warm(case: &CaseStudy<'_>) -> f64 {
    case.cost_ns().unwrap_or(f64::MAX)
}

fn tried(case: &CaseStudy<'_>) -> Option<Estimate> {
    estimate(&case.records, Kind::Cost, metric::TRY_LOCK_NS)
}

struct Chart<'s, 'a> {
    study: &'s Study<'a>,
    looks: &'s Looks,
}

impl Chart<'_, '_> {
    /// Rows in sections by kind, in the order of the cheapest of each.
    fn of(&self, cases: &[&CaseStudy<'_>]) -> Dots {
        let mut kinds: Vec<Option<Group>> = Vec::new();
        for case in cases {
            if !kinds.contains(&case.series.group) {
                kinds.push(case.series.group);
            }
        }
        let section = |kind: &Option<Group>| Section {
            heading: kind.map_or("", group_word).to_owned(),
            rows: cases.iter().filter(|case| case.series.group == *kind).map(|case| self.row(case)).collect(),
        };
        let sections: Vec<Section> = kinds.iter().map(section).collect();
        let marks = sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.marks);
        let values = marks.flat_map(|mark| [Some(mark.value), mark.interval.map(|ends| ends.1)]).flatten();
        Dots {
            description: "Time of an uncontended acquire and release: warm, after another core, and try-lock, on a log \
                          axis, sorted within each kind.",
            x_name: "acquire and release (log scale)",
            axis: Axis::log(values, format::time),
            references: Vec::new(),
            stretch: None,
            sections,
        }
    }

    fn row(&self, case: &CaseStudy<'_>) -> Row {
        let look = self.looks.get(self.study.index(&case.series));
        let mark = |(estimate, marker): (Estimate, Marker)| {
            let (value, interval) = estimate.with_ends();
            let interval = interval.filter(|ends| ends.0 >= LEAST_NS);
            (value >= LEAST_NS).then(|| Mark {
                value,
                interval,
                ink: look.ink(),
                marker,
                each: Vec::new(),
                crossed: false,
            })
        };
        let marks = [
            tried(case).map(|tried| (tried, Marker::Triangle)),
            remote(case).map(|remote| (remote, Marker::Diamond)),
            case.summary.typical.map(|typical| (typical, Marker::Circle)),
        ];
        let from_other = remote(case).map_or_else(String::new, |ns| format!(", other core {}", adds(ns.value)));
        Row {
            label: case.series.label(),
            ink: look.ink(),
            note: format!("{}{from_other}", format::ns(warm(case))),
            marks: marks.into_iter().flatten().filter_map(mark).collect(),
        }
    }
}

/// Extra time after another core; 0 if it is within the noise around zero.
fn adds(ns: f64) -> String {
    if ns < LEAST_NS { "+0".into() } else { format!("+{}", format::ns(ns)) }
}

/// Cheapest lock of each manner, and the most expensive lock.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let cheapest = |manner: Manner| {
        let case = cases.iter().find(|case| case.series.manner == manner && case.series.between_processes())?;
        let typical = case.summary.typical.as_ref()?;
        Some(format!("{}, which {}, {}", case.series.quoted(), manner.word(), with_interval(typical, format::time)))
    };
    let parts: Vec<String> =
        [Manner::Polls, Manner::PollsThenBlocks, Manner::Blocks].into_iter().filter_map(cheapest).collect();
    let locks: Vec<_> = cases.iter().filter(|case| excludes(case)).collect();
    let dearest = locks.last().filter(|_| locks.len() > 1).map(|case| {
        format!(" The most expensive is {}: {}, {} times as long.", case.series.quoted(), format::ns(warm(case)), {
            format::ratio(warm(case) / warm(locks[0]))
        })
    });
    match parts.as_slice() {
        [] => String::new(),
        parts => {
            format!("Cheapest uncontended acquire and release: {}.{}", parts.join("; "), dearest.unwrap_or_default())
        }
    }
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .spread([("Warm", "acquire_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .time("After another core", "acquire_remote_ns", |case| remote(case).map(|remote| remote.value))
        .metric("Tried", "try_lock_ns", format::time, metric::TRY_LOCK_NS)
        .repetitions()
        .table()
}

//! Headline table of locks: one row per lock, uncontended and contended.

use ipcmark_record::{Case, Measure, Placement, metric};
use serde::Serialize;

use super::headline::{Number, worse};
use crate::analyse::answer::place_word;
use crate::analyse::locks::{
    FAIRNESS_WINDOW_NS, Work, common_ground, contenders, describe_ground, excludes, fairness, placement_of, remote,
};
use crate::analyse::series::{LOCKS, Series};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format::{self, Quantity};

/// Table of locks.
#[derive(Serialize)]
pub struct Locks {
    /// Placement of the uncontended columns; empty without such cases.
    alone: String,
    /// Parameters of the contended columns; empty without such cases.
    several: String,
    rows: Vec<Row>,
}

/// Row of the table.
#[derive(Serialize)]
struct Row {
    /// Sort key: rows without a lock last; then manner and cost.
    #[serde(skip)]
    rank: (bool, Series, f64),
    series: usize,
    label: String,
    manner: &'static str,
    group: &'static str,
    free: Number,
    remote: Number,
    rate: Number,
    p99: Number,
    jain: Number,
    starved: Number,
    cpu: Number,
    verdict: &'static str,
    why: String,
}

/// Placements and parameters of the shown cases.
struct Places {
    alone: Option<Placement>,
    several: Option<(Placement, (Work, u32))>,
}

/// Builds the table; `None` without lock cases to show.
pub fn locks(study: &Study<'_>) -> Option<Locks> {
    let several = placement_of(study, Measure::Contention).and_then(|placement| {
        let cases: Vec<&CaseStudy<'_>> =
            study.measured(Measure::Contention, placement).filter(|case| case.case.family == LOCKS).collect();
        Some((placement, common_ground(study, &cases)?))
    });
    let places = Places { alone: placement_of(study, Measure::Acquire), several };
    let shown = |case: &&CaseStudy<'_>| places.is_alone(case.case) || places.is_several(case.case);
    let mut series: Vec<&Series> = study.cases.iter().filter(shown).map(|case| &case.series).collect();
    series.sort();
    series.dedup();
    let mut rows: Vec<Row> = series.iter().map(|series| row(study, series, &places)).collect();
    rows.sort_by(|a, b| {
        let (x, y) = (&a.rank, &b.rank);
        (x.0, x.1.manner).cmp(&(y.0, y.1.manner)).then(x.2.total_cmp(&y.2))
    });
    (!rows.is_empty()).then(|| Locks {
        alone: places.alone.map(place_word).unwrap_or_default(),
        several: places.several.map_or_else(String::new, |(placement, ground)| {
            format!("{}, {}", describe_ground(ground), place_word(placement))
        }),
        rows,
    })
}

impl Places {
    fn is_alone(&self, case: &Case) -> bool {
        case.family == LOCKS && case.measure == Measure::Acquire && Some(case.placement) == self.alone
    }

    fn is_several(&self, case: &Case) -> bool {
        self.several.is_some_and(|(placement, ground)| {
            case.family == LOCKS
                && case.measure == Measure::Contention
                && case.params.hogs.is_none_or(|hogs| hogs == 0)
                && (case.placement, (Work::of(case), contenders(case))) == (placement, ground)
        })
    }
}

fn row(study: &Study<'_>, series: &Series, places: &Places) -> Row {
    let of =
        |wanted: &dyn Fn(&Case) -> bool| study.cases.iter().find(|case| case.series == *series && wanted(case.case));
    let (alone, several) = (of(&|case| places.is_alone(case)), of(&|case| places.is_several(case)));
    let number = |case: Option<&CaseStudy<'_>>, name: &str, show: fn(f64) -> Quantity| {
        Number::of(case.and_then(|case| value(case, name)), show)
    };
    let typical = |case: Option<&CaseStudy<'_>>| case.and_then(|case| case.summary.typical);
    let jain = several.and_then(|case| fairness(case, FAIRNESS_WINDOW_NS));
    let (verdict, why) =
        worse(&[("uncontended", alone.map(|case| &case.summary)), ("contended", several.map(|case| &case.summary))]);
    let reference = alone.or(several).is_some_and(|case| !excludes(case));
    Row {
        rank: (reference, series.clone(), typical(alone).map_or(f64::MAX, |typical| typical.value)),
        series: study.index(series),
        label: series.label(),
        manner: series.manner.word(),
        group: series.group_word(),
        free: Number::estimated(typical(alone), format::time),
        remote: Number::estimated(alone.and_then(remote), format::time),
        rate: Number::estimated(typical(several), format::rate),
        p99: Number::estimated(several.and_then(|case| case.summary.p99_ns), format::time),
        // A row without a lock admits all contenders at once, so its shares have no meaning.
        jain: Number::of(jain.filter(|_| !reference), format::ratio),
        starved: number(several, metric::STARVED_NS, format::time),
        cpu: number(several, metric::CPU_NS_PER_ACQUISITION, format::time),
        verdict,
        why,
    }
}

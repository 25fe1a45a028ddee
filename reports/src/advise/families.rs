//! Candidates among locks, pools, shared state and ways to start a process: one measure each, and a recovery measure.

use std::collections::BTreeMap;

use ipcmark_record::{Group, KillPoint, Measure, Placement};

use super::death::Death;
use super::rank::Draft;
use super::request::{Request, Subject};
use super::table::{Figure, Table};
use super::{Candidate, Excluded, NOT_MEASURED, Span};
use crate::analyse::study::{CaseStudy, Study};

/// Placement of most cases that answer the request.
pub(super) fn placement(study: &Study<'_>, subject: Subject) -> Option<Placement> {
    let mut counts: BTreeMap<Placement, usize> = BTreeMap::new();
    let timed = |case: &&CaseStudy<'_>| subject.takes(case) && case.summary.typical.is_some();
    let all: Vec<&CaseStudy<'_>> = study.cases.iter().filter(timed).collect();
    let of_measure = |case: &&&CaseStudy<'_>| case.case.measure == subject.measure();
    // Without a case of the measure itself the others decide.
    let any = all.iter().any(|case| of_measure(&case));
    for case in all.iter().filter(|case| !any || of_measure(case)) {
        *counts.entry(case.case.placement).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(placement, _)| placement)
}

/// Cases of a request at one placement, between processes.
pub(super) fn cases<'s, 'a>(study: &'s Study<'a>, subject: Subject) -> Vec<&'s CaseStudy<'a>> {
    let at = placement(study, subject);
    let fits = |case: &&CaseStudy<'_>| subject.takes(case) && at.is_some_and(|at| case.at(at));
    study.cases.iter().filter(fits).filter(|case| case.series.between_processes()).collect()
}

/// Why mechanisms of a group are no candidates whatever they measure.
pub fn unfit(group: Option<Group>) -> Option<&'static str> {
    match group? {
        Group::Instrument | Group::Machine => Some("a test mechanism of the suite"),
        Group::Atomics => Some("protects no critical section"),
        Group::Notification => Some("carries no payload"),
        Group::Python => Some("written in Python; see the plan `python`"),
        _ => None,
    }
}

/// 99th percentile of a case.
pub(super) fn p99(case: &CaseStudy<'_>) -> Option<Span> {
    case.summary.p99_ns.as_ref().map(Span::of)
}

/// Main metric of a case.
pub(super) fn typical(case: &CaseStudy<'_>) -> Option<Span> {
    case.summary.typical.as_ref().map(Span::of)
}

/// CPUs that all roles keep busy.
fn cpus(case: &CaseStudy<'_>) -> Option<Span> {
    if !matches!(case.case.measure, Measure::Contention | Measure::Access) {
        return None;
    }
    let busy = Span::of(&case.cpu_ns()?);
    Some(busy.times(typical(case)?.value / 1e9))
}

/// All rows of the family of the request.
pub(super) fn drafts(request: &Request, study: &Study<'_>, refused: &dyn Fn(&str) -> Option<String>) -> Vec<Draft> {
    let subject = request.subject;
    let measure = subject.measure();
    let cases = cases(study, subject);
    let on = study.cpus().unwrap_or(1);
    // What the mechanism adds to the work that it protects or distributes can be predicted; the work is known.
    let added = Table::of(subject, measure, &cases, |case| {
        let span = typical(case)?;
        let ns = if subject.is_rate() { span.inverted() } else { span };
        Some(ns.less(subject.work_ns(case.case, on)))
    });
    let typical = |row: &str| {
        let figure = added.figure(row)?;
        let ns = figure.span.plus(Span::exact(subject.work_ns(&subject.case(), on)));
        Some(Figure { span: if subject.is_rate() { ns.inverted() } else { ns }, ..figure })
    };
    let p99 = Table::of(subject, measure, &cases, p99);
    let cpus = Table::of(subject, measure, &cases, cpus);
    let mut rows: BTreeMap<String, &CaseStudy<'_>> = BTreeMap::new();
    for case in cases.iter().copied().filter(|case| case.case.measure == measure) {
        rows.entry(case.series.label()).or_insert(case);
    }
    let draft = |(row, case): (String, &CaseStudy<'_>)| {
        let excluded = |why: String| Draft::Excluded(Excluded { row: row.clone(), why, detail: String::new() });
        if let Some(why) = unfit(case.series.group) {
            return excluded(why.to_owned());
        }
        if let Some(why) = refused(&row) {
            return excluded(why);
        }
        if added.row(&row).is_empty() {
            return excluded(NOT_MEASURED.to_owned());
        }
        Draft::Candidate(Box::new(Candidate {
            waits: case.series.manner.word(),
            typical: typical(&row),
            p99_ns: p99.figure(&row).filter(Figure::is_sure),
            cpus: cpus.figure(&row).filter(Figure::is_sure),
            capacity_per_s: None,
            death: death(study, subject, &row),
            doubts: vec![],
            tied: false,
            row,
        }))
    };
    rows.into_iter().map(draft).collect()
}

fn death(study: &Study<'_>, subject: Subject, row: &str) -> Death {
    let killed = study.cases.iter().find(|case| {
        let holding = case.case.params.kill_point.unwrap_or(KillPoint::Holding) == KillPoint::Holding;
        case.case.family == subject.family()
            && case.case.measure == Measure::Recover
            && holding
            && case.series.between_processes()
            && case.series.label() == row
    });
    match subject {
        Subject::Lock { .. } => Death::of_lock(killed),
        Subject::Pool { .. } => Death::of_pool(killed),
        _ => Death::unknown("not known"),
    }
}

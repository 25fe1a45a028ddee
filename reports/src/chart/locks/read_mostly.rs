//! Reads a second against how many of a hundred accesses only read: what it is worth to let readers in together.

use ipcmark_record::{Measure, Placement, metric};

use super::super::parameter::{CONTENDERS, READS};
use super::super::sweep::{Sweep, TYPICAL, Value};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::locks::{excludes, holders, home, rivals};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

const READS_PER_S: Value = Value {
    name: "reads per second, in all",
    of: TYPICAL,
    show: format::rate,
    columns: [("Reads per second", "reads_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Cases with the most common number of contenders, in order of series and share of reads.
pub fn cases<'s, 'a>(study: &'s Study<'a>, placement: Placement) -> Vec<&'s CaseStudy<'a>> {
    let placement = home(study, Measure::ReadMostly, placement);
    let mut cases = placement.map_or_else(Vec::new, |at| rivals(study, Measure::ReadMostly, at));
    cases.retain(|case| case.is_sound() && case.case.params.reads_percent.is_some());
    let with = |n: u64| cases.iter().filter(|case| (CONTENDERS.of)(case) == n).count();
    let most = CONTENDERS.values(&cases).into_iter().max_by_key(|&n| (with(n), n));
    cases.retain(|case| Some((CONTENDERS.of)(case)) == most);
    READS.sort(&mut cases);
    cases
}

/// The chart; `None` where only one share of reads was tried.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let cases = cases(study, placement);
    let first = cases.first()?.case;
    let sweep = Sweep {
        id: "reads".into(),
        title: format!("Reads per second: {} contenders, {}", holders(first), place(first.placement)),
        description: "Reads per second of all contenders together by how many of a hundred accesses only read, one line per \
                      lock.",
        note: "Every read copies the state and checks that it is whole; a torn read makes the trial invalid. \
               Each access is drawn at random as a read or a write. Bands are 95 % intervals over \
               repetitions."
            .into(),
        ..Sweep::of(cases.clone(), READS, READS_PER_S)
    };
    let answer = READS.best_at_ends(&cases, excludes);
    Some(Figure { answer, table: table(&cases), ..sweep.figure(study, looks)? })
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .count("Contenders", "holders_count", |case| Some(f64::from(holders(case.case))))
        .count("Reads", "reads_percent", |case| Some((READS.of)(case) as f64))
        .spread(READS_PER_S.columns, format::rate)
        .metric("Writes per second", "writes_per_s", format::rate, metric::WRITES_PER_S)
        .metric("Retries per read", "retries_count", format::count, metric::RETRIES_PER_READ)
        .verdict()
        .table()
}

//! Read-mostly locks against the share of reads: reads per second, and waits of readers and writers.

use ipcmark_record::{Group, Measure, Placement, metric};

use super::super::canvas::Dash;
use super::super::parameter::{CONTENDERS, READS};
use super::super::sweep::{AsPoint, Choice, Curve, Layout, Sweep, TYPICAL, Value};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::extreme;
use crate::analyse::locks::{contenders, excludes, home, rivals};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

const READS_PER_S: Value = Value {
    name: "reads per second, in all",
    of: TYPICAL,
    show: format::rate,
    columns: [("Reads per second", "reads_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Cases with the most common number of contenders, in order of series and share of reads.
fn cases<'s, 'a>(study: &'s Study<'a>, placement: Placement) -> Vec<&'s CaseStudy<'a>> {
    let placement = home(study, Measure::ReadMostly, placement);
    let mut cases = placement.map_or_else(Vec::new, |at| rivals(study, Measure::ReadMostly, at));
    cases.retain(|case| case.is_sound() && case.case.params.reads_percent.is_some());
    let with = |n: u64| cases.iter().filter(|case| (CONTENDERS.of)(case) == n).count();
    let most = CONTENDERS.values(&cases).into_iter().max_by_key(|&n| (with(n), n));
    cases.retain(|case| Some((CONTENDERS.of)(case)) == most);
    READS.sort(&mut cases);
    cases
}

/// Chart of reads per second; `None` with a single share of reads.
pub fn rates(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let cases = cases(study, placement);
    let first = cases.first()?.case;
    let sweep = Sweep {
        id: "reads".into(),
        title: format!("Reads per second: {} contenders, {}", contenders(first), place(first.placement)),
        description: "Reads per second of all contenders by share of reads, one line per lock.",
        note: "Every read copies the state and checks that it is whole; a torn read makes the trial invalid. \
               Each access is drawn at random as a read or a write. Bands are intervals over \
               repetitions."
            .into(),
        ..Sweep::of(cases.clone(), READS, READS_PER_S)
    };
    let answer = READS.best_at_ends(&cases, excludes);
    Some(Figure { answer, table: rates_table(&cases), ..sweep.figure(study, looks)? })
}

fn rates_table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .count("Contenders", "contenders_count", |case| Some(f64::from(contenders(case.case))))
        .count("Reads", "reads_percent", |case| Some((READS.of)(case) as f64))
        .spread(READS_PER_S.columns, format::rate)
        .metric("Writes per second", "writes_per_s", format::rate, metric::WRITES_PER_S)
        .metric("Retries per read", "retries_count", format::count, metric::RETRIES_PER_READ)
        .verdict()
        .table()
}

/// Waits shorter than a clock step count as 1 ns.
const READ: AsPoint = |case| value(case, metric::READ_P99_NS).map(|ns| (ns.max(1.0), None));
const WRITE: AsPoint = |case| value(case, metric::WRITE_P99_NS).map(|ns| (ns.max(1.0), None));

const WAIT: Value = Value {
    name: "wait, p99",
    of: READ,
    show: format::time,
    columns: [("Read, p99", "read_p99_ns"), ("Low", "low_ns"), ("High", "high_ns")],
};

const SIDES: [Curve; 2] =
    [Curve { label: "write", dash: Dash::Dashed, of: WRITE }, Curve { label: "read", dash: Dash::Solid, of: READ }];

/// Chart of waits with one panel per lock; `None` without separate waits of reads and writes.
pub fn waits(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let mut cases = cases(study, placement);
    cases.retain(|case| SIDES.iter().any(|side| (side.of)(case).is_some()));
    let first = cases.first()?.case;
    // Only read-mostly locks treat readers and writers differently.
    let tells = |case: &&CaseStudy<'_>| case.series.group == Some(Group::ReadMostly);
    let sweep = Sweep {
        id: "read-waits".into(),
        title: format!("Wait of reads and writes, p99: {} contenders, {}", contenders(first), place(first.placement)),
        description: "99th percentile of the wait of reads and of writes by share of reads, one panel per \
             lock.",
        note: "Time from the request until the access that counted began, retries included. Reads are solid, \
               writes dashed; at 100 % reads there is no write. Locks that treat readers and writers alike are \
               in the table only."
            .into(),
        layout: Layout::Variant(&SIDES),
        choice: Choice::All,
        ..Sweep::of(cases.iter().copied().filter(tells).collect(), READS, WAIT)
    };
    Some(Figure { answer: answer(&cases), table: waits_table(&cases), ..sweep.figure(study, looks)? })
}

/// Largest ratio of write waits to read waits, and of read waits to write waits.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let ratio = |case: &CaseStudy<'_>| {
        (case.series.group == Some(Group::ReadMostly)).then_some(())?;
        Some(value(case, metric::WRITE_P99_NS)?.max(1.0) / value(case, metric::READ_P99_NS)?.max(1.0))
    };
    let describe = |(case, ratio): (&CaseStudy<'_>, f64), longer: &str, ratio_of: fn(f64) -> f64| {
        let (name, share) = (case.series.quoted(), (READS.of)(case));
        format!("with {name} {longer} {} times as long ({share}\u{202f}% reads)", format::ratio(ratio_of(ratio)))
    };
    let writes = extreme(cases, false, ratio).filter(|one| one.1 > 1.0);
    let reads = extreme(cases, true, ratio).filter(|one| one.1 < 1.0);
    let parts = [
        writes.map(|one| describe(one, "writes wait", |ratio| ratio)),
        reads.map(|one| describe(one, "reads wait", |ratio| 1.0 / ratio)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("At p99, {}.", parts.join("; ")) }
}

fn waits_table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .count("Reads", "reads_percent", |case| Some((READS.of)(case) as f64))
        .metric("Read, p50", "read_p50_ns", format::time, metric::READ_P50_NS)
        .metric("Read, p99", "read_p99_ns", format::time, metric::READ_P99_NS)
        .metric("Read, longest", "read_starved_ns", format::time, metric::READ_STARVED_NS)
        .metric("Write, p50", "write_p50_ns", format::time, metric::WRITE_P50_NS)
        .metric("Write, p99", "write_p99_ns", format::time, metric::WRITE_P99_NS)
        .metric("Write, longest", "write_starved_ns", format::time, metric::WRITE_STARVED_NS)
        .table()
}

//! What readers and writers wait for each other: a lock that prefers readers lets writers wait, and the other way round.

use ipcmark_record::{Group, Placement, metric};

use super::super::canvas::Dash;
use super::super::parameter::READS;
use super::super::sweep::{AsPoint, Choice, Curve, Layout, Sweep, Value};
use super::super::table::Table;
use super::super::{Figure, Looks};
use super::read_mostly::cases;
use crate::analyse::answer::place;
use crate::analyse::best::extreme;
use crate::analyse::locks::holders;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// A wait can be shorter than the clock's step.
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

/// The chart, a panel for each lock; `None` where waits were not told apart.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let mut cases = cases(study, placement);
    cases.retain(|case| SIDES.iter().any(|side| (side.of)(case).is_some()));
    let first = cases.first()?.case;
    // A lock that does not tell readers from writers lets both wait alike.
    let tells = |case: &&CaseStudy<'_>| case.series.group == Some(Group::ReadMostly);
    let sweep = Sweep {
        id: "read-waits".into(),
        title: format!("Wait of reads and writes, p99: {} contenders, {}", holders(first), place(first.placement)),
        description: "99th percentile of the wait of reads and of writes by how many of a hundred accesses only read, one \
                      panel per lock.",
        note: "Time from the request until the access that counted began, retries included. Reads are solid, \
               writes dashed; at 100 % reads there is no write. Locks that treat readers and writers alike are \
               in the table only."
            .into(),
        layout: Layout::Variant(&SIDES),
        choice: Choice::All,
        ..Sweep::of(cases.iter().copied().filter(tells).collect(), READS, WAIT)
    };
    Some(Figure { answer: answer(&cases), table: table(&cases), ..sweep.figure(study, looks)? })
}

/// Where writes wait longest against reads, and the other way round.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let ratio = |case: &CaseStudy<'_>| {
        (case.series.group == Some(Group::ReadMostly)).then_some(())?;
        Some(value(case, metric::WRITE_P99_NS)?.max(1.0) / value(case, metric::READ_P99_NS)?.max(1.0))
    };
    let told = |(case, ratio): (&CaseStudy<'_>, f64), longer: &str, ratio_of: fn(f64) -> f64| {
        let (name, share) = (case.series.quoted(), (READS.of)(case));
        format!("with {name} {longer} {} times as long ({share}\u{202f}% reads)", format::ratio(ratio_of(ratio)))
    };
    let writes = extreme(cases, false, ratio).filter(|one| one.1 > 1.0);
    let reads = extreme(cases, true, ratio).filter(|one| one.1 < 1.0);
    let parts = [
        writes.map(|one| told(one, "writes wait", |ratio| ratio)),
        reads.map(|one| told(one, "reads wait", |ratio| 1.0 / ratio)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("At p99, {}.", parts.join("; ")) }
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
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

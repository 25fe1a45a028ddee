//! Charts about shared state: accesses per second against reads and against users, and p99 of reads and writes.

use ipcmark_record::{Case, Kind, Measure, metric};

use super::canvas::Marker;
use super::parameter::{Parameter, READS, USERS};
use super::points::{Entry, Points, by_sides};
use super::sweep::{Choice, Sweep, TYPICAL, Value};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::best::MOST_LINES;
use crate::analyse::families::{SHARED_STATE, is_python};
use crate::analyse::ground::{Ground, measured};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::{estimate, value};
use crate::format;

/// Charts about shared state with data, in page order.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let figures = [against_reads, against_users, waits];
    figures.into_iter().filter_map(|figure| figure(study, looks)).collect()
}

/// Measured accesses to shared state.
fn accessed<'s, 'a>(study: &'s Study<'a>) -> impl Iterator<Item = &'s CaseStudy<'a>> {
    measured(study, SHARED_STATE).filter(|case| case.case.measure == Measure::Access)
}

/// True for state between processes outside Python.
fn competes(case: &CaseStudy<'_>) -> bool {
    case.series.between_processes() && !is_python(case.case)
}

const ACCESSES_PER_S: Value = Value {
    name: "accesses per second, in all",
    of: TYPICAL,
    show: format::rate,
    columns: [("Accesses per second", "accesses_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Accesses against the share of reads; `None` with a single share.
fn against_reads(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let words = (
        "access-reads",
        "reads",
        "Accesses per second of all users by share of reads, one line per way to share state.",
    );
    sweep(study, looks, READS, |shape| shape.params.contenders.map(|n| n.abs_diff(2)), words)
}

/// Accesses against the number of users; `None` with a single number.
fn against_users(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let words = (
        "access-users",
        "users",
        "Accesses per second of all users by their number, on logarithmic axes, one line per way to share \
             state.",
    );
    sweep(study, looks, USERS, |shape| shape.params.reads_percent.map(|n| n.abs_diff(90)), words)
}

/// Chart of the largest sweep; on ties the one least `far` from the default of two users and 90 % reads.
fn sweep(
    study: &Study<'_>,
    looks: &Looks,
    parameter: Parameter,
    far: fn(&Case) -> Option<u32>,
    (id, against, description): (&str, &str, &'static str),
) -> Option<Figure> {
    let grounds = parameter.grounds(accessed(study));
    let most = grounds.first()?.cases.len();
    let level = grounds.into_iter().filter(|ground| ground.cases.len() == most);
    let ground = level.min_by_key(|ground| far(&ground.shape))?;
    let answer = parameter.best_at_ends(&ground.cases, competes);
    let sweep = Sweep {
        id: id.into(),
        title: format!("Accesses per second against {against}: {}", ground.describe()),
        description,
        note: "A fixed window in which all users run; keys are drawn uniformly. Every value read is checked: \
             it is one complete version, and not older than the last one that this reader saw. Bands are \
             intervals over repetitions."
            .into(),
        choice: Choice::Closest(MOST_LINES),
        ..Sweep::of(ground.cases, parameter, ACCESSES_PER_S)
    };
    Some(Figure { answer, ..sweep.figure(study, looks)? })
}

/// Chart of p99 of reads and writes; `None` without both.
fn waits(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    let grounds = Ground::all(accessed(study), |_| ());
    let both = |case: &CaseStudy<'_>| read(case).is_some() && write(case).is_some();
    let known = |ground: &Ground<'_, '_>| ground.cases.iter().filter(|case| both(case)).count();
    // On ties `max_by_key` takes the last: the most users, then the largest share of reads.
    let mut level: Vec<_> = grounds.into_iter().filter(|ground| known(ground) > 0).collect();
    level.sort_by_key(|ground| (ground.shape.params.contenders, ground.shape.params.reads_percent));
    let ground = level.into_iter().max_by_key(known)?;
    let cases: Vec<&CaseStudy<'_>> = ground.cases.iter().copied().filter(|case| both(case)).collect();
    let sections = by_sides(&cases)
        .into_iter()
        .map(|(heading, cases)| (heading.to_owned(), cases.into_iter().map(entry).collect()));
    Points {
        id: "access-waits".into(),
        title: format!("p99 of reads and writes: {}", ground.describe()),
        description: "99th percentile of the time of a read and of a write, on a logarithmic axis, one row per way to share \
                      state.",
        answer: answer(&cases),
        note: "Circle: reads. Diamond: writes. From the call until the value is read or written; median of the \
             99th percentiles of the repetitions with its interval."
            .into(),
        x_name: "99 of 100 take at most (log scale)",
        show: format::time,
        references: Vec::new(),
        sections: sections.collect(),
        table: table(&ground.cases),
    }
    .figure(study, looks)
}

fn read(case: &CaseStudy<'_>) -> Option<f64> {
    value(case, metric::READ_P99_NS)
}

fn write(case: &CaseStudy<'_>) -> Option<f64> {
    value(case, metric::WRITE_P99_NS)
}

fn entry<'s, 'a>(case: &'s CaseStudy<'a>) -> Entry<'s, 'a> {
    let of = |name: &str| estimate(&case.records, Kind::Cost, name);
    let marks = [(metric::WRITE_P99_NS, Marker::Diamond), (metric::READ_P99_NS, Marker::Circle)];
    let short = |ns: Option<f64>| ns.map_or_else(|| "–".into(), format::ns);
    Entry {
        case,
        label: None,
        note: format!("read {}, write {}", short(read(case)), short(write(case))),
        marks: marks.iter().filter_map(|&(name, marker)| Some((of(name)?, marker))).collect(),
    }
}

/// Variants with the fastest reads and the fastest writes.
fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let least = |of: fn(&CaseStudy<'_>) -> Option<f64>, what: &str| {
        let known = cases.iter().filter(|case| competes(case)).filter_map(|case| Some((case, of(case)?)));
        let (case, ns) = known.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(format!("99 of 100 {what} take at most {} with {}", format::ns(ns), case.series.quoted()))
    };
    let parts: Vec<String> = [least(read, "reads"), least(write, "writes")].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("{}.", parts.join("; ")) }
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("State")
        .count("Users", "contenders_count", |case| Some((USERS.of)(case) as f64))
        .count("Reads", "reads_percent", |case| Some((READS.of)(case) as f64))
        .metric("Read, p50", "read_p50_ns", format::time, metric::READ_P50_NS)
        .metric("Read, p99", "read_p99_ns", format::time, metric::READ_P99_NS)
        .metric("Write, p50", "write_p50_ns", format::time, metric::WRITE_P50_NS)
        .metric("Write, p99", "write_p99_ns", format::time, metric::WRITE_P99_NS)
        .metric("Accesses per second", "accesses_per_s", format::rate, metric::ACCESSES_PER_S)
        .verdict()
        .table()
}

//! What a connection costs: until the first answer, and in memory.

use ipcmark_record::{Case, Kind, Measure, metric};

use super::super::canvas::Marker;
use super::super::parameter::CLIENTS;
use super::super::points::{Entry, Points};
use super::super::table::Table;
use super::super::{Figure, Looks};
use super::{address, competes};
use crate::analyse::families::SERVER;
use crate::analyse::ground::{Ground, measured};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::{estimate, value};
use crate::format::{self, Quantity};

/// From connecting to the first answer; `None` where it was not measured.
pub fn cost(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    chart(
        study,
        looks,
        &What {
            metric: metric::CONNECT_NS,
            id: "serve-connect",
            title: "What a connection costs",
            description: "Time from connecting until the first answer, on a logarithmic axis, one row per server.",
            x_name: "from connecting to the first answer (log scale)",
            show: format::time,
            column: "connect_ns",
            answer: "A new client has its first answer soonest from",
            note: "Median over clients and repetitions, with its 95 % interval. A server that starts a thread or a process for each \
               connection does it here.",
            many: false,
        },
    )
}

/// Memory for each connection; `None` where it could not be read.
pub fn memory(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    chart(
        study,
        looks,
        &What {
            metric: metric::PSS_BYTES_PER_CONNECTION,
            id: "serve-memory",
            title: "Memory of a connection",
            description: "Memory that the server has for each connection, on a logarithmic axis, one row per server.",
            x_name: "memory of the server for each connection (log scale)",
            show: format::size,
            column: "pss_bytes",
            answer: "A connection takes least memory with",
            note: "Proportional share (PSS) of all processes of the server with all clients connected, less what it was with \
               none, for each client. Buffers of the kernel are not in it. Nothing stands here where the difference came out below \
               one byte.",
            many: true,
        },
    )
}

/// What sets the two charts apart.
struct What {
    metric: &'static str,
    id: &'static str,
    title: &'static str,
    description: &'static str,
    x_name: &'static str,
    show: fn(f64) -> Quantity,
    column: &'static str,
    answer: &'static str,
    note: &'static str,
    /// Whether it is to be seen with as many clients as possible.
    many: bool,
}

fn chart(study: &Study<'_>, looks: &Looks, what: &What) -> Option<Figure> {
    let known = |case: &&CaseStudy<'_>| {
        case.case.measure == Measure::Serve && value(case, what.metric).is_some_and(|value| value >= 1.0)
    };
    let grounds = Ground::all(measured(study, SERVER).filter(known), |_: &mut Case| ());
    let variants = grounds.first()?.cases.len();
    let clients_of = |ground: &Ground<'_, '_>| ground.cases.first().map_or(0, |case| (CLIENTS.of)(case));
    // Memory is told apart from chance where there are many clients.
    let level = grounds.into_iter().filter(|ground| ground.cases.len() == variants);
    let ground = if what.many { level.max_by_key(clients_of) } else { level.min_by_key(clients_of) }?;
    let of = |case: &CaseStudy<'_>| estimate(&case.records, Kind::Cost, what.metric);
    let mut cases: Vec<(&CaseStudy<'_>, Estimate)> =
        ground.cases.iter().filter_map(|case| Some((*case, of(case)?))).collect();
    cases.sort_by(|a, b| address(a.0).cmp(&address(b.0)).then(a.1.value.total_cmp(&b.1.value)));
    let sections = cases.chunk_by(|a, b| address(a.0) == address(b.0)).map(|cases| {
        let (_, heading) = address(cases[0].0);
        let entries = cases.iter().map(|&(case, estimate)| Entry {
            case,
            label: None,
            note: (what.show)(estimate.value).to_string(),
            marks: vec![(estimate, Marker::Circle)],
        });
        (heading.to_owned(), entries.collect())
    });
    Points {
        id: what.id.into(),
        title: format!("{}: {}", what.title, ground.told()),
        description: what.description,
        answer: answer(&cases, what),
        note: what.note.into(),
        x_name: what.x_name,
        show: what.show,
        references: Vec::new(),
        sections: sections.collect(),
        table: table(&cases, what),
    }
    .figure(study, looks)
}

/// The least, and how many times that the most is.
fn answer(cases: &[(&CaseStudy<'_>, Estimate)], what: &What) -> String {
    let mut competing: Vec<&(&CaseStudy<'_>, Estimate)> = cases.iter().filter(|(case, _)| competes(case)).collect();
    competing.sort_by(|a, b| a.1.value.total_cmp(&b.1.value));
    let (Some((least, low)), Some((most, high))) = (competing.first(), competing.last()) else { return String::new() };
    let beside = if competing.len() > 1 {
        format!("; {} needs {} times as much", most.series.quoted(), format::ratio(high.value / low.value))
    } else {
        String::new()
    };
    format!("{} {}: {}{beside}.", what.answer, least.series.quoted(), (what.show)(low.value))
}

fn table(cases: &[(&CaseStudy<'_>, Estimate)], what: &What) -> Table {
    Table::of(cases)
        .case("Server")
        .count("Clients", "clients_count", |(case, _)| Some((CLIENTS.of)(case) as f64))
        .number("Each", what.column, what.show, |(_, each)| Some(each.value))
        .number("Low", if what.many { "low_bytes" } else { "low_ns" }, what.show, |(_, each)| Some(each.interval?.low))
        .number("High", if what.many { "high_bytes" } else { "high_ns" }, what.show, |(_, each)| {
            Some(each.interval?.high)
        })
        .table()
}

//! Charts about servers: requests and latency against clients, latency under load, and cost of a connection.

use ipcmark_record::{Case, Kind, Measure, Service, metric};

use super::canvas::Marker;
use super::parameter::CLIENTS;
use super::points::{Entry, Points};
use super::sweep::{Choice, Layout, P99, Sweep, TYPICAL, Value};
use super::table::Table;
use super::{Figure, Looks, load};
use crate::analyse::families::{SERVER, is_python};
use crate::analyse::ground::{Ground, measured};
use crate::analyse::load::Due;
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::{estimate, value};
use crate::format::{self, Quantity};

/// Charts about servers with data, in page order.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let mut figures = against_clients(study, looks);
    figures.extend(load::apart(study, looks, Due::Requests));
    figures.extend(cost(study, looks));
    figures.extend(memory(study, looks));
    figures
}

/// Panel of a case by kind of address, the suffix of its name, so that servers of one kind are compared.
fn address(case: &CaseStudy<'_>) -> (usize, &'static str) {
    let kinds = [("-tcp", "TCP"), ("-unix", "Unix sockets")];
    let known = kinds.iter().position(|(ending, _)| case.case.mechanism.ends_with(ending));
    known.map_or((kinds.len(), "others"), |at| (at, kinds[at].1))
}

/// True for a server outside Python.
fn competes(case: &CaseStudy<'_>) -> bool {
    !is_python(case.case)
}

/// Most lines in a panel; all servers of one kind of address fit.
const MOST_SHOWN: usize = 16;

const REQUESTS_PER_S: Value = Value {
    name: "requests per second, in all",
    of: TYPICAL,
    show: format::rate,
    columns: [("Requests per second", "requests_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

const LATENCY: Value = Value {
    name: "from request to answer, p99",
    of: P99,
    show: format::time,
    columns: [("p99", "p99_ns"), ("Low", "low_ns"), ("High", "high_ns")],
};

/// Charts of rate and latency for each sweep over clients.
fn against_clients(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let of = |ground: Ground<'_, '_>| [rate(study, looks, &ground), latency(study, looks, &ground)];
    let served = measured(study, SERVER).filter(|case| case.case.measure == Measure::Serve);
    CLIENTS.grounds(served).into_iter().flat_map(of).flatten().collect()
}

/// Fragment identifier of a ground.
fn id(name: &str, shape: &Case) -> String {
    let service = shape.params.service.unwrap_or(Service::Echo);
    format!("{name}-{service}-{}-{}", shape.params.message_bytes.unwrap_or(0), shape.placement)
}

fn rate(study: &Study<'_>, looks: &Looks, ground: &Ground<'_, '_>) -> Option<Figure> {
    let sweep = Sweep {
        id: id("serve", &ground.shape),
        title: format!("Requests per second against clients: {}", ground.describe()),
        description: "Requests answered a second by the number of clients, on logarithmic axes, one line per server, one \
                      panel per kind of address.",
        note: "A closed loop: each client is a process that checks an answer before it sends the next request. \
             Bands are intervals over repetitions."
            .into(),
        layout: Layout::By(address),
        choice: Choice::Closest(MOST_SHOWN),
        ..Sweep::of(ground.cases.clone(), CLIENTS, REQUESTS_PER_S)
    };
    Some(Figure { answer: CLIENTS.best_at_ends(&ground.cases, competes), ..sweep.figure(study, looks)? })
}

fn latency(study: &Study<'_>, looks: &Looks, ground: &Ground<'_, '_>) -> Option<Figure> {
    let sweep = Sweep {
        id: id("serve-p99", &ground.shape),
        title: format!("p99 of answers against clients: {}", ground.describe()),
        description: "99th percentile of the time from a request to its answer by the number of clients, on logarithmic \
                      axes, one line per server, one panel per kind of address.",
        note: "The 99th percentile of each repetition, median over repetitions; it needs ten answers beyond it in each. In a closed \
             loop the clients share the rate, so the time grows with their number even if the server runs at \
             its highest rate."
            .into(),
        layout: Layout::By(address),
        choice: Choice::Closest(MOST_SHOWN),
        ..Sweep::of(ground.cases.clone(), CLIENTS, LATENCY)
    };
    Some(Figure { answer: soonest(ground), ..sweep.figure(study, looks)? })
}

/// Lowest p99 with the most clients.
fn soonest(ground: &Ground<'_, '_>) -> String {
    let Some(most) = CLIENTS.values(&ground.cases).last().copied() else { return String::new() };
    let there = ground.cases.iter().filter(|case| (CLIENTS.of)(case) == most && competes(case));
    let mut known: Vec<(&CaseStudy<'_>, f64)> = there.filter_map(|case| Some((*case, case.summary.p99()?))).collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (Some((best, soon)), Some((worst, late))) = (known.first(), known.last()) else { return String::new() };
    let beside = if known.len() > 1 {
        format!("; with {} it takes {}", worst.series.quoted(), format::ns(*late))
    } else {
        String::new()
    };
    format!(
        "With {most} clients 99 of 100 answers arrive within {} with {}{beside}.",
        format::ns(*soon),
        best.series.quoted()
    )
}

/// Time from connect to the first answer; `None` if not measured.
fn cost(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
    chart(
        study,
        looks,
        &What {
            metric: metric::CONNECT_NS,
            id: "serve-connect",
            title: "Cost of a connection",
            description: "Time from connecting until the first answer, on a logarithmic axis, one row per server.",
            x_name: "from connecting to the first answer (log scale)",
            show: format::time,
            column: "connect_ns",
            answer: "A new client has its first answer soonest from",
            note: "Median over clients and repetitions, with its interval. A server that starts a thread or a process for each \
               connection does it here.",
            many: false,
        },
    )
}

/// Memory per connection; `None` if not readable.
fn memory(study: &Study<'_>, looks: &Looks) -> Option<Figure> {
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
            note: "Proportional share (PSS) of all processes of the server with all clients connected, minus \
                 that without clients, divided by their number. Kernel buffers are not included. Differences \
                 below one byte are left out.",
            many: true,
        },
    )
}

/// Differences between the two charts.
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
    /// Whether to use the largest number of clients.
    many: bool,
}

fn chart(study: &Study<'_>, looks: &Looks, what: &What) -> Option<Figure> {
    let known = |case: &&CaseStudy<'_>| {
        case.case.measure == Measure::Serve && value(case, what.metric).is_some_and(|value| value >= 1.0)
    };
    let grounds = Ground::all(measured(study, SERVER).filter(known), |_: &mut Case| ());
    let variants = grounds.first()?.cases.len();
    let clients_of = |ground: &Ground<'_, '_>| ground.cases.first().map_or(0, |case| (CLIENTS.of)(case));
    // Memory differences are significant only with many clients.
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
        title: format!("{}: {}", what.title, ground.describe()),
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

/// Smallest value, and ratio of the largest to it.
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

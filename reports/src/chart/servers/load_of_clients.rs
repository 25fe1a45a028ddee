//! Requests a second, and their latency, against the number of clients.

use ipcmark_record::{Case, Measure, Service};

use super::super::parameter::CLIENTS;
use super::super::sweep::{Choice, Layout, P99, Sweep, TYPICAL, Value};
use super::super::{Figure, Looks};
use super::{address, competes};
use crate::analyse::families::SERVER;
use crate::analyse::ground::{Ground, measured};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// A panel holds every way of serving one kind of address.
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

/// Two charts for each ground on which the number of clients was swept.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let of = |ground: Ground<'_, '_>| [rate(study, looks, &ground), latency(study, looks, &ground)];
    let served = measured(study, SERVER).filter(|case| case.case.measure == Measure::Serve);
    CLIENTS.grounds(served).into_iter().flat_map(of).flatten().collect()
}

/// For addresses: what sets a ground apart from others.
fn id(name: &str, shape: &Case) -> String {
    let service = shape.params.service.unwrap_or(Service::Echo);
    format!("{name}-{service}-{}-{}", shape.params.message_bytes.unwrap_or(0), shape.placement)
}

fn rate(study: &Study<'_>, looks: &Looks, ground: &Ground<'_, '_>) -> Option<Figure> {
    let sweep = Sweep {
        id: id("serve", &ground.shape),
        title: format!("Requests per second against clients: {}", ground.told()),
        description: "Requests answered a second by the number of clients, on logarithmic axes, one line per server, one \
                      panel per kind of address.",
        note: "A closed loop: each client, a process of its own, asks again when it has its answer, and checks every one. \
               Bands are 95 % intervals over repetitions."
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
        title: format!("The slowest hundredth of answers against clients: {}", ground.told()),
        description: "99th percentile of the time from a request to its answer by the number of clients, on logarithmic \
                      axes, one line per server, one panel per kind of address.",
        note: "All requests of all repetitions together; a percentile needs ten answers beyond it. In a closed loop the clients \
               share the rate, so the time grows with their number even where the server is at its best."
            .into(),
        layout: Layout::By(address),
        choice: Choice::Closest(MOST_SHOWN),
        ..Sweep::of(ground.cases.clone(), CLIENTS, LATENCY)
    };
    Some(Figure { answer: soonest(ground), ..sweep.figure(study, looks)? })
}

/// The lowest p99 with the most clients.
fn soonest(ground: &Ground<'_, '_>) -> String {
    let Some(most) = CLIENTS.values(&ground.cases).last().copied() else { return String::new() };
    let there = ground.cases.iter().filter(|case| (CLIENTS.of)(case) == most && competes(case));
    let mut known: Vec<(&CaseStudy<'_>, f64)> = there.filter_map(|case| Some((*case, case.summary.p99_ns?))).collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (Some((best, soon)), Some((worst, late))) = (known.first(), known.last()) else { return String::new() };
    let beside = if known.len() > 1 {
        format!("; with {} it takes {}", worst.series.quoted(), format::ns(*late))
    } else {
        String::new()
    };
    format!(
        "With {most} clients 99 of 100 answers are there within {} with {}{beside}.",
        format::ns(*soon),
        best.series.quoted()
    )
}

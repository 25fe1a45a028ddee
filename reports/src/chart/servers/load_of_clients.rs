//! Requests a second, and their latency, against the number of clients.

use ipcmark_record::{Case, Service};

use super::super::against::{Against, Swept};
use super::super::{Figure, Looks};
use super::{address, clients, competes, grounds};
use crate::analyse::best::{Best, with_interval};
use crate::analyse::ground::Ground;
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// The sweep over clients.
const CLIENTS: Swept = Swept {
    name: "clients, one connection each",
    of: clients,
    show: clients_told,
    column: ("Clients", "clients_count"),
    even: false,
};
/// A panel holds every way of serving one kind of address.
const MOST_SHOWN: usize = 16;

fn clients_told(clients: u64) -> String {
    clients.to_string()
}

/// Two charts for each ground on which the number of clients was swept.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let of = |ground: Ground<'_, '_>| [rate(study, looks, &ground), latency(study, looks, &ground)];
    grounds(study).into_iter().flat_map(of).flatten().collect()
}

/// In order of series and clients.
fn in_order<'s, 'a>(ground: &Ground<'s, 'a>) -> Vec<&'s CaseStudy<'a>> {
    let mut cases = ground.cases.clone();
    cases.sort_by(|a, b| (&a.series, clients(a)).cmp(&(&b.series, clients(b))));
    cases
}

/// For addresses: what sets a ground apart from others.
fn id(name: &str, shape: &Case) -> String {
    let service = shape.params.service.unwrap_or(Service::Echo);
    format!("{name}-{service}-{}-{}", shape.params.message_bytes.unwrap_or(0), shape.placement)
}

fn rate(study: &Study<'_>, looks: &Looks, ground: &Ground<'_, '_>) -> Option<Figure> {
    let chart = Against {
        cases: in_order(ground),
        swept: CLIENTS,
        value: |case| case.summary.typical.map(Estimate::with_ends),
        floor: None,
        show: format::rate,
        y_name: "requests per second, in all",
        columns: [("Requests per second", "requests_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
        id: "serve",
        title: format!("Requests per second against clients: {}", ground.told()),
        description: "Requests answered a second by the number of clients, on logarithmic axes, one line per server, one \
                      panel per kind of address.",
        note: "A closed loop: each client, a process of its own, asks again when it has its answer, and checks every one. \
               Bands are 95 % intervals over repetitions."
            .into(),
    };
    let figure = chart.figure_in_panels(address, MOST_SHOWN, study, looks)?;
    Some(Figure { id: id("serve", &ground.shape), answer: best(ground), ..figure })
}

fn latency(study: &Study<'_>, looks: &Looks, ground: &Ground<'_, '_>) -> Option<Figure> {
    let chart = Against {
        cases: in_order(ground),
        swept: CLIENTS,
        value: |case| case.summary.p99_ns.map(|ns| (ns, None)),
        floor: None,
        show: format::time,
        y_name: "from request to answer, p99",
        columns: [("p99", "p99_ns"), ("Low", "low_ns"), ("High", "high_ns")],
        id: "serve-p99",
        title: format!("The slowest hundredth of answers against clients: {}", ground.told()),
        description: "99th percentile of the time from a request to its answer by the number of clients, on logarithmic \
                      axes, one line per server, one panel per kind of address.",
        note:
            "All requests of all repetitions together; a percentile needs ten answers beyond it. In a closed loop the clients \
               share the rate, so the time grows with their number even where the server is at its best."
                .into(),
    };
    let figure = chart.figure_in_panels(address, MOST_SHOWN, study, looks)?;
    Some(Figure { id: id("serve-p99", &ground.shape), answer: soonest(ground), ..figure })
}

/// The fewest and the most clients that were tried.
fn ends(ground: &Ground<'_, '_>) -> Vec<u64> {
    let all = || ground.cases.iter().map(|case| clients(case));
    let mut ends: Vec<u64> = all().min().into_iter().chain(all().max()).collect();
    ends.dedup();
    ends
}

/// The highest rate with the fewest and with the most clients.
fn best(ground: &Ground<'_, '_>) -> String {
    let told = |n: u64| {
        let there = ground.cases.iter().copied().filter(|case| clients(case) == n && competes(case));
        let best = Best::among(there.collect())?;
        let rate = with_interval(best.typical(), format::rate);
        let plural = if n == 1 { "client" } else { "clients" };
        Some(format!("With {n} {plural} {} answers most: {rate}.", best.names()))
    };
    ends(ground).into_iter().filter_map(told).collect::<Vec<_>>().join(" ")
}

/// The lowest p99 with the most clients.
fn soonest(ground: &Ground<'_, '_>) -> String {
    let Some(most) = ends(ground).last().copied() else { return String::new() };
    let there = ground.cases.iter().filter(|case| clients(case) == most && competes(case));
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

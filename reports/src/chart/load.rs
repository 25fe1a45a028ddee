//! Latency against offered rate, up to overload.

use ipcmark_record::{Kind, Placement, Record};

use super::canvas::Dash;
use super::parameter::{Parameter, RATE};
use super::sweep::{Choice, Curve, Layout, P99, Sweep, TYPICAL, Value};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::load::{Due, Load, Offered, describe, loads, offered, receiving_share, sending_share};
use crate::analyse::statistics::{Estimate, median};
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::repetitions;
use crate::format;

/// Most variants of one kind with a panel, for each manner.
const MOST_PANELS: usize = 3;

const LATENCY: Value = Value {
    name: "from due to verified",
    of: TYPICAL,
    show: format::time,
    columns: [("Median", "latency_ns"), ("Low", "low_ns"), ("High", "high_ns")],
};

/// CPU time of the receiving side: senders generate the load, and poll for it.
const CPU: Value = Value {
    name: "CPU of the receiving side",
    of: |case| repetitions(&case.records, Kind::Cost, receiving_share).estimate().map(Estimate::with_ends),
    show: format::share,
    columns: [("CPU", "receiving_cpu_share"), ("Low", "low_share"), ("High", "high_share")],
};

const PERCENTILES: [Curve; 3] = [
    Curve { label: "p99.9", dash: Dash::Dotted, of: |case| case.summary.p999_ns.map(Estimate::with_ends) },
    Curve { label: "p99", dash: Dash::Dashed, of: P99 },
    Curve { label: "median", dash: Dash::Solid, of: TYPICAL },
];

/// One chart for each kind of load of messages.
pub fn figures(study: &Study<'_>, looks: &Looks, placement: Placement) -> Vec<Figure> {
    let offered = offered(study, placement, Due::Messages).into_iter();
    offered.flat_map(|offered| both(study, looks, placement, offered)).collect()
}

/// Charts for loads of a family with its own part of the page, at all placements.
pub fn apart(study: &Study<'_>, looks: &Looks, due: Due) -> Vec<Figure> {
    let at = |placement: Placement| {
        let offered = offered(study, placement, due).into_iter();
        let figures = offered.flat_map(move |offered| both(study, looks, placement, offered));
        figures.map(move |figure| Figure { id: format!("{}-{placement}", figure.id), ..figure })
    };
    study.placements().into_iter().flat_map(at).collect()
}

/// Latency and CPU time under one load.
fn both(study: &Study<'_>, looks: &Looks, placement: Placement, offered: Offered) -> impl Iterator<Item = Figure> {
    let loads = loads(study, placement, offered);
    let charts = Charts { study, looks, placement, offered, loads };
    charts.latency().into_iter().chain(charts.cpu())
}

/// Charts of one load.
struct Charts<'s, 'a> {
    study: &'s Study<'a>,
    looks: &'s Looks,
    placement: Placement,
    offered: Offered,
    loads: Vec<Load<'s, 'a>>,
}

impl<'s, 'a> Charts<'s, 'a> {
    /// Sweep of `value` over the rates, with `subject` in its title.
    fn sweep(&self, subject: &str, value: Value) -> Sweep<'s, 'a> {
        let name = match self.offered.due {
            Due::Messages => RATE.name,
            Due::Tasks => "tasks offered per second",
            Due::Requests => "requests offered per second",
        };
        let cases = self.loads.iter().flat_map(|load| load.cases.iter().copied()).collect();
        Sweep {
            title: format!("{subject} against offered rate, {}, {}", self.offered.describe(), place(self.placement)),
            ..Sweep::of(cases, Parameter { name, ..RATE }, value)
        }
    }

    /// CPU time at each rate. At a fixed rate it is what waiting costs: a receiver that polls uses its CPU whole.
    fn cpu(&self) -> Option<Figure> {
        let sweep = Sweep {
            id: format!("load-cpu-{}", self.offered.id()),
            description: "CPU time of the receiving side as a share of one CPU by offered rate, one line per mechanism.",
            note: format!(
                "CPU time of the {} over the time on the clock; above 100\u{202f}% it is several CPUs. Bands are intervals over \
                 repetitions; overloaded rates are crossed out.",
                self.offered.receivers(),
            ),
            ..self.sweep("CPU time", CPU)
        };
        sweep.figure(self.study, self.looks)
    }

    fn latency(&self) -> Option<Figure> {
        let (choice, remark) = match self.offered.due {
            Due::Messages => (
                Choice::EachKind,
                " A sender polls until a message is due; the cost of that, and a sender that sleeps, are not shown.",
            ),
            // All variants are of one kind.
            Due::Tasks | Due::Requests => (Choice::Closest(MOST_PANELS), ""),
        };
        let sweep = Sweep {
            id: format!("load-{}", self.offered.id()),
            description: "Median, 99th and 99.9th percentile of the latency by offered rate, on logarithmic axes, one \
                          panel per mechanism; overloaded rates are crossed out.",
            note: format!(
                "An open loop: {} are due by the clock, and latency counts from the due time. A rate is \
                 overloaded, and crossed out, where any repetition delivered less than 99 % of it; its latency \
                 then grows with the length of the trial and has no meaning.{remark}",
                self.offered.due.word(),
            ),
            layout: Layout::Variant(&PERCENTILES),
            choice,
            limit: Box::new(|cases| {
                let load = Load { series: &cases[0].series, cases: cases.to_vec() };
                Some((load.knee().overloaded_per_s?, "overloaded"))
            }),
            ..self.sweep("Latency", LATENCY)
        };
        let shown = sweep.shown();
        let drawn: Vec<&Load<'_, '_>> = self.loads.iter().filter(|load| shown.shows(load.series)).collect();
        Some(Figure { answer: describe(&drawn), table: table(&self.loads), ..sweep.figure(self.study, self.looks)? })
    }
}

fn table(loads: &[Load<'_, '_>]) -> Table {
    Table::of(loads.iter().flat_map(|load| &load.cases))
        .case("Mechanism")
        .number("Offered", "offered_per_s", format::rate, |case| Some((RATE.of)(case) as f64))
        .number("Delivered", "messages_per_s", format::rate, |case| case.summary.messages_per_s)
        .spread([("Median", "latency_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .time("p99", "p99_ns", |case| case.summary.p99())
        .text("p99, interval", "p99_interval", |case| interval(case.summary.p99_ns))
        .time("p99.9", "p999_ns", |case| Some(case.summary.p999_ns?.value))
        .text("p99.9, interval", "p999_interval", |case| interval(case.summary.p999_ns))
        .number("CPU, sending", "sending_cpu_share", format::percent, |case| over(case, sending_share))
        .number("CPU, receiving", "receiving_cpu_share", format::percent, |case| over(case, receiving_share))
        .number("Lost", "lost_share", format::percent, |case| case.summary.lost_share)
        .verdict()
        .table()
}

/// Median over repetitions.
fn over(case: &CaseStudy<'_>, share: fn(&Record) -> Option<f64>) -> Option<f64> {
    median(case.usable().filter_map(share))
}

/// `1.2 to 1.4 µs`; empty without an interval.
fn interval(of: Option<Estimate>) -> String {
    of.and_then(|estimate| estimate.interval).map_or_else(String::new, |i| format::span(i.low, i.high, format::time))
}

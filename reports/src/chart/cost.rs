//! CPU time against round trip: the price of polling.

use ipcmark_record::{Measure, Placement};

use super::axis::Axis;
use super::scatter::{Dot, Scatter, front};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, size};
use crate::analyse::series::Manner;
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Number of points up to which all are labelled; beyond it only the front and the best of each kind.
const MOST_NAMES: usize = 14;

/// Case with its round trip and CPU time in nanoseconds.
type Placed<'s, 'a> = (&'s CaseStudy<'a>, (f64, f64));

/// Chart at the most common size; `None` without CPU times.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let common = study.common_size(Measure::RoundTrip, placement)?;
    let point = |case: &CaseStudy<'_>| Some((case.summary.typical?.value, case.summary.cpu_ns_per_message?));
    let placed: Vec<Placed<'_, '_>> = study
        .measured(Measure::RoundTrip, placement)
        .filter(|case| case.bytes() == common && case.series.manner != Manner::Alone)
        .filter_map(|case| Some((case, point(case)?)))
        .collect();
    if placed.len() < 2 {
        return None;
    }
    let points: Vec<(f64, f64)> = placed.iter().map(|(_, point)| *point).collect();
    // Threads are references: shown, but not part of the Pareto front.
    let processes: Vec<usize> = (0..placed.len()).filter(|&at| placed[at].0.series.between_processes()).collect();
    let of_processes: Vec<(f64, f64)> = processes.iter().map(|&at| points[at]).collect();
    let front: Vec<usize> = front(&of_processes).into_iter().map(|at| processes[at]).collect();
    let named = Shown::of(&placed.iter().map(|one| one.0).collect::<Vec<_>>(), size);
    let dot = |(at, (case, point)): (usize, &Placed<'_, '_>)| {
        let look = looks.get(study.index(&case.series));
        Dot {
            at: *point,
            ink: look.ink(),
            marker: look.marker,
            label: (placed.len() <= MOST_NAMES || front.contains(&at) || named.shows(&case.series))
                .then(|| case.series.label()),
        }
    };
    let title = format!("CPU time against latency: {} round trip, {}", format::bytes(common), place(placement));
    let chart = Scatter {
        description: "CPU time of all roles per message by round trip, on logarithmic axes, one point per mechanism; a \
             line joins the mechanisms that no other beats in both.",
        x_name: "round trip",
        y_name: "CPU time per message",
        x: Axis::log(points.iter().map(|point| point.0), format::time),
        y: Axis::log(points.iter().map(|point| point.1), format::time),
        dots: placed.iter().enumerate().map(dot).collect(),
        front: front.iter().map(|&at| points[at]).collect(),
        corner: None,
    };
    Some(Figure {
        answer: answer(&placed, &front),
        note: "User and system time of all roles together; a round trip is two messages. Circles poll, \
             triangles poll and then block, squares and diamonds block. Medians are compared; intervals may \
             overlap. Time is counted while messages flow: the CPU time that a poller uses while idle, a \
             whole CPU, is not shown."
            .into(),
        legend: looks.kinds(),
        table: table(&placed, &front),
        ..Figure::drawn("cost", title, &chart)
    })
}

fn answer(placed: &[Placed<'_, '_>], front: &[usize]) -> String {
    let describe = |&at: &usize| {
        let (case, (trip, cpu)) = &placed[at];
        format!("{} ({}, {} of CPU)", case.series.quoted(), format::ns(*trip), format::ns(*cpu))
    };
    let named: Vec<String> = front.iter().map(describe).collect();
    let best = match named.as_slice() {
        [] => return String::new(),
        [only] => format!("One beats all others in both: {only}."),
        several => format!("No mechanism has both a shorter round trip and less CPU time than {}.", several.join(", ")),
    };
    format!("{best}{}", price_of_polling(placed).unwrap_or_default())
}

/// Fastest polling variant compared with the fastest blocking one.
fn price_of_polling(placed: &[Placed<'_, '_>]) -> Option<String> {
    let soonest = |manner: Manner| {
        let of = placed.iter().filter(|(case, _)| case.series.manner == manner && case.series.between_processes());
        of.min_by(|a, b| a.1.0.total_cmp(&b.1.0))
    };
    let ((polling, (trip, cpu)), (blocking, (long, other))) = (soonest(Manner::Polls)?, soonest(Manner::Blocks)?);
    Some(format!(
        " The fastest that polls, {}, answers in 1/{} of the time of {}, the fastest that blocks, and \
             uses {} times the CPU time.",
        polling.series.quoted(),
        format::ratio(long / trip),
        blocking.series.quoted(),
        format::ratio(cpu / other)
    ))
}

fn table(placed: &[Placed<'_, '_>], front: &[usize]) -> Table {
    let rows = placed.iter().enumerate();
    Table::of(rows.map(|(at, (case, point))| (*case, (*point, front.contains(&at)))).collect::<Vec<_>>())
        .case("Mechanism")
        .time("Round trip", "round_trip_ns", |row| Some(row.1.0.0))
        .time("CPU per message", "cpu_ns", |row| Some(row.1.0.1))
        .text("Beaten in both", "beaten", |row| if row.1.1 { "no" } else { "yes" })
        .table()
}

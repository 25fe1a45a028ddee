//! Ticket sale: several sellers share one stock and must sell it exactly.

use ipcmark_record::{Measure, Placement, Stock, metric};

use super::super::axis::Axis;
use super::super::dots::{Dots, Mark, Row, Section};
use super::super::table::Table;
use super::super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::best::{Shown, with_interval};
use crate::analyse::locks::{contenders, excludes, home, rivals};
use crate::analyse::statistics::Estimate;
use crate::analyse::study::{CaseStudy, Study};
use crate::analyse::trials::value;
use crate::format;

/// Chart for the most common number of sellers; `None` without cases.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let placement = home(study, Measure::Tickets, placement)?;
    let mut cases = rivals(study, Measure::Tickets, placement);
    let sellers = most_common(&cases)?;
    let all = cases.clone();
    cases.retain(|case| contenders(case.case) == sellers);
    cases.sort_by(|a, b| a.cost_ns().unwrap_or(f64::MAX).total_cmp(&b.cost_ns().unwrap_or(f64::MAX)));
    let shown = Shown::of(&cases, |case| stock(case) as u64);
    let title = format!("Ticket sale: {sellers} sellers, one stock, {}", place(placement));
    let chart = |all: bool| {
        let drawn = cases.iter().copied().filter(|case| all || shown.shows(&case.series) || !excludes(case));
        dots(study, looks, &drawn.collect::<Vec<_>>())
    };
    let short = chart(false);
    Some(
        Figure {
            answer: answer(&cases),
            note: format!(
                "Time of the whole sale over tickets sold, median over repetitions with its interval; less \
             is better. A sale from the JSON file opens, reads, parses and rewrites it under the lock. Every \
             stock was sold exactly, or the trial would be invalid. Rows without a lock are crossed out: they \
             had to oversell to be counted as caught.{}",
                shown.describe()
            ),
            legend: looks.kinds_of(cases.iter().map(|case| &case.series)),
            table: table(&all),
            ..Figure::drawn("tickets", title, &short)
        }
        .unfolding(format!("All {} races", cases.len()), shown.is_partial().then(|| chart(true))),
    )
}

fn stock(case: &CaseStudy<'_>) -> Stock {
    case.case.params.stock.unwrap_or(Stock::Memory)
}

/// Most common number of sellers, the largest on ties.
fn most_common(cases: &[&CaseStudy<'_>]) -> Option<u32> {
    let with = |n: u32| cases.iter().filter(|case| contenders(case.case) == n).count();
    cases.iter().map(|case| contenders(case.case)).max_by_key(|&n| (with(n), n))
}

const fn heading(stock: Stock) -> &'static str {
    match stock {
        Stock::JsonFile => "stock in a JSON file",
        Stock::Memory => "stock in shared memory",
    }
}

fn dots(study: &Study<'_>, looks: &Looks, cases: &[&CaseStudy<'_>]) -> Dots {
    let row = |case: &CaseStudy<'_>| {
        let look = looks.get(study.index(&case.series));
        let (value, interval) = case.summary.typical?.with_ends();
        let mark =
            Mark { value, interval, ink: look.ink(), marker: look.marker, each: Vec::new(), crossed: !case.is_sound() };
        Some(Row { label: case.series.label(), ink: look.ink(), note: note(case), marks: vec![mark] })
    };
    let section = |&stock: &Stock| {
        let members = cases.iter().filter(|case| self::stock(case) == stock);
        let rows: Vec<Row> = members.filter_map(|case| row(case)).collect();
        (!rows.is_empty()).then(|| Section { heading: heading(stock).into(), rows })
    };
    let spans = cases.iter().filter_map(|case| case.summary.typical).map(Estimate::with_ends);
    let values = spans.flat_map(|(value, ends)| [Some(value), ends.map(|ends| ends.0), ends.map(|ends| ends.1)]);
    Dots {
        description: "Time for each ticket sold, on a logarithmic axis, by where the stock is kept.",
        x_name: "time per ticket sold (log scale)",
        axis: Axis::log(values.flatten(), format::time),
        references: Vec::new(),
        stretch: None,
        sections: [Stock::Memory, Stock::JsonFile].iter().filter_map(section).collect(),
    }
}

/// Time per ticket, or the number of oversold tickets.
fn note(case: &CaseStudy<'_>) -> String {
    let time = case.cost_ns().map(format::ns).unwrap_or_default();
    match value(case, metric::OVERSOLD) {
        Some(oversold) if !case.is_sound() => {
            format!("caught: {} oversold", format::whole(oversold as u64))
        }
        _ => time,
    }
}

fn answer(cases: &[&CaseStudy<'_>]) -> String {
    let best = |stock: Stock| {
        let sound = |case: &&&CaseStudy<'_>| self::stock(case) == stock && case.is_sound() && excludes(case);
        let best = cases.iter().find(|case| sound(case) && case.series.between_processes())?;
        let typical = best.summary.typical.as_ref()?;
        Some(format!(
            "{}: {}, {} per ticket",
            heading(stock),
            best.series.quoted(),
            with_interval(typical, format::time)
        ))
    };
    let bests: Vec<String> = [best(Stock::Memory), best(Stock::JsonFile)].into_iter().flatten().collect();
    let without = cases.iter().find(|case| !case.is_sound()).map(|case| {
        let oversold = value(case, metric::OVERSOLD).unwrap_or(0.0);
        let (name, where_to) = (case.series.quoted(), heading(stock(case)));
        format!(" Caught as expected: {name} ({where_to}) sold {} tickets that did not exist.", {
            format::whole(oversold as u64)
        })
    });
    let free = cases.iter().find(|case| case.is_sound() && !excludes(case)).and_then(|case| {
        Some(format!(
            "; without any lock, {} takes {}",
            case.series.quoted(),
            with_interval(case.summary.typical.as_ref()?, format::time)
        ))
    });
    if bests.is_empty() {
        return without.unwrap_or_default().trim_start().to_owned();
    }
    format!("Shortest sale: {}{}.{}", bests.join("; "), free.unwrap_or_default(), without.unwrap_or_default())
}

fn table(cases: &[&CaseStudy<'_>]) -> Table {
    Table::of(cases)
        .case("Lock")
        .text("Stock", "stock", |case| stock(case).word())
        .count("Sellers", "sellers_count", |case| Some(f64::from(contenders(case.case))))
        .spread([("Time per ticket", "sale_ns"), ("Low", "low_ns"), ("High", "high_ns")], format::time)
        .metric("Retries per sale", "retries_count", format::count, metric::RETRIES_PER_UPDATE)
        .metric("Oversold", "oversold_count", |count| format::whole(count as u64), metric::OVERSOLD)
        .verdict()
        .table()
}

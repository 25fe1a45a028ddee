//! Charts of a comparison: a value against a parameter, one panel per mechanism and one line per arm.

use ipcmark_record::{Case, Measure, Params};

use super::axis::Axis;
use super::canvas::{Ink, Marker};
use super::lines::{Lines, heights};
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Key};
use crate::analyse::summary::shown;
use crate::compare::{ComparedCase, Comparison, size};
use crate::format;

/// Most panels of a chart; the others are folded.
const MOST_PANELS: usize = 9;

/// Chart of a comparison.
struct Sweep {
    id: &'static str,
    title: &'static str,
    measure: Measure,
    /// Name of the horizontal axis.
    across: &'static str,
    of: fn(&Params) -> Option<u64>,
    open: fn(&mut Params),
    show: fn(u64) -> String,
}

/// Charts in page order.
const SWEEPS: [Sweep; 7] = [
    Sweep {
        id: "round-trip",
        title: "Round trip against message size",
        measure: Measure::RoundTrip,
        across: "message size",
        of: |params| params.message_bytes,
        open: |params| params.message_bytes = None,
        show: format::bytes,
    },
    Sweep {
        id: "rate",
        title: "Messages per second against message size",
        measure: Measure::Stream,
        across: "message size",
        of: |params| params.message_bytes,
        open: |params| params.message_bytes = None,
        show: format::bytes,
    },
    Sweep {
        id: "load",
        title: "Latency against offered rate",
        measure: Measure::Paced,
        across: "messages offered per second",
        of: |params| params.rate_per_s,
        open: |params| params.rate_per_s = None,
        show: |per_s| format::rate(per_s as f64).trimmed().to_string(),
    },
    Sweep {
        id: "contention",
        title: "Acquisitions against contenders",
        measure: Measure::Contention,
        across: "contenders",
        of: |params| params.contenders.map(u64::from),
        open: |params| params.contenders = None,
        show: |count| count.to_string(),
    },
    Sweep {
        id: "pools",
        title: "Time per task against workers",
        measure: Measure::Dispatch,
        across: "workers",
        of: |params| params.workers.map(u64::from),
        open: |params| params.workers = None,
        show: |count| count.to_string(),
    },
    Sweep {
        id: "grains",
        title: "Time per task against its size",
        measure: Measure::Dispatch,
        across: "work of a task",
        of: |params| params.grain_ns,
        open: |params| params.grain_ns = None,
        show: |ns| format::time(ns as f64).trimmed().to_string(),
    },
    Sweep {
        id: "servers",
        title: "Requests per second against clients",
        measure: Measure::Serve,
        across: "clients",
        of: |params| params.clients.map(u64::from),
        open: |params| params.clients = None,
        show: |count| count.to_string(),
    },
];

/// Charts with at least two values of their parameter.
pub fn figures(comparison: &Comparison) -> Vec<Figure> {
    SWEEPS.iter().filter_map(|sweep| sweep.figure(comparison)).collect()
}

impl Sweep {
    fn figure(&self, comparison: &Comparison) -> Option<Figure> {
        let mut groups: Vec<(Case, Vec<&ComparedCase>)> = Vec::new();
        let with_numbers = |case: &&ComparedCase| case.sides.iter().flatten().next().is_some();
        for case in comparison.cases.iter().filter(with_numbers) {
            if case.case.measure != self.measure || (self.of)(&case.case.params).is_none() {
                continue;
            }
            let shape = case.case.clone().with(|params| {
                (self.open)(params);
                // The usual depth follows from the size.
                if !case.case_key.contains("/depth=") {
                    params.depth = None;
                }
            });
            match groups.iter_mut().find(|(known, _)| *known == shape) {
                Some((_, cases)) => cases.push(case),
                None => groups.push((shape, vec![case])),
            }
        }
        groups.retain(|(_, cases)| cases.len() > 1);
        for (_, cases) in &mut groups {
            cases.sort_by_key(|case| (self.of)(&case.case.params));
        }
        let change = |cases: &[&ComparedCase]| {
            cases.iter().flat_map(|case| &case.against).map(size).sum::<f64>() / cases.len() as f64
        };
        groups.sort_by(|a, b| change(&b.1).total_cmp(&change(&a.1)));
        let mut values: Vec<u64> =
            groups.iter().flat_map(|(_, cases)| cases).filter_map(|case| (self.of)(&case.case.params)).collect();
        values.sort_unstable();
        values.dedup();
        let (first, rest) = groups.split_at(groups.len().min(MOST_PANELS));
        if first.is_empty() {
            return None;
        }
        let legend = comparison
            .arms
            .iter()
            .enumerate()
            .map(|(at, arm)| Key { class: format!("dot s{at}"), word: arm.name.clone() });
        let figure = Figure {
            note: "Panels are ordered by the size of the change. Points are medians of the arms; a panel names mechanism, \
                   placement and what else it fixes."
                .into(),
            legend: legend.collect(),
            table: table(comparison, groups.iter().flat_map(|(_, cases)| cases.iter().copied())),
            ..Figure::drawn(self.id, self.title, &self.chart(comparison, first, &values))
        };
        Some(figure.unfolding(
            format!("{} more mechanisms", rest.len()),
            (!rest.is_empty()).then(|| self.chart(comparison, rest, &values)),
        ))
    }

    fn chart(&self, comparison: &Comparison, groups: &[(Case, Vec<&ComparedCase>)], values: &[u64]) -> Lines {
        let panels: Vec<Panel> =
            groups.iter().map(|(shape, cases)| self.panel(comparison, shape, cases, values)).collect();
        let main = groups[0].0.main_metric();
        let rate = main.is_some_and(ipcmark_record::MainMetric::is_rate);
        Lines {
            description: "A value against a parameter, on logarithmic axes, one panel per mechanism and one line per arm.",
            scales: Scales {
                x_name: self.across,
                y_name: if rate { "per second" } else { "time" },
                x: Axis::places(values, self.show),
                y: Axis::log(heights(&panels), if rate { format::rate } else { format::time }),
            },
            columns: 3,
            panels,
        }
    }

    fn panel(&self, comparison: &Comparison, shape: &Case, cases: &[&ComparedCase], values: &[u64]) -> Panel {
        let line = |(arm, _): (usize, &crate::compare::Arm)| {
            let mut before = None;
            let points = cases.iter().filter_map(|case| {
                let of = (self.of)(&case.case.params)?;
                let point = Point::at(of.max(1) as f64, case.sides[arm].as_ref()?.value);
                let at = values.iter().position(|&known| known == of);
                let joined = at.zip(before).is_some_and(|(at, before): (usize, usize)| at == before + 1);
                before = at;
                Some(Point { joined, ..point })
            });
            // The legend has the names.
            let ink = Ink::Series(u16::try_from(arm).unwrap_or(u16::MAX));
            Line { label: String::new(), ink, marker: Some(Marker::Circle), points: points.collect() }
        };
        let lines = comparison.arms.iter().enumerate().map(line).filter(|line| !line.points.is_empty());
        Panel { heading: heading(shape, cases[0]), lines: lines.collect(), limits: Vec::new() }
    }
}

/// What a panel fixes, short enough for its width.
fn heading(shape: &Case, case: &ComparedCase) -> String {
    let mut words = vec![shape.row()];
    let asked = |name: &str| case.case_key.contains(&format!("/{name}="));
    let set = shape.params.set_values().filter(|(name, value)| asked(name) && value != "memfd");
    words.extend(set.map(|(name, value)| format!("{name}={value}")));
    words.push(shape.placement.to_string());
    words.join(" ")
}

/// One line for each case and arm.
pub fn table<'c>(comparison: &'c Comparison, cases: impl Iterator<Item = &'c ComparedCase>) -> Table {
    let rows = cases.flat_map(|case| case.against.iter().map(move |against| (case, against)));
    let of_base = |row: &(&ComparedCase, &crate::compare::Against), arm: usize| {
        row.0.sides[arm].as_ref().map(|side| side.cost_ns)
    };
    let text = |row: &(&ComparedCase, &crate::compare::Against), arm: usize| {
        let side = row.0.sides[arm].as_ref();
        side.zip(row.0.case.main_metric())
            .map_or_else(|| "–".to_owned(), |(side, main)| shown(main, side.value).to_string())
    };
    let ends = |row: &(&ComparedCase, &crate::compare::Against)| row.1.ratio.and_then(|ratio| ratio.interval);
    let base = comparison.arms[0].name.clone();
    Table::of(rows)
        .text("Case", "case", |row| row.0.name.clone())
        .text("Base", "base", move |_| base.clone())
        .text("Arm", "arm", |row| comparison.arms[row.1.arm].name.clone())
        .text("In the base", "base_value", |row| text(row, 0))
        .text("In the arm", "arm_value", |row| text(row, row.1.arm))
        .time("Cost, base", "base_cost_ns", |row| of_base(row, 0))
        .time("Cost, arm", "arm_cost_ns", |row| of_base(row, row.1.arm))
        .number("Cost ratio", "ratio_count", format::ratio, |row| Some(row.1.ratio?.value))
        .number("Low", "low_count", format::ratio, |row| Some(ends(row)?.low))
        .number("High", "high_count", format::ratio, |row| Some(ends(row)?.high))
        .text("Conclusion", "conclusion", |row| row.1.change.word())
        .text("Because", "because", |row| row.1.reason())
        .table()
}

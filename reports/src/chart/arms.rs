//! Charts of a comparison: a value against a parameter, one panel per mechanism and one line per arm.

use ipcmark_record::{Case, Measure, Parameter, Unit};

use super::axis::Axis;
use super::canvas::{Ink, Marker};
use super::lines::{Lines, heights};
use super::plot::{Line, Panel, Point, Scales};
use super::table::Table;
use super::{Figure, Key};
use crate::analyse::summary::shown;
use crate::compare::{ComparedCase, Comparison, Typical, size};
use crate::format;

/// Most panels of a chart; the others are folded.
const MOST_PANELS: usize = 9;

/// Chart of a comparison.
struct Sweep {
    id: &'static str,
    title: &'static str,
    measure: Measure,
    /// Name of the parameter on the horizontal axis.
    across: &'static str,
    /// Value on the vertical axis.
    value: fn(&Typical) -> Option<f64>,
}

const fn sweep(id: &'static str, title: &'static str, measure: Measure, across: &'static str) -> Sweep {
    Sweep { id, title, measure, across, value: |side| Some(side.value) }
}

/// Charts in page order.
const SWEEPS: [Sweep; 8] = [
    sweep("round-trip", "Round trip against message size", Measure::RoundTrip, "message_bytes"),
    sweep("rate", "Messages per second against message size", Measure::Stream, "message_bytes"),
    sweep("load", "Median latency against offered rate", Measure::Paced, "rate_per_s"),
    Sweep {
        value: |side| side.p99_ns,
        ..sweep("load-p99", "99th percentile of the latency against offered rate", Measure::Paced, "rate_per_s")
    },
    sweep("contention", "Acquisitions against contenders", Measure::Contention, "contenders"),
    sweep("pools", "Time per task against workers", Measure::Dispatch, "workers"),
    sweep("grains", "Time per task against its size", Measure::Dispatch, "grain_ns"),
    sweep("servers", "Requests per second against clients", Measure::Serve, "clients"),
];

/// Charts with at least two values of their parameter.
pub fn figures(comparison: &Comparison) -> Vec<Figure> {
    SWEEPS.iter().filter_map(|sweep| sweep.figure(comparison)).collect()
}

/// Value of a parameter as text.
fn text_of(across: &Parameter) -> fn(u64) -> String {
    match across.unit {
        Unit::Bytes => format::bytes,
        Unit::Nanoseconds => |ns| format::time(ns as f64).trimmed().to_string(),
        Unit::PerSecond => |per_s| format::rate(per_s as f64).trimmed().to_string(),
        Unit::None | Unit::Percent => |count| count.to_string(),
    }
}

impl Sweep {
    fn figure(&self, comparison: &Comparison) -> Option<Figure> {
        let across = Parameter::find(self.across)?;
        let mut groups: Vec<(Case, Vec<&ComparedCase>)> = Vec::new();
        let with_numbers = |case: &&ComparedCase| case.sides.iter().flatten().any(|side| (self.value)(side).is_some());
        for case in comparison.cases.iter().filter(with_numbers) {
            if case.case.measure != self.measure || across.number(&case.case.params).is_none() {
                continue;
            }
            let shape = case.case.clone().with(|params| {
                across.clear(params);
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
            cases.sort_by_key(|case| across.number(&case.case.params));
        }
        let change = |cases: &[&ComparedCase]| {
            cases.iter().flat_map(|case| &case.against).map(size).sum::<f64>() / cases.len() as f64
        };
        groups.sort_by(|a, b| change(&b.1).total_cmp(&change(&a.1)));
        let mut values: Vec<u64> =
            groups.iter().flat_map(|(_, cases)| cases).filter_map(|case| across.number(&case.case.params)).collect();
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
            ..Figure::drawn(self.id, self.title, &self.chart(comparison, across, first, &values))
        };
        Some(figure.unfolding(
            format!("{} more mechanisms", rest.len()),
            (!rest.is_empty()).then(|| self.chart(comparison, across, rest, &values)),
        ))
    }

    fn chart(
        &self,
        comparison: &Comparison,
        across: &Parameter,
        groups: &[(Case, Vec<&ComparedCase>)],
        values: &[u64],
    ) -> Lines {
        let panel = |(shape, cases): &(Case, Vec<&ComparedCase>)| Panel {
            heading: heading(shape, cases[0]),
            lines: self.lines(comparison, across, cases, values),
            limits: Vec::new(),
        };
        let panels: Vec<Panel> = groups.iter().map(panel).collect();
        let main = groups[0].0.main_metric();
        let rate = main.is_some_and(ipcmark_record::MainMetric::is_rate);
        Lines {
            description: "A value against a parameter, on logarithmic axes, one panel per mechanism and one line per arm.",
            scales: Scales {
                x_name: across.label,
                y_name: if rate { "per second" } else { "time" },
                x: Axis::places(values, text_of(across)),
                y: Axis::log(heights(&panels), if rate { format::rate } else { format::time }),
            },
            columns: 3,
            panels,
        }
    }

    /// A line for each arm.
    fn lines(&self, comparison: &Comparison, across: &Parameter, cases: &[&ComparedCase], values: &[u64]) -> Vec<Line> {
        let line = |(arm, _): (usize, &crate::compare::Arm)| {
            let mut before = None;
            let points = cases.iter().filter_map(|case| {
                let of = across.number(&case.case.params)?;
                let point = Point::at(of.max(1) as f64, (self.value)(case.sides[arm].as_ref()?)?);
                let at = values.iter().position(|&known| known == of);
                let joined = at.zip(before).is_some_and(|(at, before): (usize, usize)| at == before + 1);
                before = at;
                Some(Point { joined, ..point })
            });
            // The legend has the names.
            let ink = Ink::Series(u16::try_from(arm).unwrap_or(u16::MAX));
            Line { label: String::new(), ink, marker: Some(Marker::Circle), points: points.collect() }
        };
        comparison.arms.iter().enumerate().map(line).filter(|line| !line.points.is_empty()).collect()
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
        .time("p99, base", "base_p99_ns", |row| row.0.sides[0].as_ref()?.p99_ns)
        .time("p99, arm", "arm_p99_ns", |row| row.0.sides[row.1.arm].as_ref()?.p99_ns)
        .number("Cost ratio", "ratio_count", format::ratio, |row| Some(row.1.ratio?.value))
        .number("Low", "low_count", format::ratio, |row| Some(ends(row)?.low))
        .number("High", "high_count", format::ratio, |row| Some(ends(row)?.high))
        .text("Conclusion", "conclusion", |row| row.1.change.word())
        .text("Because", "because", |row| row.1.reason())
        .table()
}

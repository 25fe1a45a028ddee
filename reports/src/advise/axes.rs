//! Axes on which measured cases lie, and how far a case is from a request.

use ipcmark_record::{Case, Measure, Pattern};

use super::request::Subject;
use super::span;
use crate::format;

/// Axis along which cases differ from a request.
pub(super) struct Axis {
    pub name: &'static str,
    pub asked: f64,
    pub has: fn(&Case) -> f64,
    /// Added before the logarithm: values far below it are alike.
    soft: f64,
    /// How much more a step along this axis moves a result than one along the message size.
    weight: f64,
    pub show: fn(f64) -> String,
}

impl Axis {
    fn place(&self, value: f64) -> f64 {
        self.weight * (value + self.soft).ln()
    }
}

fn axis(name: &'static str, has: fn(&Case) -> f64, soft: f64, show: fn(f64) -> String) -> Axis {
    Axis { name, asked: 0.0, has, soft, weight: 1.0, show }
}

fn roles(name: &'static str, has: fn(&Case) -> f64) -> Axis {
    Axis { weight: 2.0, ..axis(name, has, 0.0, |n| format::whole(n as u64)) }
}

fn size() -> Axis {
    axis("size", |case| case.params.message_bytes.unwrap_or(0) as f64, LINE, shown_bytes)
}

fn shown_bytes(value: f64) -> String {
    format::bytes(value as u64)
}

fn shown_rate(value: f64) -> String {
    format::rate(value).trimmed().to_string()
}

pub(super) fn shown_time(value: f64) -> String {
    format::time(value).trimmed().to_string()
}

/// A cache line: smaller messages cost about the same.
pub(super) const LINE: f64 = 64.0;
/// Work below this hardly shows beside the mechanism itself.
const SHORT_NS: f64 = 200.0;
/// A parent of this size starts processes about as fast as a smaller one.
const SMALL_RSS: f64 = (8 << 20) as f64;

impl Subject {
    /// Axes on which the cases of a measure lie, with the place of the request.
    pub(super) fn axes(self, measure: Measure) -> Vec<Axis> {
        let asked = self.case();
        self.bare_axes(measure).into_iter().map(|axis| Axis { asked: (axis.has)(&asked), ..axis }).collect()
    }

    /// The subject with other values on the axes of its measure.
    pub(super) fn at(self, values: &[f64]) -> Self {
        let whole = |axis: usize| values.get(axis).map_or(0, |value| value.round() as u64);
        let count = |axis: usize| u32::try_from(whole(axis)).unwrap_or(u32::MAX);
        match self {
            Self::Transport { .. } => Self::Transport {
                message_bytes: whole(0),
                rate_per_s: whole(1),
                pattern: Pattern { senders: count(2), receivers: count(3) },
            },
            Self::Lock { .. } => Self::Lock { contenders: count(0), critical_section_ns: whole(1) },
            Self::Pool { .. } => Self::Pool { grain_ns: whole(0), workers: count(1) },
            Self::State { .. } => Self::State {
                contenders: count(0),
                reads_percent: 100_u32.saturating_sub(count(1)),
                message_bytes: whole(2),
            },
            Self::Start { .. } => Self::Start { parent_rss_bytes: whole(0), batch: count(1) },
        }
    }

    fn bare_axes(self, measure: Measure) -> Vec<Axis> {
        let contenders = |name| roles(name, |case| f64::from(case.params.contenders.unwrap_or(1)));
        match self {
            Self::Transport { .. } => {
                let rate = axis("rate", |case| case.params.rate_per_s.unwrap_or(1) as f64, 0.0, shown_rate);
                let senders = roles("senders", |case| f64::from(case.pattern().senders));
                let receivers = roles("receivers", |case| f64::from(case.pattern().receivers));
                match measure {
                    Measure::Paced => vec![size(), rate, senders, receivers],
                    Measure::Stream => vec![size(), senders, receivers],
                    _ => vec![size()],
                }
            }
            Self::Lock { .. } => {
                let inside = |case: &Case| case.params.critical_section_ns.unwrap_or(0) as f64;
                vec![contenders("contenders"), axis("critical section", inside, SHORT_NS, shown_time)]
            }
            Self::Pool { .. } => vec![
                axis("grain", |case| case.params.grain_ns.unwrap_or(0) as f64, SHORT_NS, shown_time),
                roles("workers", |case| f64::from(case.params.workers.unwrap_or(1))),
            ],
            Self::State { .. } => {
                // Writes are what costs: from 1 to 50 % of them is far, from 90 to 91 % is not.
                let writes = |case: &Case| 100.0 - f64::from(case.params.reads_percent.unwrap_or(100));
                let shown = |percent| format::percent_short(percent / 100.0);
                vec![contenders("processes"), axis("writes", writes, 1.0, shown), size()]
            }
            Self::Start { .. } => {
                let rss = |case: &Case| case.params.parent_rss_bytes.unwrap_or(0) as f64;
                let batch = roles("batch", |case| f64::from(case.params.batch.unwrap_or(1)));
                vec![axis("parent", rss, SMALL_RSS, shown_bytes), batch]
            }
        }
    }
}

/// Coordinates of a case and of the request.
pub(super) fn place(axes: &[Axis], case: &Case) -> Vec<f64> {
    axes.iter().map(|axis| axis.place((axis.has)(case))).collect()
}

pub(super) fn asked(axes: &[Axis]) -> Vec<f64> {
    axes.iter().map(|axis| axis.place(axis.asked)).collect()
}

/// A case beside the request: `64 B (asked: 4 KiB, x64), 100 k/s (asked: 200 k/s, x2)`; what is as asked is left out.
pub(super) fn beside(axes: &[Axis], case: &Case) -> String {
    let far = |axis: &&Axis| span::distance(&[axis.place((axis.has)(case))], &[axis.place(axis.asked)]) > 1e-9;
    let part = |axis: &Axis| {
        let has = (axis.has)(case);
        let factor =
            (axis.asked.max(axis.soft) / has.max(axis.soft)).max(has.max(axis.soft) / axis.asked.max(axis.soft));
        let times = if factor > 1.005 { format!(" (x{})", format::ratio(factor).trimmed()) } else { String::new() };
        format!("{} {}{times}", axis.name, (axis.show)(has))
    };
    let parts: Vec<String> = axes.iter().filter(far).map(part).collect();
    if parts.is_empty() { "as asked".to_owned() } else { parts.join(", ") }
}

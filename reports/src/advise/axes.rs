//! Axes on which measured cases lie, and how far a case is from a request.

use ipcmark_record::{Case, Measure};

use super::request::Subject;
use super::span;
use crate::format;

/// Axis along which cases differ from a request.
pub(super) struct Axis {
    pub name: &'static str,
    pub asked: f64,
    has: fn(&Case) -> f64,
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

fn axis(name: &'static str, asked: f64, has: fn(&Case) -> f64, soft: f64, show: fn(f64) -> String) -> Axis {
    Axis { name, asked, has, soft, weight: 1.0, show }
}

fn roles(name: &'static str, asked: u32, has: fn(&Case) -> f64) -> Axis {
    Axis { weight: 2.0, ..axis(name, f64::from(asked), has, 0.0, |n| format::whole(n as u64)) }
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
    /// Axes on which the cases of a measure lie.
    pub(super) fn axes(self, measure: Measure) -> Vec<Axis> {
        let number = |n: u64| n as f64;
        match self {
            Self::Transport { message_bytes, rate_per_s, pattern } => {
                let size = axis(
                    "size",
                    number(message_bytes),
                    |case| case.params.message_bytes.unwrap_or(0) as f64,
                    LINE,
                    shown_bytes,
                );
                let rate = axis(
                    "rate",
                    number(rate_per_s),
                    |case| case.params.rate_per_s.unwrap_or(1) as f64,
                    0.0,
                    shown_rate,
                );
                let senders = roles("senders", pattern.senders, |case| f64::from(case.pattern().senders));
                let receivers = roles("receivers", pattern.receivers, |case| f64::from(case.pattern().receivers));
                match measure {
                    Measure::Paced => vec![size, rate, senders, receivers],
                    Measure::Stream => vec![size, senders, receivers],
                    _ => vec![size],
                }
            }
            Self::Lock { contenders, critical_section_ns } => vec![
                roles("contenders", contenders, |case| f64::from(case.params.contenders.unwrap_or(1))),
                axis(
                    "critical section",
                    number(critical_section_ns),
                    |case| case.params.critical_section_ns.unwrap_or(0) as f64,
                    SHORT_NS,
                    shown_time,
                ),
            ],
            Self::Pool { grain_ns, workers } => vec![
                axis("grain", number(grain_ns), |case| case.params.grain_ns.unwrap_or(0) as f64, SHORT_NS, shown_time),
                roles("workers", workers, |case| f64::from(case.params.workers.unwrap_or(1))),
            ],
            Self::State { contenders, reads_percent, message_bytes } => vec![
                roles("processes", contenders, |case| f64::from(case.params.contenders.unwrap_or(1))),
                // Writes are what costs: from 1 to 50 % of them is far, from 90 to 91 % is not.
                axis(
                    "writes",
                    100.0 - f64::from(reads_percent),
                    |case| 100.0 - f64::from(case.params.reads_percent.unwrap_or(100)),
                    1.0,
                    |percent| format::percent_short(percent / 100.0),
                ),
                axis(
                    "size",
                    number(message_bytes),
                    |case| case.params.message_bytes.unwrap_or(0) as f64,
                    LINE,
                    shown_bytes,
                ),
            ],
            Self::Start { parent_rss_bytes, batch } => vec![
                axis(
                    "parent",
                    number(parent_rss_bytes),
                    |case| case.params.parent_rss_bytes.unwrap_or(0) as f64,
                    SMALL_RSS,
                    shown_bytes,
                ),
                roles("batch", batch, |case| f64::from(case.params.batch.unwrap_or(1))),
            ],
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

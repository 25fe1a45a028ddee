//! Parameters that charts put on their horizontal axis: message size, pause, depth, contenders, clients, ...

use ipcmark_record::Case;

use crate::analyse::best::{Best, size, with_interval};
use crate::analyse::ground::Ground;
use crate::analyse::locks::{Work, contenders, utilisation};
use crate::analyse::study::CaseStudy;
use crate::format::{self, Quantity};

/// A parameter that a sweep varies.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Name of the axis.
    pub name: &'static str,
    /// What one of it is called in a sentence.
    pub noun: &'static str,
    /// The table's column: for people, and for programs.
    pub column: (&'static str, &'static str),
    /// Its value in a case.
    pub of: fn(&CaseStudy<'_>) -> u64,
    /// How a value is written.
    pub show: fn(u64) -> String,
    /// Leaves it open in what cases have in common.
    pub open: fn(&mut Case),
    /// Where values stand on the axis.
    pub scale: Scale,
}

/// Where the values of a parameter stand on its axis.
#[derive(Clone, Copy)]
pub enum Scale {
    /// By their logarithm, with ticks at the measured values.
    Log,
    /// Evenly apart: for shares, and where one value is 0.
    Even,
    /// By the logarithm of a number that follows from the case, with ticks at round numbers.
    Derived(fn(&CaseStudy<'_>) -> Option<f64>, fn(f64) -> Quantity),
}

/// Payload of a message.
pub const SIZE: Parameter = Parameter {
    name: "message size",
    noun: "byte",
    column: ("Size", "message_bytes"),
    of: size,
    show: format::bytes,
    open: |case| case.params.message_bytes = None,
    scale: Scale::Log,
};

/// Silence before a message.
pub const PAUSE: Parameter = Parameter {
    name: "pause before the message",
    noun: "pause",
    column: ("Pause", "gap_ns"),
    of: |case| case.case.params.gap_ns.unwrap_or(0),
    show: time,
    open: |case| case.params.gap_ns = None,
    scale: Scale::Log,
};

/// Messages that fit before a sender waits.
pub const DEPTH: Parameter = Parameter {
    name: "messages the queue holds",
    noun: "message",
    column: ("Depth", "depth_count"),
    of: |case| u64::from(case.case.params.depth.unwrap_or(1)),
    show: count,
    open: |case| case.params.depth = None,
    scale: Scale::Log,
};

/// Messages offered per second.
pub const RATE: Parameter = Parameter {
    name: "messages offered per second",
    noun: "message",
    column: ("Offered", "offered_per_s"),
    of: |case| case.case.params.rate_per_s.unwrap_or(0),
    show: |per_s| format::rate(per_s as f64).trimmed().to_string(),
    open: |case| case.params.rate_per_s = None,
    scale: Scale::Derived(|case| Some(case.case.params.rate_per_s? as f64), format::rate),
};

/// Processes that compete for a lock.
pub const CONTENDERS: Parameter = Parameter {
    name: "contenders",
    noun: "contender",
    column: ("Contenders", "contenders_count"),
    of: |case| u64::from(contenders(case.case)),
    show: count,
    open: |case| case.params.contenders = None,
    scale: Scale::Log,
};

/// Share of a lock's time that is asked for; it grows as the think time shrinks.
pub const UTILISATION: Parameter = Parameter {
    name: "offered utilisation \u{3c1}",
    noun: "think time",
    column: ("Think time", "think_time_ns"),
    of: |case| Work::of(case.case).think_time_ns,
    show: time,
    open: |case| case.params.think_time_ns = None,
    scale: Scale::Derived(utilisation, format::ratio),
};

/// Share of accesses that only read.
pub const READS: Parameter = Parameter {
    name: "accesses that only read",
    noun: "reads",
    column: ("Reads", "reads_percent"),
    of: |case| u64::from(case.case.params.reads_percent.unwrap_or(0)),
    show: |percent| format!("{percent}\u{202f}%"),
    open: |case| case.params.reads_percent = None,
    scale: Scale::Even,
};

/// Processes or threads that use shared state.
pub const USERS: Parameter = Parameter {
    name: "users",
    noun: "user",
    column: ("Users", "contenders_count"),
    of: |case| u64::from(case.case.params.contenders.unwrap_or(1)),
    show: count,
    open: |case| case.params.contenders = None,
    scale: Scale::Log,
};

/// Clients of a server.
pub const CLIENTS: Parameter = Parameter {
    name: "clients, one connection each",
    noun: "client",
    column: ("Clients", "clients_count"),
    of: |case| u64::from(case.case.params.clients.unwrap_or(1)),
    show: count,
    open: |case| case.params.clients = None,
    scale: Scale::Log,
};

/// Work of a task.
pub const GRAIN: Parameter = Parameter {
    name: "work in a task",
    noun: "work",
    column: ("Work per task", "grain_ns"),
    of: |case| case.case.params.grain_ns.unwrap_or(0),
    show: time,
    open: |case| case.params.grain_ns = None,
    scale: Scale::Log,
};

/// Memory that the parent has when it starts a process.
pub const PARENT_RSS: Parameter = Parameter {
    name: "parent RSS",
    noun: "parent RSS",
    column: ("Parent RSS", "parent_rss_bytes"),
    of: |case| case.case.params.parent_rss_bytes.unwrap_or(0),
    show: |bytes| if bytes == 0 { "minimal".into() } else { format::bytes(bytes) },
    open: |case| case.params.parent_rss_bytes = None,
    scale: Scale::Even,
};

/// Processes started before the first is waited for.
pub const BATCH: Parameter = Parameter {
    name: "batch size",
    noun: "process",
    column: ("Batch size", "batch_count"),
    of: |case| u64::from(case.case.params.batch.unwrap_or(1)),
    show: count,
    open: |case| case.params.batch = None,
    scale: Scale::Log,
};

fn count(n: u64) -> String {
    n.to_string()
}

fn time(ns: u64) -> String {
    format::time(ns as f64).trimmed().to_string()
}

impl Parameter {
    /// Every value among `cases`, in order.
    pub fn values(&self, cases: &[&CaseStudy<'_>]) -> Vec<u64> {
        let mut values: Vec<u64> = cases.iter().map(|case| (self.of)(case)).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Puts cases in order of series and value.
    pub fn sort(&self, cases: &mut [&CaseStudy<'_>]) {
        cases.sort_by(|a, b| (&a.series, (self.of)(a)).cmp(&(&b.series, (self.of)(b))));
    }

    /// Every ground on which it has at least two values, in the order of [`Ground::all`], cases in order of series and
    /// value.
    pub fn grounds<'s, 'a>(&self, cases: impl IntoIterator<Item = &'s CaseStudy<'a>>) -> Vec<Ground<'s, 'a>> {
        let mut grounds = Ground::all(cases, self.open);
        grounds.retain(|ground| self.values(&ground.cases).len() > 1);
        for ground in &mut grounds {
            self.sort(&mut ground.cases);
        }
        grounds
    }

    /// The highest rate at the smallest and at the largest value, among the cases that compete.
    pub fn best_at_ends(&self, cases: &[&CaseStudy<'_>], competes: impl Fn(&CaseStudy<'_>) -> bool) -> String {
        let values = self.values(cases);
        let mut ends: Vec<u64> = values.first().into_iter().chain(values.last()).copied().collect();
        ends.dedup();
        let describe = |value: u64| {
            let there = cases.iter().copied().filter(|case| (self.of)(case) == value && competes(case));
            let best = Best::among(there.collect())?;
            let plural = if value == 1 || self.noun.ends_with('s') { "" } else { "s" };
            let (value, noun, rate) = ((self.show)(value), self.noun, with_interval(best.typical(), format::rate));
            Some(format!("With {value} {noun}{plural}, {} has the highest rate: {rate}.", best.names()))
        };
        ends.into_iter().filter_map(describe).collect::<Vec<_>>().join(" ")
    }
}

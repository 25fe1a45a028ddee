//! Parameters on the horizontal axis of charts: message size, pause, depth, contenders, clients, ...

use ipcmark_record::Case;

use crate::analyse::best::{Best, size, with_interval};
use crate::analyse::ground::Ground;
use crate::analyse::locks::{Work, contenders, utilisation};
use crate::analyse::study::CaseStudy;
use crate::format::{self, Quantity};

/// Parameter of a sweep.
#[derive(Clone, Copy)]
pub struct Parameter {
    /// Name of the axis.
    pub name: &'static str,
    /// Singular noun for sentences.
    pub noun: &'static str,
    /// Heading and key of the table column.
    pub column: (&'static str, &'static str),
    /// Value in a case.
    pub of: fn(&CaseStudy<'_>) -> u64,
    /// Formatter of a value.
    pub show: fn(u64) -> String,
    /// Clears the parameter in a shape.
    pub open: fn(&mut Case),
    /// Scale of the axis.
    pub scale: Scale,
}

/// Scale of a parameter's axis.
#[derive(Clone, Copy)]
pub enum Scale {
    /// Logarithmic, with ticks at the measured values.
    Log,
    /// Evenly spaced, for shares and for values that include 0.
    Even,
    /// Logarithmic over a number derived from the case, with round ticks.
    Derived(fn(&CaseStudy<'_>) -> Option<f64>, fn(f64) -> Quantity),
}

/// Payload size of a message.
pub const SIZE: Parameter = Parameter {
    name: "message size",
    noun: "byte",
    column: ("Size", "message_bytes"),
    of: size,
    show: format::bytes,
    open: |case| case.params.message_bytes = None,
    scale: Scale::Log,
};

/// Pause before a message.
pub const PAUSE: Parameter = Parameter {
    name: "pause before the message",
    noun: "pause",
    column: ("Pause", "gap_ns"),
    of: |case| case.case.params.gap_ns.unwrap_or(0),
    show: time,
    open: |case| case.params.gap_ns = None,
    scale: Scale::Log,
};

/// Queue depth in messages.
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

/// Offered utilisation of a lock, which grows as the think time shrinks.
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

/// Parent RSS when a process is started.
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
    /// Distinct values among `cases`, ascending.
    pub fn values(&self, cases: &[&CaseStudy<'_>]) -> Vec<u64> {
        let mut values: Vec<u64> = cases.iter().map(|case| (self.of)(case)).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Sorts cases by series and value.
    pub fn sort(&self, cases: &mut [&CaseStudy<'_>]) {
        cases.sort_by(|a, b| (&a.series, (self.of)(a)).cmp(&(&b.series, (self.of)(b))));
    }

    /// Grounds with at least two values, in the order of [`Ground::all`], with cases sorted by series and value.
    pub fn grounds<'s, 'a>(&self, cases: impl IntoIterator<Item = &'s CaseStudy<'a>>) -> Vec<Ground<'s, 'a>> {
        let mut grounds = Ground::all(cases, self.open);
        grounds.retain(|ground| self.values(&ground.cases).len() > 1);
        for ground in &mut grounds {
            self.sort(&mut ground.cases);
        }
        grounds
    }

    /// Sentence with the highest rates at the smallest and at the largest value, among competing cases.
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

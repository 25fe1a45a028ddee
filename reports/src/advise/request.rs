//! What advice is asked for.

use ipcmark_record::{Arrivals, Call, Case, Chunk, Measure, Parameter, Pattern};
use serde::Serialize;

use super::axes::{LINE, shown_time};
use crate::analyse::crowd::Crowd;
use crate::analyse::families::{LAUNCH, POOL, SHARED_STATE, TRANSPORT};
use crate::analyse::series::LOCKS;
use crate::analyse::study::CaseStudy;
use crate::format;

/// Request for advice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// What is to be done.
    pub subject: Subject,
    /// Longest 99th percentile: of the latency, of the wait for a lock, of an access or of a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<f64>,
    /// Most CPUs that all sides together may keep busy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cpus: Option<f64>,
    /// Whether the others must go on when one process is killed.
    pub must_survive_crash: bool,
}

/// Work that mechanisms of one family do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "family", rename_all = "snake_case")]
pub enum Subject {
    /// Messages between processes.
    Transport {
        /// Payload of a message.
        message_bytes: u64,
        /// Messages a second of all senders together.
        rate_per_s: u64,
        /// Senders and receivers.
        pattern: Pattern,
    },
    /// A lock between processes.
    Lock {
        /// Processes that compete.
        contenders: u32,
        /// Work under the lock.
        critical_section_ns: u64,
    },
    /// Tasks for workers.
    Pool {
        /// Work of a task.
        grain_ns: u64,
        /// Worker processes.
        workers: u32,
    },
    /// State that several processes read and write.
    State {
        /// Processes.
        contenders: u32,
        /// Share of reads.
        reads_percent: u32,
        /// Bytes of a value.
        message_bytes: u64,
    },
    /// A new process.
    Start {
        /// Memory of the parent in use.
        parent_rss_bytes: u64,
        /// Processes started at the same time.
        batch: u32,
    },
}

/// `1 CPU`, `1.5 CPUs`.
pub(crate) fn shown_cpus(cpus: f64) -> String {
    let number = format::ratio(cpus).trimmed().to_string();
    if number == "1" { "1 CPU".to_owned() } else { format!("{number} CPUs") }
}

impl Subject {
    /// One of each family.
    pub(super) const EACH: [Self; 5] = [
        Self::Transport { message_bytes: 0, rate_per_s: 1, pattern: Pattern { senders: 1, receivers: 1 } },
        Self::Lock { contenders: 1, critical_section_ns: 0 },
        Self::Pool { grain_ns: 0, workers: 1 },
        Self::State { contenders: 1, reads_percent: 100, message_bytes: 0 },
        Self::Start { parent_rss_bytes: 0, batch: 1 },
    ];

    /// Family of the cases.
    pub fn family(self) -> &'static str {
        match self {
            Self::Transport { .. } => TRANSPORT,
            Self::Lock { .. } => LOCKS,
            Self::Pool { .. } => POOL,
            Self::State { .. } => SHARED_STATE,
            Self::Start { .. } => LAUNCH,
        }
    }

    /// Measure that answers the request.
    pub fn measure(self) -> Measure {
        match self {
            Self::Transport { .. } => Measure::Paced,
            Self::Lock { .. } => Measure::Contention,
            Self::Pool { .. } => Measure::Dispatch,
            Self::State { .. } => Measure::Access,
            Self::Start { .. } => Measure::StartUp,
        }
    }

    /// What the main metric is called in answers and headings.
    pub fn typical_word(self) -> &'static str {
        match self {
            Self::Transport { .. } => "p50",
            Self::Lock { .. } => "acquisitions",
            Self::Pool { .. } => "per task",
            Self::State { .. } => "accesses",
            Self::Start { .. } => "start-up",
        }
    }

    /// Whether more of the main metric is better.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::Lock { .. } | Self::State { .. })
    }

    /// A value of the main metric.
    pub fn shown(self, value: f64) -> format::Quantity {
        if self.is_rate() { format::rate(value) } else { format::time(value) }
    }

    /// The case that is asked for, without a mechanism.
    pub fn case(self) -> Case {
        Case::new(self.family(), "", self.measure()).with(|p| match self {
            Self::Transport { message_bytes, rate_per_s, pattern } => {
                (p.message_bytes, p.rate_per_s, p.pattern) = (Some(message_bytes), Some(rate_per_s), Some(pattern));
            }
            Self::Lock { contenders, critical_section_ns } => {
                (p.contenders, p.critical_section_ns) = (Some(contenders), Some(critical_section_ns));
            }
            Self::Pool { grain_ns, workers } => (p.grain_ns, p.workers) = (Some(grain_ns), Some(workers)),
            Self::State { contenders, reads_percent, message_bytes } => {
                (p.contenders, p.reads_percent) = (Some(contenders), Some(reads_percent));
                p.message_bytes = Some(message_bytes);
            }
            Self::Start { parent_rss_bytes, batch } => {
                (p.parent_rss_bytes, p.batch) = (Some(parent_rss_bytes), Some(batch));
            }
        })
    }

    /// What is asked for of the cases of `measure`: parameters and their values, those that are not as usual.
    pub fn parameters(self, measure: Measure) -> Vec<(&'static Parameter, String)> {
        let asked = self.case();
        let fits = |(name, value)| Some((Parameter::find(name).filter(|row| row.fits(measure))?, value));
        asked.params.set_values().filter_map(fits).collect()
    }

    /// The kind of work in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Transport { .. } => "messages",
            Self::Lock { .. } => "a lock",
            Self::Pool { .. } => "a pool",
            Self::State { .. } => "shared state",
            Self::Start { .. } => "a new process",
        }
    }

    /// The work in words.
    pub fn describe(self) -> String {
        let work = self.word();
        let axes = self.axes(self.measure());
        let parts: Vec<String> = axes.iter().map(|axis| format!("{} {}", axis.name, (axis.show)(axis.asked))).collect();
        format!("{work}: {}", parts.join(", "))
    }

    /// Time that work itself needs for each operation: the critical section of a lock, the share of a worker in a task.
    pub(super) fn work_ns(self, case: &Case, cpus: u32) -> f64 {
        let params = &case.params;
        match self {
            Self::Lock { .. } => params.critical_section_ns.unwrap_or(0) as f64,
            Self::Pool { .. } => {
                let workers = params.workers.unwrap_or(1).min(cpus).max(1);
                params.grain_ns.unwrap_or(0) as f64 / f64::from(workers)
            }
            _ => 0.0,
        }
    }

    /// Whether a case may be evidence, at some distance.
    pub(super) fn takes(self, case: &CaseStudy<'_>) -> bool {
        let params = &case.case.params;
        let crowd = Crowd::of(case.case);
        let constant = params.arrivals.is_none_or(|arrivals| arrivals == Arrivals::Constant);
        let plain = crowd.hogs == 0 && crowd.pairs == 1 && constant && case.series.is_usual() && case.is_sound();
        let of_family = match self {
            Self::Lock { .. } => params.think_time_ns.unwrap_or(0) == 0 && params.lines.unwrap_or(1) == 1,
            Self::Pool { .. } => {
                params.call.is_none_or(|call| call == Call::ApplyAsync)
                    && params.chunk.is_none_or(|chunk| chunk == Chunk::One)
                    && params.message_bytes.unwrap_or(0) <= LINE as u64
            }
            _ => true,
        };
        case.case.family == self.family() && plain && of_family
    }
}

impl Request {
    /// The request in words.
    pub fn describe(&self) -> String {
        let limits = [
            self.p99_ns.map(|ns| format!("p99 at most {}", shown_time(ns))),
            self.max_cpus.map(|cpus| format!("at most {}", shown_cpus(cpus))),
            self.must_survive_crash.then(|| "survives a crash".to_owned()),
        ];
        let limits: Vec<String> = limits.into_iter().flatten().collect();
        let limits = if limits.is_empty() { String::new() } else { format!("; {}", limits.join(", ")) };
        format!("{}{limits}", self.subject.describe())
    }

    /// Options of `ipcmark advise` for this request.
    pub fn options(&self) -> String {
        let us = |ns: f64| format::digits(ns / 1e3);
        let mut options = match self.subject {
            Subject::Transport { message_bytes, rate_per_s, pattern } => {
                let roles = |name: &str, n: u32| if n == 1 { String::new() } else { format!(" --{name} {n}") };
                let (producers, consumers) =
                    (roles("producers", pattern.senders), roles("consumers", pattern.receivers));
                format!("--message-bytes {message_bytes} --rate {rate_per_s}{producers}{consumers}")
            }
            Subject::Lock { contenders, critical_section_ns } => {
                format!("lock --contenders {contenders} --critical-section-us {}", us(critical_section_ns as f64))
            }
            Subject::Pool { grain_ns, workers } => {
                format!("pool --grain-us {} --workers {workers}", us(grain_ns as f64))
            }
            Subject::State { contenders, reads_percent, message_bytes } => {
                format!(
                    "state --contenders {contenders} --reads-percent {reads_percent} --message-bytes {message_bytes}"
                )
            }
            Subject::Start { parent_rss_bytes, batch } => {
                format!("start --parent-rss {parent_rss_bytes} --batch {batch}")
            }
        };
        let limits = [
            self.p99_ns.map(|ns| format!(" --p99-us {}", us(ns))),
            self.max_cpus.map(|cpus| format!(" --max-cpu {cpus}")),
            self.must_survive_crash.then(|| " --must-survive-crash".to_owned()),
        ];
        options.extend(limits.into_iter().flatten());
        options
    }
}

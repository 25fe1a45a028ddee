//! Latency under load: the same variant at every offered rate, and the knee, where it stops keeping up.
//!
//! A rate is sustained when no repetition missed it. The knee lies between the last sustained rate and the first
//! that was not; the rate delivered under overload shows where in between.

use ipcmark_record::{Arrivals, Case, Kind, Measure, Params, Placement, Service, Verdict, metric};

use super::families::{POOL, SERVER};
use super::ground::{asked, measured};
use super::series::Series;
use super::statistics::Estimate;
use super::study::{CaseStudy, Study};
use super::trials::repetitions;
use crate::format;

/// What is due by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Messages of a channel.
    Messages,
    /// Tasks of a pool.
    Tasks,
    /// Requests to a server.
    Requests,
}

impl Due {
    /// For axes and sentences.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Tasks => "tasks",
            Self::Requests => "requests",
        }
    }

    fn of(case: &Case) -> Self {
        match case.family.as_str() {
            POOL => Self::Tasks,
            SERVER => Self::Requests,
            _ => Self::Messages,
        }
    }
}

/// What all loads of one chart have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offered {
    /// What is due.
    pub due: Due,
    /// When messages are due.
    pub arrivals: Arrivals,
    /// How many at once, where they come in bursts.
    pub burst: Option<u32>,
    /// Payload of one message.
    pub bytes: u64,
    /// Workers of a pool.
    pub workers: Option<u32>,
    /// Clients of a server.
    pub clients: Option<u32>,
    /// What it does for them.
    pub service: Option<Service>,
    /// Work of a task or a request.
    pub grain_ns: Option<u64>,
}

impl Offered {
    /// For addresses: letters, digits and `-`.
    pub fn id(self) -> String {
        let parts = [
            (self.due != Due::Messages).then(|| self.due.word().to_owned()),
            Some(format!("{}-{}", self.arrivals, self.bytes)),
            self.workers.or(self.clients).map(|n| n.to_string()),
            self.service.map(|service| service.to_string()),
            self.grain_ns.map(|ns| ns.to_string()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("-")
    }

    /// For headings: `arrivals at constant intervals, 64 B`.
    pub fn describe(self) -> String {
        let arrivals = match (self.arrivals, self.burst) {
            (Arrivals::Constant, _) => "at constant intervals".to_owned(),
            (Arrivals::Poisson, _) => "at random (Poisson)".to_owned(),
            (Arrivals::Burst, Some(burst)) => format!("in bursts of {burst}"),
            (Arrivals::Burst, None) => "in bursts".to_owned(),
        };
        let Self { workers, clients, service, grain_ns, .. } = self;
        let with = asked(&Case::new("", "", Measure::Paced).with(|p| {
            p.workers = workers;
            p.clients = clients;
            p.service = service;
            p.grain_ns = grain_ns;
        }));
        let with = with.iter().fold(String::new(), |text, word| text + ", " + word);
        format!("arrivals {arrivals}, {}{with}", format::bytes(self.bytes))
    }
}

/// One variant at every rate it was offered.
#[derive(Debug)]
pub struct Load<'s, 'a> {
    /// The variant.
    pub series: &'s Series,
    /// In order of rate; never empty.
    pub cases: Vec<&'s CaseStudy<'a>>,
}

/// Where a variant stops keeping up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knee {
    /// The highest offered rate below the first overload; `None` when even the lowest was too much.
    pub sustained_per_s: Option<f64>,
    /// The lowest offered rate that was missed; `None` when none was.
    pub overloaded_per_s: Option<f64>,
    /// What got through at the highest rate, when that was an overload.
    pub reached_per_s: Option<Estimate>,
    /// Whether some rate above an overloaded one was sustained after all: then the knee is no line.
    pub ragged: bool,
}

/// The loads of this sort that were offered at a placement.
pub fn offered(study: &Study<'_>, placement: Placement, due: Due) -> Vec<Offered> {
    let mut offered: Vec<Offered> = paced(study, placement, due).into_iter().map(offered_to).collect();
    offered.sort_unstable();
    offered.dedup();
    offered
}

/// Paced cases of one sort at one placement, in order of series.
fn paced<'s, 'a>(study: &'s Study<'a>, placement: Placement, due: Due) -> Vec<&'s CaseStudy<'a>> {
    let family = match due {
        Due::Messages => return study.measured(Measure::Paced, placement).collect(),
        Due::Tasks => POOL,
        Due::Requests => SERVER,
    };
    measured(study, family).filter(|case| case.case.measure == Measure::Paced && case.at(placement)).collect()
}

fn offered_to(case: &CaseStudy<'_>) -> Offered {
    let Params { workers, clients, service, grain_ns, .. } = case.case.params;
    Offered {
        due: Due::of(case.case),
        arrivals: case.case.params.arrivals.unwrap_or(Arrivals::Constant),
        burst: case.case.params.burst,
        bytes: case.bytes(),
        workers,
        clients,
        service,
        grain_ns: grain_ns.filter(|&ns| ns > 0),
    }
}

/// Every variant under one kind of load at more than one rate, in order of series.
pub fn loads<'s, 'a>(study: &'s Study<'a>, placement: Placement, offered: Offered) -> Vec<Load<'s, 'a>> {
    let asked = paced(study, placement, offered.due).into_iter().filter(|case| offered_to(case) == offered);
    let mut cases: Vec<&CaseStudy<'_>> = asked.filter(|case| case.case.params.rate_per_s.is_some()).collect();
    cases.sort_by(|a, b| (&a.series, a.case.params.rate_per_s).cmp(&(&b.series, b.case.params.rate_per_s)));
    let each = cases.chunk_by(|a, b| a.series == b.series).filter(|cases| cases.len() > 1);
    each.map(|cases| Load { series: &cases[0].series, cases: cases.to_vec() }).collect()
}

/// The rate a case was offered.
pub fn rate(case: &CaseStudy<'_>) -> f64 {
    case.case.params.rate_per_s.unwrap_or(0) as f64
}

/// Whether any repetition of a case missed its rate.
pub fn is_overloaded(case: &CaseStudy<'_>) -> bool {
    case.summary.verdict == Some(Verdict::Overloaded)
}

impl Load<'_, '_> {
    /// Where it stops keeping up.
    pub fn knee(&self) -> Knee {
        let first = self.cases.iter().position(|case| is_overloaded(case));
        let last = first.map_or(self.cases.len(), |first| first).checked_sub(1);
        let highest = self.cases.last().filter(|case| is_overloaded(case));
        let carried =
            |record: &ipcmark_record::Record| record.outcome.metrics.as_ref()?.get(metric::MESSAGES_PER_S).copied();
        Knee {
            sustained_per_s: last.map(|at| rate(self.cases[at])),
            overloaded_per_s: first.map(|at| rate(self.cases[at])),
            reached_per_s: highest.and_then(|case| repetitions(&case.records, Kind::Rate, carried).estimate()),
            ragged: first.is_some_and(|first| self.cases[first..].iter().any(|case| !is_overloaded(case))),
        }
    }
}

impl Knee {
    /// In words, after the variant's name: `1 M/s and not 3 M/s, of which 1.08 M/s (1.03 to 1.13 M/s) got through`.
    pub fn describe(&self) -> String {
        let rate = |per_s: f64| format::rate(per_s).trimmed().to_string();
        let reached = self.reached_per_s.map(|reached| {
            let interval = reached.interval.map(|i| format!(", {}", format::span(i.low, i.high, format::rate)));
            format!(" (at most {}{} got through)", format::rate(reached.value), interval.unwrap_or_default())
        });
        let reached = reached.unwrap_or_default();
        let again = if self.ragged { ", though a higher rate was kept again" } else { "" };
        match (self.sustained_per_s, self.overloaded_per_s) {
            (Some(sustained), Some(missed)) => {
                format!("{} but not {}{reached}{again}", rate(sustained), rate(missed))
            }
            (Some(sustained), None) => format!("all that was offered, up to {}", rate(sustained)),
            (None, Some(missed)) => format!("not even {}{reached}{again}", rate(missed)),
            (None, None) => "nothing, since nothing was offered".into(),
        }
    }
}

/// The rates that each variant sustains, grouped by rate.
pub fn describe(loads: &[&Load<'_, '_>]) -> String {
    let mut parts: Vec<(String, Vec<String>)> = Vec::new();
    for load in loads {
        let (what, name) = (load.knee().describe(), load.series.quoted());
        match parts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, names)) => names.push(name),
            None => parts.push((what, vec![name])),
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|(what, names)| format!("{}: {what}", names.join(", "))).collect();
    format!("Sustained by {}.", parts.join("; by "))
}

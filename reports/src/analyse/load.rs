//! Latency under load: one variant at every offered rate, and the knee beyond which it falls behind.
//!
//! A rate is sustained if no repetition missed it. The knee lies between the last sustained rate and the first missed
//! one; the rate delivered under overload narrows it down.

use ipcmark_record::{
    Arrivals, Case, Kind, Measure, Params, Pattern, Placement, Record, RoleCost, Service, Verdict, metric,
};

use super::best::named;
use super::crowd::Crowd;
use super::families::{POOL, SERVER};
use super::ground::{asked, measured};
use super::series::Series;
use super::statistics::Estimate;
use super::study::{CaseStudy, Study};
use super::trials::repetitions;
use crate::format;

/// Unit of work that arrives by schedule.
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
    /// Name on axes and in sentences.
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

/// Parameters that all loads of one chart share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offered {
    /// Unit of work.
    pub due: Due,
    /// Senders and receivers of a channel.
    pub pattern: Pattern,
    /// Arrival process.
    pub arrivals: Arrivals,
    /// Burst size, if arrivals come in bursts.
    pub burst: Option<u32>,
    /// Payload of one message.
    pub bytes: u64,
    /// Workers of a pool.
    pub workers: Option<u32>,
    /// Clients of a server.
    pub clients: Option<u32>,
    /// Service of the server.
    pub service: Option<Service>,
    /// Work of a task or a request.
    pub grain_ns: Option<u64>,
}

impl Offered {
    /// The roles that take the work.
    pub const fn receivers(self) -> &'static str {
        match self.due {
            Due::Messages if self.pattern.receivers == 1 => "receiver",
            Due::Messages => "receivers",
            Due::Tasks => "workers",
            Due::Requests => "server",
        }
    }

    /// Identifier of letters, digits and `-`.
    pub fn id(self) -> String {
        let Pattern { senders, receivers } = self.pattern;
        let parts = [
            (self.due != Due::Messages).then(|| self.due.word().to_owned()),
            Some(format!("{}-{}", self.arrivals, self.bytes)),
            (self.pattern != Pattern::default()).then(|| format!("{senders}to{receivers}")),
            self.workers.or(self.clients).map(|n| n.to_string()),
            self.service.map(|service| service.to_string()),
            self.grain_ns.map(|ns| ns.to_string()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("-")
    }

    /// Heading: `arrivals at constant intervals, 64 B, 2:1`.
    pub fn describe(self) -> String {
        let arrivals = match (self.arrivals, self.burst) {
            (Arrivals::Constant, _) => "at constant intervals".to_owned(),
            (Arrivals::Poisson, _) => "at random (Poisson)".to_owned(),
            (Arrivals::Burst, Some(burst)) => format!("in bursts of {burst}"),
            (Arrivals::Burst, None) => "in bursts".to_owned(),
        };
        let Self { pattern, workers, clients, service, grain_ns, .. } = self;
        let with = asked(&Case::new("", "", Measure::Paced).with(|p| {
            p.pattern = Some(pattern);
            p.workers = workers;
            p.clients = clients;
            p.service = service;
            p.grain_ns = grain_ns;
        }));
        let with = with.iter().fold(String::new(), |text, word| text + ", " + word);
        format!("arrivals {arrivals}, {}{with}", format::bytes(self.bytes))
    }
}

/// One variant at all its offered rates.
#[derive(Debug)]
pub struct Load<'s, 'a> {
    /// The variant.
    pub series: &'s Series,
    /// Cases in order of rate; never empty.
    pub cases: Vec<&'s CaseStudy<'a>>,
}

/// Limits between sustained and missed rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knee {
    /// Highest offered rate below the first overload; `None` if even the lowest rate was missed.
    pub sustained_per_s: Option<f64>,
    /// Lowest missed rate; `None` if none was missed.
    pub overloaded_per_s: Option<f64>,
    /// Rate delivered at the highest offered rate, if that was an overload.
    pub reached_per_s: Option<Estimate>,
    /// Whether a rate above an overloaded one was sustained, so that the knee is not unique.
    pub ragged: bool,
    /// Whether higher rates below the first missed one were offered in disturbed repetitions only, which tell nothing.
    pub unknown_above: bool,
}

/// Loads of one unit offered at a placement.
pub fn offered(study: &Study<'_>, placement: Placement, due: Due) -> Vec<Offered> {
    let mut offered: Vec<Offered> = paced(study, placement, due).into_iter().map(offered_to).collect();
    offered.sort_unstable();
    offered.dedup();
    offered
}

/// Paced cases of one unit and placement, in order of series.
fn paced<'s, 'a>(study: &'s Study<'a>, placement: Placement, due: Due) -> Vec<&'s CaseStudy<'a>> {
    let family = match due {
        // Each pattern has loads of its own. A channel beside CPU hogs has none.
        Due::Messages => {
            let asked = |case: &&CaseStudy<'_>| {
                Crowd::of(case.case).hogs == 0 && case.series.is_usual() && !study.only_for_drift(case)
            };
            return study.all_measured(Measure::Paced, placement).filter(asked).collect();
        }
        Due::Tasks => POOL,
        Due::Requests => SERVER,
    };
    measured(study, family).filter(|case| case.case.measure == Measure::Paced && case.at(placement)).collect()
}

fn offered_to(case: &CaseStudy<'_>) -> Offered {
    let Params { workers, clients, service, grain_ns, .. } = case.case.params;
    Offered {
        due: Due::of(case.case),
        pattern: case.case.pattern(),
        arrivals: case.case.params.arrivals.unwrap_or(Arrivals::Constant),
        burst: case.case.params.burst,
        bytes: case.bytes(),
        workers,
        clients,
        service,
        grain_ns: grain_ns.filter(|&ns| ns > 0),
    }
}

/// Variants with at least two rates under one load, in order of series.
pub fn loads<'s, 'a>(study: &'s Study<'a>, placement: Placement, offered: Offered) -> Vec<Load<'s, 'a>> {
    let asked = paced(study, placement, offered.due).into_iter().filter(|case| offered_to(case) == offered);
    let mut cases: Vec<&CaseStudy<'_>> = asked.filter(|case| case.case.params.rate_per_s.is_some()).collect();
    cases.sort_by(|a, b| (&a.series, a.case.params.rate_per_s).cmp(&(&b.series, b.case.params.rate_per_s)));
    let each = cases.chunk_by(|a, b| a.series == b.series).filter(|cases| cases.len() > 1);
    each.map(|cases| Load { series: &cases[0].series, cases: cases.to_vec() }).collect()
}

/// Offered rate of a case.
pub fn rate(case: &CaseStudy<'_>) -> f64 {
    case.case.params.rate_per_s.unwrap_or(0) as f64
}

/// Share of a CPU that the roles used that generate the load: those like the first of a trial. Above 1 it is several CPUs.
pub fn sending_share(record: &Record) -> Option<f64> {
    shares(record, |first, role| role == first)
}

/// Share of a CPU that the other side used: the receivers, all workers together, or the server. Above 1 it is several CPUs.
pub fn receiving_share(record: &Record) -> Option<f64> {
    shares(record, |first, role| role != first)
}

/// Sum over the roles that `counts`, given the first role and each.
fn shares(record: &Record, counts: fn(&str, &str) -> bool) -> Option<f64> {
    let roles = record.outcome.roles.as_ref()?;
    let counted = roles.iter().filter(|role| counts(&roles[0].role, &role.role));
    let shares: Vec<f64> = counted.map(share).collect::<Option<_>>()?;
    (!shares.is_empty()).then(|| shares.iter().sum())
}

fn share(role: &RoleCost) -> Option<f64> {
    (role.wall_ns > 0).then(|| (role.user_ns + role.system_ns) as f64 / role.wall_ns as f64)
}

/// Highest rate that any variant sustained, with the variants that did, and whether a higher one was offered to them.
pub fn most_sustained<'l, 's>(loads: &'l [Load<'s, '_>]) -> Option<(f64, Vec<&'s Series>, bool)> {
    let sustained = |load: &Load<'_, '_>| load.knee().sustained_per_s;
    let most = loads.iter().filter_map(sustained).max_by(f64::total_cmp)?;
    let by: Vec<&'l Load<'s, '_>> = loads.iter().filter(|load| sustained(load) == Some(most)).collect();
    let missed = by.iter().map(|load| load.knee()).any(|knee| knee.overloaded_per_s.is_some() || knee.unknown_above);
    Some((most, by.into_iter().map(|load| load.series).collect(), missed))
}

/// Whether any repetition missed its rate.
pub fn is_overloaded(case: &CaseStudy<'_>) -> bool {
    case.summary.verdict == Some(Verdict::Overloaded)
}

/// Whether no repetition missed its rate and one kept it: a disturbed one that missed it tells nothing.
pub fn is_sustained(case: &CaseStudy<'_>) -> bool {
    let kept = |record: &Record| {
        let [arrived, due] = [metric::MESSAGES_PER_S, metric::OFFERED_PER_S].map(|name| record.outcome.metric(name));
        arrived.zip(due).is_none_or(|(arrived, due)| arrived >= metric::ACHIEVED_SHARE_MIN * due)
    };
    !is_overloaded(case) && case.usable().any(kept)
}

impl Load<'_, '_> {
    /// Returns the knee.
    pub fn knee(&self) -> Knee {
        let first = self.cases.iter().position(|case| is_overloaded(case));
        let below = &self.cases[..first.unwrap_or(self.cases.len())];
        let last = below.iter().rposition(|case| is_sustained(case));
        let highest = self.cases.last().filter(|case| is_overloaded(case));
        let carried = |record: &Record| record.outcome.metric(metric::MESSAGES_PER_S);
        Knee {
            sustained_per_s: last.map(|at| rate(self.cases[at])),
            overloaded_per_s: first.map(|at| rate(self.cases[at])),
            unknown_above: last.map_or(0, |at| at + 1) < below.len(),
            reached_per_s: highest.and_then(|case| repetitions(&case.records, Kind::Rate, carried).estimate()),
            ragged: first.is_some_and(|first| self.cases[first..].iter().any(|case| is_sustained(case))),
        }
    }
}

impl Knee {
    /// Knee in words: `1 M/s but not 3 M/s (at most 1.08 M/s, 1.03 to 1.13 M/s got through)`.
    pub fn describe(&self) -> String {
        let rate = |per_s: f64| format::rate(per_s).trimmed().to_string();
        let reached = self.reached_per_s.map(|reached| {
            let interval = reached.interval.map(|i| format!(", {}", format::span(i.low, i.high, format::rate)));
            format!(" (at most {}{} got through)", format::rate(reached.value), interval.unwrap_or_default())
        });
        let reached = reached.unwrap_or_default();
        let again = if self.ragged { ", though a higher rate was kept again" } else { "" };
        if self.unknown_above && self.overloaded_per_s.is_none() {
            let sustained = self.sustained_per_s.map(rate);
            let sustained = sustained.map_or("not known".to_owned(), |rate| format!("{rate}; more is not known"));
            return format!("{sustained}: all repetitions at higher rates were disturbed");
        }
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

/// Sentence with the sustained rates, variants of equal rate together.
pub fn describe(loads: &[&Load<'_, '_>]) -> String {
    let mut parts: Vec<(String, Vec<String>)> = Vec::new();
    for load in loads {
        let (what, name) = (load.knee().describe(), load.series.quoted());
        match parts.iter_mut().find(|(known, _)| *known == what) {
            Some((_, names)) => names.push(name),
            None => parts.push((what, vec![name])),
        }
    }
    let parts: Vec<String> = parts.into_iter().map(|(what, names)| format!("{}: {what}", named(names))).collect();
    format!("Sustained by {}.", parts.join("; by "))
}

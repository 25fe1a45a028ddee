//! Time of each role: process states, CPU time, context switches and faults, median over repetitions.

use ipcmark_record::{Record, RoleCost};

use super::statistics::median;
use super::study::CaseStudy;

/// Cost of a role for one message, and its shares of time.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleView {
    /// `pinger`, `receiver`, ...
    pub role: String,
    /// Share of time on a CPU.
    pub running: f64,
    /// Share of time ready, waiting for a CPU.
    pub ready: f64,
    /// Share of time blocked.
    pub blocked: f64,
    /// User time for one message.
    pub user_ns: f64,
    /// System time for one message.
    pub system_ns: f64,
    /// Voluntary context switches for one message.
    pub voluntary_switches: f64,
    /// Involuntary context switches for one message.
    pub involuntary_switches: f64,
    /// Page faults, for one message.
    pub faults: f64,
}

/// Roles of a case in the order of its records.
pub fn roles(study: &CaseStudy<'_>) -> Vec<RoleView> {
    let mut names: Vec<&str> = Vec::new();
    for cost in study.usable().flat_map(costs) {
        if !names.contains(&cost.role.as_str()) {
            names.push(&cost.role);
        }
    }
    names.into_iter().filter_map(|name| view(study, name)).collect()
}

/// Costs with a running time; it is 0 in records of programs that do not report one.
fn costs(record: &Record) -> impl Iterator<Item = &RoleCost> {
    record.outcome.roles.iter().flatten().filter(|cost| cost.running_ns > 0)
}

fn view(study: &CaseStudy<'_>, name: &str) -> Option<RoleView> {
    let over_repetitions = |value: &dyn Fn(&RoleCost) -> f64| {
        let of_role = study.usable().flat_map(costs).filter(|cost| cost.role == name);
        median(of_role.map(value).filter(|value| value.is_finite()))
    };
    let share = |part: fn(&RoleCost) -> u64| {
        over_repetitions(&|c| part(c) as f64 / (c.running_ns + c.ready_ns + c.blocked_ns) as f64)
    };
    let per_message =
        |part: fn(&RoleCost) -> u64| over_repetitions(&|c| part(c) as f64 / c.messages as f64).unwrap_or(0.0);
    let (running, ready, blocked) = (share(|c| c.running_ns)?, share(|c| c.ready_ns)?, share(|c| c.blocked_ns)?);
    // Medians of three shares need not add up to one.
    let all = running + ready + blocked;
    Some(RoleView {
        role: name.to_owned(),
        running: running / all,
        ready: ready / all,
        blocked: blocked / all,
        user_ns: per_message(|c| c.user_ns),
        system_ns: per_message(|c| c.system_ns),
        voluntary_switches: per_message(|c| c.voluntary_switches),
        involuntary_switches: per_message(|c| c.involuntary_switches),
        faults: per_message(|c| c.minor_faults + c.major_faults),
    })
}

//! What each role did with its time: the three process states, CPU time, switches and faults, median over repetitions.

use ipcmark_record::{Record, RoleCost};

use super::statistics::median;
use super::study::CaseStudy;

/// A role's cost for one message, and the shares of its time.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleView {
    /// `pinger`, `receiver`, ...
    pub role: String,
    /// On a CPU, share of the three.
    pub running: f64,
    /// Waiting for a CPU.
    pub ready: f64,
    /// Waiting for anything else.
    pub blocked: f64,
    /// User time for one message.
    pub user_ns: f64,
    /// System time for one message.
    pub system_ns: f64,
    /// Switches it asked for, for one message.
    pub voluntary_switches: f64,
    /// Switches forced on it, for one message.
    pub involuntary_switches: f64,
    /// Page faults, for one message.
    pub faults: f64,
}

/// Every role of a case, in the order records name them.
pub fn roles(study: &CaseStudy<'_>) -> Vec<RoleView> {
    let mut names: Vec<&str> = Vec::new();
    for cost in study.usable().flat_map(costs) {
        if !names.contains(&cost.role.as_str()) {
            names.push(&cost.role);
        }
    }
    names.into_iter().filter_map(|name| view(study, name)).collect()
}

/// The costs with information: a role that worked has run, and where the kernel says it never did, the hot phase was
/// shorter than the scheduler's own clock tick.
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

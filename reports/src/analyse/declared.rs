//! Declared counts next to those of the untimed, traced pass.
//!
//! The harness records disagreements, since only it can tell calls that carry messages from calls that wait. The report
//! shows both counts and collects the recorded sentences.

use ipcmark_record::{CostModel, Counts, Record};

use super::statistics::median;
use super::study::CaseStudy;

/// One count of one role.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// `pinger`, `sender`, `host`, ...
    pub role: String,
    /// Name of the count.
    pub count: &'static str,
    /// Declared count for one message or round trip.
    pub declared: f64,
    /// Traced count.
    pub seen: f64,
}

/// Reader of one declared count.
type Read = fn(&Counts) -> f64;

/// Counts visible to a tracer: suffix of the metric, name in the report, reader of the declared count.
const VISIBLE: [(&str, &str, Read); 3] = [
    ("_system_calls", "system calls", |counts| counts.system_calls),
    ("_context_switches", "context switches", |counts| counts.context_switches),
    ("_page_faults", "page faults", |counts| counts.page_faults),
];

/// Declared and traced counts of a case by role, median over repetitions; empty without a cost model.
pub fn declared(study: &CaseStudy<'_>) -> Vec<Declared> {
    let Some(cost_model) = study.cost_model() else { return Vec::new() };
    let names = study.usable().filter_map(|record| record.outcome.metrics.as_ref()).flat_map(|metrics| metrics.keys());
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    names.dedup();
    let plays = plays(study, &names);
    let row = |name: &&String| {
        let (role, (_, count, read)) = VISIBLE.iter().find_map(|all| Some((name.strip_suffix(all.0)?, *all)))?;
        let seen = study.usable().filter_map(|record| record.outcome.metric(name));
        Some(Declared {
            role: role.to_owned(),
            count,
            declared: expected(cost_model, role, plays, read),
            seen: median(seen)?,
        })
    };
    names.iter().filter_map(row).collect()
}

/// Disagreements found by the harness, without repeats.
pub fn disagreements(study: &CaseStudy<'_>) -> Vec<String> {
    let reasons = study.usable().filter_map(|record| record.outcome.why.as_deref());
    let mut found: Vec<String> =
        reasons.flat_map(|why| why.split("; ")).filter(|why| why.contains("are declared")).map(str::to_owned).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Roles per worker: a host of two threads has two.
fn plays(study: &CaseStudy<'_>, names: &[&String]) -> f64 {
    let workers = names.iter().filter(|name| name.ends_with(VISIBLE[0].0)).count();
    let roles = |record: &Record| record.outcome.roles.as_ref().map_or(0, Vec::len);
    let roles = study.usable().map(roles).max().unwrap_or(0);
    (roles as f64 / workers.max(1) as f64).max(1.0)
}

/// Declared count of a role: sender or receiver alone, otherwise both once for each role of the worker.
fn expected(cost_model: &CostModel, role: &str, plays: f64, read: Read) -> f64 {
    match role {
        "sender" => read(&cost_model.sender),
        "receiver" => read(&cost_model.receiver),
        _ => plays * (read(&cost_model.sender) + read(&cost_model.receiver)),
    }
}

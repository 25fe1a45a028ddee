//! Helpers of the bench targets: benches of one case, and the rival ring between two threads.

pub mod rtrb_pair;

use ipcmark::family::Variant;
use ipcmark::machine::placement::Topology;
use ipcmark::protocol::Timing;
use ipcmark::record::{Case, Measure, Outcome, Placement, Status, metric};
use ipcmark_harness::trial::{Session, TrialOrder};

/// Session that runs trials on the nearest pair of CPUs.
pub struct Bench {
    session: Session,
    /// Placement class of the pair.
    pub placement: Placement,
    /// One CPU per role.
    pub cpus: Vec<u32>,
}

impl Bench {
    /// Opens a session on the nearest pair of CPUs.
    pub fn open(name: &str) -> Self {
        let topology = Topology::discover();
        let placement = topology.nearest_pair().unwrap_or(Placement::SameCpu);
        let cpus = topology.pair(placement).unwrap_or_default();
        let session = Session::open(&format!("{name}-{}", std::process::id())).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            std::process::exit(1);
        });
        Self { session, placement, cpus }
    }

    /// Whether the pair has two CPUs.
    pub fn has_two_cpus(&self) -> bool {
        self.cpus.first() != self.cpus.get(1)
    }

    /// Runs one trial in fresh processes. Exits with the reason if it fails, since unchecked results are useless.
    pub fn trial(&self, case: &Case, cpus: &[u32], timing: Timing) -> Outcome {
        let order = TrialOrder { case: case.clone(), cpus: cpus.to_vec(), timing, traced: false, fault: None };
        let outcome = self.session.run_trial(&order).outcome;
        if outcome.status != Status::Measured {
            eprintln!("error: {}: {}", case.key(), outcome.why.as_deref().unwrap_or("no reason given"));
            std::process::exit(1);
        }
        outcome
    }
}

/// Nanoseconds per round trip, uncontended acquire, task or start, or the inverse of a rate.
pub fn ns_each(outcome: &Outcome) -> f64 {
    let metrics = outcome.metrics.as_ref();
    let read = |name: &str| metrics.and_then(|all| all.get(name)).copied();
    let times = [metric::ROUND_TRIP_NS, metric::ACQUIRE_NS, metric::TASK_NS, metric::START_UP_NS];
    let time = times.into_iter().find_map(read);
    let rate = || [metric::MESSAGES_PER_S, metric::ACQUISITIONS_PER_S].into_iter().find_map(read);
    time.or_else(|| rate().map(|rate| 1e9 / rate)).unwrap_or(f64::NAN)
}

/// Case of a registry row with its first isolation and substrate.
pub fn case(row: &Variant, measure: Measure, placement: Placement, message_bytes: u64) -> Case {
    Case { placement: if row.cpus_wanted < 2 { Placement::SameCpu } else { placement }, ..row.case(measure) }.with(
        |p| {
            p.message_bytes = Some(message_bytes);
        },
    )
}

/// Transports of the registry, each with its first isolation and substrate.
pub fn rows() -> Vec<Variant> {
    let mut rows: Vec<Variant> = vec![];
    for variant in ipcmark::family::variants() {
        let usable = variant.sends() && variant.unavailable.is_none();
        if usable && rows.iter().all(|row| row.row() != variant.row()) {
            rows.push(variant);
        }
    }
    rows
}

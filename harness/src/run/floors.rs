//! The trial that measures what the machine can do at all; every run starts with it.

use ipcmark::measure::floors;
use ipcmark::protocol::Timing;

use crate::plan::Ground;
use crate::trial::TrialOrder;

/// What the floors take, in nanoseconds.
pub(super) const FLOORS_NS: u64 = 4_000_000_000;

/// The order that measures the floors, on the closest two cores this machine has.
pub fn floors_order(ground: &Ground, timing: &Timing) -> TrialOrder {
    let case = floors::case(ground.nearest);
    let cpus = ground.cpus(ground.nearest).unwrap_or_default();
    TrialOrder { case, cpus, timing: timing.clone(), traced: false, fault: None }
}

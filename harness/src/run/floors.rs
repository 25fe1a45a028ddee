//! The trial that measures the machine's floors, with which every run starts.

use ipcmark::measure::floors;
use ipcmark::protocol::Timing;

use crate::plan::Ground;
use crate::trial::TrialOrder;

/// Predicted time of the floors in nanoseconds.
pub(super) const FLOORS_NS: u64 = 4_000_000_000;

/// The order that measures the floors, on the closest two cores this machine has.
pub fn floors_order(ground: &Ground, timing: &Timing) -> TrialOrder {
    let case = floors::case(ground.nearest);
    let cpus = ground.cpus(ground.nearest).unwrap_or_default();
    TrialOrder { case, cpus, timing: timing.clone(), traced: false, fault: None }
}

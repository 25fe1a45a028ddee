//! Records of waiters that spin have the price of a pause hint and the budgets that follow from it.

use std::path::Path;

use crate::common::{PROGRAM, alone, case, run_id, short, threads};
use ipcmark::record::{Case, Measure, RoleCost, SpinBudget, Status, Wait};
use ipcmark_harness::trial::Session;

fn roles(case: Case) -> Vec<RoleCost> {
    let session = Session::open_with(&run_id("spins"), Path::new(PROGRAM)).expect("a session");
    let outcome = session.run_trial(&short(case)).outcome;
    assert_eq!(outcome.status, Status::Measured, "{:?}", outcome.why);
    outcome.roles.expect("roles")
}

/// Checks that the hints of each budget fill its time, and returns the names.
fn names(role: &RoleCost) -> Vec<&str> {
    let pause_ns = role.pause_ns.expect("a price");
    for SpinBudget { name, ns, hints } in &role.spin_budgets {
        let fitting = (*ns as f64 / pause_ns).round().max(1.0);
        assert!((f64::from(*hints) - fitting).abs() < 1e-6, "{name}: {hints} hints of {pause_ns} ns in {ns} ns");
    }
    role.spin_budgets.iter().map(|budget| budget.name.as_str()).collect()
}

#[test]
fn records_have_the_spin_budgets_of_their_waits() {
    let _alone = alone();
    for (wait, budget) in [(Wait::Hybrid, "before_sleep"), (Wait::SpinYield, "before_yield")] {
        let ring = case("shm-spsc", Some(wait), Measure::RoundTrip);
        for role in [roles(ring.clone()), roles(threads(ring))].concat() {
            assert_eq!(names(&role), [budget, "gather", "first_poll"], "{role:?}");
        }
    }
    for role in roles(case("shm-mailbox", Some(Wait::Spin), Measure::RoundTrip)) {
        assert!(names(&role).is_empty(), "it never does anything but poll: {role:?}");
    }
}

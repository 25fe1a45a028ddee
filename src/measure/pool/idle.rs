//! CPU use of an idle pool while the dispatcher sleeps, after some tasks. The transition to sleep is excluded. A final
//! task shows that the pool still works.

use std::thread;
use std::time::Duration;

use super::trial::Trial;
use super::usage::WorkerUsage;
use crate::measure::meter::Meter;
use crate::measure::{MeasureResult, count};
use crate::protocol::Report;
use crate::record::{Metrics, RoleCost, metric};

/// Runs the dispatcher's side of the trial.
///
/// Errors: a result is wrong, missing or duplicate; a worker died.
pub fn lead(trial: &mut Trial) -> MeasureResult {
    let timing = trial.task.timing.clone();
    let mut dispatcher = trial.open(trial.tasks())?;
    let derived = count::derive(&timing, |n| dispatcher.run(n))?;
    thread::sleep(Duration::from_nanos(timing.warm_up_ns));
    trial.page().set_hot(true);
    let usage = WorkerUsage::start(dispatcher.workers());
    let meter = Meter::start();
    thread::sleep(Duration::from_nanos(timing.hot_ns));
    let mut roles = vec![meter.stop(&trial.task, 0)];
    roles.extend(usage.stop(&trial.config.cpus));
    trial.page().set_hot(false);
    dispatcher.run(1)?;
    dispatcher.close()?;
    trial.end(1)?;
    Ok(Report {
        messages: 1,
        chosen_by: "fixed".into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: metrics(&roles),
        roles,
        ..Report::default()
    })
}

/// Sums over all roles, each divided by its own wall time.
fn metrics(roles: &[RoleCost]) -> Metrics {
    let per_s = |of: &dyn Fn(&RoleCost) -> u64| -> f64 {
        roles.iter().map(|role| of(role) as f64 * 1e9 / role.wall_ns.max(1) as f64).sum()
    };
    Metrics::from([
        (metric::IDLE_CPU_NS_PER_S.into(), per_s(&|role| role.user_ns + role.system_ns)),
        (metric::IDLE_SWITCHES_PER_S.into(), per_s(&|role| role.voluntary_switches + role.involuntary_switches)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_use_of_all_roles_adds_up() {
        let role = |user_ns, system_ns, switches, wall_ns| RoleCost {
            user_ns,
            system_ns,
            voluntary_switches: switches,
            wall_ns,
            ..RoleCost::default()
        };
        // One role polls half of the time, the other wakes ten times in half a second.
        let metrics = metrics(&[role(40_000_000, 10_000_000, 0, 100_000_000), role(0, 100_000, 10, 500_000_000)]);
        assert!((metrics[metric::IDLE_CPU_NS_PER_S] - 500_200_000.0).abs() < 1.0);
        assert!((metrics[metric::IDLE_SWITCHES_PER_S] - 20.0).abs() < 1e-9);
    }
}

//! Recovery of a lock after a process that used it was killed: the next owner, its delay, and whether the lock reports
//! the owner's death; or that no process ever acquires the lock.
//!
//! A single-threaded driver process creates a fresh lock for each kill, forks the processes that use it, and kills one:
//! the owner in its critical section, a waiter in the queue, or an owner between its release and its wake-up call.
//! Times are read from the monotonic clock, which all processes share. A lock has not recovered if a waiter that slept
//! or polled did not acquire it within [`PATIENCE_NS`]. A latecomer then distinguishes a lock that lost its sleeping
//! waiter from a dead lock.

mod kill;
mod lines;
mod process;

use std::time::{Duration, Instant};

use crate::control::Page;
use crate::lock::erased::AnyLock;
use crate::measure::{MeasureResult, histogram};
use crate::protocol::{Order, Report};
use crate::record::{KillPoint, Metrics, metric};
use lines::{Lines, Role};

/// Time without an acquisition after which the lock counts as not recovered.
pub const PATIENCE_NS: u64 = 300_000_000;

/// Maximum of kills per trial.
const KILLS_MAX: usize = 30;
/// Maximum of kills without recovery: a second one confirms the first if there is time.
const LOSSES_MAX: usize = 2;

/// Result of a process that tries to acquire the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Claim {
    /// Acquired, with the delay since the lock should have become free.
    Acquired { after_ns: u64, owner_died: bool },
    /// Not acquired in time.
    TimedOut,
    /// Description of an error or of the end of the process.
    Failed(String),
}

/// Result of one kill.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Aftermath {
    waiter: Claim,
    /// Started only if the waiter did not get the lock.
    latecomer: Option<Claim>,
}

/// Runs the trial: repeats kills until the time is used up.
///
/// Errors: `Invalid` if two processes owned the lock at once.
pub fn watch(lock: &AnyLock, order: &Order, page: &Page) -> MeasureResult {
    let kill_point = order.case.params.kill_point.unwrap_or(KillPoint::Holding);
    if kill_point == KillPoint::Releasing
        && let Some(why) = kill::forbidden(Lines::create()?.line(Role::Victim))?
    {
        return Ok(Report { skipped: Some(why), ..Report::default() });
    }
    let (begun, hot) = (Instant::now(), Duration::from_nanos(order.timing.hot_ns));
    let mut seen: Vec<Aftermath> = vec![];
    page.set_hot(true);
    while seen.is_empty() || (begun.elapsed() < hot && seen.len() < KILLS_MAX && losses(&seen) < LOSSES_MAX) {
        seen.push(kill::run(lock, kill_point, &order.cpus)?);
    }
    page.set_hot(false);
    page.set_count(seen.len() as u64);
    Ok(report(&seen))
}

fn losses(seen: &[Aftermath]) -> usize {
    seen.iter().filter(|one| one.latecomer.is_some()).count()
}

fn report(seen: &[Aftermath]) -> Report {
    let had = |claim: &Claim| if let Claim::Acquired { after_ns, .. } = claim { Some(*after_ns as f64) } else { None };
    let recoveries: Vec<f64> = seen.iter().filter_map(|one| had(&one.waiter)).collect();
    let latecomers: Vec<f64> = seen.iter().filter_map(|one| one.latecomer.as_ref().and_then(had)).collect();
    let share = |count: usize| count as f64 / seen.len().max(1) as f64;
    let mut metrics = Metrics::from([
        (metric::RECOVERED_SHARE.into(), share(recoveries.len())),
        (metric::TOLD_SHARE.into(), share(seen.iter().filter(|one| was_told(one)).count())),
    ]);
    for (name, times) in [(metric::RECOVERY_NS, recoveries), (metric::NEWCOMER_NS, latecomers)] {
        if !times.is_empty() {
            metrics.insert(name.into(), histogram::median(times));
        }
    }
    Report { messages: seen.len() as u64, chosen_by: "time".into(), remark: remark(seen), metrics, ..Report::default() }
}

/// Whether the first process to acquire the lock learned of the owner's death.
fn was_told(one: &Aftermath) -> bool {
    [Some(&one.waiter), one.latecomer.as_ref()]
        .into_iter()
        .flatten()
        .any(|it| matches!(it, Claim::Acquired { owner_died: true, .. }))
}

/// Describes failed recovery, if any; without times, so that trials give the same sentence.
fn remark(seen: &[Aftermath]) -> Option<String> {
    let (one, latecomer) = seen.iter().find_map(|one| Some((one, one.latecomer.as_ref()?)))?;
    let often = if losses(seen) == seen.len() { "never" } else { "not always" };
    let patience_ms = PATIENCE_NS / 1_000_000;
    let waiter = match &one.waiter {
        Claim::Failed(why) => format!("the waiter failed ({why})"),
        Claim::TimedOut | Claim::Acquired { .. } => format!("the waiter did not get the lock within {patience_ms} ms"),
    };
    let later = match latecomer {
        Claim::Acquired { .. } => "but a process that came later did".to_owned(),
        Claim::TimedOut => "and neither did a process that came later".to_owned(),
        Claim::Failed(why) => format!("and a process that came later failed ({why})"),
    };
    Some(format!("{often}: {waiter}, {later}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovered(after_ns: u64, owner_died: bool) -> Aftermath {
        Aftermath { waiter: Claim::Acquired { after_ns, owner_died }, latecomer: None }
    }

    fn lost(latecomer: Claim) -> Aftermath {
        Aftermath { waiter: Claim::TimedOut, latecomer: Some(latecomer) }
    }

    #[test]
    fn a_lock_that_recovers_has_a_time_and_no_remark() {
        let report = report(&[recovered(3000, true), recovered(1000, true), recovered(2000, false)]);
        assert!((report.metrics[metric::RECOVERY_NS] - 2000.0).abs() < 1e-9);
        assert!((report.metrics[metric::TOLD_SHARE] - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!((report.messages, report.remark), (3, None));
        assert!(!report.metrics.contains_key(metric::NEWCOMER_NS));
    }

    #[test]
    fn a_forgotten_waiter_differs_from_a_dead_lock() {
        let later = report(&[lost(Claim::Acquired { after_ns: 700, owner_died: false })]);
        assert!((later.metrics[metric::NEWCOMER_NS] - 700.0).abs() < 1e-9);
        assert!(!later.metrics.contains_key(metric::RECOVERY_NS));
        let why = "never: the waiter did not get the lock within 300 ms, but a process that came later did";
        assert_eq!(later.remark.as_deref(), Some(why));
        let dead = report(&[lost(Claim::TimedOut)]);
        assert!(dead.remark.unwrap().ends_with("and neither did a process that came later"));
        assert!(dead.metrics[metric::RECOVERED_SHARE].abs() < 1e-9);
    }

    #[test]
    fn partial_recovery_has_a_remark() {
        let refused = Aftermath { waiter: Claim::Failed("gone".into()), latecomer: Some(Claim::TimedOut) };
        let why = remark(&[recovered(1, false), refused]).unwrap();
        assert!(why.starts_with("not always: the waiter failed (gone), and neither"), "{why}");
    }
}

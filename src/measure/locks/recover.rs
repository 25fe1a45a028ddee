//! What happens to a lock when a process that has to do with it is killed? Whatever happens is the result: who gets the
//! lock next, when, and what he is told; or that nobody ever does.
//!
//! One process of one thread, the warden, forks those who play on a fresh lock each time and kills one of them: the owner at
//! work, one who waits in line, or an owner who has let go but has not yet woken the next. Stamps are of the monotonic clock,
//! which is the same in all of them. *Never* is what patience makes of it: the next in line did not have the lock within
//! [`PATIENCE_NS`], though he slept for it or had the CPU to look. Then one who comes later tells a lock that forgot a
//! sleeper from a lock that is dead.

mod actor;
mod scene;
mod stage;
mod tracer;
mod watch;

use std::time::{Duration, Instant};

use crate::control::Page;
use crate::lock::erased::AnyLock;
use crate::measure::{MeasureResult, histogram};
use crate::protocol::{Order, Report};
use crate::record::{KillPoint, Metrics, metric};
use stage::{Part, Stage};

/// How long somebody waits for the lock until that counts as never.
pub const PATIENCE_NS: u64 = 300_000_000;

/// Deaths of one trial, where they are quick.
const DEATHS_MAX: usize = 30;
/// Deaths without recovery: one to see it, one to confirm it if there is time.
const LOSSES_MAX: usize = 2;

/// What became of one who wanted the lock.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Claim {
    /// He had it so long after it should have been free.
    Had { after_ns: u64, told: bool },
    /// He waited in vain.
    Never,
    /// He was given an error, or did not survive it: a sentence.
    Failed(String),
}

/// What became of one death.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Aftermath {
    next: Claim,
    /// Only asked for where the next in line did not get the lock.
    newcomer: Option<Claim>,
}

/// The whole trial: deaths until its time is used up.
///
/// Errors: `Invalid` when two had the lock at once, which no death excuses.
pub fn watch(lock: &AnyLock, order: &Order, page: &Page) -> MeasureResult {
    let death = order.case.params.kill_point.unwrap_or(KillPoint::Holding);
    if death == KillPoint::Releasing
        && let Some(why) = tracer::forbidden(Stage::set()?.line(Part::Victim))?
    {
        return Ok(Report { skipped: Some(why), ..Report::default() });
    }
    let (begun, hot) = (Instant::now(), Duration::from_nanos(order.timing.hot_ns));
    let mut seen: Vec<Aftermath> = vec![];
    page.set_hot(true);
    while seen.is_empty() || (begun.elapsed() < hot && seen.len() < DEATHS_MAX && losses(&seen) < LOSSES_MAX) {
        seen.push(scene::play(lock, death, &order.cpus)?);
    }
    page.set_hot(false);
    page.set_count(seen.len() as u64);
    Ok(report(&seen))
}

fn losses(seen: &[Aftermath]) -> usize {
    seen.iter().filter(|one| one.newcomer.is_some()).count()
}

fn report(seen: &[Aftermath]) -> Report {
    let had = |claim: &Claim| if let Claim::Had { after_ns, .. } = claim { Some(*after_ns as f64) } else { None };
    let recoveries: Vec<f64> = seen.iter().filter_map(|one| had(&one.next)).collect();
    let newcomers: Vec<f64> = seen.iter().filter_map(|one| one.newcomer.as_ref().and_then(had)).collect();
    let share = |count: usize| count as f64 / seen.len().max(1) as f64;
    let mut metrics = Metrics::from([
        (metric::RECOVERED_SHARE.into(), share(recoveries.len())),
        (metric::TOLD_SHARE.into(), share(seen.iter().filter(|one| was_told(one)).count())),
    ]);
    for (name, times) in [(metric::RECOVERY_NS, recoveries), (metric::NEWCOMER_NS, newcomers)] {
        if !times.is_empty() {
            metrics.insert(name.into(), histogram::median(times));
        }
    }
    Report { messages: seen.len() as u64, chosen_by: "time".into(), remark: remark(seen), metrics, ..Report::default() }
}

/// Whoever had the lock first after the death was told of it.
fn was_told(one: &Aftermath) -> bool {
    [Some(&one.next), one.newcomer.as_ref()].into_iter().flatten().any(|it| matches!(it, Claim::Had { told: true, .. }))
}

/// What a lock without recovery did instead; nothing where it always recovered. It holds no times, so that the sentences of
/// several trials are one.
fn remark(seen: &[Aftermath]) -> Option<String> {
    let (one, newcomer) = seen.iter().find_map(|one| Some((one, one.newcomer.as_ref()?)))?;
    let often = if losses(seen) == seen.len() { "never" } else { "not always" };
    let patience_ms = PATIENCE_NS / 1_000_000;
    let next = match &one.next {
        Claim::Failed(why) => format!("the next in line failed ({why})"),
        Claim::Never | Claim::Had { .. } => format!("the next in line did not get the lock within {patience_ms} ms"),
    };
    let later = match newcomer {
        Claim::Had { .. } => "but one who came later did".to_owned(),
        Claim::Never => "and neither did one who came later".to_owned(),
        Claim::Failed(why) => format!("and one who came later failed ({why})"),
    };
    Some(format!("{often}: {next}, {later}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recovered(after_ns: u64, told: bool) -> Aftermath {
        Aftermath { next: Claim::Had { after_ns, told }, newcomer: None }
    }

    fn lost(newcomer: Claim) -> Aftermath {
        Aftermath { next: Claim::Never, newcomer: Some(newcomer) }
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
    fn a_forgotten_sleeper_is_told_from_a_dead_lock() {
        let later = report(&[lost(Claim::Had { after_ns: 700, told: false })]);
        assert!((later.metrics[metric::NEWCOMER_NS] - 700.0).abs() < 1e-9);
        assert!(!later.metrics.contains_key(metric::RECOVERY_NS));
        let why = "never: the next in line did not get the lock within 300 ms, but one who came later did";
        assert_eq!(later.remark.as_deref(), Some(why));
        let dead = report(&[lost(Claim::Never)]);
        assert!(dead.remark.unwrap().ends_with("and neither did one who came later"));
        assert!(dead.metrics[metric::RECOVERED_SHARE].abs() < 1e-9);
    }

    #[test]
    fn a_lock_that_recovers_at_times_says_so() {
        let refused = Aftermath { next: Claim::Failed("gone".into()), newcomer: Some(Claim::Never) };
        let why = remark(&[recovered(1, false), refused]).unwrap();
        assert!(why.starts_with("not always: the next in line failed (gone), and neither"), "{why}");
    }
}

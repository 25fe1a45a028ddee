//! Parallelism of two roles that share calibrated work, half of the steps each. Before and after, the leader runs its
//! half alone while the other role sleeps; the sum of both runs is the sequential time.
//!
//! The run states of the roles distinguish three cases. In parallel, both roles run at once. Concurrent on one CPU, one
//! role runs while the other is ready. Roles that wait for each other at every step never run at the same time, on any
//! number of CPUs.

use super::locks::work::{self, Chain};
use super::meter::Meter;
use super::paired::Floor;
use super::{MeasureError, MeasureResult, Task, attend, count, phase, together};
use crate::clock;
use crate::concurrency::{self, Partner};
use crate::control::{Leader, Member, Page};
use crate::protocol::Report;
use crate::record::{Metrics, metric};

/// Phase that announces the rounds per step, which the leader calibrated on its CPU.
const LENGTH: u32 = 60;
/// Phase in which the leader works alone.
const ALONE: u32 = 61;

/// The first role.
pub fn lead(mut partner: impl Partner, leader: &mut Leader, task: &Task) -> MeasureResult {
    let step_ns = concurrency::step_ns(&task.case);
    let rounds = Chain::calibrated().rounds(step_ns).max(1);
    together(leader, LENGTH, rounds, || Ok(()))?;
    let in_half = |ns: u64| ns / (2 * step_ns);
    let warm_up = in_half(task.timing.warm_up_ns).max(1);
    let began_ns = clock::now_ns();
    together(leader, phase::WORK, warm_up, || steps(&mut partner, 0..warm_up, rounds))?;
    let warm_up_ns = clock::now_ns() - began_ns;
    let (steps_each, chosen_by) = match task.timing.fixed_count {
        Some(count) => (count, "fixed"),
        None => (in_half(task.timing.hot_ns).max(count::WINDOWS), "time"),
    };

    let mut alone_ns = alone(leader, steps_each, rounds)?;
    let page = leader.page().clone();
    page.set_count(steps_each);
    page.set_hot(true);
    let (sliced, cost) = together(leader, phase::WORK, steps_each, || {
        let meter = Meter::start();
        let mut done = 0;
        let sliced = count::in_slices(steps_each, |slice| {
            done += slice;
            steps(&mut partner, done - slice..done, rounds)
        })?;
        stamp(&page, task.slot, (sliced.started_ns, sliced.ended_ns));
        Ok((sliced, meter.stop(task, steps_each)))
    })?;
    page.set_hot(false);
    alone_ns += alone(leader, steps_each, rounds)?;
    leader.open(phase::END, 0)?;
    leader.close()?;

    let slots = 0..leader.slots();
    let started_ns = slots.clone().map(|slot| page.started_ns(slot)).min().unwrap_or(0);
    let work_ns = slots.map(|slot| page.ended_ns(slot)).max().unwrap_or(0).saturating_sub(started_ns);
    let metrics = Metrics::from([
        (metric::WORK_NS.into(), work_ns as f64),
        (metric::SPEED_UP.into(), alone_ns as f64 / work_ns.max(1) as f64),
    ]);
    Ok(Report {
        messages: steps_each,
        chosen_by: chosen_by.into(),
        warm_up_ns,
        metrics,
        windows: sliced.windows,
        roles: vec![cost],
        ..Report::default()
    })
}

/// The second role.
pub fn follow(mut partner: impl Partner, member: &mut Member, task: &Task) -> MeasureResult {
    let mut rounds = 0;
    let mut report = Report::default();
    attend(member, &mut Floor::none(), &mut |member, phase| {
        match phase.kind {
            LENGTH => rounds = phase.count,
            ALONE => {}
            phase::WORK => {
                let hot = member.page().is_hot();
                let meter = Meter::start();
                let started_ns = clock::now_ns();
                steps(&mut partner, 0..phase.count, rounds)?;
                stamp(member.page(), task.slot, (started_ns, clock::now_ns()));
                if hot {
                    report.messages = phase.count;
                    report.roles = vec![meter.stop(task, phase.count)];
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(report)
}

/// Time of the leader for half of the work, while the other role sleeps.
fn alone(leader: &mut Leader, steps: u64, rounds: u64) -> Result<u64, MeasureError> {
    together(leader, ALONE, steps, || {
        let began_ns = clock::now_ns();
        for _ in 0..steps {
            work::run(rounds);
        }
        Ok(clock::now_ns() - began_ns)
    })
}

fn steps(partner: &mut impl Partner, numbers: std::ops::Range<u64>, rounds: u64) -> Result<(), MeasureError> {
    for number in numbers {
        partner.step(number, || work::run(rounds))?;
    }
    Ok(())
}

fn stamp(page: &Page, slot: u32, (started_ns, ended_ns): (u64, u64)) {
    page.set_started_ns(slot, started_ns);
    page.set_ended_ns(slot, ended_ns);
}

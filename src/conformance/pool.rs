//! Conformance of pools, with the number of workers of the case:
//!
//! 1. every call and chunking executes each task once, in order where that is guaranteed; a failed task is reported to
//!    its caller and the pool goes on; more requests in flight than agreed are refused;
//! 2. a closed pool executes its queued tasks before its workers exit;
//! 3. a terminated pool ends its workers during their tasks;
//! 4. a worker killed during a task or while idle is reported and replaced, and every task is executed.
//!
//! No worker may survive a pool. Each check runs in its own process, so that hangs and leftovers do not affect the
//! next.

mod processes;

use self::processes::{Workers, in_a_process};
use crate::control::MAX_SLOTS;
use crate::measure::meter::Meter;
use crate::measure::pool::dispatcher::Dispatcher;
use crate::measure::pool::trial::Trial;
use crate::measure::pool::{Event, FAILS, SHOWN, recover, within};
use crate::measure::{MeasureError, MeasureResult, invalid};
use crate::pool::Worker;
use crate::protocol::Report;
use crate::record::{Call, Chunk, Isolation};

/// Tasks of each call: several lists, and no multiple of a chunk.
const TASKS: u64 = 203;
/// Duration of a task that is queued when the pool is closed.
const QUEUED_NS: u64 = 1_000_000;
/// Duration of a task in a terminated pool of processes: longer than the time limit of a check.
const ENDLESS_NS: u64 = 60_000_000_000;
/// Duration of a task in a terminated pool of threads, which finish it.
const THREADS_NS: u64 = 20_000_000;
/// Time limit of an event that should happen at once.
const LIMIT_NS: u64 = 5_000_000_000;
/// Number of workers killed during a task.
const DEATHS: u32 = 2;
/// Kills that may come too late, each in a pool of its own.
const LATE_MAX: u32 = 2;

/// Runs all checks.
///
/// Errors: a violated guarantee.
pub fn examine(trial: &mut Trial) -> MeasureResult {
    let meter = Meter::start();
    let mut tasks = in_a_process("the calls", || calls(trial))? + in_a_process("closing", || closing(trial))?;
    if !trial.pool.serial {
        tasks += in_a_process("terminating", || terminating(trial))?;
    }
    if trial.pool.isolation == Isolation::Process {
        tasks += in_a_process("deaths", || deaths(trial))?;
    }
    let roles = vec![meter.stop(&trial.task, tasks)];
    trial.end(tasks)?;
    Ok(Report { messages: tasks, chosen_by: "fixed".into(), roles, ..Report::default() })
}

/// Checks every call, a failing task, and the refusal of too many requests.
fn calls(trial: &Trial) -> Result<u64, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks())?;
    let pool = dispatcher.as_mut();
    let mut done = 0;
    for call in Call::ALL {
        let in_chunks = matches!(call, Call::Map | Call::Imap | Call::ImapUnordered);
        for chunk in if in_chunks { Chunk::ALL } else { &[Chunk::One] } {
            pool.set_tasks(trial.tasks().called(*call, *chunk));
            pool.run(TASKS)?;
            if pool.out() > 0 {
                return invalid(format!("{} requests were in flight after `{call}` by `{chunk}`", pool.out()));
            }
            done += TASKS;
        }
    }
    pool.set_tasks(trial.tasks().called(Call::Apply, Chunk::One));
    pool.apply_failing()?;
    pool.run(1)?;
    done += fail_among_others(pool)?;
    done += refuse_too_many(pool)?;
    let workers = Workers::of(pool)?;
    dispatcher.close()?;
    workers.check_gone("close")?;
    Ok(done)
}

/// Checks that only the failing one of several tasks is reported as failed.
fn fail_among_others(pool: &mut dyn Dispatcher) -> Result<u64, MeasureError> {
    let count = pool.room() as u32;
    let mut failing = vec![];
    for at in 0..count {
        let token = pool.submit(1, if at == count / 2 { FAILS } else { 0 })?;
        failing.extend((at == count / 2).then_some(token));
    }
    for _ in 0..count {
        match pool.collect()? {
            Event::Back(back) if back.done != failing.contains(&back.token) => {}
            Event::Back(back) => return invalid(format!("task {} has a wrong status", back.first)),
            Event::Lost(death, _) => return invalid(format!("worker {} died of a failed task", death.worker)),
        }
    }
    Ok(u64::from(count))
}

/// Checks that an additional request is refused and no other is lost.
fn refuse_too_many(pool: &mut dyn Dispatcher) -> Result<u64, MeasureError> {
    let count = pool.room() as u64;
    for _ in 0..count {
        pool.submit(1, 0)?;
    }
    if pool.submit(1, 0).is_ok() {
        return invalid(format!("{} requests are in flight, but only {count} are allowed", count + 1));
    }
    await_all(pool)?;
    Ok(count)
}

/// Waits for all requests in flight.
fn await_all(pool: &mut dyn Dispatcher) -> Result<(), MeasureError> {
    while pool.out() > 0 {
        match pool.collect()? {
            Event::Back(back) if back.done => {}
            Event::Back(back) => return invalid(format!("task {} failed", back.first)),
            Event::Lost(death, _) => return invalid(format!("worker {} died without a cause", death.worker)),
        }
    }
    Ok(())
}

/// Checks that queued tasks are executed before the workers exit.
fn closing(trial: &Trial) -> Result<u64, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks_of_ns(QUEUED_NS))?;
    recover::clear(trial.page(), MAX_SLOTS);
    let count = dispatcher.room().min(MAX_SLOTS as usize) as u32;
    for _ in 0..count {
        dispatcher.submit(1, SHOWN)?;
    }
    let workers = Workers::of(dispatcher.as_ref())?;
    dispatcher.close()?;
    workers.check_gone("close")?;
    let undone = (0..count).filter(|line| trial.page().tally(*line) == 0).count();
    if undone > 0 {
        return invalid(format!("{undone} of {count} tasks queued when the pool was closed were not executed"));
    }
    Ok(u64::from(count))
}

/// Checks that workers end during their tasks and that queued tasks are dropped.
fn terminating(trial: &Trial) -> Result<u64, MeasureError> {
    let can_be_ended = trial.pool.isolation == Isolation::Process;
    let mut dispatcher = trial.open(trial.tasks_of_ns(if can_be_ended { ENDLESS_NS } else { THREADS_NS }))?;
    let (page, workers) = (trial.page(), trial.config.workers);
    recover::clear(page, MAX_SLOTS);
    let count = (2 * workers).min(dispatcher.room() as u32).min(MAX_SLOTS);
    for _ in 0..count {
        dispatcher.submit(1, SHOWN)?;
    }
    let begun = || (0..count).filter(|line| page.posted(*line) != 0).count() as u32;
    if within(LIMIT_NS, || Ok((begun() >= workers).then_some(())))?.is_none() {
        return invalid(format!("only {} of {workers} workers began one of {count} tasks", begun()));
    }
    let workers = Workers::of(dispatcher.as_ref())?;
    dispatcher.terminate()?;
    workers.check_gone("terminate")?;
    let done = (0..count).filter(|line| page.tally(*line) != 0).count();
    if can_be_ended && done > 0 {
        return invalid(format!("{done} tasks were completed although the pool was terminated"));
    }
    Ok(u64::from(count))
}

/// Checks the replacement of workers killed during a task or while idle.
fn deaths(trial: &Trial) -> Result<u64, MeasureError> {
    let tasks = trial.tasks_of_ns(recover::TASK_NS);
    let mut dispatcher = trial.open(tasks)?;
    let workers = trial.config.workers;
    let (mut done, mut late_left) = (0, LATE_MAX);
    for _ in 0..DEATHS {
        let aftermath = loop {
            let aftermath = recover::play(dispatcher.as_mut(), tasks, trial.page(), workers, LIMIT_NS)?;
            if !aftermath.late || late_left == 0 {
                break aftermath;
            }
            // A worker that dies while it sends a response may block the queue for all: not what is asked here.
            late_left -= 1;
            dispatcher.terminate()?;
            dispatcher = trial.open(tasks)?;
        };
        if !aftermath.is_recovery() {
            return invalid(format!("after a worker was killed during a task: {aftermath:?}"));
        }
        done += u64::from(recover::tasks_out(workers));
    }
    let pool = dispatcher.as_mut();
    pool.set_tasks(trial.tasks().called(Call::ApplyAsync, Chunk::One));
    let workers = Workers::of(pool)?;
    if let Some(Worker::Process(idle)) = pool.workers().first().copied() {
        workers.kill(idle)?;
        match within(LIMIT_NS, || pool.try_collect())? {
            Some(Event::Lost(_, None)) => {}
            Some(other) => return invalid(format!("an idle worker was killed, but the pool reported {other:?}")),
            None => return invalid("an idle worker was killed, but the pool did not report it"),
        }
    }
    pool.run(TASKS)?;
    let workers = Workers::of(pool)?;
    dispatcher.close()?;
    workers.check_gone("close")?;
    Ok(done + TASKS)
}

//! What every pool must get right, with as many workers as the case has:
//!
//! 1. every call, with every kind of chunk: each task is done once, and results come in order where that is promised; a
//!    task that fails is told to whoever asked for it, and the pool goes on; more frames than agreed are refused;
//! 2. a pool that is closed does what is queued before its workers leave;
//! 3. a pool that is terminated ends its workers at their tasks;
//! 4. a worker that is killed at its task, or while it has none, is told of and replaced, and every task is done.
//!
//! None of these leaves a worker behind. Each is looked at in a process of its own, so that one that hangs, or leaves
//! something, does not spoil the next.

mod left;
mod stage;

use self::left::Roll;
use self::stage::in_a_process;
use crate::control::MAX_SLOTS;
use crate::measure::meter::Meter;
use crate::measure::pool::dispatcher::Dispatcher;
use crate::measure::pool::trial::Trial;
use crate::measure::pool::{Event, FAILS, SHOWN, recover, within};
use crate::measure::{MeasureError, MeasureResult};
use crate::pool::Hand;
use crate::protocol::Report;
use crate::record::{Call, Chunk, Isolation};

/// Tasks of each call: several lists, and no multiple of a chunk.
const TASKS: u64 = 203;
/// Work of a task that is queued when its pool is closed.
const QUEUED_NS: u64 = 1_000_000;
/// Work of a task that nobody waits for: longer than the patience with a pool that does.
const ENDLESS_NS: u64 = 60_000_000_000;
/// The same for threads, which cannot be ended at their work.
const THREADS_NS: u64 = 20_000_000;
/// How long something may take that ought to happen at once.
const PATIENCE_NS: u64 = 5_000_000_000;
/// Deaths at a task.
const DEATHS: u32 = 2;

/// The whole trial.
///
/// Errors: what the pool let happen.
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

/// Every call, a failure, and too many frames.
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
                return Err(format!("{} frames were out after `{call}` by `{chunk}`", pool.out()).into());
            }
            done += TASKS;
        }
    }
    pool.set_tasks(trial.tasks().called(Call::Apply, Chunk::One));
    pool.apply_failing()?;
    pool.run(1)?;
    done += fail_among_others(pool)?;
    done += refuse_too_many(pool)?;
    let roll = Roll::of(pool)?;
    dispatcher.close()?;
    roll.has_gone("close")?;
    Ok(done)
}

/// One failure among tasks that are done: only that one is told as failed.
fn fail_among_others(pool: &mut dyn Dispatcher) -> Result<u64, MeasureError> {
    let count = pool.room() as u32;
    let mut failing = vec![];
    for at in 0..count {
        let token = pool.hand_out(1, if at == count / 2 { FAILS } else { 0 })?;
        failing.extend((at == count / 2).then_some(token));
    }
    for _ in 0..count {
        match pool.collect()? {
            Event::Back(back) if back.done != failing.contains(&back.token) => {}
            Event::Back(back) => return Err(format!("whether task {} failed was told wrongly", back.first).into()),
            Event::Lost(loss, _) => return Err(format!("worker {} died of a task that failed", loss.worker).into()),
        }
    }
    Ok(u64::from(count))
}

/// As many frames as agreed, and one that is refused; nothing is lost over it.
fn refuse_too_many(pool: &mut dyn Dispatcher) -> Result<u64, MeasureError> {
    let count = pool.room() as u64;
    for _ in 0..count {
        pool.hand_out(1, 0)?;
    }
    if pool.hand_out(1, 0).is_ok() {
        return Err(format!("{} frames are out where {count} were agreed on", count + 1).into());
    }
    await_all(pool)?;
    Ok(count)
}

/// Whatever is out comes back, done.
fn await_all(pool: &mut dyn Dispatcher) -> Result<(), MeasureError> {
    while pool.out() > 0 {
        match pool.collect()? {
            Event::Back(back) if back.done => {}
            Event::Back(back) => return Err(format!("task {} failed", back.first).into()),
            Event::Lost(loss, _) => return Err(format!("worker {} died by itself", loss.worker).into()),
        }
    }
    Ok(())
}

/// What is queued is done before the workers leave.
fn closing(trial: &Trial) -> Result<u64, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks_of_ns(QUEUED_NS))?;
    recover::clear(trial.page(), MAX_SLOTS);
    let count = dispatcher.room().min(MAX_SLOTS as usize) as u32;
    for _ in 0..count {
        dispatcher.hand_out(1, SHOWN)?;
    }
    let roll = Roll::of(dispatcher.as_ref())?;
    dispatcher.close()?;
    roll.has_gone("close")?;
    let undone = (0..count).filter(|line| trial.page().tally(*line) == 0).count();
    if undone > 0 {
        return Err(format!("{undone} of {count} tasks that were queued when the pool was closed were not done").into());
    }
    Ok(u64::from(count))
}

/// Workers end at their tasks, and what was queued stays undone.
fn terminating(trial: &Trial) -> Result<u64, MeasureError> {
    let can_be_ended = trial.pool.isolation == Isolation::Process;
    let mut dispatcher = trial.open(trial.tasks_of_ns(if can_be_ended { ENDLESS_NS } else { THREADS_NS }))?;
    let (page, workers) = (trial.page(), trial.staff.workers);
    recover::clear(page, MAX_SLOTS);
    let count = (2 * workers).min(dispatcher.room() as u32).min(MAX_SLOTS);
    for _ in 0..count {
        dispatcher.hand_out(1, SHOWN)?;
    }
    let begun = || (0..count).filter(|line| page.posted(*line) != 0).count() as u32;
    if within(PATIENCE_NS, || Ok((begun() >= workers).then_some(())))?.is_none() {
        return Err(format!("only {} of {workers} workers took one of {count} tasks", begun()).into());
    }
    let roll = Roll::of(dispatcher.as_ref())?;
    dispatcher.terminate()?;
    roll.has_gone("terminate")?;
    let done = (0..count).filter(|line| page.tally(*line) != 0).count();
    if can_be_ended && done > 0 {
        return Err(format!("{done} tasks were done to their end in a pool that was terminated").into());
    }
    Ok(u64::from(count))
}

/// Workers are killed at a task and without one.
fn deaths(trial: &Trial) -> Result<u64, MeasureError> {
    let mut dispatcher = trial.open(trial.tasks_of_ns(recover::TASK_NS))?;
    let (pool, workers) = (dispatcher.as_mut(), trial.staff.workers);
    let mut done = 0;
    for _ in 0..DEATHS {
        let aftermath = recover::play(pool, trial.page(), workers, PATIENCE_NS)?;
        if !aftermath.is_recovery() {
            return Err(format!("a worker that was killed at its task: {aftermath:?}").into());
        }
        done += u64::from(recover::tasks_out(workers));
    }
    pool.set_tasks(trial.tasks().called(Call::ApplyAsync, Chunk::One));
    let roll = Roll::of(pool)?;
    if let Some(Hand::Process(idle)) = pool.hands().first().copied() {
        roll.kill(idle)?;
        let told = within(PATIENCE_NS, || pool.try_collect())?;
        match told {
            Some(Event::Lost(_, None)) => {}
            Some(other) => {
                return Err(format!("a worker that had no task was killed, and this was told: {other:?}").into());
            }
            None => return Err("a worker that had no task was killed, and nobody was told".to_owned().into()),
        }
    }
    pool.run(TASKS)?;
    let roll = Roll::of(pool)?;
    dispatcher.close()?;
    roll.has_gone("close")?;
    Ok(done + TASKS)
}

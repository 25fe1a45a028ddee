//! Start and end of workers, one at a time or in batches, from the call that starts a worker until it is collected.
//!
//! | stamp | from | to |
//! |---|---|---|
//! | call | just before the call | it has returned, and the worker's pipe ends are closed in the parent |
//! | first word | the same | the worker's first byte is read |
//! | message | the same | a message of 64 bytes is answered, every byte checked on both sides |
//! | exit | the order to exit | its end is seen: waitid without collecting, a poll of the pidfd, or a thread's join |
//! | reap | then | it is collected; a thread has nothing to collect |
//! | life | just before the call | it is collected |
//!
//! The pipes are created before. In a batch, all calls come first; words, responses and ends are then read in the same
//! order, so later workers wait for earlier ones, as in a program that does the same.

use super::parent::{Line, Question};
use super::resident::{Resident, shortage};
use super::summary::{Course, Life, report};
use crate::clock;
use crate::control::Page;
use crate::launch::process::has_children;
use crate::launch::{ChildPipes, End, Launch, Program, Started};
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, count, invalid};
use crate::protocol::Report;

/// Runs the parent's side of the trial.
///
/// Errors: `Invalid` for a wrong word, response or status, or if a process is left at the end.
pub fn start_up<L: Launch>(program: &Program, task: &Task, page: &Page) -> MeasureResult {
    let bytes = task.case.params.parent_rss_bytes.unwrap_or(0);
    if let Some(why) = shortage(bytes)? {
        return Ok(Report { skipped: Some(why), ..Report::default() });
    }
    // Attached before the memory is allocated, so that a helper process started in advance is small.
    let mut way = L::attach(program)?;
    let _resident = Resident::of(bytes)?;
    let at_once = task.case.params.batch.unwrap_or(1);
    let mut told = 0;
    let mut lives = vec![];
    let derived = count::derive(&task.timing, |batches| {
        lives.clear();
        (0..batches).try_for_each(|_| batch(&mut way, at_once, &mut told, &mut lives).map(drop))
    })?;
    lives = Vec::with_capacity((derived.count * u64::from(at_once)) as usize);
    let mut alive_ns = 0;
    page.set_hot(true);
    let meter = Meter::start();
    let sliced = count::in_slices(derived.count, |batches| {
        (0..batches).try_for_each(|_| batch(&mut way, at_once, &mut told, &mut lives).map(|ns| alive_ns += ns))
    })?;
    let cost = meter.stop(task, lives.len() as u64);
    page.set_hot(false);
    page.set_count(lives.len() as u64);
    drop(way);
    if has_children()? {
        return invalid("a started process was never collected");
    }
    let (chosen_by, warm_up_ns) = (derived.chosen_by, derived.warm_up_ns);
    Ok(report(&lives, Course { at_once: at_once.into(), alive_ns, chosen_by, warm_up_ns, sliced, cost }))
}

/// A running worker.
struct Alive<S> {
    started: S,
    called_ns: u64,
    left_ns: u64,
    life: Life,
}

/// Runs a batch of workers; returns the time from the first call to the last collection.
fn batch<L: Launch>(way: &mut L, at_once: u32, told: &mut u64, lives: &mut Vec<Life>) -> Result<u64, MeasureError> {
    let mut lines = vec![];
    let mut plugs = vec![];
    let mut questions = vec![];
    for _ in 0..at_once {
        let (line, ends) = Line::open()?;
        lines.push(line);
        plugs.push(ends);
        questions.push(Question::new(*told));
        *told += 1;
    }
    let began_ns = clock::now_ns();
    // Declared after the lines, so that after an error workers are dropped before them.
    let mut all = start_all(way, plugs)?;
    for (line, one) in lines.iter().zip(&mut all) {
        line.first_word()?;
        one.life.first_word_ns = clock::now_ns() - one.called_ns;
    }
    for ((line, question), one) in lines.iter().zip(&questions).zip(&mut all) {
        line.ask(question)?;
        one.life.message_ns = Some(clock::now_ns() - one.called_ns);
    }
    for (line, one) in lines.iter().zip(&mut all) {
        let told_ns = clock::now_ns();
        line.dismiss(0)?;
        one.started.await_end()?;
        one.left_ns = clock::now_ns();
        one.life.exit_ns = Some(one.left_ns - told_ns);
    }
    let alone = all.len() == 1;
    for one in &mut all {
        // Others may have been collected since this end was seen.
        let from_ns = if alone { one.left_ns } else { clock::now_ns() };
        let end = one.started.collect()?;
        let now_ns = clock::now_ns();
        one.life.reap_ns = L::Started::REMAINS.then_some(now_ns - from_ns);
        one.life.life_ns = now_ns - one.called_ns;
        if end != End::Exited(0) {
            return invalid(format!("a worker that was told to exit with status 0 ended as {end:?}"));
        }
    }
    let ended_ns = clock::now_ns();
    lives.extend(all.iter().map(|one| one.life));
    Ok(ended_ns - began_ns)
}

fn start_all<L: Launch>(way: &mut L, plugs: Vec<ChildPipes>) -> Result<Vec<Alive<L::Started>>, MeasureError> {
    let mut all = Vec::with_capacity(plugs.len());
    for ends in plugs {
        let called_ns = clock::now_ns();
        let started = way.start(ends)?;
        let life = Life { call_ns: clock::now_ns() - called_ns, ..Life::default() };
        all.push(Alive { started, called_ns, left_ns: 0, life });
    }
    Ok(all)
}

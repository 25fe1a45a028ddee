//! Cost of the first write to a page that is shared with another process or thread, and visibility of the writes.
//!
//! The writer first touches all its pages. A second process or thread then starts and sleeps while the writer writes a
//! word to each page: once for the first, once for the later write. The second side then reads these words, writes its
//! own next to them, and exits. In every round each page must be shared or private, as declared by the mechanism.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read, write};

use super::meter::Meter;
use super::{MeasureError, MeasureResult, Task, count, histogram, invalid};
use crate::child::retry_on_eintr;
use crate::control::Page;
use crate::isolation::memory::Memory;
use crate::isolation::{Body, Sharing};
use crate::protocol::Report;
use crate::record::{Metrics, Window, metric};
use crate::{clock, payload, pin};

/// Pages written per round: many times the cost of a clock read, and small enough for a second-level cache.
const PAGES: usize = 512;

/// Times of one round, for all pages together.
#[derive(Clone, Copy)]
struct Round {
    first_ns: u64,
    later_ns: u64,
}

/// Runs the trial, as the writer. The second side runs on `other_cpu`, if given.
///
/// Errors: `Invalid` if the visibility of a write differs from the mechanism's declaration.
pub fn first_write<S: Sharing>(task: &Task, page: &Page, other_cpu: Option<u32>) -> MeasureResult {
    // The second side may be a thread, which needs 'static data; the process exits soon after the last use.
    let memory: &'static Memory = Box::leak(Box::new(S::map(PAGES)?));
    let mut number = 0;
    put(memory, number);
    let mut next = || {
        number += 1;
        round::<S>(memory, number, other_cpu)
    };
    let derived = count::derive(&task.timing, |n| (0..n).try_for_each(|_| next().map(drop)))?;
    let mut rounds = Vec::with_capacity(derived.count as usize);
    page.set_hot(true);
    let meter = Meter::start();
    let sliced = count::in_slices(derived.count, |n| (0..n).try_for_each(|_| next().map(|one| rounds.push(one))))?;
    let writes = derived.count * PAGES as u64;
    let cost = meter.stop(task, writes);
    page.set_hot(false);
    page.set_count(writes);

    let mut spread = histogram::empty();
    for round in &rounds {
        spread.saturating_record((round.first_ns / PAGES as u64).max(1));
    }
    let each =
        |of: fn(&Round) -> u64| histogram::median(rounds.iter().map(|it| of(it) as f64 / PAGES as f64).collect());
    let mut metrics = Metrics::from([
        (metric::FIRST_WRITE_NS.into(), each(|round| round.first_ns)),
        (metric::LATER_WRITE_NS.into(), each(|round| round.later_ns)),
    ]);
    histogram::percentiles(&spread, clock::now_step_ns(), &mut metrics);
    let in_writes = |window: Window| Window { messages: window.messages * PAGES as u64, ..window };
    Ok(Report {
        messages: writes,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        remark: Some(remark(S::SEEN)),
        metrics,
        windows: sliced.windows.into_iter().map(in_writes).collect(),
        histogram: histogram::encode(&spread),
        roles: vec![cost],
        ..Report::default()
    })
}

fn remark(seen: bool) -> String {
    if seen {
        "each side saw what the other wrote: the memory is shared".to_owned()
    } else {
        "neither side saw what the other wrote after the fork: each has memory of its own".to_owned()
    }
}

/// The word written to a page in a round; all are different.
fn word(number: u64, page: usize) -> u64 {
    payload::mix(number).wrapping_add(page as u64)
}

/// The second side's word.
fn mark(number: u64, page: usize) -> u64 {
    !word(number, page)
}

fn put(memory: &Memory, number: u64) {
    let first = word(number, 0);
    for (page, place) in memory.words(false).enumerate() {
        place.store(first.wrapping_add(page as u64), Ordering::Relaxed);
    }
}

/// Starts the second side, writes every page twice, and compares the words that each side read.
fn round<S: Sharing>(memory: &'static Memory, number: u64, cpu: Option<u32>) -> Result<Round, MeasureError> {
    let (their_input, orders) = pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from)?;
    let (answers, their_output) = pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from)?;
    let other = S::start(onlooker(memory, number, cpu, their_input, their_output))?;
    receive(&answers)?;

    let began_ns = clock::now_ns();
    put(memory, number);
    let once_ns = clock::now_ns();
    put(memory, number);
    let twice_ns = clock::now_ns();

    retry_on_eintr(|| write(&orders, &[0])).map_err(io::Error::from)?;
    let seen_by_other = receive(&answers)?;
    S::collect(other)?;
    let is_mark =
        |(page, place): (usize, &std::sync::atomic::AtomicU64)| place.load(Ordering::Relaxed) == mark(number, page);
    let seen_of_other = memory.words(true).enumerate().filter(|it| is_mark(*it)).count() as u64;
    let due = if S::SEEN { PAGES as u64 } else { 0 };
    if (seen_by_other, seen_of_other) != (due, due) {
        return invalid(format!(
            "of {PAGES} words the other saw {seen_by_other} and its own were seen {seen_of_other} times, \
             where {due} were due"
        ));
    }
    Ok(Round { first_ns: once_ns - began_ns, later_ns: twice_ns - once_ns })
}

/// Body of the second side: waits, reads, writes, and reports the number of new words it read. Exits if a pipe breaks;
/// the parent detects that.
fn onlooker(memory: &'static Memory, number: u64, cpu: Option<u32>, input: OwnedFd, output: OwnedFd) -> Body {
    Box::new(move || {
        let pinned = cpu.is_none_or(|cpu| pin::pin_this_thread(cpu).is_ok());
        if !pinned
            || retry_on_eintr(|| write(&output, &0u64.to_ne_bytes())).is_err()
            || retry_on_eintr(|| read(&input, &mut [0])) != Ok(1)
        {
            return;
        }
        let (mut new, mut old) = (0u64, 0);
        for (page, place) in memory.words(false).enumerate() {
            let seen = place.load(Ordering::Relaxed);
            new += u64::from(seen == word(number, page));
            old += u64::from(seen == word(number - 1, page));
        }
        for (page, place) in memory.words(true).enumerate() {
            place.store(mark(number, page), Ordering::Relaxed);
        }
        // Any other word is torn or was never written.
        let answer = if new + old == PAGES as u64 { new } else { u64::MAX };
        let _ = retry_on_eintr(|| write(&output, &answer.to_ne_bytes()));
    })
}

/// Reads one word of the second side.
fn receive(answers: &OwnedFd) -> Result<u64, MeasureError> {
    let mut word = [0; 8];
    match retry_on_eintr(|| read(answers, &mut word)).map_err(io::Error::from)? {
        8 => Ok(u64::from_ne_bytes(word)),
        _ => invalid("the second side ended before it had read the pages"),
    }
}

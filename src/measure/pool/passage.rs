//! The tasks of an open loop: when they are due, and when each of them was where.

use std::hint;

use super::frame::Answer;
use super::stamps::Stamps;
use crate::measure::schedule::Schedule;

/// The moments of one task, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passage {
    /// Just before it was handed over.
    pub handed_over: u64,
    /// A worker had read it.
    pub started: u64,
    /// It had done what was asked.
    pub finished: u64,
    /// The result was read and found right.
    pub read: u64,
}

/// An open loop of as many tasks as there is room for.
pub struct Course {
    /// When they are due, from the start.
    pub schedule: Schedule,
    /// The start, on the monotonic clock.
    pub start_ns: u64,
    /// Which clock ticks.
    pub trusted: bool,
    /// One entry a task, in the order in which they are due.
    pub passages: Vec<Passage>,
}

impl Course {
    /// A loop of `count` tasks by `schedule` that has yet to be given its start. Every page of its room is in use: one that
    /// is first touched while the clock runs would show up as the 99.9th percentile.
    pub fn new(schedule: Schedule, trusted: bool, count: u64) -> Self {
        let passages = hint::black_box(vec![Passage { read: u64::MAX, ..Passage::default() }; count as usize]);
        Self { schedule, start_ns: 0, trusted, passages }
    }

    /// When each result was read, by task.
    pub(super) fn read(&self) -> Vec<u64> {
        self.passages.iter().map(|passage| passage.read).collect()
    }

    /// Times between the moments.
    pub(super) fn stamps(&self, ns_per_tick: f64) -> Stamps {
        let mut stamps = Stamps::new(ns_per_tick, self.trusted);
        for Passage { handed_over, started, finished, read } in &self.passages {
            stamps.note(*handed_over, &Answer { started: *started, finished: *finished, ..Answer::default() }, *read);
        }
        stamps
    }
}

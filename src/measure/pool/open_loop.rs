//! State of an open loop of tasks: schedule and times.

use std::hint;

use super::frame::Response;
use super::stamps::Stamps;
use crate::measure::schedule::Schedule;

/// Times of one task, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskTimes {
    /// Just before submission.
    pub submitted: u64,
    /// After the worker had read the task.
    pub started: u64,
    /// After the worker had done the task.
    pub finished: u64,
    /// After the result was read and checked.
    pub read: u64,
}

/// Schedule and times of an open loop.
pub struct OpenLoop {
    /// Due times, relative to the start.
    pub schedule: Schedule,
    /// Start on the monotonic clock.
    pub start_ns: u64,
    /// Whether tick counters of different CPUs are comparable.
    pub trusted: bool,
    /// Times by task, in due order.
    pub times: Vec<TaskTimes>,
}

impl OpenLoop {
    /// Creates a loop of `count` tasks without a start time. All pages of the buffer are touched, so that no page fault
    /// disturbs the timed loop.
    pub fn new(schedule: Schedule, trusted: bool, count: u64) -> Self {
        let times = hint::black_box(vec![TaskTimes { read: u64::MAX, ..TaskTimes::default() }; count as usize]);
        Self { schedule, start_ns: 0, trusted, times }
    }

    /// Time at which each result was read.
    pub(super) fn read(&self) -> Vec<u64> {
        self.times.iter().map(|times| times.read).collect()
    }

    /// Distributions of the times between submission, start, finish and reading.
    pub(super) fn stamps(&self, ns_per_tick: f64) -> Stamps {
        let mut stamps = Stamps::new(ns_per_tick, self.trusted);
        for TaskTimes { submitted, started, finished, read } in &self.times {
            stamps.note(*submitted, &Response { started: *started, finished: *finished, ..Response::default() }, *read);
        }
        stamps
    }
}

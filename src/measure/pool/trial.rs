//! Context of a pool trial, common to all measures.

use std::io;

use super::dispatcher::{AnyPool, Dispatcher};
use super::{TaskWorker, Tasks, config};
use crate::address::Descriptor;
use crate::child;
use crate::clock;
use crate::control::{Leader, Page};
use crate::measure::locks::work::Chain;
use crate::measure::{MeasureError, Task, phase, together};
use crate::pool::PoolConfig;
use crate::record::Call;

/// Minimum of tasks per worker in a group that is submitted together.
const LOT: u64 = 16;

/// Pool trial on the dispatcher's side.
pub struct Trial<'a> {
    /// The pool.
    pub pool: AnyPool,
    /// Case and timing.
    pub task: Task,
    /// Configuration of the workers.
    pub config: PoolConfig,
    /// Whether dispatcher and workers can compare tick counters.
    pub(super) ticks: bool,
    chain: Chain,
    control: Descriptor,
    leader: &'a mut Leader,
}

impl<'a> Trial<'a> {
    /// Creates the trial of `task`, with workers on `cpus`; `leader` is its only member. Compares clocks and calibrates
    /// this CPU, which takes about a millisecond.
    pub fn new(pool: AnyPool, task: Task, cpus: &[u32], control: Descriptor, leader: &'a mut Leader) -> Self {
        let places: Vec<u32> = task.cpu.iter().chain(cpus).copied().collect();
        let ticks = clock::ticks_are_invariant() && clock::ticks_synchronised(&places);
        // The threads of the comparison leave before a set-up is timed. A pool of threads needs no single thread.
        let _ = child::require_one_thread();
        let config = config(&task.case, cpus.to_vec());
        Self { pool, task, config, ticks, chain: Chain::calibrated(), control, leader }
    }

    /// Tasks of the case.
    pub(crate) fn tasks(&self) -> Tasks {
        self.tasks_of_ns(self.task.case.params.grain_ns.unwrap_or(0))
    }

    /// Tasks of the case with another duration.
    pub(crate) fn tasks_of_ns(&self, grain_ns: u64) -> Tasks {
        Tasks::of(&self.task.case, self.chain.rounds(grain_ns))
    }

    /// Opens the pool.
    ///
    /// Errors: those of the pool.
    pub(crate) fn open(&self, tasks: Tasks) -> io::Result<Box<dyn Dispatcher>> {
        let worker = TaskWorker::new(tasks.bytes, self.ticks, self.control.clone());
        self.pool.open(&self.config, worker, tasks)
    }

    /// Minimum of tasks to submit together. Workers run out of work one by one at the end of a group, which must be a
    /// small part of it.
    pub(crate) fn least_together(&self) -> u64 {
        match self.task.case.params.call {
            Some(Call::Apply) | None => 1,
            Some(_) => LOT * u64::from(self.config.workers),
        }
    }

    /// Control page.
    pub fn page(&self) -> &Page {
        self.leader.page()
    }

    /// Stores the count on the control page and ends the trial.
    pub(crate) fn end(&mut self, count: u64) -> Result<(), MeasureError> {
        self.page().set_count(count);
        together(self.leader, phase::END, 0, || Ok(()))
    }
}

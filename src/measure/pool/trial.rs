//! What every question asked of a pool is given.

use std::fs;
use std::io;
use std::thread;

use super::books::Tasks;
use super::dispatcher::{AnyPool, Dispatcher};
use super::{Duty, staff};
use crate::address::Descriptor;
use crate::clock;
use crate::control::{Leader, Page};
use crate::measure::locks::chain::Chain;
use crate::measure::{MeasureError, Task, phase, together};
use crate::pool::Staff;
use crate::record::Call;

/// Tasks of a lot for each worker.
const LOT: u64 = 16;
/// How long threads that have been joined may still be listed.
const JOINED_NS: u64 = 1_000_000_000;

/// A trial of a pool, as its dispatcher sees it.
pub struct Trial<'a> {
    /// The pool.
    pub pool: AnyPool,
    /// What is asked.
    pub task: Task,
    /// Where the pool works.
    pub staff: Staff,
    /// Whether stamps of dispatcher and workers are of one clock that ticks.
    pub(super) ticks: bool,
    chain: Chain,
    control: Descriptor,
    leader: &'a mut Leader,
}

impl<'a> Trial<'a> {
    /// The trial of `task` by `leader`, the only one to take part in phases; `cpus` are those of the workers. Takes about a
    /// millisecond: it compares clocks and learns how fast this CPU works.
    ///
    /// Errors: this process could not be told from one of several threads.
    pub fn new(
        pool: AnyPool,
        task: Task,
        cpus: &[u32],
        control: Descriptor,
        leader: &'a mut Leader,
    ) -> io::Result<Self> {
        let places: Vec<u32> = task.cpu.iter().chain(cpus).copied().collect();
        let ticks = clock::ticks_are_invariant() && clock::ticks_synchronised(&places);
        await_solitude()?;
        let staff = staff(&task.case, cpus.to_vec());
        Ok(Self { pool, task, staff, ticks, chain: Chain::calibrated(), control, leader })
    }

    /// The tasks of the case.
    pub(crate) fn tasks(&self) -> Tasks {
        self.tasks_of_ns(self.task.case.params.grain_ns.unwrap_or(0))
    }

    /// The same with another length.
    pub(crate) fn tasks_of_ns(&self, grain_ns: u64) -> Tasks {
        Tasks::of(&self.task.case, self.chain.rounds(grain_ns))
    }

    /// Opens the pool.
    ///
    /// Errors: those of the pool.
    pub(crate) fn open(&self, tasks: Tasks) -> io::Result<Box<dyn Dispatcher>> {
        let duty = Duty::new(tasks.bytes, self.ticks, self.control.clone());
        self.pool.open(&self.staff, duty, tasks)
    }

    /// Tasks that are handed out together, at least, where several are out at a time: at the end of each such lot workers
    /// run out of work one after the other, which is to be a small part of it.
    pub(crate) fn least_together(&self) -> u64 {
        match self.task.case.params.call {
            Some(Call::Apply) | None => 1,
            Some(_) => LOT * u64::from(self.staff.workers),
        }
    }

    /// The control page.
    pub fn page(&self) -> &Page {
        self.leader.page()
    }

    /// Puts the count on record and ends the trial.
    pub(crate) fn end(&mut self, count: u64) -> Result<(), MeasureError> {
        self.page().set_count(count);
        together(self.leader, phase::END, 0, || Ok(()))
    }
}

/// A joined thread may be listed for a moment longer, and nobody forks a process of several threads.
fn await_solitude() -> io::Result<()> {
    let deadline_ns = clock::now_ns() + JOINED_NS;
    while fs::read_dir("/proc/self/task")?.count() > 1 && clock::now_ns() < deadline_ns {
        thread::yield_now();
    }
    Ok(())
}

//! Worker pools: ways to distribute tasks to processes or threads and to collect the results. One file per mechanism;
//! `registry.rs` lists them.
//!
//! A pool moves *frames*: requests out and responses back, in any order. A frame carries one or more tasks. Its content
//! and the way tasks are called (one by one, as futures, mapped, streamed) are the same for every pool: see
//! `ipcmark::measure::pool`.

mod balance;
mod crossbeam_pool;
mod death_reports;
mod descriptor_each;
mod descriptors;
mod fork_per_task;
mod ipc_channel;
mod ipc_channel_router;
mod ipc_channels;
mod mutex_mpsc_pool;
mod pipe_shared;
mod rayon_spawn;
mod registry;
mod serial;
mod shm_each;
mod shm_queue;
mod supervisor;
#[cfg(test)]
mod tests;
mod thread_channels;
mod thread_per_task;
mod threads;
mod worker_table;

use std::io;

use crate::record::{Case, Group, Isolation, Measure, Wait};

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "pool";

/// Most workers of one pool: the slots of the control page, less that of the host.
pub const MAX_WORKERS: u32 = crate::control::MAX_SLOTS - 1;

/// Measures of a pool of processes.
pub const MEASURES: &[Measure] =
    &[Measure::Dispatch, Measure::Paced, Measure::Idle, Measure::SetUp, Measure::Recover, Measure::Conformance];

/// Measures of a pool of threads, which cannot be killed one by one.
pub const MEASURES_OF_THREADS: &[Measure] =
    &[Measure::Dispatch, Measure::Paced, Measure::Idle, Measure::SetUp, Measure::Conformance];

/// Size and placement of a pool.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Number of workers.
    pub workers: u32,
    /// CPU of each worker; empty if the scheduler places them.
    pub cpus: Vec<u32>,
    /// Largest request or response.
    pub frame_bytes: usize,
    /// Most requests without a response at any time. The caller must not exceed it.
    pub in_flight: u32,
}

/// What a worker does with a request. Each worker has its own clone.
pub trait Work: Clone + Send + 'static {
    /// A decoded request.
    type Job: Send;
    /// Decodes a request in place; its memory is reused as soon as this returns.
    fn read(&mut self, request: &[u8]) -> Self::Job;
    /// Identifies the request to the caller of the pool.
    fn id(&self, job: &Self::Job) -> u64;
    /// Executes the tasks of the request.
    fn execute(&mut self, job: &mut Self::Job);
    /// Size of the response.
    fn response_bytes(&self, job: &Self::Job) -> usize;
    /// Writes the response; `room` has the length that `response_bytes` returned.
    fn write_response(&mut self, job: &Self::Job, room: &mut [u8]);
}

/// What the pool returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collected<R> {
    /// A response, as the caller's closure read it.
    Response(R),
    /// A worker died. The pool replaces it.
    WorkerDied(WorkerDeath),
}

/// A worker that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerDeath {
    /// Index of the worker.
    pub worker: u32,
    /// [`Work::id`] of the request that it was executing and that is lost; `None` if there was none or it is unknown.
    pub request: Option<u64>,
}

/// System identifier of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worker {
    /// Process id.
    Process(u32),
    /// Thread id, in this process.
    Thread(u32),
}

/// A worker pool. It must be opened by a process with a single thread, which then is the dispatcher.
pub trait Pool: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Group of mechanisms, for the report.
    const GROUP: Group = Group::Pools;
    /// How idle workers wait; part of the row's name. `None` if the pool never waits.
    const WAIT: Option<Wait>;
    /// Whether workers are processes or threads.
    const ISOLATION: Isolation = Isolation::Process;
    /// True if a waiting worker keeps its CPU busy.
    const POLLS: bool = false;
    /// Supported measures.
    const MEASURES: &'static [Measure] = MEASURES;
    /// True if the dispatcher executes the tasks itself, for any number of workers.
    const SERIAL: bool = false;

    /// Why this machine cannot run the pool, if it cannot.
    fn unavailable() -> Option<String> {
        None
    }
    /// Checks a configuration before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(_: &PoolConfig) -> Result<(), String> {
        Ok(())
    }
    /// Starts the workers; they may still be starting when this returns.
    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self>;
    /// Submits a request of `len` bytes, at least one.
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;
    /// Waits for the next response or death. Must only be called while requests are in flight.
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>>;
    /// Returns the next response or death, or `None` if there is none yet.
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>>;
    /// The current workers, by index; empty if the pool has no permanent workers.
    fn workers(&self) -> Vec<Worker>;
    /// Lets the workers finish and waits until all have exited. Responses that were not collected are dropped.
    fn close(self) -> io::Result<()>;
    /// Ends the workers at once and reaps them. Requests in flight are dropped.
    fn terminate(self) -> io::Result<()>;
}

/// Workers where the case leaves them open.
const WORKERS: u32 = 2;
/// Requests in flight where the case leaves them open: more than a few workers can finish before the next is handed out.
const IN_FLIGHT: u32 = 64;

/// Workers of the case's pool.
pub fn workers(case: &Case) -> u32 {
    case.params.workers.unwrap_or(WORKERS)
}

/// Requests in flight in the case's pool, at most.
pub fn in_flight(case: &Case) -> u32 {
    case.params.depth.unwrap_or(IN_FLIGHT)
}

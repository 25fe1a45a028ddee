//! Worker pools: ways to hand out tasks to processes (or threads) and to take their results back. One file each;
//! `registry.rs` is the only list.
//!
//! A pool moves *frames*: a request out, an answer back, in any order. What is in them, and how tasks are called (one by
//! one, as futures, mapped, streamed), is the same for every pool and stands above. A frame may hold several tasks.
#![allow(unsafe_code)]

mod by_descriptors;
mod channels;
mod crew;
mod crossbeam_pool;
mod descriptors;
mod foreman;
mod fork_per_task;
mod hand;
mod ipc_channel;
mod ipc_channel_router;
mod ipc_channels;
mod mutex_mpsc_pool;
mod notices;
mod pages;
mod pipe_each;
mod pipe_shared;
mod rayon_spawn;
mod registry;
mod roster;
mod seqpacket_each;
mod serial;
mod share;
mod shm_each;
mod shm_queue;
mod socketpair_each;
#[cfg(all(test, not(loom)))]
mod tests;
mod thread_per_task;

use std::io;

use crate::record::{Case, Group, Isolation, Measure, Wait};

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "pool";

/// Most workers of one pool: lines of the control page, less that of the host.
pub const MAX_WORKERS: u32 = crate::control::MAX_SLOTS - 1;

/// Questions that a pool of processes answers.
pub const MEASURES: &[Measure] =
    &[Measure::Dispatch, Measure::Paced, Measure::Idle, Measure::SetUp, Measure::Recover, Measure::Conformance];

/// The same for threads, none of which can be killed by itself.
pub const MEASURES_OF_THREADS: &[Measure] =
    &[Measure::Dispatch, Measure::Paced, Measure::Idle, Measure::SetUp, Measure::Conformance];

/// What a pool is opened for.
#[derive(Clone, Debug)]
pub struct Staff {
    /// How many work.
    pub workers: u32,
    /// CPUs of the workers, one each; empty where the scheduler decides.
    pub cpus: Vec<u32>,
    /// Largest frame, either way.
    pub frame_bytes: usize,
    /// Frames that are handed out at the same time, at most; the caller keeps to it.
    pub in_flight: u32,
}

/// What a worker does with a frame. Each worker has a copy of its own.
pub trait Work: Clone + Send + 'static {
    /// What a request asks.
    type Job: Send;
    /// Reads a request where it lies; its place is given back as soon as this returns.
    fn take(&mut self, request: &[u8]) -> Self::Job;
    /// By what the caller knows the frame again.
    fn number(&self, job: &Self::Job) -> u64;
    /// Does what is asked.
    fn carry_out(&mut self, job: &mut Self::Job);
    /// Size of the answer.
    fn answer_bytes(&self, job: &Self::Job) -> usize;
    /// Writes the answer, `answer_bytes` long.
    fn answer(&mut self, job: &Self::Job, room: &mut [u8]);
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collected<R> {
    /// An answer, as it was read.
    Answer(R),
    /// A worker died. Another one takes its place.
    Lost(Loss),
}

/// A worker that died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Its seat.
    pub worker: u32,
    /// The frame it had in hand, by [`Work::number`], as far as that is known.
    pub frame: Option<u64>,
}

/// One who works, as the system knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// A process.
    Process(u32),
    /// A thread of this process.
    Thread(u32),
}

/// A way to hand out tasks. Opened by a process of one thread, which is its dispatcher.
pub trait Pool: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What kind of thing it is.
    const GROUP: Group = Group::Pools;
    /// How one who has nothing to do waits; part of the row's name. None only where nobody ever waits.
    const WAIT: Option<Wait>;
    /// Between what it works.
    const ISOLATION: Isolation = Isolation::Process;
    /// True when one who waits keeps his CPU busy.
    const POLLS: bool = false;
    /// What can be asked of it.
    const MEASURES: &'static [Measure] = MEASURES;
    /// True when the dispatcher does the work itself, whatever the number of workers.
    const SERIAL: bool = false;

    /// Why this machine cannot run it at all.
    fn unavailable() -> Option<String> {
        None
    }
    /// Refuses a staff before any process starts.
    ///
    /// Errors: the reason, with the limit.
    fn supports(_: &Staff) -> Result<(), String> {
        Ok(())
    }
    /// Starts the workers; they may still be on their way when this returns.
    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self>;
    /// Hands out a request of `len` bytes, at least one.
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()>;
    /// Waits for something to come back; only called while frames are out.
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>>;
    /// What has come back by now, if anything.
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>>;
    /// Those who work at the moment, by seat; empty where nobody stays.
    fn hands(&self) -> Vec<Hand>;
    /// Nothing more will be handed out: waits until the workers have left. Answers nobody collected are gone.
    fn close(self) -> io::Result<()>;
    /// Ends the workers at once, whatever they are at, and collects what is left of them.
    fn terminate(self) -> io::Result<()>;
}

/// Workers where the case leaves them open.
const WORKERS: u32 = 2;
/// Frames in flight where the case leaves them open: more than a few workers can finish before the next is handed out.
const IN_FLIGHT: u32 = 64;

/// Workers of the case's pool.
pub fn workers(case: &Case) -> u32 {
    case.params.workers.unwrap_or(WORKERS)
}

/// Frames in flight in the case's pool, at most.
pub fn in_flight(case: &Case) -> u32 {
    case.params.depth.unwrap_or(IN_FLIGHT)
}

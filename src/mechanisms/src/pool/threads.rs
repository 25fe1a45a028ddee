//! Worker threads of a pool: started, pinned, identified by thread id, and joined in the end. Shared by several rows.
//!
//! A thread cannot be killed, so `terminate` waits until each thread has finished its current request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use super::{Work, Worker};
use crate::pin;

/// The threads of a pool.
pub(super) struct Threads {
    handles: Vec<JoinHandle<()>>,
    workers: Vec<Worker>,
    stopping: Stopping,
}

/// Flag that tells threads to stop after their current request.
#[derive(Clone, Default)]
pub(super) struct Stopping(Arc<AtomicBool>);

impl Stopping {
    pub(super) fn set(&self) {
        // Relaxed: the flag publishes no data, and one more request does no harm.
        self.0.store(true, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Threads {
    /// Starts `count` threads, each of which runs what `work` returns for its index. Returns once all are pinned.
    ///
    /// Errors: a thread could not be started or pinned. Threads that did start exit when their channel is closed.
    pub(super) fn start(
        count: u32,
        cpus: &[u32],
        mut work: impl FnMut(u32, Stopping) -> Box<dyn FnOnce() + Send>,
    ) -> io::Result<Self> {
        let stopping = Stopping::default();
        let mut starts = Starts::new();
        let mut handles = vec![];
        for index in 0..count {
            let (start, work) = (starts.expect(index, cpus), work(index, stopping.clone()));
            let body = move || {
                if start.pin_and_report() {
                    work();
                }
            };
            handles.push(Builder::new().name(format!("worker-{index}")).spawn(body)?);
        }
        Ok(Self { handles, workers: starts.wait()?, stopping })
    }

    /// The worker threads, by index.
    pub(super) fn workers(&self) -> Vec<Worker> {
        self.workers.clone()
    }

    /// Tells the threads to exit after their current request.
    pub(super) fn stop(&self) {
        self.stopping.set();
    }

    /// Waits until all threads have ended. They must have been told to.
    ///
    /// Errors: a thread panicked.
    pub(super) fn join(self) -> io::Result<()> {
        join(self.handles)
    }
}

/// Joins `threads`.
///
/// Errors: a thread panicked.
pub(super) fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) -> io::Result<()> {
    let panicked = threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
    if panicked == 0 { Ok(()) } else { Err(io::Error::other(format!("{panicked} workers of the pool panicked"))) }
}

/// Collects start reports from threads.
pub(super) struct Starts {
    sender: mpsc::Sender<(u32, io::Result<u32>)>,
    reports: mpsc::Receiver<(u32, io::Result<u32>)>,
    expected: u32,
}

/// One thread's side of [`Starts`].
pub(super) struct Start {
    index: u32,
    cpu: Option<u32>,
    sender: mpsc::Sender<(u32, io::Result<u32>)>,
}

impl Starts {
    pub(super) fn new() -> Self {
        let (sender, reports) = mpsc::channel();
        Self { sender, reports, expected: 0 }
    }

    /// Adds a thread with its CPU, if it has one.
    pub(super) fn expect(&mut self, index: u32, cpus: &[u32]) -> Start {
        self.expected += 1;
        Start { index, cpu: cpus.get(index as usize).copied(), sender: self.sender.clone() }
    }

    /// Waits for all threads and returns them by index.
    ///
    /// Errors: a thread could not be pinned.
    pub(super) fn wait(self) -> io::Result<Vec<Worker>> {
        drop(self.sender);
        let mut workers = vec![];
        for (index, tid) in &self.reports {
            workers.push((index, tid?));
        }
        if workers.len() != self.expected as usize {
            return Err(io::Error::other("a thread of the pool ended before it started to work"));
        }
        workers.sort_unstable();
        Ok(workers.into_iter().map(|(_, tid)| Worker::Thread(tid)).collect())
    }
}

impl Start {
    /// Pins the calling thread and reports its id. Returns false if it cannot be pinned.
    pub(super) fn pin_and_report(self) -> bool {
        let pinned = self.cpu.map_or(Ok(()), pin::pin_this_thread);
        let is_pinned = pinned.is_ok();
        let tid = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        // The receiver is gone if another thread could not be started.
        let _ = self.sender.send((self.index, pinned.map(|()| tid)));
        is_pinned
    }
}

/// Executes the request in `frame` and replaces it by the response, so that its memory is reused.
#[inline]
pub(super) fn respond_in_place<W: Work>(work: &mut W, frame: &mut Vec<u8>) {
    let mut job = work.read(frame);
    work.execute(&mut job);
    frame.resize(work.response_bytes(&job), 0);
    work.write_response(&job, frame);
}

/// A request of `len` bytes, in memory from `spare` if there is some.
#[inline]
pub(super) fn request(spare: &mut Vec<Vec<u8>>, len: usize, fill: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut frame = spare.pop().unwrap_or_default();
    frame.resize(len, 0);
    fill(&mut frame);
    frame
}

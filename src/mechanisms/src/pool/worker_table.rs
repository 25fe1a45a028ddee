//! The worker table of a pool of processes: pids and current requests, in memory that dispatcher, supervisor and
//! workers share. Tasks do not pass through it. It is read when a worker has died.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::address::Endpoint;
use crate::record::Substrate;
use crate::shm::{self, Segment, SharedLayout};

/// Value of a field that holds no request.
const NONE: u64 = 0;

#[repr(C, align(64))]
struct Head {
    /// 1 once the pool is being terminated: no worker may start any more.
    stopping: AtomicU32,
}

/// Written by its worker only, except for `pid` and `clear`.
#[repr(C, align(64))]
struct Entry {
    /// 0 before the first worker.
    pid: AtomicU32,
    /// 1 if the worker exits because it has reached its request limit, and must be replaced.
    retired: AtomicU32,
    /// One more than [`Work::id`](super::Work::id) of the request being executed, or [`NONE`].
    executing: AtomicU64,
    /// Tag of the last request received, or [`NONE`]. The pool defines its meaning.
    received: AtomicU64,
}

// SAFETY: repr(C), atomics only; all zero is a pool that is not stopping.
unsafe impl SharedLayout for Head {}
// SAFETY: repr(C), atomics only; all zero is an entry without a worker.
unsafe impl SharedLayout for Entry {}

/// The table: one entry per worker, each on its own cache line.
#[derive(Clone)]
pub(super) struct WorkerTable(Segment);

impl WorkerTable {
    pub(super) fn new(workers: u32) -> io::Result<Self> {
        shared_segment(size_of::<Head>() + workers as usize * size_of::<Entry>()).map(Self)
    }

    pub(super) fn stop(&self) {
        self.head().stopping.store(1, Ordering::SeqCst);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.head().stopping.load(Ordering::SeqCst) != 0
    }

    /// Clears an entry, except for the pid. Must be called before the next worker starts, since that writes at once.
    pub(super) fn clear(&self, worker: u32) {
        let entry = self.entry(worker);
        entry.executing.store(NONE, Ordering::Relaxed);
        entry.received.store(NONE, Ordering::Relaxed);
        entry.retired.store(0, Ordering::Relaxed);
    }

    pub(super) fn set_pid(&self, worker: u32, pid: u32) {
        self.entry(worker).pid.store(pid, Ordering::SeqCst);
    }

    /// 0 before the first worker has started.
    pub(super) fn pid(&self, worker: u32) -> u32 {
        self.entry(worker).pid.load(Ordering::SeqCst)
    }

    pub(super) fn set_retired(&self, worker: u32) {
        self.entry(worker).retired.store(1, Ordering::SeqCst);
    }

    pub(super) fn has_retired(&self, worker: u32) -> bool {
        self.entry(worker).retired.load(Ordering::SeqCst) != 0
    }

    /// Marks the request `id` as being executed. A relaxed store to the worker's own line.
    #[inline]
    pub(super) fn set_executing(&self, worker: u32, id: u64) {
        self.entry(worker).executing.store(id.wrapping_add(1), Ordering::Relaxed);
    }

    /// Marks that the response was sent.
    #[inline]
    pub(super) fn clear_executing(&self, worker: u32) {
        self.entry(worker).executing.store(NONE, Ordering::Relaxed);
    }

    /// Marks the request with `tag` as received. Its execution has not begun until
    /// [`set_executing`](Self::set_executing) follows. Release: a reader that sees the tag also sees that the previous
    /// request is done.
    #[inline]
    pub(super) fn set_received(&self, worker: u32, tag: u64) {
        // PAIRS: received-tag
        self.entry(worker).received.store(tag, Ordering::Release);
    }

    /// Tag of the last request that the worker received; 0 for none.
    pub(super) fn received(&self, worker: u32) -> u64 {
        // PAIRS: received-tag
        self.entry(worker).received.load(Ordering::Acquire)
    }

    /// The request that the worker was executing. For workers that have died: their stores precede their exit.
    pub(super) fn executing(&self, worker: u32) -> Option<u64> {
        let executing = self.entry(worker).executing.load(Ordering::Relaxed);
        (executing != NONE).then(|| executing.wrapping_sub(1))
    }

    fn head(&self) -> &Head {
        self.0.view(0)
    }

    #[inline]
    fn entry(&self, worker: u32) -> &Entry {
        self.0.view(size_of::<Head>() + worker as usize * size_of::<Entry>())
    }
}

/// `bytes` of zeroed memory, shared with all processes that are forked afterwards.
pub(super) fn shared_segment(bytes: usize) -> io::Result<Segment> {
    Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)
}

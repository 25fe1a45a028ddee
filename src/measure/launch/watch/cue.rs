//! Memory that a parent shares with a watched process: the order to end, and the time of the end.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use nix::unistd::Pid;

use crate::address::Endpoint;
use crate::record::Substrate;
use crate::shm::{self, Segment, SharedLayout};
use crate::{abort, clock, futex};

/// Interval at which a sleeper checks the abort flag.
const SLICE: Duration = Duration::from_millis(50);

/// State of one watched process.
#[repr(C, align(64))]
pub(super) struct Cue {
    /// 1 once the process is ready; the parent sleeps on it.
    ready: AtomicU32,
    /// 1 once the process is to end; the process sleeps on it.
    go: AtomicU32,
    ended_ns: AtomicU64,
    /// Process id, for a parent that did not start the process itself.
    pid: AtomicU32,
    /// Parent of the process at its end.
    parent: AtomicU32,
}

// SAFETY: repr(C), atomics only; zero bytes are a process that is not ready.
unsafe impl SharedLayout for Cue {}

impl Cue {
    /// Creates a cue that stays mapped in this process and in its children.
    pub(super) fn create() -> io::Result<&'static Self> {
        let bytes = size_of::<Self>();
        let segment = Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)?;
        Ok(Box::leak(Box::new(segment)).view(0))
    }

    /// Resets the cue for the next process.
    pub(super) fn reset(&self) {
        for word in [&self.ready, &self.go, &self.pid, &self.parent] {
            word.store(0, Ordering::Relaxed);
        }
        self.ended_ns.store(0, Ordering::Relaxed);
    }

    /// Reports that the process is ready.
    pub(super) fn is_here(&self, pid: Pid) {
        self.pid.store(pid.as_raw().cast_unsigned(), Ordering::Relaxed);
        // PAIRS: watched-is-here
        self.ready.store(1, Ordering::Release);
        // The parent also polls, so a failed wake only costs time.
        let _ = futex::wake(&self.ready, 1);
    }

    /// Sleeps until the order to end; false if the trial is aborted.
    pub(super) fn await_go(&self) -> bool {
        // PAIRS: watched-may-go
        while self.go.load(Ordering::Acquire) == 0 {
            if abort::requested() || futex::wait(&self.go, 0, SLICE).is_err() {
                return false;
            }
        }
        true
    }

    /// Stamps the end as the last action of the process.
    pub(super) fn ends(&self) {
        self.ended_ns.store(clock::now_ns(), Ordering::Release);
    }

    /// Stamps the time at which the process found its new `parent`.
    pub(super) fn found_parent(&self, parent: Pid) {
        self.parent.store(parent.as_raw().cast_unsigned(), Ordering::Relaxed);
        self.ends();
    }

    /// Waits until the process is ready and returns its id. Polls `lives` occasionally.
    ///
    /// Errors: `Interrupted` if the trial is aborted, or the process ended before it was ready.
    pub(super) fn await_ready(&self, mut lives: impl FnMut() -> io::Result<bool>) -> io::Result<Pid> {
        // PAIRS: watched-is-here
        while self.ready.load(Ordering::Acquire) == 0 {
            if abort::requested() {
                return Err(abort::error());
            }
            futex::wait(&self.ready, 0, SLICE)?;
            if self.ready.load(Ordering::Acquire) == 0 && !lives()? {
                return Err(io::Error::other("the process to be watched ended before it was ready"));
            }
        }
        Ok(Pid::from_raw(self.pid.load(Ordering::Relaxed).cast_signed()))
    }

    /// Tells the process to end.
    pub(super) fn go(&self) -> io::Result<()> {
        // PAIRS: watched-may-go
        self.go.store(1, Ordering::Release);
        futex::wake(&self.go, 1)
    }

    /// End by the stamp of the process; `None` before.
    pub(super) fn ended_ns(&self) -> Option<u64> {
        Some(self.ended_ns.load(Ordering::Acquire)).filter(|ns| *ns > 0)
    }

    /// Parent that the process found.
    pub(super) fn parent(&self) -> Pid {
        Pid::from_raw(self.parent.load(Ordering::Relaxed).cast_signed())
    }
}

//! The memory that a parent shares with those whose ends it watches: when to end, and when that was.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use nix::unistd::Pid;

use crate::address::Endpoint;
use crate::record::Substrate;
use crate::shm::{self, Segment, SharedLayout};
use crate::{abort, clock, futex};

/// A sleeper comes back this often to see whether the trial was called off.
const SLICE: Duration = Duration::from_millis(50);

/// One life at a time.
#[repr(C, align(64))]
pub(super) struct Cue {
    /// 1 once somebody is there to be watched; the parent sleeps here.
    ready: AtomicU32,
    /// 1 once he is to end; he sleeps here.
    go: AtomicU32,
    ended_ns: AtomicU64,
    /// Who he is, where the parent did not start him itself.
    pid: AtomicU32,
    /// Whose child he was in the end.
    parent: AtomicU32,
}

// SAFETY: repr(C), atomics only; zero bytes are nobody yet.
unsafe impl SharedLayout for Cue {}

impl Cue {
    /// Makes one that stays mapped for good, in this process and in those that it forks.
    pub(super) fn create() -> io::Result<&'static Self> {
        let bytes = size_of::<Self>();
        let segment = Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes)?;
        Ok(Box::leak(Box::new(segment)).view(0))
    }

    /// Before the next life, with nobody left of the last.
    pub(super) fn reset(&self) {
        for word in [&self.ready, &self.go, &self.pid, &self.parent] {
            word.store(0, Ordering::Relaxed);
        }
        self.ended_ns.store(0, Ordering::Relaxed);
    }

    /// Says that he is there, and who.
    pub(super) fn is_here(&self, pid: Pid) {
        self.pid.store(pid.as_raw().cast_unsigned(), Ordering::Relaxed);
        // PAIRS: watched-is-here
        self.ready.store(1, Ordering::Release);
        // The parent looks again by itself, too; a wake that fails only costs time.
        let _ = futex::wake(&self.ready, 1);
    }

    /// Sleeps until he is to end; false when the trial is called off.
    pub(super) fn await_go(&self) -> bool {
        // PAIRS: watched-may-go
        while self.go.load(Ordering::Acquire) == 0 {
            if abort::requested() || futex::wait(&self.go, 0, SLICE).is_err() {
                return false;
            }
        }
        true
    }

    /// Stamps the end: the last thing he does.
    pub(super) fn ends(&self) {
        self.ended_ns.store(clock::now_ns(), Ordering::Release);
    }

    /// Stamps the moment at which he found himself to be the child of `parent`.
    pub(super) fn found_parent(&self, parent: Pid) {
        self.parent.store(parent.as_raw().cast_unsigned(), Ordering::Relaxed);
        self.ends();
    }

    /// Waits until he is there, and says who. `lives` is asked now and then.
    ///
    /// Errors: `Interrupted` when the trial is called off; he has ended before he was there.
    pub(super) fn await_ready(&self, mut lives: impl FnMut() -> io::Result<bool>) -> io::Result<Pid> {
        // PAIRS: watched-is-here
        while self.ready.load(Ordering::Acquire) == 0 {
            if abort::requested() {
                return Err(abort::error());
            }
            futex::wait(&self.ready, 0, SLICE)?;
            if self.ready.load(Ordering::Acquire) == 0 && !lives()? {
                return Err(io::Error::other("somebody who was to be watched ended before he was ready"));
            }
        }
        Ok(Pid::from_raw(self.pid.load(Ordering::Relaxed).cast_signed()))
    }

    /// Has him end.
    pub(super) fn go(&self) -> io::Result<()> {
        // PAIRS: watched-may-go
        self.go.store(1, Ordering::Release);
        futex::wake(&self.go, 1)
    }

    /// When he ended, by his own stamp; nothing before.
    pub(super) fn ended_ns(&self) -> Option<u64> {
        Some(self.ended_ns.load(Ordering::Acquire)).filter(|ns| *ns > 0)
    }

    /// Whose child he found himself to be.
    pub(super) fn parent(&self) -> Pid {
        Pid::from_raw(self.parent.load(Ordering::Relaxed).cast_signed())
    }
}

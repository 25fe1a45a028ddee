//! Memory that the driver shares with the processes, independent of the lock under test: progress, times and error of
//! each process.
#![allow(unsafe_code)]

use std::hint;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::address::Endpoint;
use crate::lock::Acquired;
use crate::record::Substrate;
use crate::shm::{self, Segment, SharedLayout};
use crate::{abort, clock, futex};

/// Processes of one kill. Each has its own line and its own contender index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Process to be killed.
    Victim,
    /// Waits for the lock when the victim is killed.
    Waiter,
    /// Requests the lock later.
    Latecomer,
    /// Owns the lock while the victim waits for it.
    Owner,
}

/// Number of roles.
pub(super) const ROLES: u32 = 4;

impl Role {
    /// Index of the line, and contender index at the lock.
    pub(super) fn index(self) -> u32 {
        self as u32
    }

    /// Name for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Victim => "the process to be killed",
            Self::Waiter => "the waiter",
            Self::Latecomer => "the latecomer",
            Self::Owner => "the owner",
        }
    }
}

/// Progress of a process, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Not yet attached.
    Starting,
    /// Requests the lock.
    Waiting,
    /// Owns the lock.
    Owns,
    /// Has released the lock.
    Released,
    /// Got an error.
    Failed,
}

const STEPS: [Step; 5] = [Step::Starting, Step::Waiting, Step::Owns, Step::Released, Step::Failed];

const ERROR_BYTES: usize = 192;
/// Interval at which a sleeper checks the abort flag.
const SLICE: Duration = Duration::from_millis(50);
/// Polls between two checks of the abort flag.
const POLLS_PER_ABORT_CHECK: u32 = 4096;

#[repr(C, align(64))]
pub(super) struct Line {
    /// Current [`Step`]; the driver sleeps on it.
    step: AtomicU32,
    /// 1 once the driver signals the process to continue.
    go: AtomicU32,
    owner_died: AtomicU32,
    requested_ns: AtomicU64,
    acquired_ns: AtomicU64,
    released_ns: AtomicU64,
    error_bytes: AtomicU32,
    error: [AtomicU8; ERROR_BYTES],
}

// SAFETY: repr(C), atomics only; zero bytes are a process before its first step.
unsafe impl SharedLayout for Line {}

/// Lines of one kill, mapped before the first fork so that all processes share them.
pub(super) struct Lines(Segment);

impl Lines {
    pub(super) fn create() -> io::Result<Self> {
        let bytes = ROLES as usize * size_of::<Line>();
        Segment::attach(&shm::create(Substrate::Memfd, bytes)?, Endpoint::Sender, bytes).map(Self)
    }

    pub(super) fn line(&self, role: Role) -> &Line {
        self.0.view(role.index() as usize * size_of::<Line>())
    }
}

/// Methods for the processes.
impl Line {
    pub(super) fn set_waiting(&self) {
        self.requested_ns.store(clock::now_ns(), Ordering::Relaxed);
        self.advance(Step::Waiting);
    }

    /// Called first in the critical section, so that the stamp is early.
    pub(super) fn set_owner(&self, acquired: Acquired) {
        self.acquired_ns.store(clock::now_ns(), Ordering::Relaxed);
        self.owner_died.store(u32::from(acquired.owner_died), Ordering::Relaxed);
        self.advance(Step::Owns);
    }

    /// Called last in the critical section.
    pub(super) fn stamp_release(&self) {
        self.released_ns.store(clock::now_ns(), Ordering::Relaxed);
    }

    pub(super) fn set_released(&self) {
        self.advance(Step::Released);
    }

    pub(super) fn set_failed(&self, error: &io::Error) {
        let text = error.to_string();
        let bytes = text.as_bytes();
        let fits = bytes.len().min(ERROR_BYTES);
        for (place, byte) in self.error.iter().zip(&bytes[..fits]) {
            place.store(*byte, Ordering::Relaxed);
        }
        self.error_bytes.store(fits as u32, Ordering::Relaxed);
        self.advance(Step::Failed);
    }

    /// Spins, without a system call, until the driver signals.
    pub(super) fn spin_until_go(&self) {
        // PAIRS: recover-go
        while self.go.load(Ordering::Acquire) == 0 && !abort::requested() {
            for _ in 0..POLLS_PER_ABORT_CHECK {
                hint::spin_loop();
                if self.go.load(Ordering::Relaxed) != 0 {
                    break;
                }
            }
        }
    }

    /// Sleeps until the driver signals, and leaves the CPU to polling processes.
    ///
    /// Errors: `Interrupted` if the trial is aborted.
    pub(super) fn sleep_until_go(&self) -> io::Result<()> {
        // PAIRS: recover-go
        while self.go.load(Ordering::Acquire) == 0 {
            futex::wait(&self.go, 0, SLICE)?;
            if abort::requested() {
                return Err(abort::error());
            }
        }
        Ok(())
    }

    fn advance(&self, step: Step) {
        // PAIRS: recover-step
        self.step.store(step as u32, Ordering::Release);
        // The driver also polls, so a failed wake only costs time.
        let _ = futex::wake(&self.step, 1);
    }
}

/// Methods for the driver.
impl Line {
    pub(super) fn step(&self) -> Step {
        // PAIRS: recover-step
        let word = self.step.load(Ordering::Acquire);
        STEPS.into_iter().find(|step| *step as u32 == word).unwrap_or(Step::Starting)
    }

    /// Sleeps until the step differs from `seen`, for at most one slice.
    pub(super) fn wait_while(&self, seen: Step) -> io::Result<()> {
        futex::wait(&self.step, seen as u32, SLICE)
    }

    /// Signals a process that spins.
    pub(super) fn go(&self) {
        // PAIRS: recover-go
        self.go.store(1, Ordering::Release);
    }

    /// Signals a process that sleeps.
    pub(super) fn go_and_wake(&self) -> io::Result<()> {
        self.go();
        futex::wake(&self.go, 1)
    }

    /// Time of the request.
    pub(super) fn requested_ns(&self) -> u64 {
        self.requested_ns.load(Ordering::Relaxed)
    }

    /// Time of the acquisition.
    pub(super) fn acquired_ns(&self) -> u64 {
        self.acquired_ns.load(Ordering::Relaxed)
    }

    /// Time just before the release.
    pub(super) fn released_ns(&self) -> u64 {
        self.released_ns.load(Ordering::Relaxed)
    }

    /// Whether the lock reported that an owner had died.
    pub(super) fn owner_died(&self) -> bool {
        self.owner_died.load(Ordering::Relaxed) != 0
    }

    /// Error of the process.
    pub(super) fn error(&self) -> String {
        let bytes = (self.error_bytes.load(Ordering::Relaxed) as usize).min(ERROR_BYTES);
        let text: Vec<u8> = self.error[..bytes].iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        String::from_utf8_lossy(&text).into_owned()
    }
}

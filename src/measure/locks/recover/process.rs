//! Driver's view of one process of a kill. Locks do not report waiters, so the driver polls /proc: a process waits if
//! it sleeps, or if it has run for a while without acquiring the lock: so long, or so often, since one that yields its CPU
//! beside busy processes runs for a few microseconds at a time. Source: proc(5); CPU clocks of processes.

use std::time::{Duration, Instant};
use std::{io, thread};

use nix::unistd::Pid;

use super::lines::{Line, Role, Step};
use super::{Claim, PATIENCE_NS};
use crate::abort;
use crate::child::Child;
use crate::measure::{MeasureError, cpu_time, invalid, proc};

/// Deadline for steps that do not depend on the recovery of the lock.
const STEP_DEADLINE: Duration = Duration::from_secs(5);
/// Minimum CPU time of a polling waiter that counts as not served; with less it waited for the CPU, unless it ran
/// [`TURNS`] times.
const TRIED_NS: u64 = 5_000_000;
/// Times on a CPU that are as good as a long one: the process polls each time.
const TURNS: u64 = 20;
/// Maximum factor of the patience on an overloaded machine, where that CPU time takes longer.
const PATIENCE_TIMES_MAX: u32 = 10;

/// A child process and its shared line. Dropping it kills and collects the child.
pub(super) struct Process<'a> {
    pub(super) role: Role,
    pub(super) line: &'a Line,
    pub(super) child: Child,
}

impl Process<'_> {
    pub(super) fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// Kills and collects the child.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// True until the process reports the release.
    pub(super) fn is_owner(&self) -> bool {
        self.line.step() == Step::Owns
    }

    /// Waits until the process acquires the free lock.
    pub(super) fn wait_until_owner(&mut self) -> Result<(), MeasureError> {
        let deadline = Instant::now() + STEP_DEADLINE;
        loop {
            self.check_alive()?;
            match self.line.step() {
                Step::Owns => return Ok(()),
                seen @ (Step::Starting | Step::Waiting) => {
                    self.wait_while(seen, deadline, "does not get a free lock")?;
                }
                Step::Released | Step::Failed => return Err(self.broke()),
            }
        }
    }

    /// Waits until the process waits for the lock of another owner. With `must_sleep`, polling does not count.
    ///
    /// Errors: `Invalid` if it acquires the lock.
    pub(super) fn wait_until_waiting(&mut self, must_sleep: bool) -> Result<(), MeasureError> {
        let (deadline, mut detector) = (Instant::now() + STEP_DEADLINE, WaitDetector::default());
        loop {
            self.check_alive()?;
            match self.line.step() {
                Step::Starting => self.wait_while(Step::Starting, deadline, "does not attach")?,
                Step::Waiting if detector.sample(ProcState::at(self.pid())?, must_sleep) => return Ok(()),
                Step::Waiting => {
                    self.check(deadline, "does not start to wait")?;
                    thread::sleep(SAMPLE_PAUSE);
                }
                Step::Owns | Step::Released => {
                    return invalid(format!("{} had the lock while another process owned it", self.role.name()));
                }
                Step::Failed => return Err(self.broke()),
            }
        }
    }

    /// Makes the process release the lock and returns the time of the release.
    pub(super) fn release(&mut self) -> Result<u64, MeasureError> {
        self.line.go_and_wake()?;
        let deadline = Instant::now() + STEP_DEADLINE;
        loop {
            self.check_alive()?;
            match self.line.released_ns() {
                0 => self.check(deadline, "does not react to the order to release")?,
                at_ns => return Ok(at_ns),
            }
            thread::sleep(SAMPLE_PAUSE);
        }
    }

    /// Waits patiently until the process has acquired and released the lock, then collects it. The delay counts from
    /// `since_ns`, or from the request.
    pub(super) fn claim(mut self, since_ns: Option<u64>) -> Result<Claim, MeasureError> {
        if !self.wait_patiently()? {
            self.kill()?;
            return Ok(Claim::TimedOut);
        }
        let deadline = Instant::now() + STEP_DEADLINE;
        while self.line.step() == Step::Owns && !self.child.has_ended()? {
            self.wait_while(Step::Owns, deadline, "cannot release the lock")?;
        }
        self.child.collect()?;
        match self.line.step() {
            Step::Released => {
                let since_ns = since_ns.unwrap_or(self.line.requested_ns());
                Ok(Claim::Acquired {
                    after_ns: self.line.acquired_ns().saturating_sub(since_ns),
                    owner_died: self.line.owner_died(),
                })
            }
            Step::Failed => Ok(Claim::Failed(self.line.error())),
            // The end of the process is a result too: a C library may abort when it finds an invalid state.
            Step::Waiting | Step::Owns => Ok(Claim::Failed(self.child.describe_end())),
            Step::Starting => Err(self.failure(&format!("did not attach: {}", self.child.describe_end()))),
        }
    }

    /// Returns true once the process owns the lock, failed or ended; false after the patience time.
    ///
    /// Errors: the machine is too busy to decide.
    fn wait_patiently(&mut self) -> Result<bool, MeasureError> {
        let patience = Duration::from_nanos(PATIENCE_NS);
        let (begun, before) = (Instant::now(), ProcState::at(self.pid())?);
        let deadline = begun + patience * PATIENCE_TIMES_MAX;
        loop {
            let seen = self.line.step();
            if seen > Step::Waiting || self.child.has_ended()? {
                return Ok(true);
            }
            self.wait_while(seen, deadline, "gets no CPU time to poll the lock")?;
            if begun.elapsed() >= patience && seen == Step::Waiting {
                let now = ProcState::at(self.pid())?;
                let tried = now.asleep || now.has_run(before, TRIED_NS);
                // The second check finds a process that sleeps as the owner.
                if tried && self.line.step() == seen {
                    return Ok(false);
                }
            }
        }
    }

    /// Sleeps for at most one slice while the step is `seen`.
    fn wait_while(&self, seen: Step, deadline: Instant, complaint: &str) -> Result<(), MeasureError> {
        self.check(deadline, complaint)?;
        Ok(self.line.wait_while(seen)?)
    }

    /// Errors: the trial was aborted, or the deadline has passed.
    fn check(&self, deadline: Instant, complaint: &str) -> Result<(), MeasureError> {
        if abort::requested() {
            return Err(abort::error().into());
        }
        if Instant::now() >= deadline { Err(self.failure(complaint)) } else { Ok(()) }
    }

    /// Errors: the process ended without a step that explains it.
    fn check_alive(&mut self) -> Result<(), MeasureError> {
        if self.child.has_ended()? && self.line.step() <= Step::Owns {
            return Err(self.failure(&format!("ended: {}", self.child.describe_end())));
        }
        Ok(())
    }

    fn broke(&self) -> MeasureError {
        match self.line.step() {
            Step::Failed => self.failure(&format!("failed: {}", self.line.error())),
            _ => self.failure("released the lock too early"),
        }
    }

    fn failure(&self, what: &str) -> MeasureError {
        io::Error::other(format!("{} {what}", self.role.name())).into()
    }
}

/// Pause between two samples, which leaves the CPU to the process.
const SAMPLE_PAUSE: Duration = Duration::from_micros(100);

/// CPU time after which a process that does not sleep counts as polling: far more than a lock uses before it polls.
const POLLING_NS: u64 = 1_000_000;
/// Consecutive samples that must find the process asleep, since a single one may hit a short sleep.
const ASLEEP_SAMPLES: u32 = 2;

/// State of a process from /proc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ProcState {
    asleep: bool,
    /// CPU time since its start. The kernel updates it at clock ticks and context switches.
    ran_ns: u64,
    /// Number of times that it left its CPU.
    turns: u64,
}

impl ProcState {
    /// Samples `pid`, a child that is not collected yet.
    fn at(pid: Pid) -> io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name before the state may contain any character.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
        let asleep = matches!(fields.first(), Some(&("S" | "D")));
        let ran_ns = cpu_time::process_ns(pid.as_raw().cast_unsigned());
        let (voluntary, involuntary) =
            proc::switches(&std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default());
        Ok(Self { asleep, ran_ns: ran_ns.unwrap_or(0), turns: voluntary + involuntary })
    }

    /// Whether it has run for `ns` or for [`TURNS`] since `before`.
    fn has_run(self, before: Self, ns: u64) -> bool {
        self.ran_ns.saturating_sub(before.ran_ns) >= ns || self.turns.saturating_sub(before.turns) >= TURNS
    }
}

/// Decides from several samples whether a process waits.
#[derive(Debug, Default)]
struct WaitDetector {
    first: Option<ProcState>,
    asleep: u32,
}

impl WaitDetector {
    /// Adds a sample; true once the process sleeps or polls.
    fn sample(&mut self, state: ProcState, must_sleep: bool) -> bool {
        let first = *self.first.get_or_insert(state);
        self.asleep = if state.asleep { self.asleep + 1 } else { 0 };
        self.asleep >= ASLEEP_SAMPLES || (state.has_run(first, POLLING_NS) && !must_sleep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(asleep: bool, ran_ns: u64) -> ProcState {
        ProcState { asleep, ran_ns, turns: 0 }
    }

    #[test]
    fn two_samples_asleep_in_a_row_mean_waiting() {
        let mut detector = WaitDetector::default();
        let seen = [true, false, true, true].map(|asleep| detector.sample(state(asleep, 0), true));
        assert_eq!(seen, [false, false, false, true]);
    }

    #[test]
    fn long_running_means_polling_unless_sleep_is_required() {
        let times = [5_000_000, 5_500_000, 5_000_000 + POLLING_NS];
        let seen_with = |must_sleep| {
            let mut detector = WaitDetector::default();
            times.map(|ran_ns| detector.sample(state(false, ran_ns), must_sleep))
        };
        assert_eq!(seen_with(false), [false, false, true]);
        assert_eq!(seen_with(true), [false, false, false]);
    }

    #[test]
    fn a_process_that_yields_polls_although_it_hardly_runs() {
        let mut detector = WaitDetector::default();
        let seen = [7, 8, 7 + TURNS].map(|turns| detector.sample(ProcState { turns, ..state(false, turns) }, false));
        assert_eq!(seen, [false, false, true]);
    }

    #[test]
    fn a_running_process_is_sampled() {
        let state = ProcState::at(nix::unistd::getpid()).unwrap();
        assert!(state.ran_ns > 0, "{state:?}");
    }
}

//! Checks that no worker of a pool is left, and runs each check in a child process.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, pipe};

use super::LIMIT_NS;
use crate::child::{Child, retry_on_eintr};
use crate::measure::pool::dispatcher::Dispatcher;
use crate::measure::pool::within;
use crate::measure::{MeasureError, invalid};
use crate::pool::Worker;

/// Time limit of a check: hundreds of times its duration on an idle machine, since polling workers that share busy CPUs pay
/// a time slice for each request.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// First character of a successful result; the number of tasks follows.
const SUCCESS: char = '+';
/// Longer results are truncated, so that they fit the pipe.
const RESULT_BYTES: usize = 4000;

/// Running workers of a pool. The start time distinguishes a worker from a later process with the same pid.
pub(super) struct Workers(Vec<(Worker, u64)>);

impl Workers {
    /// Waits until all workers of `pool` are running.
    ///
    /// Errors: a worker did not start.
    pub(super) fn of(pool: &dyn Dispatcher) -> Result<Self, MeasureError> {
        let all = || {
            let workers = pool.workers();
            let started: Vec<_> = workers.iter().filter_map(|worker| Some((*worker, start_time(*worker)?))).collect();
            (started.len() == workers.len()).then_some(started)
        };
        let absent = || "not all workers are running".to_owned();
        Ok(Self(within(LIMIT_NS, || Ok(all()))?.ok_or_else(absent).map_err(MeasureError::Invalid)?))
    }

    /// Checks that no worker or zombie is left after the pool was ended by `how`. Joined threads may take a moment to
    /// vanish.
    pub(super) fn check_gone(&self, how: &str) -> Result<(), MeasureError> {
        let left = || self.0.iter().find(|(worker, started)| start_time(*worker) == Some(*started));
        if self.0.iter().any(|(worker, _)| matches!(worker, Worker::Thread(_))) {
            within(LIMIT_NS, || Ok(left().is_none().then_some(())))?;
        }
        if let Some((worker, _)) = left() {
            return invalid(format!("{worker:?} still existed after `{how}`"));
        }
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => Ok(()),
            other => invalid(format!("a child was left after `{how}`: {other:?}")),
        }
    }

    /// Kills the worker with this pid.
    ///
    /// Errors: there is no such worker.
    pub(super) fn kill(&self, pid: u32) -> Result<(), MeasureError> {
        let worker = Worker::Process(pid);
        if !self.0.iter().any(|(known, started)| *known == worker && start_time(worker) == Some(*started)) {
            return invalid(format!("{pid} is not a worker"));
        }
        kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).map_err(io::Error::from)?;
        Ok(())
    }
}

/// Start time in ticks since boot, or `None` if there is no such worker. Source: proc(5), `stat`, field 22.
fn start_time(worker: Worker) -> Option<u64> {
    let path = match worker {
        Worker::Process(pid) => format!("/proc/{pid}/stat"),
        Worker::Thread(tid) => format!("/proc/self/task/{tid}/stat"),
    };
    let stat = fs::read_to_string(path).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// Runs `check` in a child process and returns the number of tasks that it checked.
///
/// Errors: the check's own error, no result, or a time-out; each with the name of the check.
pub(super) fn in_a_process(name: &str, check: impl FnOnce() -> Result<u64, MeasureError>) -> Result<u64, MeasureError> {
    let (reader, writer) = pipe().map_err(io::Error::from)?;
    let mut writer = File::from(writer);
    let mut child = Child::start(|| {
        let result = match check() {
            Ok(tasks) => format!("{SUCCESS}{tasks}"),
            Err(error) => error.to_string(),
        };
        // If this fails, the parent finds no result.
        let _ = writer.write_all(&result.as_bytes()[..result.len().min(RESULT_BYTES)]);
    })?;
    drop(writer);
    let timeout = PollTimeout::try_from(TIME_LIMIT).unwrap_or(PollTimeout::MAX);
    let ready = retry_on_eintr(|| poll(&mut [PollFd::new(reader.as_fd(), PollFlags::POLLIN)], timeout));
    if ready.map_err(io::Error::from)? == 0 {
        return invalid(format!("{name}: not finished within {} seconds", TIME_LIMIT.as_secs()));
    }
    let mut result = vec![0; RESULT_BYTES];
    let length = File::from(reader).read(&mut result)?;
    child.collect()?;
    let result = String::from_utf8_lossy(&result[..length]).into_owned();
    match result.strip_prefix(SUCCESS).map(str::parse) {
        Some(Ok(tasks)) => Ok(tasks),
        _ if result.is_empty() => invalid(format!("{name}: no result, {}", child.describe_end())),
        _ => invalid(format!("{name}: {result}")),
    }
}

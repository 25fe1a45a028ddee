//! The supervisor of a pool of processes: it starts the workers, replaces those that died or reached their request
//! limit, and reports deaths to the dispatcher. It is a process with a single thread between dispatcher and workers, so
//! it can fork at any time. It sleeps in waitid(2) until a worker exits.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::worker_table::WorkerTable;
use super::{Work, Worker, WorkerDeath};
use crate::child::{Child, retry_on_eintr};
use crate::{abort, pin};

/// The dispatcher's handle of the supervisor.
pub(super) struct Supervisor {
    child: Child,
    table: WorkerTable,
    workers: u32,
}

impl Supervisor {
    /// Starts a supervisor for `workers` processes, each of which runs `work` with its index. The supervisor calls
    /// `report` for each worker that died.
    pub(super) fn start(
        workers: u32,
        table: &WorkerTable,
        work: impl Fn(u32) -> io::Result<()>,
        report: impl FnMut(WorkerDeath) -> io::Result<()>,
    ) -> io::Result<Self> {
        let child = Child::start(|| {
            // The workers die with the supervisor, and the dispatcher sees their end.
            if let Err(error) = supervise(workers, table, work, report) {
                eprintln!("the supervisor of a pool failed: {error}");
            }
        })?;
        Ok(Self { child, table: table.clone(), workers })
    }

    /// The worker processes, by index.
    pub(super) fn workers(&self) -> Vec<Worker> {
        (0..self.workers).map(|worker| Worker::Process(self.table.pid(worker))).collect()
    }

    /// Waits until all workers have exited. They must have been told to.
    pub(super) fn join(mut self) -> io::Result<()> {
        self.child.collect()
    }

    /// Kills the workers and reaps them.
    pub(super) fn terminate(mut self) -> io::Result<()> {
        self.table.stop();
        for pid in (0..self.workers).map(|worker| self.table.pid(worker)).filter(|pid| *pid != 0) {
            // The supervisor may have reaped the process already. It starts no other one, so the pid is not reused that
            // soon.
            match kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.child.collect()
    }
}

/// Main loop of the supervisor.
fn supervise(
    count: u32,
    table: &WorkerTable,
    work: impl Fn(u32) -> io::Result<()>,
    mut report: impl FnMut(WorkerDeath) -> io::Result<()>,
) -> io::Result<()> {
    let mut workers: Vec<Option<Child>> =
        (0..count).map(|index| start_worker(index, table, &work)).collect::<io::Result<_>>()?;
    while workers.iter().any(Option::is_some) {
        // WNOWAIT leaves the zombie for its `Child` to reap.
        let ended = retry_on_eintr(|| waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT))?;
        let is_ended = |worker: &Option<Child>| worker.as_ref().is_some_and(|worker| Some(worker.pid()) == ended.pid());
        let Some(at) = workers.iter().position(is_ended) else {
            return Err(io::Error::other("a child of the supervisor that is no worker has ended"));
        };
        let index = at as u32;
        workers[at].take().map_or(Ok(()), |mut worker| worker.collect())?;
        let succeeded = matches!(ended, WaitStatus::Exited(_, 0));
        if table.is_stopping() || succeeded && !table.has_retired(index) {
            continue;
        }
        if !succeeded {
            report(WorkerDeath { worker: index, request: table.executing(index) })?;
        }
        // Also while the pool is closing: requests that precede the close message must still be executed.
        workers[at] = start_worker(index, table, &work)?;
    }
    Ok(())
}

/// Starts a worker, unless the pool is being terminated.
fn start_worker(index: u32, table: &WorkerTable, work: &impl Fn(u32) -> io::Result<()>) -> io::Result<Option<Child>> {
    if table.is_stopping() {
        return Ok(None);
    }
    table.clear(index);
    let mut worker = Child::start_with_status(|| status(index, work(index), abort::requested()))?;
    table.set_pid(index, worker.pid().as_raw().cast_unsigned());
    // `terminate` first sets the stop flag and then reads the pids. It may have read them before this one was stored.
    if table.is_stopping() {
        worker.kill()?;
        return Ok(None);
    }
    Ok(Some(worker))
}

/// Exit status of a worker: 1 after an error, so that it is reported and replaced, unless the trial is over.
fn status(index: u32, result: io::Result<()>, aborted: bool) -> u8 {
    match result {
        Err(error) if !aborted => {
            eprintln!("worker {index} of a pool failed: {error}");
            1
        }
        _ => 0,
    }
}

/// What a worker process knows of itself.
pub(super) struct WorkerContext {
    pub(super) index: u32,
    pub(super) cpu: Option<u32>,
    pub(super) table: WorkerTable,
    /// Requests after which the worker exits and is replaced; `None` for no limit.
    pub(super) request_limit: Option<u64>,
}

impl WorkerContext {
    /// Executes requests until `receive` returns `None` or the limit is reached. `send` lets the closure that it gets
    /// fill a response of the given size.
    ///
    /// Errors: those of `receive` and `send`, including the end of the trial.
    #[inline]
    pub(super) fn run<W: Work, C>(
        &self,
        work: &mut W,
        channel: &mut C,
        mut receive: impl FnMut(&mut C, &mut W) -> io::Result<Option<W::Job>>,
        mut send: impl FnMut(&mut C, usize, &mut dyn FnMut(&mut [u8])) -> io::Result<()>,
    ) -> io::Result<()> {
        self.cpu.map_or(Ok(()), pin::pin_this_thread)?;
        let mut left = self.request_limit.unwrap_or(u64::MAX);
        while let Some(mut job) = receive(channel, work)? {
            self.table.set_executing(self.index, work.id(&job));
            work.execute(&mut job);
            let bytes = work.response_bytes(&job);
            send(channel, bytes, &mut |room| work.write_response(&job, room))?;
            self.table.clear_executing(self.index);
            left -= 1;
            if left == 0 {
                self.table.set_retired(self.index);
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_gives_up_does_not_exit_as_if_it_had_finished() {
        let broken = || Err(io::Error::other("no room"));
        assert_eq!((status(0, Ok(()), false), status(0, broken(), false)), (0, 1));
        assert_eq!(status(0, broken(), true), 0, "the end of the trial is no failure of a worker");
    }
}

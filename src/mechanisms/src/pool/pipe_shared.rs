//! One pipe of requests and one of responses for all workers, each protected by a lock, as in Python's
//! `multiprocessing.Pool`. An idle worker acquires the lock, reads a frame while it holds the lock, and releases it.
//! Writers also take turns, since frames longer than PIPE_BUF would mix. A task costs the system calls and copies of
//! two pipes, a second read for the frame after its head, and two acquisitions. Idle workers queue for the lock, so
//! each frame costs one wake-up in the pipe and one of the next waiter. Source: `SimpleQueue` in CPython's
//! multiprocessing/queues.py; pipe(7).
//!
//! **The locks** are robust pthread mutexes (the row `pthread-robust/block` of the locks). Python uses semaphores,
//! which a dead owner never releases: the death of an idle worker hangs its pool. The bytes in a pipe do not show where
//! a dead worker stopped reading or writing. So each worker marks under the lock that it uses the pipe. After a death
//! in this state, the next owner waits until the dispatcher, to which the supervisor reports the death, has repaired
//! the pipe: it drains the pipe and writes again each request that no worker has received. It keeps every request until
//! its response arrives.

mod outstanding;
mod worker;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags};
use nix::unistd::pipe2;
use rustix::io::ioctl_fionread;

use super::death_reports::{self, DeathReport, ReportReceiver};
use super::descriptors::{self, Incoming};
use super::supervisor::{Supervisor, WorkerContext};
use super::worker_table::{WorkerTable, shared_segment};
use super::{Collected, Pool, PoolConfig, Work, Worker, WorkerDeath};
use crate::address::Address;
use crate::lock;
use crate::lock::erased::{AnyHandle, AnyLock};
use crate::record::Wait;
use crate::shm::Segment;
use outstanding::Outstanding;
use worker::{PipeUsers, RequestReader, ResponseWriter, is_left_by, repaired, serve, tag};

/// Bytes before each frame: its length, then at [`TAG`] the tag of the request.
const HEAD: usize = 12;
const TAG: usize = 4;
/// The lock of each pipe.
const LOCK: &str = "pthread-robust/block";

/// The pool.
pub struct PipeShared {
    requests: OwnedFd,
    responses: OwnedFd,
    /// The workers' read end, to drain the pipe.
    drain: File,
    users: Segment,
    table: WorkerTable,
    outstanding: Outstanding,
    incoming: Incoming<HEAD>,
    /// Responses and deaths that were read before `collect`.
    pending: VecDeque<Collected<Vec<u8>>>,
    reports: ReportReceiver,
    supervisor: Supervisor,
    workers: u32,
}

impl Pool for PipeShared {
    const SUMMARY: &'static str =
        "one pipe of requests and one of responses, each protected by a lock, as in Python's multiprocessing pool";
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn unavailable() -> Option<String> {
        AnyLock::named(LOCK).and_then(|lock| (lock.unavailable)())
    }

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        let lock = AnyLock::named(LOCK).ok_or_else(|| io::Error::other(format!("there is no lock `{LOCK}`")))?;
        let locks = [lock.create(config.workers)?, lock.create(config.workers)?];
        let (worker_requests, requests) = pipe2(OFlag::O_CLOEXEC)?;
        let (responses, worker_responses) = pipe2(OFlag::O_CLOEXEC)?;
        descriptors::never_block(&requests)?;
        descriptors::never_block(&responses)?;
        let users = shared_segment(size_of::<PipeUsers>())?;
        let table = WorkerTable::new(config.workers)?;
        let (report_sender, reports) = death_reports::channel()?;
        let (supervisor_table, supervisor_users) = (table.clone(), users.clone());
        let supervisor = Supervisor::start(
            config.workers,
            &table,
            |index| {
                let cpu = config.cpus.get(index as usize).copied();
                let context = WorkerContext { index, cpu, table: table.clone(), request_limit: None };
                let [reading, writing] =
                    attach(&lock, &locks, lock::ContenderId { index, contenders: config.workers })?;
                let reader = RequestReader { pipe: &worker_requests, lock: reading, frame: vec![] };
                let writer = ResponseWriter { pipe: &worker_responses, lock: writing, frame: vec![] };
                serve(&context, reader, writer, users.view(0), work.clone())
            },
            // `move`, so that only the supervisor and its workers keep the report sender open.
            move |death: WorkerDeath| {
                supervisor_users.view::<PipeUsers>(0).mark_left(death.worker);
                report_sender.send(death, supervisor_table.received(death.worker), &[])
            },
        )?;
        Ok(Self {
            requests,
            responses,
            drain: worker_requests.into(),
            users,
            table,
            outstanding: Outstanding::default(),
            incoming: Incoming::new(config.frame_bytes),
            pending: VecDeque::new(),
            reports,
            supervisor,
            workers: config.workers,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.outstanding.add(len, fill);
        self.outstanding.write(&self.requests)
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let mut read = Some(read);
        loop {
            if let Some(collected) = self.take(&mut read)? {
                return Ok(collected);
            }
            if !self.poll(true)? {
                return Err(death_reports::supervisor_gone());
            }
        }
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let mut read = Some(read);
        if let Some(collected) = self.take(&mut read)? {
            return Ok(Some(collected));
        }
        if self.poll(false)? { self.take(&mut read) } else { Err(death_reports::supervisor_gone()) }
    }

    fn workers(&self) -> Vec<Worker> {
        self.supervisor.workers()
    }

    /// An empty frame tells a worker to exit. A worker that dies may have read one already, so each death adds another.
    fn close(mut self) -> io::Result<()> {
        while !self.outstanding.is_empty() {
            self.collect(|_| ())?;
        }
        (0..self.workers).for_each(|_| self.outstanding.add(0, |_| {}));
        self.outstanding.write(&self.requests)?;
        while self.poll(true)? {
            for _ in 0..std::mem::take(&mut self.pending).len() {
                self.submit(0, |_| {})?;
            }
        }
        self.supervisor.join()
    }

    fn terminate(self) -> io::Result<()> {
        self.supervisor.terminate()
    }
}

impl PipeShared {
    /// Takes what is pending, or else the next complete response.
    #[inline]
    fn take<R>(&mut self, read: &mut Option<impl FnOnce(&[u8]) -> R>) -> io::Result<Option<Collected<R>>> {
        let mut once = |seen: &[u8]| read.take().map(|read| Collected::Response(read(seen)));
        match self.pending.pop_front() {
            Some(Collected::Response(response)) => return Ok(once(&response)),
            Some(Collected::WorkerDied(death)) => return Ok(Some(Collected::WorkerDied(death))),
            None => {}
        }
        Ok(self.receive(once)?.flatten())
    }

    /// Passes the next complete response to `read` and drops its request.
    #[inline]
    fn receive<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<R>> {
        let Some(frame) = self.incoming.first()? else { return Ok(None) };
        let unexpected = || io::Error::new(io::ErrorKind::InvalidData, "a response without a request");
        let at = self.outstanding.find(tag(frame)).ok_or_else(unexpected)?;
        let (len, result) = (frame.len(), read(&frame[HEAD..]));
        self.incoming.consume(len);
        self.outstanding.remove(at);
        Ok(Some(result))
    }

    /// Reads what has arrived and writes where there is room. If `waits`, sleeps until a descriptor is ready. Returns
    /// false when the supervisor has ended.
    fn poll(&mut self, waits: bool) -> io::Result<bool> {
        let mut polled = [
            PollFd::new(self.reports.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.responses.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.requests.as_fd(), PollFlags::POLLOUT),
        ];
        let wanted = if self.outstanding.unwritten.is_empty() { 2 } else { 3 };
        descriptors::sleep(&mut polled[..wanted], waits)?;
        let [has_reports, has_responses, has_room] = polled.map(|polled| polled.any().unwrap_or(true));
        if has_responses {
            self.incoming.read_while_open(&self.responses)?;
        }
        if has_room {
            self.outstanding.write(&self.requests)?;
        }
        if has_reports { self.read_death_reports() } else { Ok(true) }
    }

    /// Returns false when the supervisor has ended.
    #[cold]
    fn read_death_reports(&mut self) -> io::Result<bool> {
        // The table is read before the reports: the supervisor clears an entry only after it has reported the death, so
        // each request that was taken out of the pipe is in the table or in a report.
        let mut received: Vec<_> = (0..self.workers).map(|worker| self.table.received(worker)).collect();
        let (reports, is_alive) = self.reports.read_all()?;
        received.retain(|tag| reports.iter().all(|report| report.tag != *tag));
        if !reports.is_empty() {
            self.handle_deaths(&reports, &received)?;
        }
        Ok(is_alive)
    }

    /// Reads the remaining responses of dead workers, repairs the pipes that they left, and requeues requests that they
    /// had received but not begun. Requests with the tags in `received` are with live workers, or already have a
    /// response.
    fn handle_deaths(&mut self, reports: &[DeathReport], received: &[u64]) -> io::Result<()> {
        loop {
            while let Some(response) = self.receive(<[u8]>::to_vec)? {
                self.pending.push_back(Collected::Response(response));
            }
            if !self.incoming.read_while_open(&self.responses)? {
                break;
            }
        }
        let users: &PipeUsers = self.users.view(0);
        if reports.iter().any(|report| is_left_by(&users.writer, report.death.worker)) {
            // No worker writes before `repaired`, so the remaining bytes are the beginning of a dead worker's response.
            self.incoming.clear();
            repaired(&users.writer)?;
        }
        let mut not_begun = vec![];
        for report in reports {
            let mut death = report.death;
            match (self.outstanding.find(report.tag), death.request) {
                (Some(at), Some(_)) => self.outstanding.remove(at),
                (Some(at), None) => not_begun.push(at),
                // The worker has responded to all requests that it received.
                (None, _) => death.request = None,
            }
            self.pending.push_back(Collected::WorkerDied(death));
        }
        if reports.iter().any(|report| is_left_by(&users.reader, report.death.worker)) {
            // No worker reads before `repaired`.
            let bytes = ioctl_fionread(&self.drain)?;
            io::copy(&mut (&self.drain).take(bytes), &mut io::sink())?;
            self.outstanding.requeue_except(received);
            repaired(&users.reader)?;
        } else {
            self.outstanding.unwritten.extend(not_begun);
        }
        self.outstanding.write(&self.requests)
    }
}

/// Attaches a worker to both locks.
fn attach(lock: &AnyLock, addresses: &[Address; 2], contender: lock::ContenderId) -> io::Result<[AnyHandle; 2]> {
    Ok([lock.attach(&addresses[0], contender)?, lock.attach(&addresses[1], contender)?])
}

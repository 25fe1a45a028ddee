//! Pools with one kernel channel per worker: a pair of pipes or a socket pair. [`kinds`] has the rows.
//!
//! The dispatcher sends each request to the worker with the fewest and keeps it until its response arrives; if all
//! workers are full, requests wait in the dispatcher. A worker responds in the order of its requests. When it dies, the
//! dispatcher reads its remaining responses. Then the oldest request without a response is lost if the worker table
//! says that its execution had begun; the others go to any worker. The new worker gets a new channel, since the old one
//! may end in the middle of a frame.
//!
//! Cost of a single task: a write, a read and a poll in the dispatcher, a read and a write in the worker, two copies
//! each way, a wake-up and a sleep on both sides. Concurrent frames share polls, and on byte streams also reads.

pub(super) mod kinds;
mod worker_channel;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags};

use super::death_reports::{self, DeathReport, ReportReceiver};
use super::supervisor::{Supervisor, WorkerContext};
use super::worker_table::WorkerTable;
use super::{Collected, Pool, PoolConfig, Work, Worker, WorkerDeath, balance, descriptors};
use crate::record::Wait;
use worker_channel::{WorkerChannel, serve};

/// Bytes before each frame: its length.
const HEAD: usize = 4;

/// A kind of channel.
pub trait Channels: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;

    /// Checks whether a channel can carry frames of this size, each with `head_bytes` before it.
    ///
    /// Errors: the reason, with the limit.
    fn supports(frame_bytes: usize, head_bytes: usize) -> Result<(), String>;
    /// Creates a channel for frames of `frame_bytes`, head included.
    fn create(frame_bytes: usize) -> io::Result<Channel>;
}

/// The endpoints of a channel.
pub struct Channel {
    /// The dispatcher's endpoint.
    pub dispatcher: Endpoint,
    /// The worker's endpoint.
    pub worker: Endpoint,
}

/// Descriptors of one endpoint; duplicates of each other if the channel is a socket pair.
pub struct Endpoint {
    /// For requests.
    pub requests: OwnedFd,
    /// For responses.
    pub responses: OwnedFd,
}

/// The pool over channels `C`.
pub struct DescriptorEach<C> {
    channels: Vec<WorkerChannel>,
    /// Requests that no worker has room for, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Memory for further requests.
    spare: Vec<Vec<u8>>,
    /// Responses and deaths that were read before `collect`.
    pending: VecDeque<Collected<Vec<u8>>>,
    /// The worker whose responses are read next: round robin.
    next: usize,
    queue_limit: usize,
    reports: ReportReceiver,
    supervisor: Supervisor,
    kind: PhantomData<C>,
}

impl<C: Channels> Pool for DescriptorEach<C> {
    const SUMMARY: &'static str = C::SUMMARY;
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn supports(config: &PoolConfig) -> Result<(), String> {
        C::supports(config.frame_bytes, HEAD)
    }

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        let frame_bytes = config.frame_bytes;
        let (mut channels, mut endpoints) = (vec![], vec![]);
        for _ in 0..config.workers {
            let channel = C::create(HEAD + frame_bytes)?;
            channels.push(WorkerChannel::new(channel.dispatcher, frame_bytes)?);
            endpoints.push(channel.worker);
        }
        let table = WorkerTable::new(config.workers)?;
        let (report_sender, reports) = death_reports::channel()?;
        // Endpoints of the current workers; the supervisor replaces that of a dead one.
        let endpoints = &RefCell::new(endpoints);
        let dead = table.clone();
        let supervisor = Supervisor::start(
            config.workers,
            &table,
            |index| {
                let cpu = config.cpus.get(index as usize).copied();
                let context = WorkerContext { index, cpu, table: table.clone(), request_limit: None };
                serve(&context, &endpoints.borrow()[index as usize], frame_bytes, work.clone())
            },
            // `move`, so that only the supervisor and its workers keep the report sender open.
            move |death: WorkerDeath| {
                let channel = C::create(HEAD + frame_bytes)?;
                let Endpoint { requests, responses } = &channel.dispatcher;
                report_sender.send(death, dead.received(death.worker), &[requests.as_fd(), responses.as_fd()])?;
                endpoints.borrow_mut()[death.worker as usize] = channel.worker;
                Ok(())
            },
        )?;
        Ok(Self {
            channels,
            waiting: VecDeque::new(),
            spare: vec![],
            pending: VecDeque::new(),
            next: 0,
            queue_limit: balance::queue_limit(config),
            reports,
            supervisor,
            kind: PhantomData,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut request = self.spare.pop().unwrap_or_default();
        descriptors::build::<HEAD>(&mut request, len, fill);
        match balance::least_loaded(self.channels.iter().map(|channel| channel.in_flight.len()), self.queue_limit) {
            Some(worker) if self.waiting.is_empty() => self.channels[worker].send(request),
            _ => {
                self.waiting.push_back(request);
                Ok(())
            }
        }
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        while !self.has_pending()? {
            if !self.poll(true)? {
                return Err(death_reports::supervisor_gone());
            }
        }
        self.take(read)
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        if !self.has_pending()? {
            if !self.poll(false)? {
                return Err(death_reports::supervisor_gone());
            }
            if !self.has_pending()? {
                return Ok(None);
            }
        }
        self.take(read).map(Some)
    }

    fn workers(&self) -> Vec<Worker> {
        self.supervisor.workers()
    }

    /// An empty frame tells a worker to exit. If a worker dies before it reads that frame, its replacement gets
    /// another.
    fn close(mut self) -> io::Result<()> {
        while !self.waiting.is_empty() || self.channels.iter().any(|channel| !channel.in_flight.is_empty()) {
            self.collect(|_| ())?;
        }
        for channel in &mut self.channels {
            channel.send(vec![0; HEAD])?;
        }
        while self.poll(true)? {}
        self.supervisor.join()
    }

    fn terminate(self) -> io::Result<()> {
        self.supervisor.terminate()
    }
}

impl<C: Channels> DescriptorEach<C> {
    /// Whether a response or a death can be taken. A response is then at `next`.
    #[inline]
    fn has_pending(&mut self) -> io::Result<bool> {
        if !self.pending.is_empty() {
            return Ok(true);
        }
        for _ in 0..self.channels.len() {
            if self.channels[self.next].incoming.first()?.is_some() {
                return Ok(true);
            }
            self.next = (self.next + 1) % self.channels.len();
        }
        Ok(false)
    }

    /// Takes a response or a death after [`has_pending`](Self::has_pending).
    #[inline]
    fn take<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        match self.pending.pop_front() {
            Some(Collected::Response(response)) => return Ok(Collected::Response(read(&response))),
            Some(Collected::WorkerDied(death)) => return Ok(Collected::WorkerDied(death)),
            None => {}
        }
        let missing = || io::Error::other("no response has arrived");
        let (result, request) = self.channels[self.next].receive(read)?.ok_or_else(missing)?;
        self.spare.push(request);
        if let Some(request) = self.waiting.pop_front() {
            self.channels[self.next].send(request)?;
        }
        Ok(Collected::Response(result))
    }

    /// Reads what has arrived and writes where there is room. If `waits`, sleeps until a descriptor is ready. Returns
    /// false when the supervisor has ended.
    fn poll(&mut self, waits: bool) -> io::Result<bool> {
        let mut polled = Vec::with_capacity(2 * self.channels.len() + 1);
        polled.push(PollFd::new(self.reports.as_fd(), PollFlags::POLLIN));
        for channel in &self.channels {
            polled.push(PollFd::new(channel.endpoint.responses.as_fd(), PollFlags::POLLIN));
            let wanted = if channel.unwritten > 0 { PollFlags::POLLOUT } else { PollFlags::empty() };
            polled.push(PollFd::new(channel.endpoint.requests.as_fd(), wanted));
        }
        descriptors::sleep(&mut polled, waits)?;
        let ready: Vec<bool> = polled.iter().map(|polled| polled.any().unwrap_or(true)).collect();
        for (channel, ready) in self.channels.iter_mut().zip(ready[1..].chunks_exact(2)) {
            if ready[0] {
                channel.incoming.read_while_open(&channel.endpoint.responses)?;
            }
            if ready[1] {
                channel.write()?;
            }
        }
        if ready[0] { self.read_death_reports() } else { Ok(true) }
    }

    /// Returns false when the supervisor has ended.
    #[cold]
    fn read_death_reports(&mut self) -> io::Result<bool> {
        let (reports, is_alive) = self.reports.read_all()?;
        reports.into_iter().try_for_each(|report| self.handle_death(report))?;
        Ok(is_alive)
    }

    /// Reads the remaining responses of a dead worker, requeues its requests and connects its replacement.
    fn handle_death(&mut self, report: DeathReport) -> io::Result<()> {
        let DeathReport { mut death, tag, descriptors } = report;
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "an invalid death report");
        let channel = self.channels.get_mut(death.worker as usize).ok_or_else(invalid)?;
        loop {
            while let Some((response, request)) = channel.receive(<[u8]>::to_vec)? {
                self.pending.push_back(Collected::Response(response));
                self.spare.push(request);
            }
            if !channel.incoming.read_while_open(&channel.endpoint.responses)? {
                break;
            }
        }
        if tag > channel.answered + 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "responses of a dead worker are missing"));
        }
        if tag <= channel.answered {
            // The worker has responded to all requests that it received.
            death.request = None;
        } else if death.request.is_some() {
            self.spare.extend(channel.in_flight.pop_front());
        }
        while let Some(request) = channel.in_flight.pop_back() {
            self.waiting.push_front(request);
        }
        self.pending.push_back(Collected::WorkerDied(death));
        let Ok([requests, responses]) = <[OwnedFd; 2]>::try_from(descriptors) else { return Err(invalid()) };
        channel.reset(Endpoint { requests, responses })?;
        while !self.waiting.is_empty() {
            let loads = self.channels.iter().map(|channel| channel.in_flight.len());
            let Some(worker) = balance::least_loaded(loads, self.queue_limit) else { break };
            if let Some(request) = self.waiting.pop_front() {
                self.channels[worker].send(request)?;
            }
        }
        Ok(())
    }
}

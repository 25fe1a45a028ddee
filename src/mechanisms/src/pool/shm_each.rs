//! Two rings in shared memory per worker, one for requests and one for responses, each with one producer and one
//! consumer. Idle workers sleep in poll(2) on an eventfd of their own; the dispatcher sleeps on one that all workers
//! signal. A task costs a cache-line transfer each way, no copy by the kernel, and a write, a poll and a read for each
//! side that sleeps. The dispatcher chooses the worker of each request and reads the rings round robin.
//!
//! A worker responds in the order of its requests, and a ring has twice the room needed. So the requests that a dead
//! worker had not begun are still in its ring, and the dispatcher moves them to other workers. The new worker gets new
//! rings from the supervisor, since the positions in the old ones are unknown to it. Source: see [`crate::ring::spsc`];
//! eventfd(2).

mod rings;
mod worker_channel;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::unistd::read;

use super::death_reports::{self, DeathReport, ReportReceiver};
use super::supervisor::{Supervisor, WorkerContext};
use super::worker_table::WorkerTable;
use super::{Collected, Pool, PoolConfig, Work, Worker, WorkerDeath, balance, descriptors};
use crate::address::{Address, Descriptor, Endpoint};
use crate::record::{Substrate, Wait};
use crate::ring::Slots as _;
use crate::shm;
use crate::wait::{WaitPoint, fence};
use rings::{Rings, serve};
use worker_channel::WorkerChannel;

/// Most bytes of all rings together.
const MAX_BYTES: usize = 1 << 30;

/// The pool.
pub struct ShmEach {
    channels: Vec<WorkerChannel>,
    rings: Rings,
    /// Eventfds of the workers, kept when a worker is replaced.
    worker_events: Vec<Descriptor>,
    /// Eventfd of the dispatcher.
    event: OwnedFd,
    /// Requests that no worker has room for, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Responses and deaths that were read before `collect`.
    pending: VecDeque<Collected<Vec<u8>>>,
    /// The worker whose responses are read next: round robin.
    next: usize,
    queue_limit: usize,
    /// Empty calls of `try_collect` since the death reports were last read.
    empty_polls: u8,
    reports: ReportReceiver,
    supervisor: Supervisor,
}

impl Pool for ShmEach {
    const SUMMARY: &'static str = "two rings in shared memory for each worker; idle workers sleep on an eventfd";
    const WAIT: Option<Wait> = Some(Wait::Eventfd);

    fn supports(config: &PoolConfig) -> Result<(), String> {
        let bytes = Rings::of(config).bytes().saturating_mul(config.workers as usize);
        if bytes > MAX_BYTES {
            let (frames, each) = (config.in_flight, config.frame_bytes);
            return Err(format!(
                "{frames} frames of {each} bytes need rings of {bytes} bytes; the limit is {MAX_BYTES}"
            ));
        }
        Ok(())
    }

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        let rings = Rings::of(config);
        let event = eventfd()?;
        let worker_events = (0..config.workers).map(|_| eventfd()).collect::<io::Result<Vec<_>>>()?;
        let (mut channels, mut segments) = (vec![], vec![]);
        for event in &worker_events {
            let segment = rings.attach(&shm::create(Substrate::Memfd, rings.bytes())?)?;
            channels.push(WorkerChannel::new(&segment, rings, event)?);
            segments.push(segment);
        }
        let table = WorkerTable::new(config.workers)?;
        let (report_sender, reports) = death_reports::channel()?;
        // Rings of the current workers; the supervisor replaces those of a dead one.
        let segments = &RefCell::new(segments);
        let dead = table.clone();
        let supervisor = Supervisor::start(
            config.workers,
            &table,
            |index| {
                let cpu = config.cpus.get(index as usize).copied();
                let context = WorkerContext { index, cpu, table: table.clone(), request_limit: None };
                let events = [worker_events[index as usize].clone(), event.clone()];
                serve(&context, &segments.borrow()[index as usize], rings, &events, work.clone())
            },
            // `move`, so that only the supervisor and its workers keep the report sender open.
            move |death: WorkerDeath| {
                let address = shm::create(Substrate::Memfd, rings.bytes())?;
                let memory = address.descriptor(Endpoint::Sender)?.duplicate()?;
                report_sender.send(death, dead.received(death.worker), &[memory.as_fd()])?;
                segments.borrow_mut()[death.worker as usize] = rings.attach(&address)?;
                Ok(())
            },
        )?;
        Ok(Self {
            channels,
            rings,
            event: event.duplicate()?,
            worker_events,
            waiting: VecDeque::new(),
            pending: VecDeque::new(),
            next: 0,
            queue_limit: balance::even_share(config),
            empty_polls: 0,
            reports,
            supervisor,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        match balance::least_loaded(self.channels.iter().map(WorkerChannel::load), self.queue_limit) {
            Some(worker) if self.waiting.is_empty() => self.channels[worker].send(len, fill),
            _ => {
                let mut request = vec![0; len];
                fill(&mut request);
                self.waiting.push_back(request);
                Ok(())
            }
        }
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let mut read = Some(read);
        loop {
            if let Some(collected) = self.take(&mut read)? {
                return Ok(collected);
            }
            for channel in &self.channels {
                channel.slots.1.readers().announce();
            }
            // PAIRS: waiter-announced. One fence for all rings; then they are checked once more before the sleep.
            fence::full();
            let collected = self.take(&mut read)?;
            let is_alive = if collected.is_none() { self.poll()? } else { true };
            for channel in &self.channels {
                channel.slots.1.readers().withdraw();
            }
            match collected {
                Some(collected) => return Ok(collected),
                None if is_alive => {}
                None => return Err(death_reports::supervisor_gone()),
            }
        }
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let mut read = Some(read);
        if let Some(collected) = self.take(&mut read)? {
            return Ok(Some(collected));
        }
        // Reading the reports is a system call, too expensive for each call of a polling caller.
        self.empty_polls = self.empty_polls.wrapping_add(1);
        if self.empty_polls != 0 {
            return Ok(None);
        }
        if self.read_death_reports()? { self.take(&mut read) } else { Err(death_reports::supervisor_gone()) }
    }

    fn workers(&self) -> Vec<Worker> {
        self.supervisor.workers()
    }

    /// An empty frame tells a worker to exit. If a worker dies before it reads that frame, its replacement gets
    /// another.
    fn close(mut self) -> io::Result<()> {
        while !self.waiting.is_empty() || self.channels.iter().any(|channel| channel.load() > 0) {
            self.collect(|_| ())?;
        }
        for channel in &mut self.channels {
            channel.send(0, |_| {})?;
        }
        while self.poll()? {}
        self.supervisor.join()
    }

    fn terminate(self) -> io::Result<()> {
        self.supervisor.terminate()
    }
}

impl ShmEach {
    /// Takes what is pending, or else the next response.
    #[inline]
    fn take<R>(&mut self, read: &mut Option<impl FnOnce(&[u8]) -> R>) -> io::Result<Option<Collected<R>>> {
        let mut once = |seen: &[u8]| read.take().map(|read| read(seen));
        if !self.pending.is_empty() {
            return Ok(match self.pending.pop_front() {
                Some(Collected::Response(response)) => once(&response).map(Collected::Response),
                Some(Collected::WorkerDied(death)) => Some(Collected::WorkerDied(death)),
                None => None,
            });
        }
        for _ in 0..self.channels.len() {
            if let Some(result) = self.channels[self.next].receive(&mut once)? {
                if !self.waiting.is_empty() {
                    self.dispatch_waiting()?;
                }
                return Ok(result.map(Collected::Response));
            }
            self.next = (self.next + 1) % self.channels.len();
        }
        Ok(None)
    }

    /// Sleeps until a worker or the supervisor signals. Returns false when the supervisor has ended.
    fn poll(&mut self) -> io::Result<bool> {
        let mut polled =
            [PollFd::new(self.event.as_fd(), PollFlags::POLLIN), PollFd::new(self.reports.as_fd(), PollFlags::POLLIN)];
        descriptors::sleep(&mut polled, true)?;
        let [is_signalled, has_reports] = polled.map(|polled| polled.any().unwrap_or(true));
        if is_signalled {
            match read(&self.event, &mut [0; size_of::<u64>()]) {
                Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(other) => return Err(other.into()),
            }
        }
        if has_reports { self.read_death_reports() } else { Ok(true) }
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
        while let Some(response) = channel.receive(<[u8]>::to_vec)? {
            self.pending.push_back(Collected::Response(response));
        }
        let mut not_begun = channel.answered;
        if tag > channel.answered + 1 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "responses of a dead worker are missing"));
        }
        if tag <= channel.answered {
            // The worker has responded to all requests that it received.
            death.request = None;
        } else if death.request.is_some() {
            not_begun += 1;
        }
        for number in (not_begun..channel.sent).rev() {
            self.waiting.push_front(channel.unread_request(number));
        }
        self.pending.push_back(Collected::WorkerDied(death));
        let memory = descriptors.into_iter().next().ok_or_else(invalid)?;
        let address = Address::Inherited { sender: vec![Descriptor::new(memory)], receiver: vec![] };
        let event = &self.worker_events[death.worker as usize];
        *channel = WorkerChannel::new(&self.rings.attach(&address)?, self.rings, event)?;
        self.dispatch_waiting()
    }

    #[cold]
    fn dispatch_waiting(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let loads = self.channels.iter().map(WorkerChannel::load);
            let Some(worker) = balance::least_loaded(loads, self.queue_limit) else { break };
            if let Some(request) = self.waiting.pop_front() {
                self.channels[worker].send(request.len(), |room| room.copy_from_slice(&request))?;
            }
        }
        Ok(())
    }
}

fn eventfd() -> io::Result<Descriptor> {
    Ok(Descriptor::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
}

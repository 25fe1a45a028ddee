//! Dispatcher: submits tasks to a pool and collects results. `PoolDispatcher` has the timed loops and is generic over
//! the pool; other code uses the [`Dispatcher`] trait and is compiled once.

use std::{hint, io};

use super::frame::{self, FAILS, Response, STAMPED};
use super::in_flight::{Back, Event, InFlight, died};
use super::open_loop::{OpenLoop, TaskTimes};
use super::stamps::Stamps;
use super::{TaskWorker, Tasks};
use crate::measure::{MeasureError, invalid};
use crate::pool::{Collected, Pool, PoolConfig, Worker};
use crate::record::{Call, Chunk, Isolation};
use crate::{abort, clock};

/// Open pool with its requests in flight.
pub trait Dispatcher {
    /// Runs `count` tasks by the configured call. Timed loop.
    ///
    /// Errors: a result is wrong, missing or duplicate; a worker died.
    fn run(&mut self, count: u64) -> Result<(), MeasureError>;
    /// Submits each task at its due time and reads results in between. Timed loop.
    ///
    /// Due tasks wait while the maximum number of requests is in flight; latency counts from the due time.
    ///
    /// Errors: as for [`run`](Self::run), and `Interrupted` if the trial is aborted.
    fn pace(&mut self, open_loop: &mut OpenLoop) -> Result<(), MeasureError>;
    /// Changes the tasks of later requests; the payload size stays.
    fn set_tasks(&mut self, tasks: Tasks);
    /// Records the times of each request in `stamps` until they are taken.
    fn stamp_into(&mut self, stamps: Stamps);
    /// Returns the stamps recorded so far.
    fn take_stamps(&mut self) -> Option<Stamps>;
    /// Submits the next `count` tasks as one request and returns its token.
    ///
    /// Errors: the maximum number of requests is in flight, and those of the pool.
    fn submit(&mut self, count: u32, flags: u64) -> io::Result<u32>;
    /// Submits a lost request again.
    ///
    /// Errors: as for [`submit`](Self::submit).
    fn hand_out_again(&mut self, lost: &Back, flags: u64) -> io::Result<u32>;
    /// Submits a task that fails and waits for it; no other request may be in flight.
    ///
    /// Errors: it was reported as done.
    fn apply_failing(&mut self) -> Result<(), MeasureError>;
    /// Waits for the next response, task failure or worker's death.
    ///
    /// Errors: a result is wrong or duplicate.
    fn collect(&mut self) -> Result<Event, MeasureError>;
    /// Polls for the next response, task failure or worker's death.
    ///
    /// Errors: as for [`collect`](Self::collect).
    fn try_collect(&mut self) -> Result<Option<Event>, MeasureError>;
    /// Requests that can be submitted before a response must be collected.
    fn room(&self) -> usize;
    /// Requests in flight.
    fn out(&self) -> usize;
    /// [`Pool::workers`].
    fn workers(&self) -> Vec<Worker>;
    /// [`Pool::close`].
    fn close(self: Box<Self>) -> io::Result<()>;
    /// [`Pool::terminate`].
    fn terminate(self: Box<Self>) -> io::Result<()>;
}

/// Type-erased pool.
#[derive(Clone, Copy)]
pub struct AnyPool {
    /// [`Pool::ISOLATION`].
    pub isolation: Isolation,
    /// [`Pool::SERIAL`].
    pub serial: bool,
    open: fn(&PoolConfig, TaskWorker, Tasks) -> io::Result<Box<dyn Dispatcher>>,
}

impl AnyPool {
    /// Erases the pool type `P`.
    pub fn of<P: Pool>() -> Self {
        Self {
            isolation: P::ISOLATION,
            serial: P::SERIAL,
            open: |config, worker, tasks| {
                Ok(Box::new(PoolDispatcher::new(P::open(config, worker)?, tasks, config.in_flight)))
            },
        }
    }

    /// Opens a pool with no requests in flight.
    ///
    /// Errors: those of [`Pool::open`].
    pub fn open(&self, config: &PoolConfig, worker: TaskWorker, tasks: Tasks) -> io::Result<Box<dyn Dispatcher>> {
        (self.open)(config, worker, tasks)
    }
}

/// Polls between two checks of the abort flag.
const POLLS_PER_ABORT_CHECK: u32 = 4096;

/// Dispatcher of the pool type `P`, for the tasks of one case.
pub(super) struct PoolDispatcher<P> {
    pub(super) pool: P,
    pub(super) in_flight: InFlight,
}

impl<P: Pool> PoolDispatcher<P> {
    /// Creates a dispatcher for an open pool, with at most `in_flight` requests.
    pub(super) fn new(pool: P, tasks: Tasks, in_flight: u32) -> Self {
        Self { pool, in_flight: InFlight::new(tasks, in_flight) }
    }

    /// Submits the next `count` tasks as one request and returns its token.
    #[inline]
    pub(super) fn send_next(&mut self, count: u32, flags: u64) -> io::Result<u32> {
        let token = self.send(self.in_flight.next, count, flags)?;
        self.in_flight.next += u64::from(count);
        Ok(token)
    }

    #[inline]
    fn send(&mut self, first: u64, count: u32, flags: u64) -> io::Result<u32> {
        let (request, bytes) = (self.in_flight.enter(first, count, flags)?, self.in_flight.tasks.bytes);
        self.pool.submit(frame::request_bytes(count, bytes), |room| request.write(room, bytes))?;
        Ok(request.token)
    }

    /// Collects one response and frees its token.
    #[inline]
    pub(super) fn take_back(&mut self) -> Result<Back, MeasureError> {
        let back = self.take_back_keeping()?;
        self.in_flight.release(back.token);
        Ok(back)
    }

    /// Collects one response without freeing its token.
    #[inline]
    pub(super) fn take_back_keeping(&mut self) -> Result<Back, MeasureError> {
        let bytes = self.in_flight.tasks.bytes;
        match self.pool.collect(|seen| Response::read(seen, bytes))? {
            Collected::Response(response) => self.done(&response.map_err(MeasureError::Invalid)?),
            Collected::WorkerDied(loss) => Err(died(&loss)),
        }
    }

    /// Checks a response whose tasks must be done.
    #[inline]
    fn done(&mut self, response: &Response) -> Result<Back, MeasureError> {
        let back = self.in_flight.check(response)?;
        if back.done { Ok(back) } else { invalid(format!("task {} failed", back.first)) }
    }

    /// Reads one result of the open loop, if available.
    #[inline]
    fn poll_result(&mut self, open_loop: &mut OpenLoop, first: u64) -> Result<bool, MeasureError> {
        let bytes = self.in_flight.tasks.bytes;
        match self.pool.try_collect(|seen| Response::read(seen, bytes))? {
            None => Ok(false),
            Some(Collected::WorkerDied(loss)) => Err(died(&loss)),
            Some(Collected::Response(response)) => {
                let response = response.map_err(MeasureError::Invalid)?;
                let back = self.done(&response)?;
                let submitted = self.in_flight.request(back.token).submitted;
                open_loop.times[(back.first - first) as usize] = TaskTimes {
                    submitted,
                    started: response.started,
                    finished: response.finished,
                    read: clock::tick(open_loop.trusted),
                };
                self.in_flight.release(back.token);
                Ok(true)
            }
        }
    }

    fn event(&mut self, collected: Collected<Result<Response, String>>) -> Result<Event, MeasureError> {
        match collected {
            Collected::Response(response) => {
                let back = self.in_flight.check(&response.map_err(MeasureError::Invalid)?)?;
                self.in_flight.release(back.token);
                Ok(Event::Back(back))
            }
            Collected::WorkerDied(loss) => Ok(Event::Lost(loss, self.in_flight.lost(&loss))),
        }
    }
}

impl<P: Pool> Dispatcher for PoolDispatcher<P> {
    fn run(&mut self, count: u64) -> Result<(), MeasureError> {
        let Tasks { call, chunk, list_length, .. } = self.in_flight.tasks;
        match call {
            Call::Apply => self.one_by_one(count),
            Call::ApplyAsync => self.unordered(count, Chunk::One),
            Call::ImapUnordered => self.unordered(count, chunk),
            Call::Imap => self.in_order(count),
            Call::Map => {
                let mut left = count;
                while left > 0 {
                    let list = left.min(list_length);
                    self.map(list)?;
                    left -= list;
                }
                Ok(())
            }
        }
    }

    fn pace(&mut self, open_loop: &mut OpenLoop) -> Result<(), MeasureError> {
        let (first, count) = (self.in_flight.next, open_loop.times.len());
        let mut now_ns = clock::now_ns();
        let mut polls = 0u32;
        for due_ns in open_loop.schedule.clone().take(count) {
            let due_ns = open_loop.start_ns + due_ns;
            // Submits a due task first if possible, and a late one without a clock read.
            while self.in_flight.room() == 0 || due_ns > now_ns {
                if !self.poll_result(open_loop, first)? {
                    hint::spin_loop();
                    check_abort(&mut polls)?;
                }
                now_ns = clock::now_ns();
            }
            let submitted = clock::tick(open_loop.trusted);
            let token = self.send_next(1, STAMPED)?;
            self.in_flight.handed_off_at(token, submitted);
        }
        while self.in_flight.out() > 0 {
            if !self.poll_result(open_loop, first)? {
                check_abort(&mut polls)?;
            }
        }
        Ok(())
    }

    fn set_tasks(&mut self, tasks: Tasks) {
        self.in_flight.tasks = tasks;
    }

    fn stamp_into(&mut self, stamps: Stamps) {
        self.in_flight.stamps = Some(stamps);
    }

    fn take_stamps(&mut self) -> Option<Stamps> {
        self.in_flight.stamps.take()
    }

    fn submit(&mut self, count: u32, flags: u64) -> io::Result<u32> {
        self.send_next(count, flags)
    }

    fn hand_out_again(&mut self, lost: &Back, flags: u64) -> io::Result<u32> {
        self.send(lost.first, lost.count, flags)
    }

    fn apply_failing(&mut self) -> Result<(), MeasureError> {
        self.send_next(1, FAILS)?;
        match self.collect()? {
            Event::Back(back) if !back.done => Ok(()),
            _ => invalid("a task that fails was reported as done"),
        }
    }

    fn collect(&mut self) -> Result<Event, MeasureError> {
        let bytes = self.in_flight.tasks.bytes;
        let collected = self.pool.collect(|seen| Response::read(seen, bytes))?;
        self.event(collected)
    }

    fn try_collect(&mut self) -> Result<Option<Event>, MeasureError> {
        let bytes = self.in_flight.tasks.bytes;
        match self.pool.try_collect(|seen| Response::read(seen, bytes))? {
            Some(collected) => self.event(collected).map(Some),
            None => Ok(None),
        }
    }

    fn room(&self) -> usize {
        self.in_flight.room()
    }

    fn out(&self) -> usize {
        self.in_flight.out()
    }

    fn workers(&self) -> Vec<Worker> {
        self.pool.workers()
    }

    fn close(self: Box<Self>) -> io::Result<()> {
        self.pool.close()
    }

    fn terminate(self: Box<Self>) -> io::Result<()> {
        self.pool.terminate()
    }
}

/// Checks the abort flag occasionally.
#[inline]
fn check_abort(polls: &mut u32) -> io::Result<()> {
    *polls = polls.wrapping_add(1);
    if polls.is_multiple_of(POLLS_PER_ABORT_CHECK) && abort::requested() {
        return Err(abort::error());
    }
    Ok(())
}

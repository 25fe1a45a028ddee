//! Two queues in shared memory, one of requests for all workers and one of responses: rings with many producers and
//! consumers. A task costs two cache-line transfers, as a round trip does, and one more each way for the line on which
//! positions are claimed. Any idle worker takes the next request, so the load balances itself. Source: see
//! [`crate::ring::mpmc`].
//!
//! If a worker dies while it executes a request, the worker table has the request's id. If it dies in the few
//! nanoseconds between claiming a slot and releasing it, the ring blocks one lap later, until the trial is aborted.
//!
//! With a request limit, each worker exits after so many requests and the supervisor forks another: Python's
//! `maxtasksperchild`, a remedy against leaks in tasks. Each replacement costs a fork, an exit and a wait.
//! Source: `multiprocessing.pool.Pool` in Python's documentation.

use std::io;

use super::death_reports::NO_REQUEST;
use super::supervisor::{Supervisor, WorkerContext};
use super::worker_table::{WorkerTable, shared_segment};
use super::{Collected, Pool, PoolConfig, Work, Worker, WorkerDeath};
use crate::record::Wait;
use crate::ring::layout::Layout;
use crate::ring::mpmc::{Consumer, Producer};
use crate::ring::slots::SegmentSlots;
use crate::ring::{Consume, Produce};
use crate::shm::Segment;
use crate::wait::{EventCount, WaitStrategy};

type Slots = SegmentSlots<EventCount, EventCount>;

/// No request limit.
const UNLIMITED: u64 = 0;
/// Most bytes of one ring.
const MAX_BYTES: usize = 1 << 30;
/// Length of a death report in the queue of responses; shorter than any response.
const REPORT_BYTES: usize = 12;

/// The pool, by wait strategy and by the number of requests after which a worker is replaced.
pub struct ShmQueue<W, const LIMIT: u64 = UNLIMITED> {
    requests: Producer<Slots, W>,
    responses: Consumer<Slots, W>,
    supervisor: Supervisor,
    workers: u32,
}

/// The segments of the two rings.
struct Rings {
    requests: Segment,
    responses: Segment,
    layout: Layout,
}

impl Rings {
    fn create(config: &PoolConfig) -> io::Result<Self> {
        let layout = layout(config);
        let ring = || shared_segment(layout.segment_bytes());
        Ok(Self { requests: ring()?, responses: ring()?, layout })
    }

    fn producer<W: WaitStrategy<EventCount>>(&self, ring: &Segment) -> io::Result<Producer<Slots, W>> {
        Ok(Producer::new(Slots::new(ring.clone(), self.layout, 0)?, W::attach(&[])?))
    }

    fn consumer<W: WaitStrategy<EventCount>>(&self, ring: &Segment) -> io::Result<Consumer<Slots, W>> {
        Ok(Consumer::new(Slots::new(ring.clone(), self.layout, 0)?, W::attach(&[])?))
    }

    /// Main loop of a worker.
    fn serve<W: WaitStrategy<EventCount>, K: Work>(&self, context: &WorkerContext, mut work: K) -> io::Result<()> {
        let mut endpoints = (self.consumer::<W>(&self.requests)?, self.producer::<W>(&self.responses)?);
        context.run(
            &mut work,
            &mut endpoints,
            // An empty frame tells the worker to exit.
            |(requests, _), work| requests.receive(|seen| (!seen.is_empty()).then(|| work.read(seen))),
            |(_, responses), bytes, fill| responses.send(bytes, fill),
        )
    }
}

/// Close messages per worker: if a worker dies after it has taken one, its replacement needs another.
const CLOSE_MESSAGES: u32 = 2;

/// Room for all requests in flight and the close messages, or for the death report of each worker.
fn layout(config: &PoolConfig) -> Layout {
    let frames = config.in_flight + CLOSE_MESSAGES * config.workers;
    Layout::new(frames.next_power_of_two(), config.frame_bytes.max(REPORT_BYTES))
}

impl<W: WaitStrategy<EventCount>, const LIMIT: u64> Pool for ShmQueue<W, LIMIT> {
    const SUMMARY: &'static str = match LIMIT {
        UNLIMITED => "a queue of requests in shared memory for all workers, and a queue of responses",
        100 => "the same queues; each worker is replaced by a new process after 100 requests",
        _ => "the same queues; each worker is replaced by a new process after a number of requests",
    };
    const WAIT: Option<Wait> = Some(W::WAIT);
    const POLLS: bool = W::POLLS;

    fn supports(config: &PoolConfig) -> Result<(), String> {
        let bytes = layout(config).segment_bytes();
        if bytes > MAX_BYTES {
            let (frames, each) = (config.in_flight, config.frame_bytes);
            return Err(format!(
                "{frames} frames of {each} bytes need a ring of {bytes} bytes; the limit is {MAX_BYTES}"
            ));
        }
        Ok(())
    }

    fn open<K: Work>(config: &PoolConfig, work: K) -> io::Result<Self> {
        let rings = Rings::create(config)?;
        let table = WorkerTable::new(config.workers)?;
        let request_limit = (LIMIT != UNLIMITED).then_some(LIMIT);
        let serve = |index: u32| {
            let cpu = config.cpus.get(index as usize).copied();
            rings.serve::<W, K>(&WorkerContext { index, cpu, table: table.clone(), request_limit }, work.clone())
        };
        let mut reports: Option<Producer<Slots, W>> = None;
        let report = |death: WorkerDeath| {
            if reports.is_none() {
                reports = Some(rings.producer(&rings.responses)?);
            }
            reports.as_mut().map_or(Ok(()), |reports| {
                reports.send(REPORT_BYTES, |room| {
                    room[..8].copy_from_slice(&death.request.unwrap_or(NO_REQUEST).to_le_bytes());
                    room[8..].copy_from_slice(&death.worker.to_le_bytes());
                })
            })
        };
        let supervisor = Supervisor::start(config.workers, &table, serve, report)?;
        Ok(Self {
            requests: rings.producer(&rings.requests)?,
            responses: rings.consumer(&rings.responses)?,
            supervisor,
            workers: config.workers,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        self.requests.send(len, fill)
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        self.responses.receive(|seen| collected(seen, read))
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        self.responses.try_receive(|seen| collected(seen, read))
    }

    fn workers(&self) -> Vec<Worker> {
        self.supervisor.workers()
    }

    fn close(mut self) -> io::Result<()> {
        for _ in 0..CLOSE_MESSAGES * self.workers {
            self.requests.send(0, |_| {})?;
        }
        self.supervisor.join()
    }

    fn terminate(self) -> io::Result<()> {
        self.supervisor.terminate()
    }
}

/// Tells responses from death reports.
#[inline]
fn collected<R>(seen: &[u8], read: impl FnOnce(&[u8]) -> R) -> Collected<R> {
    if seen.len() == REPORT_BYTES {
        return Collected::WorkerDied(death(seen));
    }
    Collected::Response(read(seen))
}

#[cold]
fn death(report: &[u8]) -> WorkerDeath {
    let (mut request, mut worker) = ([0; 8], [0; 4]);
    request.copy_from_slice(&report[..8]);
    worker.copy_from_slice(&report[8..]);
    let request = u64::from_le_bytes(request);
    WorkerDeath { worker: u32::from_le_bytes(worker), request: (request != NO_REQUEST).then_some(request) }
}

//! Pools over ipc-channel: a channel of requests for each worker and a channel of responses for all. The rows differ in
//! how the dispatcher receives responses.
//!
//! All endpoints are created before the workers are forked. The supervisor keeps the receivers of requests, so a new
//! worker continues with the channel of the dead one; its packets are never half read. The supervisor reports a death
//! through the channel of responses, after the last response of the dead worker. The request that the worker was
//! executing is lost. A request that it had received but not begun would get no response, and may be unknown. So the
//! dispatcher sends a probe after the worker's requests. When the new worker returns the probe, each earlier request
//! without a response was lost, and the dispatcher sends it again.
//!
//! `send` blocks while the socket's buffer is full, and a message larger than one packet blocks it until the message is
//! read. So a worker has only as many small requests at a time as fit the buffer easily, and one if they are large.
//! `send` and `recv` do not check the abort flag: the harness kills the process. Source: the crate's unix back end.

mod wire;

use std::collections::VecDeque;
use std::io;

use ipc_channel::ipc::{self, IpcBytesSender};

use super::death_reports::NO_REQUEST;
use super::supervisor::{Supervisor, WorkerContext};
use super::worker_table::WorkerTable;
use super::{Collected, Pool, PoolConfig, Work, Worker, WorkerDeath, balance};
use crate::record::Wait;
use wire::{CLOSE, Kind, REQUEST_HEAD, RESPONSE_HEAD, head, read_head, send, serve};

/// Largest frame of which a worker may have several at a time: a socket's buffer holds several of them.
const SMALL_BYTES: usize = 16 * 1024;
/// Close messages per worker: if a worker dies after it has taken one, its replacement needs another.
const CLOSE_MESSAGES: u32 = 2;

/// How the dispatcher receives responses.
pub trait Responses: Sized + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// The workers' sender.
    type Sender: ResponseSender;
    /// The receiver before [`start`](Self::start).
    type Receiver;

    /// Creates the channel, before any process is forked.
    fn create() -> io::Result<(Self::Sender, Self::Receiver)>;
    /// Prepares to receive. Called when all processes are forked and the dispatcher has dropped its sender.
    fn start(receiver: Self::Receiver) -> io::Result<Self>;
    /// Waits for the next message.
    ///
    /// Errors: no sender is left.
    fn next(&mut self) -> io::Result<Vec<u8>>;
    /// The next message, or `None` if there is none yet.
    fn try_next(&mut self) -> io::Result<Option<Vec<u8>>>;
}

/// Sender of responses, in a worker.
pub trait ResponseSender: Clone {
    /// Sends a message. May take its memory.
    fn send(&self, message: &mut Vec<u8>) -> io::Result<()>;
}

/// The pool, by how responses are received.
pub struct IpcChannels<A> {
    channels: Vec<WorkerChannel>,
    /// Requests that no worker has room for, oldest first.
    waiting: VecDeque<Vec<u8>>,
    /// Memory for further requests.
    spare: Vec<Vec<u8>>,
    /// Tag of the last request or probe.
    tag: u64,
    queue_limit: usize,
    supervisor: Supervisor,
    responses: A,
}

/// The dispatcher's side of one worker.
struct WorkerChannel {
    requests: IpcBytesSender,
    /// Requests without a response and their tags, oldest first.
    in_flight: VecDeque<(u64, Vec<u8>)>,
}

impl<A: Responses> Pool for IpcChannels<A> {
    const SUMMARY: &'static str = A::SUMMARY;
    const WAIT: Option<Wait> = Some(Wait::Block);

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        let (sender, receiver) = A::create()?;
        let (mut channels, mut receivers) = (vec![], vec![]);
        for _ in 0..config.workers {
            let (requests, requests_receiver) = ipc::bytes_channel()?;
            channels.push(WorkerChannel { requests, in_flight: VecDeque::new() });
            receivers.push(requests_receiver);
        }
        let table = WorkerTable::new(config.workers)?;
        let supervisor = Supervisor::start(
            config.workers,
            &table,
            |index| {
                let cpu = config.cpus.get(index as usize).copied();
                let context = WorkerContext { index, cpu, table: table.clone(), request_limit: None };
                serve(&context, &receivers[index as usize], &sender, work.clone())
            },
            |death: WorkerDeath| {
                let mut message = head(Kind::Death, death.worker, table.received(death.worker)).to_vec();
                message.extend_from_slice(&death.request.unwrap_or(NO_REQUEST).to_le_bytes());
                sender.send(&mut message)
            },
        )?;
        drop(sender);
        let queue_limit = if config.frame_bytes > SMALL_BYTES { 1 } else { balance::queue_limit(config) };
        Ok(Self {
            channels,
            waiting: VecDeque::new(),
            spare: vec![],
            tag: CLOSE,
            queue_limit,
            supervisor,
            responses: A::start(receiver)?,
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let mut request = self.spare.pop().unwrap_or_default();
        request.resize(REQUEST_HEAD + len, 0);
        fill(&mut request[REQUEST_HEAD..]);
        self.waiting.push_back(request);
        self.dispatch_waiting()
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let mut read = Some(read);
        loop {
            let message = self.responses.next()?;
            if let Some(collected) = self.handle(&message, &mut read)? {
                return Ok(collected);
            }
        }
    }

    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let mut read = Some(read);
        while let Some(message) = self.responses.try_next()? {
            if let Some(collected) = self.handle(&message, &mut read)? {
                return Ok(Some(collected));
            }
        }
        Ok(None)
    }

    fn workers(&self) -> Vec<Worker> {
        self.supervisor.workers()
    }

    fn close(mut self) -> io::Result<()> {
        while !self.waiting.is_empty() || self.channels.iter().any(|channel| !channel.in_flight.is_empty()) {
            self.collect(|_| ())?;
        }
        for channel in &self.channels {
            for _ in 0..CLOSE_MESSAGES {
                send(&channel.requests, &CLOSE.to_le_bytes())?;
            }
        }
        self.supervisor.join()
    }

    fn terminate(self) -> io::Result<()> {
        self.supervisor.terminate()
    }
}

impl<A: Responses> IpcChannels<A> {
    #[inline]
    fn dispatch_waiting(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            let loads = self.channels.iter().map(|channel| channel.in_flight.len());
            let Some(worker) = balance::least_loaded(loads, self.queue_limit) else { break };
            let Some(mut request) = self.waiting.pop_front() else { break };
            self.tag += 1;
            request[..REQUEST_HEAD].copy_from_slice(&self.tag.to_le_bytes());
            let WorkerChannel { requests, in_flight } = &mut self.channels[worker];
            in_flight.push_back((self.tag, request));
            in_flight.back().map_or(Ok(()), |(_, request)| send(requests, request))?;
        }
        Ok(())
    }

    /// Handles a message and returns the response or death that it carries.
    #[inline]
    fn handle<R>(
        &mut self,
        message: &[u8],
        read: &mut Option<impl FnOnce(&[u8]) -> R>,
    ) -> io::Result<Option<Collected<R>>> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a response without a request or worker");
        let (kind, worker, tag) = read_head(message).ok_or_else(invalid)?;
        let in_flight = &mut self.channels.get_mut(worker as usize).ok_or_else(invalid)?.in_flight;
        let collected = match kind {
            Kind::Response => {
                // Responses arrive in order, so earlier requests were lost with a dead worker.
                self.waiting.extend(take_before(in_flight, tag));
                let (first, request) = in_flight.pop_front().ok_or_else(invalid)?;
                if first != tag {
                    return Err(invalid());
                }
                self.spare.push(request);
                read.take().map(|read| Collected::Response(read(&message[RESPONSE_HEAD..])))
            }
            Kind::Probe => {
                self.waiting.extend(take_before(in_flight, tag));
                None
            }
            Kind::Death => Some(Collected::WorkerDied(self.handle_death(worker, tag, &message[RESPONSE_HEAD..])?)),
        };
        self.dispatch_waiting()?;
        Ok(collected)
    }

    /// Removes the request that was lost with a worker, and sends a probe for others that may be lost.
    #[cold]
    fn handle_death(&mut self, worker: u32, tag: u64, id: &[u8]) -> io::Result<WorkerDeath> {
        let id = id.try_into().map_or(NO_REQUEST, u64::from_le_bytes);
        let WorkerChannel { requests, in_flight } = &mut self.channels[worker as usize];
        // Not found if its response has arrived.
        let at = in_flight.iter().position(|(number, _)| *number == tag && id != NO_REQUEST);
        let lost = at.and_then(|at| in_flight.remove(at));
        self.tag += 1;
        send(requests, &self.tag.to_le_bytes())?;
        let request = lost.is_some().then_some(id);
        self.spare.extend(lost.map(|(_, request)| request));
        Ok(WorkerDeath { worker, request })
    }
}

/// Removes and returns the requests with tags below `tag`.
#[inline]
fn take_before(in_flight: &mut VecDeque<(u64, Vec<u8>)>, tag: u64) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(move || {
        in_flight.front().filter(|(first, _)| *first < tag)?;
        in_flight.pop_front().map(|(_, request)| request)
    })
}

//! Pools of threads over two channels that transfer owned frames. [`Channels`] names the channels of a row.

use std::io;
use std::sync::mpsc::TryRecvError;

use super::threads::{self, Threads};
use super::{Collected, MEASURES_OF_THREADS, Pool, PoolConfig, Work, Worker};
use crate::record::{Group, Isolation, Measure, Wait};

/// A channel of requests for all workers, and one of their responses. Functions return `None` once the other side is
/// closed.
pub trait Channels: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// How an idle worker waits.
    const WAIT: Wait;
    /// Sender of requests, in the dispatcher.
    type RequestSender: 'static;
    /// Receiver of requests, one clone per worker.
    type RequestReceiver: Clone + Send + 'static;
    /// Sender of responses, one clone per worker.
    type ResponseSender: Clone + Send + 'static;
    /// Receiver of responses, in the dispatcher.
    type ResponseReceiver: 'static;

    /// Creates both channels, each with room for at least `depth` frames.
    fn open(depth: usize) -> Endpoints<Self>;
    /// Sends a request.
    fn submit(requests: &Self::RequestSender, frame: Vec<u8>) -> Option<()>;
    /// Waits for a request.
    fn next(requests: &Self::RequestReceiver) -> Option<Vec<u8>>;
    /// Sends a response.
    fn respond(responses: &Self::ResponseSender, frame: Vec<u8>) -> Option<()>;
    /// Waits for a response.
    fn collect(responses: &Self::ResponseReceiver) -> Option<Vec<u8>>;
    /// Returns a response without waiting.
    fn try_collect(responses: &Self::ResponseReceiver) -> Result<Vec<u8>, TryRecvError>;
}

/// All endpoints of both channels.
pub struct Endpoints<C: Channels + ?Sized> {
    /// Of the channel of requests.
    pub requests: (C::RequestSender, C::RequestReceiver),
    /// Of the channel of responses.
    pub responses: (C::ResponseSender, C::ResponseReceiver),
}

/// The pool.
pub struct ThreadChannels<C: Channels> {
    requests: C::RequestSender,
    responses: C::ResponseReceiver,
    spare: Vec<Vec<u8>>,
    threads: Threads,
}

impl<C: Channels> Pool for ThreadChannels<C> {
    const SUMMARY: &'static str = C::SUMMARY;
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(C::WAIT);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        let Endpoints { requests: (requests, worker_requests), responses: (worker_responses, responses) } =
            C::open(config.in_flight as usize);
        let threads = Threads::start(config.workers, &config.cpus, |_, stopping| {
            let (requests, responses, mut work) = (worker_requests.clone(), worker_responses.clone(), work.clone());
            Box::new(move || {
                while let Some(mut frame) = C::next(&requests) {
                    if stopping.is_set() {
                        break;
                    }
                    threads::respond_in_place(&mut work, &mut frame);
                    if C::respond(&responses, frame).is_none() {
                        break;
                    }
                }
            })
        })?;
        Ok(Self { requests, responses, spare: vec![], threads })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let frame = threads::request(&mut self.spare, len, fill);
        C::submit(&self.requests, frame).ok_or_else(workers_gone)
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let frame = C::collect(&self.responses).ok_or_else(workers_gone)?;
        let result = read(&frame);
        self.spare.push(frame);
        Ok(Collected::Response(result))
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match C::try_collect(&self.responses) {
            Ok(frame) => {
                let result = read(&frame);
                self.spare.push(frame);
                Ok(Some(Collected::Response(result)))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(workers_gone()),
        }
    }

    fn workers(&self) -> Vec<Worker> {
        self.threads.workers()
    }

    fn close(self) -> io::Result<()> {
        // A thread exits once the channel of requests is empty. The channel of responses has room for all responses.
        drop(self.requests);
        self.threads.join()
    }

    fn terminate(self) -> io::Result<()> {
        self.threads.stop();
        self.close()
    }
}

#[cold]
fn workers_gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "all workers of the pool have ended")
}

//! Threads that share the receiver of a `std::sync::mpsc` channel through a mutex; responses use another channel. One
//! thread waits in the channel while it holds the mutex, the others wait for the mutex. So each request costs a
//! hand-off of the mutex and a wake-up of the next thread, on top of the channel's cost. The vector of a request
//! returns with the response in it and is reused; the channel allocates a block for every 31 requests. Source: The Rust
//! Programming Language, chapter 21, "Turning Our Single-Threaded Server into a Multithreaded Server".

use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex};

use super::thread_channels::{Channels, Endpoints, ThreadChannels};
use crate::record::Wait;

/// The pool.
pub type MutexMpscPool = ThreadChannels<MutexMpsc>;

/// Its channels.
pub struct MutexMpsc;

impl Channels for MutexMpsc {
    const SUMMARY: &'static str = "threads that share the receiver of a std mpsc channel through a mutex (Rust book)";
    const WAIT: Wait = Wait::Park;
    type RequestSender = Sender<Vec<u8>>;
    type RequestReceiver = Arc<Mutex<Receiver<Vec<u8>>>>;
    type ResponseSender = Sender<Vec<u8>>;
    type ResponseReceiver = Receiver<Vec<u8>>;

    fn open(_: usize) -> Endpoints<Self> {
        let (sender, receiver) = mpsc::channel();
        Endpoints { requests: (sender, Arc::new(Mutex::new(receiver))), responses: mpsc::channel() }
    }

    #[inline]
    fn submit(requests: &Sender<Vec<u8>>, frame: Vec<u8>) -> Option<()> {
        requests.send(frame).ok()
    }

    /// Releases the mutex before the request is executed.
    #[inline]
    fn next(requests: &Self::RequestReceiver) -> Option<Vec<u8>> {
        // Never poisoned: no thread panics in `recv`.
        requests.lock().ok()?.recv().ok()
    }

    #[inline]
    fn respond(responses: &Sender<Vec<u8>>, frame: Vec<u8>) -> Option<()> {
        responses.send(frame).ok()
    }

    #[inline]
    fn collect(responses: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
        responses.recv().ok()
    }

    #[inline]
    fn try_collect(responses: &Receiver<Vec<u8>>) -> Result<Vec<u8>, TryRecvError> {
        responses.try_recv()
    }
}

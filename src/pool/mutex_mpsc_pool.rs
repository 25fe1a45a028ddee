//! Threads that share the one receiver of a `std::sync::mpsc` channel behind a mutex; answers come by another channel. One
//! waits for a frame inside the channel with the mutex locked, the others wait for the mutex: each frame costs the mutex's
//! hand-over on top of the channel's, and a wake of the next in line. The vector of a request travels back with the answer
//! in it and is used again; the channel allocates a block for every 31 frames.
//! Source: The Rust Programming Language, chapter 21, "Turning Our Single-Threaded Server into a Multithreaded Server".

use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex};

use super::channels::{BetweenChannels, Channels, Ends};
use crate::record::Wait;

/// The pool.
pub type MutexMpscPool = BetweenChannels<MutexMpsc>;

/// Its channels.
pub struct MutexMpsc;

impl Channels for MutexMpsc {
    const SUMMARY: &'static str = "threads at the receiver of a std mpsc channel behind a mutex, as in the Rust book";
    const WAIT: Wait = Wait::Park;
    type Requests = Sender<Vec<u8>>;
    type Taken = Arc<Mutex<Receiver<Vec<u8>>>>;
    type Answered = Sender<Vec<u8>>;
    type Answers = Receiver<Vec<u8>>;

    fn open(_: usize) -> Ends<Self> {
        let (requests, taken) = mpsc::channel();
        Ends { requests: (requests, Arc::new(Mutex::new(taken))), answers: mpsc::channel() }
    }

    #[inline]
    fn submit(requests: &Sender<Vec<u8>>, frame: Vec<u8>) -> Option<()> {
        requests.send(frame).ok()
    }

    /// The mutex is free again before anybody works.
    #[inline]
    fn next(taken: &Self::Taken) -> Option<Vec<u8>> {
        // Nobody panics while he only receives.
        taken.lock().ok()?.recv().ok()
    }

    #[inline]
    fn answer(answered: &Sender<Vec<u8>>, frame: Vec<u8>) -> Option<()> {
        answered.send(frame).ok()
    }

    #[inline]
    fn collect(answers: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
        answers.recv().ok()
    }

    #[inline]
    fn try_collect(answers: &Receiver<Vec<u8>>) -> Result<Vec<u8>, TryRecvError> {
        answers.try_recv()
    }
}

//! Threads that share a bounded crossbeam channel of requests, and one of responses. Any idle thread takes the next
//! request. The vector of a request returns with the response in it and is reused. A task costs the slot's cache line
//! and that of the claimed position each way. An idle thread yields for a while, then parks, which costs a wake-up.
//! Source: the array flavour of crossbeam-channel, after Vyukov's bounded queue.

use std::sync::mpsc::TryRecvError;

use crossbeam::channel::{self, Receiver, Sender};

use super::thread_channels::{Channels, Endpoints, ThreadChannels};
use crate::record::Wait;

/// The pool.
pub type CrossbeamPool = ThreadChannels<Crossbeam>;

/// Its channels.
pub struct Crossbeam;

impl Channels for Crossbeam {
    const SUMMARY: &'static str = "threads that share a crossbeam channel of requests, and one of responses";
    const WAIT: Wait = Wait::Hybrid;
    type RequestSender = Sender<Vec<u8>>;
    type RequestReceiver = Receiver<Vec<u8>>;
    type ResponseSender = Sender<Vec<u8>>;
    type ResponseReceiver = Receiver<Vec<u8>>;

    fn open(depth: usize) -> Endpoints<Self> {
        Endpoints { requests: channel::bounded(depth), responses: channel::bounded(depth) }
    }

    #[inline]
    fn submit(requests: &Sender<Vec<u8>>, frame: Vec<u8>) -> Option<()> {
        requests.send(frame).ok()
    }

    #[inline]
    fn next(requests: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
        requests.recv().ok()
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
        responses.try_recv().map_err(|none| match none {
            channel::TryRecvError::Empty => TryRecvError::Empty,
            channel::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }
}

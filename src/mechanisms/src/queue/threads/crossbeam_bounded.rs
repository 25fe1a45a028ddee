//! Bounded `crossbeam-channel`: an array of stamped slots after Vyukov's queue. A waiting endpoint backs off, yields,
//! then parks, with or without a time-out. Cost: the slot's cache line, the lines of the vector, an allocation freed by
//! another thread; a wake-up and a sleep where an endpoint parked. Source: the crate's `flavors::array`.

use std::time::Duration;

use crossbeam::channel::{self, Receiver, Sender};

use super::{Buffer, Owned};
use crate::record::Wait;

/// The queue.
pub type CrossbeamBounded = Owned<Channel>;

/// Sender and receiver; all endpoints share them.
pub struct Channel {
    tail: Sender<Vec<u8>>,
    head: Receiver<Vec<u8>>,
}

impl Buffer for Channel {
    const SUMMARY: &'static str = "crossbeam bounded channel of owned vectors, between threads";
    const WAIT: Wait = Wait::Hybrid;

    fn open(depth: usize) -> Self {
        let (tail, head) = channel::bounded(depth);
        Self { tail, head }
    }

    #[inline]
    fn try_put(&self, item: Vec<u8>) -> Result<(), Vec<u8>> {
        self.tail.try_send(item).map_err(channel::TrySendError::into_inner)
    }

    fn put_within(&self, item: Vec<u8>, limit: Duration) -> Result<(), Vec<u8>> {
        self.tail.send_timeout(item, limit).map_err(channel::SendTimeoutError::into_inner)
    }

    #[inline]
    fn try_get(&self) -> Option<Vec<u8>> {
        self.head.try_recv().ok()
    }

    fn get_within(&self, limit: Duration) -> Option<Vec<u8>> {
        self.head.recv_timeout(limit).ok()
    }

    fn items(&self) -> usize {
        self.head.len()
    }
}

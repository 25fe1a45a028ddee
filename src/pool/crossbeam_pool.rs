//! Threads that share one crossbeam channel of requests, with another one for answers: bounded, any number of ends each,
//! so whoever is free takes the next frame. The vector of a request travels back with the answer in it and is used again.
//! A task costs a slot's line and the claim's line each way; one who waits yields for a while, then parks, which costs a
//! wake. Source: the array flavour of crossbeam-channel, after Vyukov's bounded queue.

use std::sync::mpsc::TryRecvError;

use crossbeam::channel::{self, Receiver, Sender};

use super::channels::{BetweenChannels, Channels, Ends};
use crate::record::Wait;

/// The pool.
pub type CrossbeamPool = BetweenChannels<Crossbeam>;

/// Its channels.
pub struct Crossbeam;

impl Channels for Crossbeam {
    const SUMMARY: &'static str = "threads at one crossbeam channel of requests, and one of answers";
    const WAIT: Wait = Wait::Hybrid;
    type Requests = Sender<Vec<u8>>;
    type Taken = Receiver<Vec<u8>>;
    type Answered = Sender<Vec<u8>>;
    type Answers = Receiver<Vec<u8>>;

    fn open(depth: usize) -> Ends<Self> {
        Ends { requests: channel::bounded(depth), answers: channel::bounded(depth) }
    }

    #[inline]
    fn submit(requests: &Sender<Vec<u8>>, frame: Vec<u8>) -> Option<()> {
        requests.send(frame).ok()
    }

    #[inline]
    fn next(taken: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
        taken.recv().ok()
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
        answers.try_recv().map_err(|none| match none {
            channel::TryRecvError::Empty => TryRecvError::Empty,
            channel::TryRecvError::Disconnected => TryRecvError::Disconnected,
        })
    }
}

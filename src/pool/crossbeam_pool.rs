//! Threads that share one crossbeam channel of requests, with another one for answers: bounded, any number of ends each,
//! so whoever is free takes the next frame. The vector of a request travels back with the answer in it and is used again.
//! A task costs a slot's line and the claim's line each way; one who waits yields for a while, then parks, which costs a
//! wake. Source: the array flavour of crossbeam-channel, after Vyukov's bounded queue.

use std::io;

use crossbeam::channel::{self, Receiver, Sender, TryRecvError};

use super::crew::{self, Crew};
use super::{Collected, Hand, MEASURES_OF_THREADS, Pool, Staff, Work};
use crate::record::{Group, Isolation, Measure, Wait};

/// The pool.
pub struct CrossbeamPool {
    requests: Sender<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    crew: Crew,
}

impl Pool for CrossbeamPool {
    const SUMMARY: &'static str = "threads at one crossbeam channel of requests, and one of answers";
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(Wait::Hybrid);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let depth = staff.in_flight as usize;
        let (requests, taken) = channel::bounded::<Vec<u8>>(depth);
        let (answered, answers) = channel::bounded(depth);
        let crew = Crew::start(staff.workers, &staff.cpus, |_, stopping| {
            let (taken, answered, mut work) = (taken.clone(), answered.clone(), work.clone());
            Box::new(move || {
                for mut frame in &taken {
                    if stopping.is_set() {
                        break;
                    }
                    crew::answer_in_place(&mut work, &mut frame);
                    if answered.send(frame).is_err() {
                        break;
                    }
                }
            })
        })?;
        Ok(Self { requests, answers, spare: vec![], crew })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let frame = crew::request(&mut self.spare, len, fill);
        self.requests.send(frame).map_err(|_| gone())
    }

    #[inline]
    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let frame = self.answers.recv().map_err(|_| gone())?;
        let result = read(&frame);
        self.spare.push(frame);
        Ok(Collected::Answer(result))
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        match self.answers.try_recv() {
            Ok(frame) => {
                let result = read(&frame);
                self.spare.push(frame);
                Ok(Some(Collected::Answer(result)))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(gone()),
        }
    }

    fn hands(&self) -> Vec<Hand> {
        self.crew.hands()
    }

    fn close(self) -> io::Result<()> {
        // Each leaves once the channel is empty; the other one has room for whatever is still in it.
        drop(self.requests);
        self.crew.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.crew.stop();
        self.close()
    }
}

#[cold]
fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "all workers of the pool have ended")
}

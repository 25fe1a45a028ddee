//! Threads that share the one receiver of a `std::sync::mpsc` channel behind a mutex; answers come by another channel. One
//! waits for a frame inside the channel with the mutex locked, the others wait for the mutex: each frame costs the mutex's
//! hand-over on top of the channel's, and a wake of the next in line. The vector of a request travels back with the answer
//! in it and is used again; the channel allocates a block for every 31 frames.
//! Source: The Rust Programming Language, chapter 21, "Turning Our Single-Threaded Server into a Multithreaded Server".

use std::io;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex};

use super::crew::{self, Crew};
use super::{Collected, Hand, MEASURES_OF_THREADS, Pool, Staff, Work};
use crate::record::{Group, Isolation, Measure, Wait};

/// The pool.
pub struct MutexMpscPool {
    requests: Sender<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    crew: Crew,
}

impl Pool for MutexMpscPool {
    const SUMMARY: &'static str = "threads at the receiver of a std mpsc channel behind a mutex, as in the Rust book";
    const GROUP: Group = Group::Threads;
    const WAIT: Option<Wait> = Some(Wait::Park);
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        let (requests, taken) = mpsc::channel::<Vec<u8>>();
        let (answered, answers) = mpsc::channel();
        let taken = Arc::new(Mutex::new(taken));
        let crew = Crew::start(staff.workers, &staff.cpus, |_, stopping| {
            let (taken, answered, mut work) = (Arc::clone(&taken), answered.clone(), work.clone());
            Box::new(move || {
                while let Some(mut frame) = next(&taken) {
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
        drop(self.requests);
        self.crew.see_off()
    }

    fn terminate(self) -> io::Result<()> {
        self.crew.stop();
        self.close()
    }
}

/// The next frame; none when no more will come. The mutex is free again before anybody works.
#[inline]
fn next(taken: &Mutex<Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    // Nobody panics while he only receives.
    taken.lock().ok()?.recv().ok()
}

#[cold]
fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "all workers of the pool have ended")
}

//! No pool at all: the dispatcher does each task itself when it is handed out. What a pool has to beat, and the time that
//! the tasks alone take.

use std::collections::VecDeque;
use std::io;

use super::{Collected, Hand, MEASURES_OF_THREADS, Pool, Staff, Work};
use crate::record::{Isolation, Measure, Wait};

/// The pool.
pub struct Serial {
    work: Box<dyn Worker>,
    request: Vec<u8>,
    /// Answers that nobody has collected yet.
    answers: VecDeque<Vec<u8>>,
    /// Rooms for more of them.
    spare: Vec<Vec<u8>>,
}

/// [`Work`] with its type forgotten.
trait Worker {
    fn answer_to(&mut self, request: &[u8], answer: &mut Vec<u8>);
}

impl<W: Work> Worker for W {
    fn answer_to(&mut self, request: &[u8], answer: &mut Vec<u8>) {
        let mut job = self.take(request);
        self.carry_out(&mut job);
        answer.resize(self.answer_bytes(&job), 0);
        self.answer(&job, answer);
    }
}

impl Pool for Serial {
    const SUMMARY: &'static str = "no pool: the caller does each task itself";
    const WAIT: Option<Wait> = None;
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;
    const SERIAL: bool = true;

    fn open<W: Work>(staff: &Staff, work: W) -> io::Result<Self> {
        Ok(Self {
            work: Box::new(work),
            request: vec![0; staff.frame_bytes],
            answers: VecDeque::with_capacity(staff.in_flight as usize),
            spare: vec![],
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fill(&mut self.request[..len]);
        let mut answer = self.spare.pop().unwrap_or_default();
        self.work.answer_to(&self.request[..len], &mut answer);
        self.answers.push_back(answer);
        Ok(())
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let none = || io::Error::other("nothing was handed out that could come back");
        self.try_collect(read)?.ok_or_else(none)
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let Some(answer) = self.answers.pop_front() else { return Ok(None) };
        let result = read(&answer);
        self.spare.push(answer);
        Ok(Some(Collected::Answer(result)))
    }

    fn hands(&self) -> Vec<Hand> {
        vec![]
    }

    fn close(self) -> io::Result<()> {
        Ok(())
    }

    fn terminate(self) -> io::Result<()> {
        Ok(())
    }
}

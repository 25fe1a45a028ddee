//! No pool: the dispatcher executes each task itself when it is submitted. The time that the tasks alone take, and the
//! baseline for every pool.

use std::collections::VecDeque;
use std::io;

use super::{Collected, MEASURES_OF_THREADS, Pool, PoolConfig, Work, Worker};
use crate::record::{Isolation, Measure, Wait};

/// The pool.
pub struct Serial {
    work: Box<dyn AnyWork>,
    request: Vec<u8>,
    /// Responses not collected yet.
    responses: VecDeque<Vec<u8>>,
    /// Memory for further responses.
    spare: Vec<Vec<u8>>,
}

/// [`Work`] with its type erased.
trait AnyWork {
    fn respond(&mut self, request: &[u8], response: &mut Vec<u8>);
}

impl<W: Work> AnyWork for W {
    fn respond(&mut self, request: &[u8], response: &mut Vec<u8>) {
        let mut job = self.read(request);
        self.execute(&mut job);
        response.resize(self.response_bytes(&job), 0);
        self.write_response(&job, response);
    }
}

impl Pool for Serial {
    const SUMMARY: &'static str = "no pool: the caller executes each task itself";
    const WAIT: Option<Wait> = None;
    const ISOLATION: Isolation = Isolation::Thread;
    const MEASURES: &'static [Measure] = MEASURES_OF_THREADS;
    const SERIAL: bool = true;

    fn open<W: Work>(config: &PoolConfig, work: W) -> io::Result<Self> {
        Ok(Self {
            work: Box::new(work),
            request: vec![0; config.frame_bytes],
            responses: VecDeque::with_capacity(config.in_flight as usize),
            spare: vec![],
        })
    }

    #[inline]
    fn submit(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fill(&mut self.request[..len]);
        let mut response = self.spare.pop().unwrap_or_default();
        self.work.respond(&self.request[..len], &mut response);
        self.responses.push_back(response);
        Ok(())
    }

    fn collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Collected<R>> {
        let none = || io::Error::other("no request is in flight");
        self.try_collect(read)?.ok_or_else(none)
    }

    #[inline]
    fn try_collect<R>(&mut self, read: impl FnOnce(&[u8]) -> R) -> io::Result<Option<Collected<R>>> {
        let Some(response) = self.responses.pop_front() else { return Ok(None) };
        let result = read(&response);
        self.spare.push(response);
        Ok(Some(Collected::Response(result)))
    }

    fn workers(&self) -> Vec<Worker> {
        vec![]
    }

    fn close(self) -> io::Result<()> {
        Ok(())
    }

    fn terminate(self) -> io::Result<()> {
        Ok(())
    }
}

//! Worker's side of a task: reads and checks the payloads, works for the requested time, and responds with the results.

use std::process;

use super::frame::{FAILS, Request, Response, SHOWN, STAMPED, Status};
use crate::address::Descriptor;
use crate::clock;
use crate::control::{MAX_SLOTS, Page};
use crate::measure::locks::work;
use crate::pool::Work;

/// Task code of one worker.
#[derive(Clone, Debug)]
pub struct TaskWorker {
    bytes: usize,
    /// Whether tick counters of different CPUs are comparable.
    ticks_trusted: bool,
    results: Vec<u64>,
    /// Control page, for tasks with the flag `SHOWN`.
    control: Descriptor,
}

/// One request and its response.
#[derive(Debug, Default)]
pub struct Job {
    request: Request,
    response: Response,
}

impl TaskWorker {
    /// Creates a worker for payloads of `bytes`. Tasks with the flag `SHOWN` report on the page behind `control`.
    pub fn new(bytes: usize, ticks_trusted: bool, control: Descriptor) -> Self {
        Self { bytes, ticks_trusted, results: vec![], control }
    }

    /// Updates the page's line of the request's token. The page is mapped for each call, since a mapping cannot move to
    /// a worker thread; such tasks are long.
    #[cold]
    fn report(&self, job: &Job, set: impl FnOnce(&Page, u32)) {
        // If the page cannot be mapped, the task counts as not started.
        if let Ok(page) = Page::attach(&self.control) {
            set(&page, job.response.token);
        }
    }
}

impl Work for TaskWorker {
    type Job = Job;

    #[inline]
    fn read(&mut self, request: &[u8]) -> Job {
        let Some((request, intact)) = Request::read(request, self.bytes, &mut self.results) else {
            // The token is unknown without a header; no valid token is this large.
            return Job {
                response: Response { token: u32::MAX, status: Status::Corrupt, ..Response::default() },
                ..Job::default()
            };
        };
        let Request { first, count, token, flags, .. } = request;
        let status = match (intact, flags & FAILS) {
            (false, _) => Status::Corrupt,
            (true, 0) => Status::Done,
            (true, _) => Status::Failed,
        };
        let started = if flags & STAMPED == 0 { 0 } else { clock::tick(self.ticks_trusted) };
        Job { request, response: Response { first, count, token, status, started, finished: 0 } }
    }

    #[inline]
    fn id(&self, job: &Job) -> u64 {
        u64::from(job.response.token)
    }

    #[inline]
    fn execute(&mut self, job: &mut Job) {
        let shown = job.request.flags & SHOWN != 0 && job.response.token < MAX_SLOTS;
        if shown {
            self.report(job, |page, line| page.post(line, u64::from(process::id())));
        }
        for _ in 0..job.request.count {
            work::run(job.request.rounds);
        }
        if job.request.flags & STAMPED != 0 {
            job.response.finished = clock::tick(self.ticks_trusted);
        }
        if shown {
            self.report(job, |page, line| page.set_tally(line, job.request.first + 1));
        }
    }

    #[inline]
    fn response_bytes(&self, job: &Job) -> usize {
        job.response.bytes(self.bytes)
    }

    #[inline]
    fn write_response(&mut self, job: &Job, room: &mut [u8]) {
        job.response.write(room, self.bytes, &self.results);
    }
}

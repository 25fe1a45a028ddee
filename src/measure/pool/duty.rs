//! What every worker does: reads the payloads of its tasks, works for the time that each is to take, and answers with what
//! each came to.

use std::process;

use super::frame::{Answer, FAILS, Request, SHOWN, STAMPED, Status};
use crate::address::Descriptor;
use crate::clock;
use crate::control::{MAX_SLOTS, Page};
use crate::measure::locks::chain;
use crate::pool::Work;

/// The work of one worker.
#[derive(Clone, Debug)]
pub struct Duty {
    bytes: usize,
    /// Whether ticks of different CPUs can be compared.
    ticks_trusted: bool,
    results: Vec<u64>,
    /// The control page, for tasks that are shown on it.
    control: Descriptor,
}

/// What one frame asks.
#[derive(Debug, Default)]
pub struct Job {
    request: Request,
    answer: Answer,
}

impl Duty {
    /// For tasks with payloads of `bytes` each way. Those that are to be seen at work show it on the page behind `control`.
    pub fn new(bytes: usize, ticks_trusted: bool, control: Descriptor) -> Self {
        Self { bytes, ticks_trusted, results: vec![], control }
    }

    /// Tells on the page's line of the frame's token what has become of it. Mapped for this moment only: tasks that are
    /// shown are long ones, and a mapping cannot be handed to a worker that is a thread.
    #[cold]
    fn show(&self, job: &Job, tell: impl FnOnce(&Page, u32)) {
        // One who cannot show is seen as one who never began.
        if let Ok(page) = Page::attach(&self.control) {
            tell(&page, job.answer.token);
        }
    }
}

impl Work for Duty {
    type Job = Job;

    #[inline]
    fn take(&mut self, request: &[u8]) -> Job {
        let Some((request, sound)) = Request::read(request, self.bytes, &mut self.results) else {
            // Without a head there is no saying what was asked; no token is this large.
            return Job {
                answer: Answer { token: u32::MAX, status: Status::Corrupt, ..Answer::default() },
                ..Job::default()
            };
        };
        let Request { first, count, token, flags, .. } = request;
        let status = match (sound, flags & FAILS) {
            (false, _) => Status::Corrupt,
            (true, 0) => Status::Done,
            (true, _) => Status::Failed,
        };
        let started = if flags & STAMPED == 0 { 0 } else { clock::tick(self.ticks_trusted) };
        Job { request, answer: Answer { first, count, token, status, started, finished: 0 } }
    }

    #[inline]
    fn number(&self, job: &Job) -> u64 {
        u64::from(job.answer.token)
    }

    #[inline]
    fn carry_out(&mut self, job: &mut Job) {
        let shown = job.request.flags & SHOWN != 0 && job.answer.token < MAX_SLOTS;
        if shown {
            self.show(job, |page, line| page.post(line, u64::from(process::id())));
        }
        for _ in 0..job.request.count {
            chain::run(job.request.rounds);
        }
        if job.request.flags & STAMPED != 0 {
            job.answer.finished = clock::tick(self.ticks_trusted);
        }
        if shown {
            self.show(job, |page, line| page.set_tally(line, job.request.first + 1));
        }
    }

    #[inline]
    fn answer_bytes(&self, job: &Job) -> usize {
        job.answer.bytes(self.bytes)
    }

    #[inline]
    fn answer(&mut self, job: &Job, room: &mut [u8]) {
        job.answer.write(room, self.bytes, &self.results);
    }
}

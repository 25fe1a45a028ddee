//! Who hands out tasks and takes back results, over frames, the same for every pool. Its calls and its open loop are the
//! only timed loops of the family; what surrounds them holds a clerk as a [`Dispatcher`], whatever its pool.

use std::hint;
use std::io;

use super::books::{Back, Books, Event, Tasks, died};
use super::dispatcher::Dispatcher;
use super::frame::{self, Answer, FAILS, STAMPED};
use super::passage::{Course, Passage};
use super::stamps::Stamps;
use crate::measure::MeasureError;
use crate::pool::{Collected, Hand, Pool};
use crate::record::{Call, Chunk};
use crate::{abort, clock};

/// Looks at pool and clock between two at the abort word.
const LOOKS_PER_ABORT_CHECK: u32 = 4096;

/// Hands out the tasks of one case.
pub(super) struct Clerk<P> {
    pub(super) pool: P,
    pub(super) books: Books,
}

impl<P: Pool> Clerk<P> {
    /// With an open pool, that takes so many frames at a time.
    pub(super) fn new(pool: P, tasks: Tasks, in_flight: u32) -> Self {
        Self { pool, books: Books::new(tasks, in_flight) }
    }

    /// Hands out the next `count` tasks as one frame and gives its token.
    #[inline]
    pub(super) fn send_next(&mut self, count: u32, flags: u64) -> io::Result<u32> {
        let token = self.send(self.books.next, count, flags)?;
        self.books.next += u64::from(count);
        Ok(token)
    }

    #[inline]
    fn send(&mut self, first: u64, count: u32, flags: u64) -> io::Result<u32> {
        let (request, bytes) = (self.books.enter(first, count, flags)?, self.books.tasks.bytes);
        self.pool.submit(frame::request_bytes(count, bytes), |room| request.write(room, bytes))?;
        Ok(request.token)
    }

    /// Takes one frame back and frees its token.
    #[inline]
    pub(super) fn take_back(&mut self) -> Result<Back, MeasureError> {
        let back = self.take_back_keeping()?;
        self.books.release(back.token);
        Ok(back)
    }

    /// The same without freeing the token.
    #[inline]
    pub(super) fn take_back_keeping(&mut self) -> Result<Back, MeasureError> {
        let bytes = self.books.tasks.bytes;
        match self.pool.collect(|seen| Answer::read(seen, bytes))? {
            Collected::Answer(answer) => self.done(&answer?),
            Collected::Lost(loss) => Err(died(&loss)),
        }
    }

    /// An answer to a frame that is out, and whose tasks were done.
    #[inline]
    fn done(&mut self, answer: &Answer) -> Result<Back, MeasureError> {
        let back = self.books.check(answer)?;
        if back.done { Ok(back) } else { Err(format!("task {} failed", back.first).into()) }
    }

    /// Reads one result of an open loop, if there is one.
    #[inline]
    fn pass(&mut self, course: &mut Course, first: u64) -> Result<bool, MeasureError> {
        let bytes = self.books.tasks.bytes;
        match self.pool.try_collect(|seen| Answer::read(seen, bytes))? {
            None => Ok(false),
            Some(Collected::Lost(loss)) => Err(died(&loss)),
            Some(Collected::Answer(answer)) => {
                let answer = answer?;
                let back = self.done(&answer)?;
                let handed_over = self.books.frame(back.token).handed_over;
                course.passages[(back.first - first) as usize] = Passage {
                    handed_over,
                    started: answer.started,
                    finished: answer.finished,
                    read: clock::tick(course.trusted),
                };
                self.books.release(back.token);
                Ok(true)
            }
        }
    }

    fn event(&mut self, collected: Collected<Result<Answer, String>>) -> Result<Event, MeasureError> {
        match collected {
            Collected::Answer(answer) => {
                let back = self.books.check(&answer?)?;
                self.books.release(back.token);
                Ok(Event::Back(back))
            }
            Collected::Lost(loss) => Ok(Event::Lost(loss, self.books.lost(&loss))),
        }
    }
}

impl<P: Pool> Dispatcher for Clerk<P> {
    fn run(&mut self, count: u64) -> Result<(), MeasureError> {
        let Tasks { call, chunk, list_length, .. } = self.books.tasks;
        match call {
            Call::Apply => self.one_by_one(count),
            Call::ApplyAsync => self.as_they_come(count, Chunk::One),
            Call::ImapUnordered => self.as_they_come(count, chunk),
            Call::Imap => self.in_order(count),
            Call::Map => {
                let mut left = count;
                while left > 0 {
                    let list = left.min(list_length);
                    self.map(list)?;
                    left -= list;
                }
                Ok(())
            }
        }
    }

    fn pace(&mut self, course: &mut Course) -> Result<(), MeasureError> {
        let (first, count) = (self.books.next, course.passages.len());
        let mut now_ns = clock::now_ns();
        let mut looks = 0u32;
        for due_ns in course.schedule.clone().take(count) {
            let due_ns = course.start_ns + due_ns;
            // What is due goes first, if there is room; what is late already needs no look at the clock.
            while self.books.room() == 0 || due_ns > now_ns {
                if !self.pass(course, first)? {
                    hint::spin_loop();
                    check_abort(&mut looks)?;
                }
                now_ns = clock::now_ns();
            }
            let handed_over = clock::tick(course.trusted);
            let token = self.send_next(1, STAMPED)?;
            self.books.handed_over_at(token, handed_over);
        }
        while self.books.out() > 0 {
            if !self.pass(course, first)? {
                check_abort(&mut looks)?;
            }
        }
        Ok(())
    }

    fn set_tasks(&mut self, tasks: Tasks) {
        self.books.tasks = tasks;
    }

    fn stamp_into(&mut self, stamps: Stamps) {
        self.books.stamps = Some(stamps);
    }

    fn take_stamps(&mut self) -> Option<Stamps> {
        self.books.stamps.take()
    }

    fn hand_out(&mut self, count: u32, flags: u64) -> io::Result<u32> {
        self.send_next(count, flags)
    }

    fn hand_out_again(&mut self, lost: &Back, flags: u64) -> io::Result<u32> {
        self.send(lost.first, lost.count, flags)
    }

    fn apply_failing(&mut self) -> Result<(), MeasureError> {
        self.send_next(1, FAILS)?;
        match self.collect()? {
            Event::Back(back) if !back.done => Ok(()),
            _ => Err("a task that fails came back as done".to_owned().into()),
        }
    }

    fn collect(&mut self) -> Result<Event, MeasureError> {
        let bytes = self.books.tasks.bytes;
        let collected = self.pool.collect(|seen| Answer::read(seen, bytes))?;
        self.event(collected)
    }

    fn try_collect(&mut self) -> Result<Option<Event>, MeasureError> {
        let bytes = self.books.tasks.bytes;
        match self.pool.try_collect(|seen| Answer::read(seen, bytes))? {
            Some(collected) => self.event(collected).map(Some),
            None => Ok(None),
        }
    }

    fn room(&self) -> usize {
        self.books.room()
    }

    fn out(&self) -> usize {
        self.books.out()
    }

    fn hands(&self) -> Vec<Hand> {
        self.pool.hands()
    }

    fn close(self: Box<Self>) -> io::Result<()> {
        self.pool.close()
    }

    fn terminate(self: Box<Self>) -> io::Result<()> {
        self.pool.terminate()
    }
}

/// Every so often, whether the trial was called off.
#[inline]
fn check_abort(looks: &mut u32) -> io::Result<()> {
    *looks = looks.wrapping_add(1);
    if looks.is_multiple_of(LOOKS_PER_ABORT_CHECK) && abort::requested() {
        return Err(abort::error());
    }
    Ok(())
}

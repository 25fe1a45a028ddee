//! Who hands out tasks and takes back results: the calls of a pool, over frames, the same for every pool. Every frame that
//! is out has a token; what comes back must be the frame that went out with it.

use std::collections::VecDeque;
use std::io;

use hdrhistogram::Histogram;

use super::chunks;
use super::frame::{self, Answer, FAILS, Request, STAMPED, Status};
use crate::clock;
use crate::measure::{Trouble, histogram};
use crate::pool::{Collected, Loss, Pool, prepare};
use crate::record::{Call, Case, Chunk};

/// What the tasks of a case are like.
#[derive(Clone, Copy, Debug)]
pub struct Tasks {
    /// Payload each way.
    pub bytes: usize,
    /// Work of each.
    pub rounds: u64,
    call: Call,
    chunk: Chunk,
    list_length: u64,
    workers: u32,
    in_flight: usize,
}

impl Tasks {
    /// Those of `case`, each with `rounds` of work.
    pub fn of(case: &Case, rounds: u64) -> Self {
        Self {
            bytes: case.message_bytes.unwrap_or(0) as usize,
            rounds,
            call: case.call.unwrap_or(Call::Apply),
            chunk: case.chunk.unwrap_or(Chunk::One),
            list_length: chunks::list_length(case),
            workers: prepare::workers(case),
            in_flight: prepare::in_flight(case) as usize,
        }
    }
}

/// A frame that is out, or was.
#[derive(Clone, Copy, Debug, Default)]
struct Out {
    first: u64,
    count: u32,
    /// Ticks; 0 where nobody looks.
    submitted: u64,
    back: bool,
}

/// A frame that came back.
#[derive(Clone, Copy, Debug)]
pub struct Back {
    /// Its first task.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// Whether they were done, or failed as told.
    pub done: bool,
    token: u32,
}

/// What came back, or who is gone.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A checked answer.
    Back(Back),
    /// A worker died; the frame it had in hand is out no more.
    Lost(Loss, Option<Back>),
}

/// When tasks of a stamped pass were where, in nanoseconds.
pub struct Stamps {
    /// From handing over until a worker begins.
    pub start: Histogram<u64>,
    /// From a worker's finishing until the result is read.
    pub visible: Histogram<u64>,
    /// From handing over until the result is read.
    pub whole: Histogram<u64>,
    ns_per_tick: f64,
    trusted: bool,
}

impl Stamps {
    /// Nothing yet; one tick lasts `ns_per_tick`.
    pub fn new(ns_per_tick: f64, trusted: bool) -> Self {
        let empty = histogram::empty;
        Self { start: empty(), visible: empty(), whole: empty(), ns_per_tick, trusted }
    }

    fn note(&mut self, submitted: u64, answer: &Answer, now: u64) {
        let ns = |from: u64, to: u64| ((to.saturating_sub(from) as f64 * self.ns_per_tick) as u64).max(1);
        self.start.saturating_record(ns(submitted, answer.started));
        self.visible.saturating_record(ns(answer.finished, now));
        self.whole.saturating_record(ns(submitted, now));
    }
}

/// Hands out the tasks of one case.
pub struct Clerk<P> {
    pool: P,
    tasks: Tasks,
    /// Number of the next task.
    next: u64,
    frames: Vec<Out>,
    free: Vec<u32>,
    stamps: Option<Stamps>,
}

impl<P: Pool> Clerk<P> {
    /// With an open pool.
    pub fn new(pool: P, tasks: Tasks) -> Self {
        let frames = tasks.in_flight;
        Self {
            pool,
            tasks,
            next: 0,
            frames: vec![Out::default(); frames],
            free: (0..frames as u32).rev().collect(),
            stamps: None,
        }
    }

    /// The pool.
    pub fn pool(&self) -> &P {
        &self.pool
    }

    /// Gives the pool back; no frame should be out.
    pub fn into_pool(self) -> P {
        self.pool
    }

    /// From now on, until they are taken, when each task was where goes into `stamps`.
    pub fn stamp_into(&mut self, stamps: Stamps) {
        self.stamps = Some(stamps);
    }

    /// The stamps so far.
    pub fn take_stamps(&mut self) -> Option<Stamps> {
        self.stamps.take()
    }

    /// Frames that may still be handed out before one has to come back.
    pub fn room(&self) -> usize {
        self.free.len()
    }

    /// Frames that are out.
    pub fn out(&self) -> usize {
        self.tasks.in_flight - self.free.len()
    }

    /// Does `count` tasks by the case's call. The timed loop.
    ///
    /// Errors: a result that is wrong, missing or too many; a worker that died.
    #[inline]
    pub fn run(&mut self, count: u64) -> Result<(), Trouble> {
        match self.tasks.call {
            Call::Apply => (0..count).try_for_each(|_| self.apply()),
            Call::ApplyAsync => self.as_they_come(count, Chunk::One),
            Call::ImapUnordered => self.as_they_come(count, self.tasks.chunk),
            Call::Imap => self.in_order(count),
            Call::Map => {
                let mut left = count;
                while left > 0 {
                    let list = left.min(self.tasks.list_length);
                    self.map(list)?;
                    left -= list;
                }
                Ok(())
            }
        }
    }

    /// One task, waited for.
    #[inline]
    pub fn apply(&mut self) -> Result<(), Trouble> {
        self.hand_out(1, 0, 0)?;
        self.take_back().map(drop)
    }

    /// A task that fails, waited for.
    ///
    /// Errors: it came back as if it had been done.
    pub fn apply_failing(&mut self) -> Result<(), Trouble> {
        self.hand_out(1, FAILS, 0)?;
        match self.collect()? {
            Event::Back(back) if !back.done => Ok(()),
            _ => Err("a task that fails came back as done".to_owned().into()),
        }
    }

    /// A bounded number of frames out; whatever comes back makes room for the next.
    fn as_they_come(&mut self, count: u64, chunk: Chunk) -> Result<(), Trouble> {
        let (mut left, mut missing) = (count, count);
        while missing > 0 {
            while left > 0 && !self.free.is_empty() {
                let tasks = chunks::next(chunk, self.tasks.list_length.min(count), left, self.tasks.workers);
                let tasks = tasks.min(self.largest());
                self.hand_out(tasks, 0, 0)?;
                left -= u64::from(tasks);
            }
            missing -= u64::from(self.take_back()?.count);
        }
        Ok(())
    }

    /// The same, but results are passed on in order: the oldest frame has to be back before its place is free.
    fn in_order(&mut self, count: u64) -> Result<(), Trouble> {
        let mut line: VecDeque<u32> = VecDeque::with_capacity(self.tasks.in_flight);
        let (mut left, mut expected) = (count, self.next);
        while left > 0 || !line.is_empty() {
            while left > 0 && !self.free.is_empty() {
                let tasks = chunks::next(self.tasks.chunk, self.tasks.list_length.min(count), left, self.tasks.workers);
                let tasks = tasks.min(self.largest());
                line.push_back(self.hand_out(tasks, 0, 0)?);
                left -= u64::from(tasks);
            }
            // What came early waits for its turn.
            while let Some(out) = line.front().map(|token| self.frames[*token as usize]).filter(|out| out.back) {
                if out.first != expected {
                    return Err(format!("task {} came where {expected} was due", out.first).into());
                }
                expected += u64::from(out.count);
                self.free.extend(line.pop_front());
            }
            if line.front().is_some_and(|_| left == 0 || self.free.is_empty()) {
                self.take_back_keeping()?;
            }
        }
        Ok(())
    }

    /// A list of tasks in chunks, and all results in order once the last one is there.
    fn map(&mut self, count: u64) -> Result<(), Trouble> {
        let first = self.next;
        let mut covered = vec![0u64; count.div_ceil(64) as usize];
        let (mut left, mut missing) = (count, count);
        while missing > 0 {
            while left > 0 && !self.free.is_empty() {
                let tasks = chunks::next(self.tasks.chunk, count, left, self.tasks.workers);
                self.hand_out(tasks, 0, 0)?;
                left -= u64::from(tasks);
            }
            let back = self.take_back()?;
            for task in back.first - first..back.first - first + u64::from(back.count) {
                covered[(task / 64) as usize] |= 1 << (task % 64);
            }
            missing -= u64::from(back.count);
        }
        let places: u32 = covered.iter().map(|word| word.count_ones()).sum();
        if u64::from(places) != count {
            return Err(format!("{places} places of a list of {count} were filled").into());
        }
        Ok(())
    }

    fn largest(&self) -> u32 {
        chunks::largest(self.tasks.chunk, self.tasks.list_length, self.tasks.workers)
    }

    /// Hands out the next `count` tasks as one frame and gives its token. `due` takes the place of the moment of handing
    /// over, in ticks, where it is not 0.
    ///
    /// Errors: all frames are out, or those of the pool.
    #[inline]
    pub fn hand_out(&mut self, count: u32, flags: u64, due: u64) -> io::Result<u32> {
        let token = self.free.pop().ok_or_else(|| io::Error::other("more frames out than the pool was opened for"))?;
        let stamped = match &self.stamps {
            Some(_) if due > 0 => due,
            Some(stamps) => clock::tick(stamps.trusted),
            None => 0,
        };
        self.frames[token as usize] = Out { first: self.next, count, submitted: stamped, back: false };
        let flags = flags | if stamped > 0 { STAMPED } else { 0 };
        let request = Request { first: self.next, count, token, rounds: self.tasks.rounds, flags };
        let bytes = self.tasks.bytes;
        self.pool.submit(frame::request_bytes(count, bytes), |room| request.write(room, bytes))?;
        self.next += u64::from(count);
        Ok(token)
    }

    /// Takes one frame back and frees its token.
    #[inline]
    fn take_back(&mut self) -> Result<Back, Trouble> {
        let back = self.take_back_keeping()?;
        self.free.push(back.token);
        Ok(back)
    }

    /// The same without freeing the token.
    #[inline]
    fn take_back_keeping(&mut self) -> Result<Back, Trouble> {
        let bytes = self.tasks.bytes;
        match self.pool.collect(|seen| Answer::read(seen, bytes))? {
            Collected::Answer(answer) => {
                let back = self.check(&answer?)?;
                if !back.done {
                    return Err(format!("task {} failed", back.first).into());
                }
                Ok(back)
            }
            Collected::Lost(loss) => Err(io::Error::other(format!("worker {} of the pool died", loss.worker)).into()),
        }
    }

    /// Waits for whatever comes back, be it a failure or a death.
    pub fn collect(&mut self) -> Result<Event, Trouble> {
        let bytes = self.tasks.bytes;
        let collected = self.pool.collect(|seen| Answer::read(seen, bytes))?;
        self.event(collected)
    }

    /// What has come back by now, if anything.
    #[inline]
    pub fn try_collect(&mut self) -> Result<Option<Event>, Trouble> {
        let bytes = self.tasks.bytes;
        match self.pool.try_collect(|seen| Answer::read(seen, bytes))? {
            Some(collected) => self.event(collected).map(Some),
            None => Ok(None),
        }
    }

    fn event(&mut self, collected: Collected<Result<Answer, String>>) -> Result<Event, Trouble> {
        match collected {
            Collected::Answer(answer) => {
                let back = self.check(&answer?)?;
                self.free.push(back.token);
                Ok(Event::Back(back))
            }
            Collected::Lost(loss) => {
                let token = loss.frame.map(|token| token as u32);
                let out = token.and_then(|token| Some((token, self.frames.get_mut(token as usize)?)));
                // One that answered before it died has lost nothing.
                let out = out.filter(|(token, out)| !out.back && !self.free.contains(token));
                let back = out.map(|(token, out)| {
                    out.back = true;
                    Back { first: out.first, count: out.count, done: false, token }
                });
                self.free.extend(back.map(|back| back.token));
                Ok(Event::Lost(loss, back))
            }
        }
    }

    /// Whether an answer is one to a frame that is out.
    #[inline]
    fn check(&mut self, answer: &Answer) -> Result<Back, Trouble> {
        let now = self.stamps.as_ref().map_or(0, |stamps| clock::tick(stamps.trusted));
        let Some(out) = self.frames.get_mut(answer.token as usize) else {
            return Err(format!("an answer came to the frame {}, which never was", answer.token).into());
        };
        if out.back || (out.first, out.count) != (answer.first, answer.count) {
            return Err(format!("task {} came back a second time, or from nowhere", answer.first).into());
        }
        out.back = true;
        let (submitted, token) = (out.submitted, answer.token);
        if let Some(stamps) = self.stamps.as_mut().filter(|_| submitted > 0) {
            stamps.note(submitted, answer, now);
        }
        Ok(Back { first: answer.first, count: answer.count, done: answer.status == Status::Done, token })
    }
}

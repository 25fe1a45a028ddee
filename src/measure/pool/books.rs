//! The dispatcher's books: which frames are out. Every frame that is out has a token; what comes back must be the frame
//! that went out with it, and comes back once.

use std::io;

use super::chunks;
use super::frame::{Answer, Request, STAMPED, Status};
use super::stamps::Stamps;
use crate::clock;
use crate::measure::MeasureError;
use crate::pool::{Loss, prepare};
use crate::record::{Call, Case, Chunk};

/// What the tasks of a case are like, and how they are called.
#[derive(Clone, Copy, Debug)]
pub struct Tasks {
    /// Payload each way.
    pub bytes: usize,
    /// Work of each, in rounds of the chain.
    pub rounds: u64,
    /// How they are called.
    pub(super) call: Call,
    /// How many go over at once.
    pub(super) chunk: Chunk,
    /// Tasks of one list.
    pub(super) list_length: u64,
    /// Who may work on them.
    pub(super) workers: u32,
}

impl Tasks {
    /// Those of `case`, each with `rounds` of work.
    pub fn of(case: &Case, rounds: u64) -> Self {
        Self {
            bytes: case.params.message_bytes.unwrap_or(0) as usize,
            rounds,
            call: case.params.call.unwrap_or(Call::Apply),
            chunk: case.params.chunk.unwrap_or(Chunk::One),
            list_length: chunks::list_length(case),
            workers: prepare::workers(case),
        }
    }

    /// The same, called in another way.
    #[must_use]
    pub fn called(self, call: Call, chunk: Chunk) -> Self {
        Self { call, chunk, ..self }
    }

    /// Tasks of the next frame, of `left` that remain of `count`.
    #[inline]
    pub(super) fn in_next_frame(&self, chunk: Chunk, count: u64, left: u64) -> u32 {
        chunks::next(chunk, self.list_length.min(count), left.min(self.list_length), self.workers)
    }
}

/// A frame that is out, or was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Out {
    pub(super) first: u64,
    pub(super) count: u32,
    /// Ticks; 0 where nobody looks.
    pub(super) handed_over: u64,
    pub(super) back: bool,
}

/// A frame that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Back {
    /// Its first task.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// Whether they were done; else they failed, as they were told to, or were lost.
    pub done: bool,
    /// By which it went out.
    pub token: u32,
}

/// What came back, or who is gone.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// A checked answer.
    Back(Back),
    /// A worker died; the frame it had in hand is out no more.
    Lost(Loss, Option<Back>),
}

/// The books.
pub(super) struct Books {
    pub(super) tasks: Tasks,
    /// Number of the next task.
    pub(super) next: u64,
    frames: Vec<Out>,
    free: Vec<u32>,
    pub(super) stamps: Option<Stamps>,
}

impl Books {
    /// With nothing out, of at most `frames`.
    pub(super) fn new(tasks: Tasks, frames: u32) -> Self {
        Self {
            tasks,
            next: 0,
            frames: vec![Out::default(); frames as usize],
            free: (0..frames).rev().collect(),
            stamps: None,
        }
    }

    /// Frames that may still be handed out before one has to come back.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.free.len()
    }

    /// Frames that are out.
    pub(super) fn out(&self) -> usize {
        self.frames.len() - self.free.len()
    }

    /// The token that would go out next.
    ///
    /// Errors: all frames are out.
    #[inline]
    pub(super) fn next_token(&self) -> io::Result<u32> {
        let full = || io::Error::other("more frames out than the pool was opened for");
        self.free.last().copied().ok_or_else(full)
    }

    /// Writes down a frame of `count` tasks from `first` on, which goes out now.
    ///
    /// Errors: all frames are out.
    #[inline]
    pub(super) fn enter(&mut self, first: u64, count: u32, flags: u64) -> io::Result<Request> {
        let token = self.next_token()?;
        self.free.pop();
        let handed_over = self.stamps.as_ref().map_or(0, |stamps| clock::tick(stamps.trusted()));
        self.frames[token as usize] = Out { first, count, handed_over, back: false };
        let flags = if handed_over > 0 { flags | STAMPED } else { flags };
        Ok(Request { first, count, token, rounds: self.tasks.rounds, flags })
    }

    /// What went out by `token`.
    #[inline]
    pub(super) fn frame(&self, token: u32) -> &Out {
        &self.frames[token as usize]
    }

    /// Moment of handing over, for whoever keeps such moments himself.
    #[inline]
    pub(super) fn handed_over_at(&mut self, token: u32, tick: u64) {
        self.frames[token as usize].handed_over = tick;
    }

    /// Whether an answer is one to a frame that is out. Its token is not yet free.
    ///
    /// Errors: it came a second time, or from nowhere.
    #[inline]
    pub(super) fn check(&mut self, answer: &Answer) -> Result<Back, MeasureError> {
        let Answer { first, count, token, .. } = *answer;
        let Some(out) = self.frames.get_mut(token as usize) else {
            return Err(format!("an answer came to the frame {token}, which never was").into());
        };
        if out.back || (out.first, out.count) != (first, count) {
            return Err(format!("task {first} came back a second time, or from nowhere").into());
        }
        out.back = true;
        if let Some(stamps) = self.stamps.as_mut().filter(|_| out.handed_over > 0) {
            stamps.note(out.handed_over, answer, clock::tick(stamps.trusted()));
        }
        Ok(Back { first, count, done: answer.status == Status::Done, token })
    }

    /// The token may be used again.
    #[inline]
    pub(super) fn release(&mut self, token: u32) {
        self.free.push(token);
    }

    /// The frame that a dead worker had in hand, if it is still out: one that answered before it died has lost nothing.
    pub(super) fn lost(&mut self, loss: &Loss) -> Option<Back> {
        let token = u32::try_from(loss.frame?).ok()?;
        let known_free = self.free.contains(&token);
        let out = self.frames.get_mut(token as usize).filter(|out| !out.back && !known_free)?;
        out.back = true;
        let back = Back { first: out.first, count: out.count, done: false, token };
        self.release(token);
        Some(back)
    }
}

/// A worker died where nobody is prepared for it.
#[cold]
pub(super) fn died(loss: &Loss) -> MeasureError {
    io::Error::other(format!("worker {} of the pool died", loss.worker)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Measure;

    fn books() -> Books {
        Books::new(Tasks::of(&Case::new("pool", "any", Measure::Dispatch), 0), 2)
    }

    fn answer_to(request: &Request) -> Answer {
        Answer { first: request.first, count: request.count, token: request.token, ..Answer::default() }
    }

    #[test]
    fn a_frame_comes_back_once_and_no_other_does() {
        let mut books = books();
        let request = books.enter(7, 3, 0).expect("room");
        let answer = answer_to(&request);
        assert!(books.check(&Answer { first: 8, ..answer }).is_err(), "another task");
        assert!(books.check(&Answer { token: 9, ..answer }).is_err(), "no such token");
        assert_eq!(books.check(&answer).expect("due").first, 7);
        assert!(books.check(&answer).is_err(), "twice");
        books.release(request.token);
        assert!(books.check(&answer).is_err(), "twice, and late");
        assert_eq!(books.out(), 0);
    }

    #[test]
    fn more_frames_than_agreed_are_refused() {
        let mut books = books();
        assert!(books.enter(0, 1, 0).is_ok() && books.enter(1, 1, 0).is_ok());
        assert!(books.enter(2, 1, 0).is_err());
        assert_eq!((books.room(), books.out()), (0, 2));
    }

    #[test]
    fn a_lost_frame_is_out_no_more_and_an_answered_one_is_not_lost() {
        let mut books = books();
        let request = books.enter(4, 1, 0).expect("room");
        let loss = Loss { worker: 0, frame: Some(u64::from(request.token)) };
        assert_eq!(books.lost(&loss).map(|back| (back.first, back.done)), Some((4, false)));
        assert_eq!((books.out(), books.lost(&loss)), (0, None));
        let request = books.enter(4, 1, 0).expect("room");
        books.check(&answer_to(&request)).expect("due");
        assert_eq!(books.lost(&loss), None);
        assert_eq!(books.lost(&Loss { worker: 0, frame: Some(u64::MAX) }), None);
    }
}

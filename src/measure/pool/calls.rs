//! The calls of a pool: how tasks are handed out and results taken back, frame by frame. Timed loops.

use std::collections::VecDeque;

use super::books::{Tasks, died};
use super::clerk::Clerk;
use super::due::{self, Due};
use super::frame;
use crate::measure::MeasureError;
use crate::pool::{Collected, Pool};
use crate::record::Chunk;

impl<P: Pool> Clerk<P> {
    /// So many tasks, one at a time, each waited for. What comes next, and what must come back, is made up while the worker
    /// is at work.
    pub(super) fn one_by_one(&mut self, count: u64) -> Result<(), MeasureError> {
        if self.books.stamps.is_some() {
            return (0..count).try_for_each(|_| self.apply());
        }
        let Tasks { bytes, rounds, .. } = self.books.tasks;
        let (token, request_bytes) = (self.books.next_token()?, frame::request_bytes(1, bytes));
        let mut outgoing = due::outgoing(self.books.next, bytes);
        for _ in 0..count {
            let first = self.books.next;
            let request = frame::Request { first, count: 1, token, rounds, flags: 0 };
            self.pool.submit(request_bytes, |room| request.write_known(room, &outgoing))?;
            self.books.next += 1;
            let due = Due::new(first, token, bytes);
            outgoing = due::outgoing(self.books.next, bytes);
            match self.pool.collect(|seen| due.check(seen))? {
                Collected::Answer(checked) => checked?,
                Collected::Lost(loss) => return Err(died(&loss)),
            }
        }
        Ok(())
    }

    fn apply(&mut self) -> Result<(), MeasureError> {
        self.send_next(1, 0)?;
        self.take_back().map(drop)
    }

    /// A bounded number of frames out; whatever comes back makes room for the next.
    pub(super) fn as_they_come(&mut self, count: u64, chunk: Chunk) -> Result<(), MeasureError> {
        let (mut left, mut missing) = (count, count);
        while missing > 0 {
            while left > 0 && self.books.room() > 0 {
                let tasks = self.books.tasks.in_next_frame(chunk, count, left);
                self.send_next(tasks, 0)?;
                left -= u64::from(tasks);
            }
            missing -= u64::from(self.take_back()?.count);
        }
        Ok(())
    }

    /// The same, but results are passed on in order: the oldest frame has to be back before its place is free.
    pub(super) fn in_order(&mut self, count: u64) -> Result<(), MeasureError> {
        let mut line: VecDeque<u32> = VecDeque::with_capacity(self.books.room());
        let (mut left, mut expected) = (count, self.books.next);
        while left > 0 || !line.is_empty() {
            while left > 0 && self.books.room() > 0 {
                let tasks = self.books.tasks.in_next_frame(self.books.tasks.chunk, count, left);
                line.push_back(self.send_next(tasks, 0)?);
                left -= u64::from(tasks);
            }
            // What came early waits for its turn.
            while let Some(front) = line.front().filter(|token| self.books.frame(**token).back) {
                let (out, token) = (self.books.frame(*front), *front);
                if out.first != expected {
                    return Err(format!("task {} came where {expected} was due", out.first).into());
                }
                expected += u64::from(out.count);
                self.books.release(token);
                line.pop_front();
            }
            if !line.is_empty() && (left == 0 || self.books.room() == 0) {
                self.take_back_keeping()?;
            }
        }
        Ok(())
    }

    /// A list of tasks in chunks, and all results in order once the last one is there.
    pub(super) fn map(&mut self, count: u64) -> Result<(), MeasureError> {
        let first = self.books.next;
        let mut covered = vec![0u64; count.div_ceil(64) as usize];
        let (mut left, mut missing) = (count, count);
        while missing > 0 {
            while left > 0 && self.books.room() > 0 {
                let tasks = self.books.tasks.in_next_frame(self.books.tasks.chunk, count, left);
                self.send_next(tasks, 0)?;
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
}

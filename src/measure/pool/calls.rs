//! Timed loops of the pool calls: `apply`, `apply_async`, `map`, `imap` and `imap_unordered`.

use std::collections::VecDeque;

use super::Tasks;
use super::dispatcher::PoolDispatcher;
use super::expected::{self, Expected};
use super::frame;
use super::in_flight::died;
use crate::measure::{MeasureError, invalid};
use crate::pool::{Collected, Pool};
use crate::record::Chunk;

impl<P: Pool> PoolDispatcher<P> {
    /// Runs tasks one at a time. Prepares the next request and the expected response while the worker runs.
    pub(super) fn one_by_one(&mut self, count: u64) -> Result<(), MeasureError> {
        if self.in_flight.stamps.is_some() {
            return (0..count).try_for_each(|_| self.apply());
        }
        let Tasks { bytes, rounds, .. } = self.in_flight.tasks;
        let (token, request_bytes) = (self.in_flight.next_token()?, frame::request_bytes(1, bytes));
        let mut outgoing = expected::outgoing(self.in_flight.next, bytes);
        for _ in 0..count {
            let first = self.in_flight.next;
            let request = frame::Request { first, count: 1, token, rounds, flags: 0 };
            self.pool.submit(request_bytes, |room| request.write_known(room, &outgoing))?;
            self.in_flight.next += 1;
            let expected = Expected::new(first, token, bytes);
            outgoing = expected::outgoing(self.in_flight.next, bytes);
            match self.pool.collect(|seen| expected.check(seen))? {
                Collected::Response(checked) => checked.map_err(MeasureError::Invalid)?,
                Collected::WorkerDied(loss) => return Err(died(&loss)),
            }
        }
        Ok(())
    }

    fn apply(&mut self) -> Result<(), MeasureError> {
        self.send_next(1, 0)?;
        self.take_back().map(drop)
    }

    /// Keeps a bounded number of requests in flight, and submits one after each response.
    pub(super) fn unordered(&mut self, count: u64, chunk: Chunk) -> Result<(), MeasureError> {
        let (mut left, mut missing) = (count, count);
        while missing > 0 {
            while left > 0 && self.in_flight.room() > 0 {
                let tasks = self.in_flight.tasks.in_next_frame(chunk, count, left);
                self.send_next(tasks, 0)?;
                left -= u64::from(tasks);
            }
            missing -= u64::from(self.take_back()?.count);
        }
        Ok(())
    }

    /// Like `unordered`, with results in order: a request is complete only after all earlier ones.
    pub(super) fn in_order(&mut self, count: u64) -> Result<(), MeasureError> {
        let mut line: VecDeque<u32> = VecDeque::with_capacity(self.in_flight.room());
        let (mut left, mut expected) = (count, self.in_flight.next);
        while left > 0 || !line.is_empty() {
            while left > 0 && self.in_flight.room() > 0 {
                let tasks = self.in_flight.tasks.in_next_frame(self.in_flight.tasks.chunk, count, left);
                line.push_back(self.send_next(tasks, 0)?);
                left -= u64::from(tasks);
            }
            // Early responses wait for their predecessors.
            while let Some(front) = line.front().filter(|token| self.in_flight.request(**token).back) {
                let (out, token) = (self.in_flight.request(*front), *front);
                if out.first != expected {
                    return invalid(format!("task {} came where {expected} was expected", out.first));
                }
                expected += u64::from(out.count);
                self.in_flight.release(token);
                line.pop_front();
            }
            if !line.is_empty() && (left == 0 || self.in_flight.room() == 0) {
                self.take_back_keeping()?;
            }
        }
        Ok(())
    }

    /// Runs a list of tasks in chunks, then checks that all results are present.
    pub(super) fn map(&mut self, count: u64) -> Result<(), MeasureError> {
        let first = self.in_flight.next;
        let mut covered = vec![0u64; count.div_ceil(64) as usize];
        let (mut left, mut missing) = (count, count);
        while missing > 0 {
            while left > 0 && self.in_flight.room() > 0 {
                let tasks = self.in_flight.tasks.in_next_frame(self.in_flight.tasks.chunk, count, left);
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
            return invalid(format!("{places} places of a list of {count} were filled"));
        }
        Ok(())
    }
}

//! Role at a queue under test: timed loops, and the check of every item.

use std::io;

use super::check::{Check, END_MARK};
use crate::control::Page;
use crate::measure::{MeasureError, invalid};
use crate::payload::{Known, stamp};
use crate::queue::{Got, Handle, Joinable, Joined, Put, Sides};
use crate::wait::WaitLimit;

/// Producer number of items from the leader alone.
const ALONE: u16 = u16::MAX - 1;

/// Operations of a role for any queue: one call per phase or batch, not per item.
pub(super) trait Working {
    /// Items put or got so far.
    fn items(&self) -> u64;
    /// Sum of the mixed stamps of all items got so far.
    fn sum(&self) -> u64;
    /// Puts `count` items, waiting for room.
    fn put(&mut self, count: u64) -> Result<(), MeasureError>;
    /// Puts an end mark.
    fn put_mark(&mut self) -> Result<(), MeasureError>;
    /// Gets items and marks each as done until an end mark arrives. Posts the progress before it marks an item.
    fn get_until_mark(&mut self, page: &Page, slot: u32) -> Result<(), MeasureError>;
    /// Waits until all items are done.
    fn join(&mut self, wait_limit: WaitLimit) -> Result<Joined, MeasureError>;
    /// Puts up to `most` items without waiting and returns their number.
    fn fill(&mut self, most: u64) -> Result<u64, MeasureError>;
    /// Gets `count` items of [`fill`](Self::fill) without waiting.
    fn empty(&mut self, count: u64) -> Result<(), MeasureError>;
    /// Marks `count` items as done.
    fn done(&mut self, count: u64) -> Result<(), MeasureError>;
    /// Attempts `count` puts to a full queue.
    fn be_refused(&mut self, count: u64) -> Result<(), MeasureError>;
    /// Attempts `count` gets from an empty queue.
    fn find_nothing(&mut self, count: u64, wait_limit: WaitLimit) -> Result<(), MeasureError>;
}

/// A producer or a consumer.
pub(super) struct Side<H> {
    queue: Joinable<H>,
    message_bytes: usize,
    slot: u32,
    /// Items put by this producer or verified by this consumer.
    items: u64,
    check: Check,
    /// Items put and got by the leader alone.
    alone: (u64, u64),
}

impl<H: Handle> Side<H> {
    /// Creates the role on `slot`.
    pub(super) fn new(queue: Joinable<H>, message_bytes: usize, sides: Sides, slot: u32) -> Self {
        Self { queue, message_bytes, slot, items: 0, check: Check::new(sides, message_bytes), alone: (0, 0) }
    }

    #[inline]
    fn put_one(&mut self, stamp: u64, wait_limit: WaitLimit) -> io::Result<Put> {
        let known = Known::new(self.message_bytes, stamp);
        self.queue.put(self.message_bytes, wait_limit, |room| known.fill(room))
    }
}

impl<H: Handle> Working for Side<H> {
    fn items(&self) -> u64 {
        self.items
    }

    fn sum(&self) -> u64 {
        self.check.sum()
    }

    fn put(&mut self, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            if self.put_one(stamp(self.slot as u16, self.items), WaitLimit::Forever)? == Put::Full {
                return invalid("a put that waits for ever gave up");
            }
            self.items += 1;
        }
        Ok(())
    }

    fn put_mark(&mut self) -> Result<(), MeasureError> {
        let known = Known::new(self.message_bytes, stamp(END_MARK, 0));
        self.queue.put_mark(self.message_bytes, |room| known.fill(room))?;
        Ok(())
    }

    fn get_until_mark(&mut self, page: &Page, slot: u32) -> Result<(), MeasureError> {
        let check = &mut self.check;
        loop {
            match self.queue.get(WaitLimit::Forever, |item| check.look(item))? {
                Got::Item(Ok(true)) => {
                    self.items += 1;
                    page.set_progress(slot, self.items);
                    self.queue.task_done()?;
                }
                Got::Item(Ok(false)) => return Ok(()),
                Got::Item(Err(why)) => return invalid(why),
                Got::Empty => return invalid("a get that waits for ever gave up"),
            }
        }
    }

    fn join(&mut self, wait_limit: WaitLimit) -> Result<Joined, MeasureError> {
        Ok(self.queue.join(wait_limit)?)
    }

    fn fill(&mut self, most: u64) -> Result<u64, MeasureError> {
        for filled in 0..most {
            if self.put_one(stamp(ALONE, self.alone.0), WaitLimit::Never)? == Put::Full {
                return Ok(filled);
            }
            self.alone.0 += 1;
        }
        Ok(most)
    }

    fn empty(&mut self, count: u64) -> Result<(), MeasureError> {
        let bytes = self.message_bytes;
        for _ in 0..count {
            let due = Known::new(bytes, stamp(ALONE, self.alone.1));
            match self.queue.get(WaitLimit::Never, |item| due.check(item))? {
                Got::Item(seen) => seen.map_err(MeasureError::Invalid)?,
                Got::Empty => return invalid(format!("item {} was put, but the queue is empty", self.alone.1)),
            }
            self.alone.1 += 1;
        }
        Ok(())
    }

    fn done(&mut self, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            self.queue.task_done()?;
        }
        Ok(())
    }

    fn be_refused(&mut self, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            if self.put_one(stamp(ALONE, self.alone.0), WaitLimit::Never)? == Put::Taken {
                return invalid("a full queue took one more item");
            }
        }
        Ok(())
    }

    fn find_nothing(&mut self, count: u64, wait_limit: WaitLimit) -> Result<(), MeasureError> {
        for _ in 0..count {
            if let Got::Item(()) = self.queue.get(wait_limit, |_| ())? {
                return invalid("an empty queue gave an item");
            }
        }
        Ok(())
    }
}

//! A queue with a count of unfinished items: Python's `JoinableQueue`, for every row.

use std::io;

use super::{Got, Handle, Put};
use crate::unfinished::{Joined, Unfinished};
use crate::wait::WaitLimit;

/// An endpoint's handle of a joinable queue.
pub struct Joinable<H> {
    queue: H,
    unfinished: Unfinished,
}

impl<H: Handle> Joinable<H> {
    /// Combines an endpoint's handle of the queue with the count.
    pub fn new(queue: H, unfinished: Unfinished) -> Self {
        Self { queue, unfinished }
    }

    /// Puts an item and counts it as unfinished. See [`Handle::put`].
    #[inline]
    pub fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        self.unfinished.add();
        let put = self.queue.put(len, wait_limit, fill);
        if !matches!(put, Ok(Put::Taken)) {
            self.unfinished.done()?;
        }
        put
    }

    /// Puts an end mark, which is not counted: no more items follow.
    pub fn put_mark(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        self.queue.put(len, WaitLimit::Forever, fill)
    }

    /// Gets an item, which stays unfinished until [`task_done`](Self::task_done). See [`Handle::get`].
    #[inline]
    pub fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        self.queue.get(wait_limit, read)
    }

    /// Marks an item as done.
    ///
    /// Errors: `InvalidInput` if more items are done than were put.
    #[inline]
    pub fn task_done(&self) -> io::Result<()> {
        self.unfinished.done()
    }

    /// Waits until every item that was put is done, including those put meanwhile.
    ///
    /// Errors: `Interrupted` when the trial is aborted.
    pub fn join(&self, wait_limit: WaitLimit) -> io::Result<Joined> {
        self.unfinished.join(wait_limit)
    }
}

/// The same with the type of the queue erased, for code that is not timed.
pub trait AnyQueue {
    /// Puts `item`.
    fn put(&mut self, item: &[u8], wait_limit: WaitLimit) -> io::Result<Put>;
    /// Puts an end mark.
    fn put_mark(&mut self, mark: &[u8]) -> io::Result<()>;
    /// Gets an item.
    fn get(&mut self, wait_limit: WaitLimit) -> io::Result<Got<Vec<u8>>>;
    /// Marks an item as done.
    fn task_done(&self) -> io::Result<()>;
    /// Waits until every item is done.
    fn join(&self, wait_limit: WaitLimit) -> io::Result<Joined>;
    /// See [`Handle::items`].
    fn items(&self) -> io::Result<Option<u64>>;
    /// See [`Handle::looks_empty`].
    fn looks_empty(&self) -> io::Result<Option<bool>>;
    /// See [`Handle::looks_full`].
    fn looks_full(&self, depth: u32) -> io::Result<Option<bool>>;
}

impl<H: Handle> AnyQueue for Joinable<H> {
    fn put(&mut self, item: &[u8], wait_limit: WaitLimit) -> io::Result<Put> {
        Joinable::put(self, item.len(), wait_limit, |room| room.copy_from_slice(item))
    }

    fn put_mark(&mut self, mark: &[u8]) -> io::Result<()> {
        Joinable::put_mark(self, mark.len(), |room| room.copy_from_slice(mark)).map(drop)
    }

    fn get(&mut self, wait_limit: WaitLimit) -> io::Result<Got<Vec<u8>>> {
        Joinable::get(self, wait_limit, <[u8]>::to_vec)
    }

    fn task_done(&self) -> io::Result<()> {
        Joinable::task_done(self)
    }

    fn join(&self, wait_limit: WaitLimit) -> io::Result<Joined> {
        Joinable::join(self, wait_limit)
    }

    fn items(&self) -> io::Result<Option<u64>> {
        self.queue.items()
    }

    fn looks_empty(&self) -> io::Result<Option<bool>> {
        self.queue.looks_empty()
    }

    fn looks_full(&self, depth: u32) -> io::Result<Option<bool>> {
        self.queue.looks_full(depth)
    }
}

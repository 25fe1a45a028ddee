//! A queue with the count of what is not done yet: Python's `JoinableQueue` over any of them.

use std::io;

use super::unfinished::Unfinished;
use super::{Got, Handle, Joined, Put};
use crate::wait::WaitLimit;

/// One side's handle of a queue that can be joined.
pub struct Joinable<H> {
    queue: H,
    unfinished: Unfinished,
}

impl<H: Handle> Joinable<H> {
    /// The side's handle of the queue, and of its count.
    pub fn new(queue: H, unfinished: Unfinished) -> Self {
        Self { queue, unfinished }
    }

    /// Puts an item, which is unfinished from now on. See [`Handle::put`].
    #[inline]
    pub fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        self.unfinished.add();
        let put = self.queue.put(len, wait_limit, fill);
        if !matches!(put, Ok(Put::Taken)) {
            self.unfinished.done()?;
        }
        put
    }

    /// Puts what is no item, and is never said to be done: the word that no more will come.
    pub fn put_mark(&mut self, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        self.queue.put(len, WaitLimit::Forever, fill)
    }

    /// Gets an item, which stays unfinished. See [`Handle::get`].
    #[inline]
    pub fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        self.queue.get(wait_limit, read)
    }

    /// Says that an item is done.
    ///
    /// Errors: `InvalidInput` when that was said more often than items were put.
    #[inline]
    pub fn task_done(&self) -> io::Result<()> {
        self.unfinished.done()
    }

    /// Waits until every item that was put is done. What is put meanwhile counts too.
    ///
    /// Errors: `Interrupted` when the trial is called off.
    pub fn join(&self, wait_limit: WaitLimit) -> io::Result<Joined> {
        self.unfinished.join(wait_limit)
    }
}

/// The same for what is not timed: one type for all queues.
pub trait AnyQueue {
    /// Puts `item`.
    fn put(&mut self, item: &[u8], wait_limit: WaitLimit) -> io::Result<Put>;
    /// Puts what is no item.
    fn put_mark(&mut self, mark: &[u8]) -> io::Result<()>;
    /// Gets an item.
    fn get(&mut self, wait_limit: WaitLimit) -> io::Result<Got<Vec<u8>>>;
    /// Says that an item is done.
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

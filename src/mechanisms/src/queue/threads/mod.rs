//! Work queues between threads of one process. An item is a vector that the producer allocates and the consumer frees,
//! as in most programs. A library's queue implements [`Buffer`]; [`Owned`] makes a work queue of it.

pub(super) mod crossbeam_bounded;
pub(super) mod flume;
pub(super) mod mutex_condvar;

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::address::Address;
use crate::queue::{Got, Handle, Put, Shape, WorkQueue};
use crate::record::{Isolation, Wait};
use crate::wait::WaitLimit;

/// Most bytes of a full queue.
const BYTES_MAX: usize = 1 << 30;

/// A bounded queue of owned items. It is never closed: each endpoint keeps both ends.
pub trait Buffer: Send + Sync + 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// How an idle endpoint waits.
    const WAIT: Wait;

    /// Creates a queue of `depth` items.
    fn open(depth: usize) -> Self;
    /// Puts `item` without waiting, or returns it if there is no room.
    fn try_put(&self, item: Vec<u8>) -> Result<(), Vec<u8>>;
    /// Puts `item`, or returns it if there is no room within `limit`.
    fn put_within(&self, item: Vec<u8>, limit: Duration) -> Result<(), Vec<u8>>;
    /// Gets an item without waiting.
    fn try_get(&self) -> Option<Vec<u8>>;
    /// Gets an item, or `None` if there is none within `limit`.
    fn get_within(&self, limit: Duration) -> Option<Vec<u8>>;
    /// Number of items.
    fn items(&self) -> usize;
}

/// The work queue over a buffer `B`.
pub struct Owned<B>(PhantomData<B>);

/// An endpoint.
pub struct QueueHandle<B> {
    buffer: Arc<B>,
    message_bytes: usize,
}

impl<B: Buffer> WorkQueue for Owned<B> {
    const SUMMARY: &'static str = B::SUMMARY;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Thread];
    const WAIT: Wait = B::WAIT;
    type Handle = QueueHandle<B>;

    fn supports(shape: &Shape) -> Result<(), String> {
        let bytes = (shape.depth_or_default() as usize).saturating_mul(shape.message_bytes);
        if bytes > BYTES_MAX { Err(format!("a full queue has at most {BYTES_MAX} bytes, not {bytes}")) } else { Ok(()) }
    }

    fn depth(shape: &Shape) -> Option<u32> {
        Some(shape.depth_or_default())
    }

    fn create(shape: &Shape) -> io::Result<Address> {
        Ok(Address::from_here(B::open(shape.depth_or_default() as usize)))
    }

    fn attach(address: &Address, shape: &Shape) -> io::Result<QueueHandle<B>> {
        Ok(QueueHandle { buffer: address.here()?, message_bytes: shape.message_bytes })
    }
}

impl<B: Buffer> Handle for QueueHandle<B> {
    #[inline]
    fn put(&mut self, len: usize, wait_limit: WaitLimit, fill: impl FnOnce(&mut [u8])) -> io::Result<Put> {
        Shape::check_length(self.message_bytes, len)?;
        let mut item = vec![0; len];
        fill(&mut item);
        let mut kept = Some(item);
        let put = wait_limit.retry(|limit| {
            let Some(item) = kept.take() else { return Ok(Some(())) };
            let refused = match limit {
                None => self.buffer.try_put(item),
                Some(limit) => self.buffer.put_within(item, limit),
            };
            kept = refused.err();
            Ok(kept.is_none().then_some(()))
        })?;
        Ok(Put::of(put.is_some()))
    }

    #[inline]
    fn get<R>(&mut self, wait_limit: WaitLimit, read: impl FnOnce(&[u8]) -> R) -> io::Result<Got<R>> {
        let item = wait_limit.retry(|limit| {
            Ok(match limit {
                None => self.buffer.try_get(),
                Some(limit) => self.buffer.get_within(limit),
            })
        })?;
        Ok(Got::of(item.map(|item| read(&item))))
    }

    fn items(&self) -> io::Result<Option<u64>> {
        Ok(Some(self.buffer.items() as u64))
    }
}

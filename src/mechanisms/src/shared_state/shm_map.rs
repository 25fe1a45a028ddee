//! A hash map in shared memory under one lock. An access makes no system call unless it has to wait. It copies a value
//! in or out while it holds the lock, exclusively or, with a readers-writer lock, together with other readers. Values
//! are built before and read after that, so that the critical section stays short; only an update computes inside.
//!
//! Cost beyond the lock: a probe, usually of one or two entries, and the copy. All writers share the lock's cache line,
//! for any key. The capacity and the size of a value are fixed at creation; see `table`.
//!
//! Source: the map is `table`; its locks are those of the family `lock`.

use std::io;
use std::marker::PhantomData;

use super::table::{Buffer, Table};
use super::{Addresses, Handle, Shape, State};
use crate::address::{Address, Endpoint};
use crate::raw_lock::RawLock;
use crate::record::{Substrate, Wait};
use crate::shm::{self, Segment};

/// Bytes before the table, for the lock alone.
const LOCK_BYTES: usize = 4096;

/// The map under the lock `R`.
pub struct ShmMap<R>(PhantomData<R>);

/// A user's mapping of the map.
pub struct Mapped<R> {
    segment: Segment,
    table: Table,
    buffer: Buffer,
    me: u32,
    lock: PhantomData<R>,
}

impl<R: RawLock> State for ShmMap<R> {
    const SUMMARY: &'static str = "a hash map in shared memory under one lock, named in the row";
    const WAIT: Wait = R::WAIT;
    const POLLS: bool = R::POLLS;
    type Handle = Mapped<R>;

    fn memory_bytes(shape: &Shape) -> u64 {
        (LOCK_BYTES + Table::bytes(shape)) as u64
    }

    fn create(shape: &Shape) -> io::Result<Addresses> {
        const { assert!(size_of::<R>() <= LOCK_BYTES) };
        shm::create(Substrate::Memfd, LOCK_BYTES + Table::bytes(shape)).map(|memory| Addresses::same(&memory, shape))
    }

    fn attach(address: &Address, shape: &Shape, user: u32) -> io::Result<Mapped<R>> {
        let segment = Segment::attach(address, Endpoint::Sender, LOCK_BYTES + Table::bytes(shape))?;
        let table = Table::new(segment.clone(), LOCK_BYTES, shape);
        Ok(Mapped { segment, table, buffer: Buffer::new(shape), me: user, lock: PhantomData })
    }
}

impl<R: RawLock> Handle for Mapped<R> {
    #[inline]
    fn get<T>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let Self { segment, table, buffer, me, .. } = self;
        let copied = segment.view::<R>(0).read(*me, |_| match table.find(key) {
            Some(entry) => entry.copy_out(buffer),
            None => Ok(None),
        })?;
        let Some(len) = copied.seen? else { return Ok(None) };
        Ok(Some(read(buffer.value(len)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let Self { segment, table, buffer, me, .. } = self;
        fill(buffer.value(len)?);
        segment.view::<R>(0).write(*me, |_| table.claim(key).map(|entry| entry.copy_in(buffer, len)))?
    }

    #[inline]
    fn update<T>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> T) -> io::Result<Option<T>> {
        let Self { segment, table, buffer, me, .. } = self;
        segment.view::<R>(0).write(*me, |_| {
            let Some(entry) = table.find(key) else { return Ok(None) };
            let Some(len) = entry.copy_out(buffer)? else { return Ok(None) };
            let result = change(buffer.value(len)?);
            entry.copy_in(buffer, len);
            Ok(Some(result))
        })?
    }
}

//! A hash map in shared memory under one lock for all of it. An access takes no system call unless it has to wait: it
//! copies a value in or out while it has the lock, to itself or, under a lock that knows readers, among them. A value is
//! made before that and looked at after it, so that nobody's work prolongs it; only an update works inside.
//!
//! What it costs beyond the lock is a probe, usually of one or two entries, and the copy. Everybody who writes passes the
//! lock's line around, whatever his key. Capacity and the size of a value are fixed when it is made; see `table`.
//!
//! Source: the map is `table`; its locks are those of the family `lock`.

use std::io;
use std::marker::PhantomData;

use super::table::{Room, Table};
use super::{Handle, Places, Shape, State};
use crate::address::{Address, Endpoint};
use crate::lock::RawLock;
use crate::record::{Substrate, Wait};
use crate::shm::{self, Segment};

/// Lines before the table, which the lock has to itself.
const LOCK_BYTES: usize = 4096;

/// The map under the lock `R`.
pub struct ShmMap<R>(PhantomData<R>);

/// A mapping of it.
pub struct Mapped<R> {
    segment: Segment,
    table: Table,
    room: Room,
    me: u32,
    lock: PhantomData<R>,
}

impl<R: RawLock> State for ShmMap<R> {
    const SUMMARY: &'static str = "a hash map in shared memory under one lock, which the name says";
    const WAIT: Wait = R::WAIT;
    const POLLS: bool = R::POLLS;
    type Handle = Mapped<R>;

    fn memory_bytes(shape: &Shape) -> u64 {
        (LOCK_BYTES + Table::bytes(shape)) as u64
    }

    fn create(shape: &Shape) -> io::Result<Places> {
        const { assert!(size_of::<R>() <= LOCK_BYTES) };
        shm::create(Substrate::Memfd, LOCK_BYTES + Table::bytes(shape)).map(|memory| Places::same(&memory, shape))
    }

    fn attach(address: &Address, shape: &Shape, seat: u32) -> io::Result<Mapped<R>> {
        let segment = Segment::attach(address, Endpoint::Sender, LOCK_BYTES + Table::bytes(shape))?;
        let table = Table::new(segment.clone(), LOCK_BYTES, shape);
        Ok(Mapped { segment, table, room: Room::new(shape), me: seat, lock: PhantomData })
    }
}

impl<R: RawLock> Handle for Mapped<R> {
    #[inline]
    fn get<T>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let Self { segment, table, room, me, .. } = self;
        let copied = segment.view::<R>(0).read(*me, |_| match table.find(key) {
            Some(entry) => entry.copy_out(room),
            None => Ok(None),
        })?;
        let Some(len) = copied.seen? else { return Ok(None) };
        Ok(Some(read(room.value(len)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let Self { segment, table, room, me, .. } = self;
        fill(room.value(len)?);
        segment.view::<R>(0).write(*me, |_| table.claim(key).map(|entry| entry.copy_in(room, len)))?
    }

    #[inline]
    fn update<T>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> T) -> io::Result<Option<T>> {
        let Self { segment, table, room, me, .. } = self;
        segment.view::<R>(0).write(*me, |_| {
            let Some(entry) = table.find(key) else { return Ok(None) };
            let Some(len) = entry.copy_out(room)? else { return Ok(None) };
            let result = change(room.value(len)?);
            entry.copy_in(room, len);
            Ok(Some(result))
        })?
    }
}

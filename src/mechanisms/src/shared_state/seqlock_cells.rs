//! A hash map in shared memory with a sequence number per entry. Readers write nothing: a reader copies the value
//! between two reads of the number, and again if a writer interfered. So readers share the cache lines of entries that
//! are not written, and users interfere only on the same key. A reader starves while its key is written all the time. A
//! writer that is preempted or dies during a write blocks all users of that key.
//!
//! Cost: a probe, the copy, and for a writer one atomic instruction on the entry's line.
//!
//! Source: Hemminger's seqlock in Linux, 2003, here one per entry instead of one for all.

use std::io;

use super::table::{Buffer, Table};
use super::{Addresses, Handle, Shape, State, sequence};
use crate::address::{Address, Endpoint};
use crate::record::{Substrate, Wait};
use crate::shm::{self, Segment};

/// The state.
pub struct SeqlockCells;

/// A user's mapping of the map.
pub struct Cells {
    table: Table,
    buffer: Buffer,
}

impl State for SeqlockCells {
    const SUMMARY: &'static str = "a sequence number per entry: readers copy, and retry if a writer interfered";
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;
    type Handle = Cells;

    fn memory_bytes(shape: &Shape) -> u64 {
        Table::bytes(shape) as u64
    }

    fn create(shape: &Shape) -> io::Result<Addresses> {
        shm::create(Substrate::Memfd, Table::bytes(shape)).map(|memory| Addresses::same(&memory, shape))
    }

    fn attach(address: &Address, shape: &Shape, _: u32) -> io::Result<Cells> {
        let segment = Segment::attach(address, Endpoint::Sender, Table::bytes(shape))?;
        Ok(Cells { table: Table::new(segment, 0, shape), buffer: Buffer::new(shape) })
    }
}

impl Handle for Cells {
    #[inline]
    fn get<T>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let Self { table, buffer } = self;
        let Some(entry) = table.find(key) else { return Ok(None) };
        let copied = sequence::read(entry.sequence(), || entry.copy_out(buffer))?;
        let Some(len) = copied? else { return Ok(None) };
        Ok(Some(read(buffer.value(len)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let Self { table, buffer } = self;
        fill(buffer.value(len)?);
        let entry = table.claim(key)?;
        sequence::write(entry.sequence(), || entry.copy_in(buffer, len))
    }

    #[inline]
    fn update<T>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> T) -> io::Result<Option<T>> {
        let Self { table, buffer } = self;
        let Some(entry) = table.find(key) else { return Ok(None) };
        sequence::write(entry.sequence(), || {
            let Some(len) = entry.copy_out(buffer)? else { return Ok(None) };
            let result = change(buffer.value(len)?);
            entry.copy_in(buffer, len);
            Ok(Some(result))
        })?
    }
}

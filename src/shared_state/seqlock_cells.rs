//! A hash map in shared memory whose every entry has a sequence number. A reader writes nothing: it copies the value out
//! between two looks at the number, and once more when a writer came between. So readers share the lines of what nobody
//! writes, and only those meet who want the same key at the same time. A reader may starve while somebody always writes
//! its key; a writer who is put off his CPU in the middle, or dies there, stops all who want that key.
//!
//! Costs a probe, the copy, and for a writer one atomic instruction on the entry's own line.
//!
//! Source: Hemminger's seqlock in Linux, 2003, one for each entry instead of one for all.

use std::io;

use super::table::{Room, Table};
use super::{Handle, Places, Shape, State, sequence};
use crate::address::{Address, Endpoint};
use crate::record::{Substrate, Wait};
use crate::shm::{self, Segment};

/// The map.
pub struct SeqlockCells;

/// A mapping of it.
pub struct Cells {
    table: Table,
    room: Room,
}

impl State for SeqlockCells {
    const SUMMARY: &'static str = "a sequence number for each entry: readers copy out and look whether somebody wrote";
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;
    type Handle = Cells;

    fn memory_bytes(shape: &Shape) -> u64 {
        Table::bytes(shape) as u64
    }

    fn create(shape: &Shape) -> io::Result<Places> {
        shm::create(Substrate::Memfd, Table::bytes(shape)).map(|memory| Places::same(&memory, shape))
    }

    fn attach(address: &Address, shape: &Shape, _: u32) -> io::Result<Cells> {
        let segment = Segment::attach(address, Endpoint::Sender, Table::bytes(shape))?;
        Ok(Cells { table: Table::new(segment, 0, shape), room: Room::new(shape) })
    }
}

impl Handle for Cells {
    #[inline]
    fn get<T>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let Self { table, room } = self;
        let Some(entry) = table.find(key) else { return Ok(None) };
        let copied = sequence::read(entry.sequence(), || entry.copy_out(room))?;
        let Some(len) = copied? else { return Ok(None) };
        Ok(Some(read(room.value(len)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        let Self { table, room } = self;
        fill(room.value(len)?);
        let entry = table.claim(key)?;
        sequence::write(entry.sequence(), || entry.copy_in(room, len))
    }

    #[inline]
    fn update<T>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> T) -> io::Result<Option<T>> {
        let Self { table, room } = self;
        let Some(entry) = table.find(key) else { return Ok(None) };
        sequence::write(entry.sequence(), || {
            let Some(len) = entry.copy_out(room)? else { return Ok(None) };
            let result = change(room.value(len)?);
            entry.copy_in(room, len);
            Ok(Some(result))
        })?
    }
}

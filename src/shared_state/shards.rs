//! A table for each user, which he alone writes; whoever reads looks into all of them and takes the newest version. Every
//! value has a number: one more than the highest that its writer saw of that key, in anybody's table. Of two writers who
//! saw the same, the one with the higher seat counts as the later.
//!
//! A writer never waits for anybody, not even for another writer of his key. A reader waits while any of them writes it, and
//! pays one look for each user.
//!
//! What it gives up: an update is no longer one step. Of two at the same time one is lost, as if it had been overwritten at
//! once, since reads and writes alone cannot do better. It also takes the memory of a whole table for each user.
//!
//! Source: Vitanyi and Awerbuch, Atomic Shared Register Access by Asynchronous Hardware, FOCS 1986; that updates need
//! more: Herlihy, Wait-Free Synchronization, TOPLAS 1991.

use std::io;
use std::sync::atomic::Ordering;

use super::table::{Entry, Room, Table};
use super::{Handle, Places, Shape, State, sequence};
use crate::address::{Address, Endpoint};
use crate::record::{Substrate, Wait};
use crate::shm::{self, Segment};

/// The tables.
pub struct Shards;

/// A mapping of them.
pub struct Mapped {
    /// By seat.
    tables: Vec<Table>,
    own: usize,
    room: Room,
}

impl State for Shards {
    const SUMMARY: &'static str = "a table for each, which he alone writes; readers take the newest of all";
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;
    const ATOMIC_UPDATE: bool = false;
    type Handle = Mapped;

    fn memory_bytes(shape: &Shape) -> u64 {
        Table::bytes(shape) as u64 * u64::from(shape.seats)
    }

    fn create(shape: &Shape) -> io::Result<Places> {
        let bytes = Table::bytes(shape) * shape.seats as usize;
        shm::create(Substrate::Memfd, bytes).map(|memory| Places::same(&memory, shape))
    }

    fn attach(address: &Address, shape: &Shape, seat: u32) -> io::Result<Mapped> {
        let (each, seats) = (Table::bytes(shape), shape.seats as usize);
        let segment = Segment::attach(address, Endpoint::Sender, each * seats)?;
        let tables = (0..seats).map(|seat| Table::new(segment.clone(), seat * each, shape)).collect();
        Ok(Mapped { tables, own: seat as usize, room: Room::new(shape) })
    }
}

/// The newest version of `key` that is whole; nothing while nobody has set it. It may be replaced by a newer one of the
/// same table before it is read, but by no older one.
///
/// Errors: `Interrupted` when the trial is called off.
#[inline]
fn newest(tables: &[Table], key: u64) -> io::Result<Option<Entry<'_>>> {
    let (mut best, mut best_number) = (None, 0);
    for entry in tables.iter().filter_map(|table| table.find(key)) {
        let number = sequence::settled(entry.sequence())?;
        // Of equal ones the later seat wins, everywhere.
        if number > 0 && number >= best_number {
            (best, best_number) = (Some(entry), number);
        }
    }
    Ok(best)
}

/// The highest number that anybody has given to `key`, or is about to.
#[inline]
fn highest(tables: &[Table], key: u64) -> u64 {
    // PAIRS: entry-written
    let number = |entry: Entry<'_>| entry.sequence().load(Ordering::Acquire).next_multiple_of(2);
    tables.iter().filter_map(|table| table.find(key)).map(number).max().unwrap_or(0)
}

impl Mapped {
    /// Puts the first `len` bytes of the room into the own table, as the newest version.
    #[inline]
    fn publish(&mut self, key: u64, len: usize) -> io::Result<()> {
        let Self { tables, own, room } = self;
        let entry = tables[*own].claim(key)?;
        let number = highest(tables, key) + 2;
        sequence::marked(entry.sequence(), number, || entry.copy_in(room, len));
        Ok(())
    }

    /// Copies the newest version into the room and says how long it is.
    #[inline]
    fn copy_newest(&mut self, key: u64) -> io::Result<Option<usize>> {
        let Self { tables, room, .. } = self;
        let Some(entry) = newest(tables, key)? else { return Ok(None) };
        sequence::read(entry.sequence(), || entry.copy_out(room))?
    }
}

impl Handle for Mapped {
    #[inline]
    fn get<T>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let Some(len) = self.copy_newest(key)? else { return Ok(None) };
        Ok(Some(read(self.room.value(len)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fill(self.room.value(len)?);
        self.publish(key, len)
    }

    #[inline]
    fn update<T>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> T) -> io::Result<Option<T>> {
        let Some(len) = self.copy_newest(key)? else { return Ok(None) };
        let result = change(self.room.value(len)?);
        self.publish(key, len)?;
        Ok(Some(result))
    }
}

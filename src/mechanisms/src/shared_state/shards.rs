//! A table per user, written by that user only; a reader searches all tables and takes the newest version. The version
//! of a value is one more than the highest that its writer saw for the key in any table. If two writers saw the same,
//! the one with the higher index counts as the later.
//!
//! A writer never waits, not even for another writer of its key. A reader waits while any user writes its key, and has
//! to search one table per user.
//!
//! Limits: an update is not atomic. Of two concurrent updates one is lost, as if it had been overwritten at once; this
//! cannot be avoided with reads and writes alone. Each user needs the memory of a whole table.
//!
//! Source: Vitanyi and Awerbuch, Atomic Shared Register Access by Asynchronous Hardware, FOCS 1986. That updates need
//! more: Herlihy, Wait-Free Synchronization, TOPLAS 1991.

use std::io;
use std::sync::atomic::Ordering;

use super::table::{Buffer, Entry, Table};
use super::{Addresses, Handle, Shape, State, sequence};
use crate::address::{Address, Endpoint};
use crate::record::{Substrate, Wait};
use crate::shm::{self, Segment};

/// The state.
pub struct Shards;

/// A user's mapping of all tables.
pub struct Mapped {
    /// By user.
    tables: Vec<Table>,
    own: usize,
    buffer: Buffer,
}

impl State for Shards {
    const SUMMARY: &'static str = "a table per user, written by that user only; readers take the newest version";
    const WAIT: Wait = Wait::Spin;
    const POLLS: bool = true;
    const ATOMIC_UPDATE: bool = false;
    type Handle = Mapped;

    fn memory_bytes(shape: &Shape) -> u64 {
        Table::bytes(shape) as u64 * u64::from(shape.users)
    }

    fn create(shape: &Shape) -> io::Result<Addresses> {
        let bytes = Table::bytes(shape) * shape.users as usize;
        shm::create(Substrate::Memfd, bytes).map(|memory| Addresses::same(&memory, shape))
    }

    fn attach(address: &Address, shape: &Shape, user: u32) -> io::Result<Mapped> {
        let (each, users) = (Table::bytes(shape), shape.users as usize);
        let segment = Segment::attach(address, Endpoint::Sender, each * users)?;
        let tables = (0..users).map(|user| Table::new(segment.clone(), user * each, shape)).collect();
        Ok(Mapped { tables, own: user as usize, buffer: Buffer::new(shape) })
    }
}

/// The newest complete version of `key`, or `None` if it was never set. Before it is read, a newer version of the same
/// table may replace it, but no older one.
///
/// Errors: `Interrupted` when the trial is aborted.
#[inline]
fn newest(tables: &[Table], key: u64) -> io::Result<Option<Entry<'_>>> {
    let (mut best, mut best_number) = (None, 0);
    for entry in tables.iter().filter_map(|table| table.find(key)) {
        let number = sequence::wait_even(entry.sequence())?;
        // Of equal versions the one with the higher index wins, for all readers.
        if number > 0 && number >= best_number {
            (best, best_number) = (Some(entry), number);
        }
    }
    Ok(best)
}

/// The highest version of `key` that is complete or being written.
#[inline]
fn highest(tables: &[Table], key: u64) -> u64 {
    // PAIRS: entry-written
    let number = |entry: Entry<'_>| entry.sequence().load(Ordering::Acquire).next_multiple_of(2);
    tables.iter().filter_map(|table| table.find(key)).map(number).max().unwrap_or(0)
}

impl Mapped {
    /// Copies the first `len` bytes of the buffer into the user's own table, as the newest version.
    #[inline]
    fn publish(&mut self, key: u64, len: usize) -> io::Result<()> {
        let Self { tables, own, buffer } = self;
        let entry = tables[*own].claim(key)?;
        let number = highest(tables, key) + 2;
        sequence::marked(entry.sequence(), number, || entry.copy_in(buffer, len));
        Ok(())
    }

    /// Copies the newest version into the buffer and returns its length.
    #[inline]
    fn copy_newest(&mut self, key: u64) -> io::Result<Option<usize>> {
        let Self { tables, buffer, .. } = self;
        let Some(entry) = newest(tables, key)? else { return Ok(None) };
        sequence::read(entry.sequence(), || entry.copy_out(buffer))?
    }
}

impl Handle for Mapped {
    #[inline]
    fn get<T>(&mut self, key: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<Option<T>> {
        let Some(len) = self.copy_newest(key)? else { return Ok(None) };
        Ok(Some(read(self.buffer.value(len)?)))
    }

    #[inline]
    fn set(&mut self, key: u64, len: usize, fill: impl FnOnce(&mut [u8])) -> io::Result<()> {
        fill(self.buffer.value(len)?);
        self.publish(key, len)
    }

    #[inline]
    fn update<T>(&mut self, key: u64, mut change: impl FnMut(&mut [u8]) -> T) -> io::Result<Option<T>> {
        let Some(len) = self.copy_newest(key)? else { return Ok(None) };
        let result = change(self.buffer.value(len)?);
        self.publish(key, len)?;
        Ok(Some(result))
    }
}

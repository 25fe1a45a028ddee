//! Stock of tickets in memory or in a file, and the sale of one ticket.
//!
//! The JSON file is rewritten in place at a constant length, padded with spaces. ext4 would write a truncated file to
//! disk when it is closed (mount option `auto_da_alloc`), and the disk is not measured here. Without a lock, the end of
//! a longer text could also remain after a shorter one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::lock::Guard;
use crate::measure::locks::ProtectedState;
use crate::record::{self, Case};

/// Bytes of the file: enough for the largest number.
const TEXT_BYTES: usize = 40;

/// Stock of tickets.
pub(super) enum Stock {
    /// A word in shared memory.
    Memory(ProtectedState),
    /// A file in the trial's directory, which is the temporary directory of all its workers.
    JsonFile(JsonFile),
}

/// Result of an attempt to sell one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sale {
    /// One ticket was sold.
    One {
        /// Tickets left.
        left: u64,
        /// Failed attempts before this sale.
        retries: u64,
    },
    /// No ticket was left.
    SoldOut,
    /// The file could not be parsed, as another seller is writing it.
    Torn,
}

impl Stock {
    /// Creates the stock of the case; in shared memory by default.
    pub(super) fn of(case: &Case, protected: ProtectedState) -> Self {
        match case.params.stock {
            Some(record::Stock::JsonFile) => Self::JsonFile(JsonFile::in_folder(&std::env::temp_dir())),
            Some(record::Stock::Memory) | None => Self::Memory(protected),
        }
    }

    /// Sets the stock to `tickets` before a round.
    pub(super) fn set(&mut self, tickets: u64) -> io::Result<()> {
        match self {
            Self::Memory(protected) => protected.head().stock.store(tickets, Ordering::Relaxed),
            Self::JsonFile(file) => {
                write(&File::options().write(true).create(true).truncate(false).open(&file.path)?, tickets)?;
            }
        }
        Ok(())
    }

    /// Tickets left after a round; `None` if the file cannot be parsed.
    pub(super) fn left(&mut self) -> io::Result<Option<u64>> {
        match self {
            Self::Memory(protected) => Ok(Some(protected.head().stock.load(Ordering::Relaxed))),
            Self::JsonFile(file) => Ok(file.open_and_read()?.1),
        }
    }
}

/// Sells a ticket from shared memory: with a load and a store, or by compare-and-swap if the update is atomic. No
/// single instruction checks and decrements, so the latter is a loop.
#[inline]
pub(super) fn in_memory(protected: &ProtectedState, guard: Guard) -> Sale {
    let stock = &protected.head().stock;
    let mut tickets = stock.load(Ordering::Relaxed);
    let mut retries = 0;
    loop {
        let Some(left) = tickets.checked_sub(1) else { return Sale::SoldOut };
        match guard {
            Guard::Exclusive | Guard::Nothing => stock.store(left, Ordering::Relaxed),
            Guard::Atomic | Guard::Retry => {
                if let Err(now) = stock.compare_exchange(tickets, left, Ordering::Relaxed, Ordering::Relaxed) {
                    (tickets, retries) = (now, retries + 1);
                    continue;
                }
            }
        }
        return Sale::One { left, retries };
    }
}

/// Stock in a file.
pub(super) struct JsonFile {
    path: PathBuf,
    text: Vec<u8>,
}

/// Content of the file.
#[derive(Serialize, Deserialize)]
struct Content {
    tickets: u64,
}

impl JsonFile {
    fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("tickets.json"), text: vec![] }
    }

    /// Sells a ticket: opens, reads, parses, writes and closes the file.
    pub(super) fn sell(&mut self) -> io::Result<Sale> {
        let (file, found) = self.open_and_read()?;
        let Some(tickets) = found else { return Ok(Sale::Torn) };
        let Some(left) = tickets.checked_sub(1) else { return Ok(Sale::SoldOut) };
        write(&file, left)?;
        Ok(Sale::One { left, retries: 0 })
    }

    fn open_and_read(&mut self) -> io::Result<(File, Option<u64>)> {
        let mut file = File::options().read(true).write(true).open(&self.path)?;
        self.text.clear();
        file.read_to_end(&mut self.text)?;
        let stock: Option<Content> = serde_json::from_slice(&self.text).ok();
        Ok((file, stock.map(|stock| stock.tickets)))
    }
}

fn write(file: &File, tickets: u64) -> io::Result<()> {
    let mut text = serde_json::to_vec(&Content { tickets })?;
    text.resize(TEXT_BYTES, b' ');
    file.write_all_at(&text, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_sells_the_stock_under_every_guard() {
        let address = ProtectedState::create().unwrap();
        let protected = ProtectedState::attach(&address).unwrap();
        let mut stock = Stock::Memory(ProtectedState::attach(&address).unwrap());
        for guard in [Guard::Exclusive, Guard::Nothing, Guard::Atomic, Guard::Retry] {
            stock.set(2).unwrap();
            assert_eq!(in_memory(&protected, guard), Sale::One { left: 1, retries: 0 });
            assert_eq!(in_memory(&protected, guard), Sale::One { left: 0, retries: 0 });
            assert_eq!((in_memory(&protected, guard), stock.left().unwrap()), (Sale::SoldOut, Some(0)));
        }
    }

    #[test]
    fn a_file_sells_the_stock_and_is_always_json() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, other) = (JsonFile::in_folder(folder.path()), JsonFile::in_folder(folder.path()));
        let mut stock = Stock::JsonFile(other);
        stock.set(u64::MAX).unwrap();
        assert_eq!(stock.left().unwrap(), Some(u64::MAX));
        stock.set(10).unwrap();
        for left in (0..10).rev() {
            assert_eq!(one.sell().unwrap(), Sale::One { left, retries: 0 });
            let text = std::fs::read_to_string(&one.path).unwrap();
            assert_eq!(text.trim_end(), format!("{{\"tickets\":{left}}}"));
        }
        assert_eq!((one.sell().unwrap(), stock.left().unwrap()), (Sale::SoldOut, Some(0)));
    }

    #[test]
    fn a_half_written_file_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = JsonFile::in_folder(folder.path());
        for text in ["", "{\"tickets\":", "{\"tickets\":7}}", "{\"tickets\":-1}"] {
            std::fs::write(&file.path, text).unwrap();
            assert_eq!(file.sell().unwrap(), Sale::Torn, "{text}");
        }
    }
}

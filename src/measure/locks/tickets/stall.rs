//! Where the stock is kept, and how one ticket is taken from it.
//!
//! The JSON file is rewritten in place and always equally long, filled up with spaces. One that is cut to nothing first is
//! sent to the disk by ext4 as soon as it is closed (mount option `auto_da_alloc`), and the disk is not what is asked about
//! here; and without a lock, the end of a longer text could stay behind a shorter one for good.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::lock::Guard;
use crate::measure::locks::Ledger;
use crate::record::{self, Case};

/// Room for the largest number there is.
const TEXT_BYTES: usize = 40;

/// The stock.
pub(super) enum Stall {
    /// A word in shared memory.
    Memory(Ledger),
    /// A file in the trial's directory, which is the directory for temporary files of all its workers.
    JsonFile(JsonFile),
}

/// What came of trying to sell a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sale {
    /// One was sold.
    One {
        /// Tickets that stay.
        left: u64,
        /// Times that somebody else came first.
        retries: u64,
    },
    /// There was none.
    SoldOut,
    /// What was found is no stock: somebody else is writing it.
    Torn,
}

impl Stall {
    /// The stall that the case names; in shared memory where it names none.
    pub(super) fn of(case: &Case, ledger: Ledger) -> Self {
        match case.params.stock {
            Some(record::Stock::JsonFile) => Self::JsonFile(JsonFile::in_folder(&std::env::temp_dir())),
            Some(record::Stock::Memory) | None => Self::Memory(ledger),
        }
    }

    /// Puts out `tickets`, before a sale.
    pub(super) fn put_out(&mut self, tickets: u64) -> io::Result<()> {
        match self {
            Self::Memory(ledger) => ledger.head().stock.store(tickets, Ordering::Relaxed),
            Self::JsonFile(file) => {
                write(&File::options().write(true).create(true).truncate(false).open(&file.path)?, tickets)?;
            }
        }
        Ok(())
    }

    /// Tickets left after a sale; nothing where that cannot be read.
    pub(super) fn left(&mut self) -> io::Result<Option<u64>> {
        match self {
            Self::Memory(ledger) => Ok(Some(ledger.head().stock.load(Ordering::Relaxed))),
            Self::JsonFile(file) => Ok(file.open_and_read()?.1),
        }
    }
}

/// Takes a ticket from the word in shared memory: as anybody would who knows himself alone, or, where the update itself is
/// to exclude others, by compare and swap. No single instruction looks and takes, so what is one addition elsewhere is a
/// loop here, too.
#[inline]
pub(super) fn in_memory(ledger: &Ledger, guard: Guard) -> Sale {
    let stock = &ledger.head().stock;
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

/// The stock as a file.
pub(super) struct JsonFile {
    path: PathBuf,
    text: Vec<u8>,
}

/// What the file says.
#[derive(Serialize, Deserialize)]
struct Stock {
    tickets: u64,
}

impl JsonFile {
    fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("tickets.json"), text: vec![] }
    }

    /// Takes a ticket: opens, reads, parses, writes and closes.
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
        let stock: Option<Stock> = serde_json::from_slice(&self.text).ok();
        Ok((file, stock.map(|stock| stock.tickets)))
    }
}

fn write(file: &File, tickets: u64) -> io::Result<()> {
    let mut text = serde_json::to_vec(&Stock { tickets })?;
    text.resize(TEXT_BYTES, b' ');
    file.write_all_at(&text, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_sells_what_there_is_under_every_guard() {
        let address = Ledger::create().unwrap();
        let ledger = Ledger::attach(&address).unwrap();
        let mut stall = Stall::Memory(Ledger::attach(&address).unwrap());
        for guard in [Guard::Exclusive, Guard::Nothing, Guard::Atomic, Guard::Retry] {
            stall.put_out(2).unwrap();
            assert_eq!(in_memory(&ledger, guard), Sale::One { left: 1, retries: 0 });
            assert_eq!(in_memory(&ledger, guard), Sale::One { left: 0, retries: 0 });
            assert_eq!((in_memory(&ledger, guard), stall.left().unwrap()), (Sale::SoldOut, Some(0)));
        }
    }

    #[test]
    fn a_file_sells_what_there_is_and_is_json_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, other) = (JsonFile::in_folder(folder.path()), JsonFile::in_folder(folder.path()));
        let mut stall = Stall::JsonFile(other);
        stall.put_out(u64::MAX).unwrap();
        assert_eq!(stall.left().unwrap(), Some(u64::MAX));
        stall.put_out(10).unwrap();
        for left in (0..10).rev() {
            assert_eq!(one.sell().unwrap(), Sale::One { left, retries: 0 });
            let text = std::fs::read_to_string(&one.path).unwrap();
            assert_eq!(text.trim_end(), format!("{{\"tickets\":{left}}}"));
        }
        assert_eq!((one.sell().unwrap(), stall.left().unwrap()), (Sale::SoldOut, Some(0)));
    }

    #[test]
    fn a_file_that_is_half_written_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = JsonFile::in_folder(folder.path());
        for text in ["", "{\"tickets\":", "{\"tickets\":7}}", "{\"tickets\":-1}"] {
            std::fs::write(&file.path, text).unwrap();
            assert_eq!(file.sell().unwrap(), Sale::Torn, "{text}");
        }
    }
}

//! Copy on write: after a fork both processes have the same pages, write-protected, and whoever writes to one first gets a copy
//! of it: a fault, an allocation and 4 KiB copied. After that it is ordinary memory, of one process alone. Source: fork(2).

use std::io;

use super::memory::Memory;
use super::{Life, Sharing};
use crate::child::Child;
use crate::record::Isolation;

/// A parent and its forked child, each with memory of its own.
pub struct AfterFork;

impl Sharing for AfterFork {
    const SUMMARY: &'static str = "private memory after a fork: copied on the first write";
    const ISOLATION: Isolation = Isolation::Process;
    const SEEN: bool = false;
    type Other = Child;

    fn map(pages: usize) -> io::Result<Memory> {
        Memory::private(pages)
    }

    fn start(life: Life) -> io::Result<Child> {
        Child::start(life)
    }

    fn collect(mut other: Child) -> io::Result<()> {
        other.collect()
    }
}

//! A mapping that stays one across a fork (MAP_SHARED and MAP_ANONYMOUS): nothing is copied, and a page that the writer had
//! before the fork stays writable, so the first write costs what any does. Source: mmap(2).

use std::io;

use super::memory::Memory;
use super::{Life, Sharing};
use crate::child::Child;
use crate::record::Isolation;

/// A parent and its forked child, with memory in common.
pub struct SharedMapping;

impl Sharing for SharedMapping {
    const SUMMARY: &'static str = "a shared mapping across a fork: one memory for both";
    const ISOLATION: Isolation = Isolation::Process;
    const SEEN: bool = true;
    type Other = Child;

    fn map(pages: usize) -> io::Result<Memory> {
        Memory::shared(pages)
    }

    fn start(life: Life) -> io::Result<Child> {
        Child::start(life)
    }

    fn collect(mut other: Child) -> io::Result<()> {
        other.collect()
    }
}

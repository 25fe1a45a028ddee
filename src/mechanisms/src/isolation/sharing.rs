//! The rows: what separates the memory of two execution contexts.

use std::io;
use std::thread::{Builder, JoinHandle};

use super::memory::Memory;
use super::{Body, Sharing};
use crate::child::Child;
use crate::record::Isolation;

/// Copy on write. After a fork both processes have the same pages, write-protected. The first write to a page gets a
/// copy: a fault, an allocation and 4 KiB copied. After that it is ordinary private memory. Source: fork(2).
pub struct AfterFork;

impl Sharing for AfterFork {
    const SUMMARY: &'static str = "private memory after a fork: copied on the first write";
    const ISOLATION: Isolation = Isolation::Process;
    const SEEN: bool = false;
    type Other = Child;

    fn map(pages: usize) -> io::Result<Memory> {
        Memory::private(pages)
    }

    fn start(body: Body) -> io::Result<Child> {
        Child::start(body)
    }

    fn collect(mut other: Child) -> io::Result<()> {
        other.collect()
    }
}

/// A mapping that stays shared across a fork (MAP_SHARED and MAP_ANONYMOUS). Nothing is copied, and a page that was
/// writable before the fork stays so; the first write costs as much as any other. Source: mmap(2).
pub struct SharedMapping;

impl Sharing for SharedMapping {
    const SUMMARY: &'static str = "a shared mapping across a fork: one memory for both";
    const ISOLATION: Isolation = Isolation::Process;
    const SEEN: bool = true;
    type Other = Child;

    fn map(pages: usize) -> io::Result<Memory> {
        Memory::shared(pages)
    }

    fn start(body: Body) -> io::Result<Child> {
        Child::start(body)
    }

    fn collect(mut other: Child) -> io::Result<()> {
        other.collect()
    }
}

/// Two threads of one process, which share all memory. Source: pthreads(7).
pub struct Thread;

impl Sharing for Thread {
    const SUMMARY: &'static str = "ordinary memory between threads: one memory for all";
    const ISOLATION: Isolation = Isolation::Thread;
    const SEEN: bool = true;
    type Other = JoinHandle<()>;

    fn map(pages: usize) -> io::Result<Memory> {
        Memory::private(pages)
    }

    fn start(body: Body) -> io::Result<JoinHandle<()>> {
        Builder::new().spawn(body)
    }

    fn collect(other: JoinHandle<()>) -> io::Result<()> {
        other.join().map_err(|_| io::Error::other("the thread panicked"))
    }
}

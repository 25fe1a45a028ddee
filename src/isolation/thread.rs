//! Two threads of one process: all memory is one, and nothing has to be asked for. Source: pthreads(7).

use std::io;
use std::thread::{Builder, JoinHandle};

use super::memory::Memory;
use super::{Life, Sharing};
use crate::record::Isolation;

/// Two threads.
pub struct Thread;

impl Sharing for Thread {
    const SUMMARY: &'static str = "ordinary memory between threads: one memory for all";
    const ISOLATION: Isolation = Isolation::Thread;
    const SEEN: bool = true;
    type Other = JoinHandle<()>;

    fn map(pages: usize) -> io::Result<Memory> {
        Memory::private(pages)
    }

    fn start(life: Life) -> io::Result<JoinHandle<()>> {
        Builder::new().spawn(life)
    }

    fn collect(other: JoinHandle<()>) -> io::Result<()> {
        other.join().map_err(|_| io::Error::other("the thread panicked"))
    }
}

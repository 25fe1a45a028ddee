//! Isolation: what a write costs, and whether the other side sees it, by what separates the memory of two processes or
//! threads. `registry.rs` lists the rows.

pub mod memory;
mod registry;
mod sharing;

use std::io;

use crate::record::Isolation;
use memory::Memory;

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "isolation";

/// What the second process or thread runs.
pub type Body = Box<dyn FnOnce() + Send>;

/// Two processes or threads, with one memory or a copy each.
pub trait Sharing: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// Whether the two are processes or threads.
    const ISOLATION: Isolation;
    /// Whether each sees the writes of the other.
    const SEEN: bool;
    /// Handle of the second one.
    type Other;

    /// Maps the memory, before the second one is started.
    fn map(pages: usize) -> io::Result<Memory>;
    /// Starts the second one. The process has a single thread.
    fn start(body: Body) -> io::Result<Self::Other>;
    /// Waits for the end of the second one and reaps or joins it.
    fn collect(other: Self::Other) -> io::Result<()>;
}

//! Isolation made visible: memory of two, by what stands between them, one file each; `registry.rs` is the only list.

mod after_fork;
pub mod memory;
mod registry;
mod shared_mapping;
mod thread;

use std::io;

use crate::record::Isolation;
use memory::Memory;

pub use registry::{Entry, rows};

/// Name of the family in cases and keys.
pub const FAMILY: &str = "isolation";

/// What the other one does.
pub type Life = Box<dyn FnOnce() + Send>;

/// Two who have memory in common, or each a copy of it.
pub trait Sharing: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// What stands between the two.
    const ISOLATION: Isolation;
    /// Whether each sees what the other writes.
    const SEEN: bool;
    /// The other one.
    type Other;

    /// Makes the memory, before there are two.
    fn map(pages: usize) -> io::Result<Memory>;
    /// Starts the other one, in a process of one thread.
    fn start(life: Life) -> io::Result<Self::Other>;
    /// Waits for the other's end, and leaves nothing of it.
    fn collect(other: Self::Other) -> io::Result<()>;
}

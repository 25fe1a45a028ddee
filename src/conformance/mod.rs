//! Conformance checks: guarantees of every mechanism of a family, one file per family. They run as trials, so users can
//! check their own kernel: `ipcmark run --plan conformance`.

use std::io;
use std::thread;

use crate::abort;

pub mod launch;
pub mod lock;
pub mod pool;
pub mod queue;
pub mod server;
pub mod shared_state;
pub mod transport;

/// Yields the CPU.
///
/// Errors: `Interrupted` if the trial is aborted.
fn yield_or_abort() -> io::Result<()> {
    if abort::requested() {
        return Err(abort::error());
    }
    thread::yield_now();
    Ok(())
}

/// Yields the CPU until `is_true`.
///
/// Errors: as [`yield_or_abort`].
fn wait_until(mut is_true: impl FnMut() -> bool) -> io::Result<()> {
    while !is_true() {
        yield_or_abort()?;
    }
    Ok(())
}

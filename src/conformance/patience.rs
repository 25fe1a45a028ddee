//! Waiting for another role without keeping it from its CPU.

use std::io;
use std::thread;

use crate::abort;

/// Lets another one have the CPU.
///
/// Errors: `Interrupted` when the trial is called off.
pub(super) fn give_way() -> io::Result<()> {
    if abort::requested() {
        return Err(abort::error());
    }
    thread::yield_now();
    Ok(())
}

/// Lets others have the CPU until `come` says so.
///
/// Errors: as [`give_way`].
pub(super) fn await_that(mut come: impl FnMut() -> bool) -> io::Result<()> {
    while !come() {
        give_way()?;
    }
    Ok(())
}

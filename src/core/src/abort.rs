//! Abort flag of a trial, checked periodically by the slow path of each wait.
//!
//! Until a control page is attached the flag is private to the process, so a mechanism used on its own (in a bench or a
//! test) needs no page.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static PRIVATE: AtomicU32 = AtomicU32::new(0);
static SHARED: OnceLock<&'static AtomicU32> = OnceLock::new();

/// Makes `word` the abort flag of this process. Only the first call has an effect; a process takes part in one trial.
pub fn attach(word: &'static AtomicU32) {
    let _ = SHARED.set(word);
}

/// True once the trial is aborted.
#[inline]
pub fn requested() -> bool {
    // Relaxed: the flag carries no data, it only ends a wait.
    SHARED.get().copied().unwrap_or(&PRIVATE).load(Ordering::Relaxed) != 0
}

/// The error that an aborted wait returns.
#[cold]
pub fn error() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "the trial was aborted")
}

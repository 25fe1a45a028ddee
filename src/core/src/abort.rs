//! The one word by which a trial is called off. Every slow path of every wait looks at it now and then.
//!
//! Until a control page is attached the word is private to the process, so a mechanism used on its own (in a bench or
//! a test) needs no page.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static PRIVATE: AtomicU32 = AtomicU32::new(0);
static SHARED: OnceLock<&'static AtomicU32> = OnceLock::new();

/// Makes `word` the process's abort word. The first call wins; a process takes part in one trial only.
pub fn attach(word: &'static AtomicU32) {
    let _ = SHARED.set(word);
}

/// True once somebody called the trial off.
#[inline]
pub fn requested() -> bool {
    // Relaxed: the flag carries no data, it only ends a wait.
    SHARED.get().copied().unwrap_or(&PRIVATE).load(Ordering::Relaxed) != 0
}

/// The error every wait returns then.
#[cold]
pub fn error() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "the trial was called off")
}

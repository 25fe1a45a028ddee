//! The mutex that tells of an owner's death. Each thread keeps a list of those it holds where the kernel can find it; when
//! the thread ends, by whatever cause, the kernel marks them and wakes one who waits, whose call returns `EOWNERDEAD`. He
//! says that all is well again before he goes on. The list costs a few plain stores each way, on lines of the owner; with
//! nobody dying a hand-over costs what the plain mutex costs. Unfair.
//!
//! Source: POSIX.1-2017, `pthread_mutexattr_setrobust`; get_robust_list(2); Linux, Documentation/locking/robust-futexes.rst.

use super::mutex::{Attributes, Kind};

/// The kind.
pub struct Robust;

impl Kind for Robust {
    const SUMMARY: &'static str = "pthread mutex that tells the next owner when one died";
    const ATTRIBUTES: Attributes = Attributes { robust: true, ..Attributes::PLAIN };
}

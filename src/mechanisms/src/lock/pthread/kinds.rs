//! Kinds of pthread mutexes.

use std::ffi::c_int;

use super::inheriting_cost;
use super::mutex::{Attributes, Kind};
use crate::lock::Cost;
use crate::record::Wait;

/// Plain mutex, which most programs use: the three states of Drepper's futex mutex, with the owner and a count of users
/// beside them. Barging is allowed, so it is quick and unfair. A hand-off to a waiter costs a system call on each side,
/// a wake-up and a context switch. The death of an owner is not detected.
///
/// Source: POSIX.1-2017, `PTHREAD_MUTEX_NORMAL`; glibc, nptl/pthread_mutex_lock.c.
pub struct Normal;

impl Kind for Normal {
    const SUMMARY: &'static str = "pthread mutex, process-shared";
    const ATTRIBUTES: Attributes = Attributes::PLAIN;
}

/// From pthread.h of glibc; missing in the libc crate.
const PTHREAD_MUTEX_ADAPTIVE_NP: c_int = 3;

/// Mutex that polls before it sleeps: up to twice as long as its last waits took, and at most a hundred times. Unfair
/// like the plain one. If the owner releases in that time, a hand-off is one transfer of the line to read it and one to
/// write it, without system calls; otherwise it costs the same as the plain mutex, plus the polls.
///
/// Source: glibc, `PTHREAD_MUTEX_ADAPTIVE_NP`, nptl/pthread_mutex_lock.c; its tunable glibc.pthread.mutex_spin_count.
pub struct Adaptive;

impl Kind for Adaptive {
    const SUMMARY: &'static str = "pthread mutex that polls before it sleeps";
    const ATTRIBUTES: Attributes = Attributes { kind: PTHREAD_MUTEX_ADAPTIVE_NP, ..Attributes::PLAIN };
    const WAIT: Wait = Wait::Hybrid;
}

/// Mutex that reports the death of its owner. Each thread keeps a list of the mutexes it holds where the kernel can
/// find it; when the thread ends, for any reason, the kernel marks them and wakes a waiter, whose call returns
/// `EOWNERDEAD`. The new owner marks the mutex consistent before it continues. The list costs a few plain stores each
/// way, on lines of the owner; a hand-off costs the same as with the plain mutex. Unfair.
///
/// Source: POSIX.1-2017, `pthread_mutexattr_setrobust`; get_robust_list(2); Linux,
/// Documentation/locking/robust-futexes.rst.
pub struct Robust;

impl Kind for Robust {
    const SUMMARY: &'static str = "pthread mutex that reports the death of an owner to the next one";
    const ATTRIBUTES: Attributes = Attributes { robust: true, ..Attributes::PLAIN };
}

/// Mutex whose owner inherits the priority of its waiters. The word holds the owner's thread id, which tells the kernel
/// which thread to boost; without waiters it is acquired and released in user space. With waiters the kernel releases
/// the mutex and hands it to the most urgent waiter in one call, without barging. A waiter polls inside the kernel
/// while the owner runs, so a hand-off between two CPUs seldom takes a context switch. Fair among equals, and slow when
/// contended. The death of an owner is not reported, and later acquisitions never return.
///
/// Source: POSIX.1-2017, `PTHREAD_PRIO_INHERIT`; `FUTEX_LOCK_PI` in futex(2); Linux,
/// Documentation/locking/pi-futex.rst.
pub struct Pi;

impl Kind for Pi {
    const SUMMARY: &'static str = "pthread mutex whose owner inherits priority";
    const ATTRIBUTES: Attributes = Attributes { inherits: true, ..Attributes::PLAIN };
    const WAKES: bool = false;

    fn cost() -> Cost {
        inheriting_cost()
    }
}

/// Mutex with both: its owner inherits the priority of the waiters, and the next owner learns of its death. Under
/// contention the kernel hands it over in one call; fair among equals.
///
/// Source: POSIX.1-2017, `pthread_mutexattr_setrobust`, `PTHREAD_PRIO_INHERIT`; `FUTEX_LOCK_PI` in futex(2).
pub struct RobustPi;

impl Kind for RobustPi {
    const SUMMARY: &'static str = "pthread mutex, robust, whose owner inherits priority";
    const ATTRIBUTES: Attributes = Attributes { robust: true, inherits: true, ..Attributes::PLAIN };
    const WAKES: bool = false;

    fn cost() -> Cost {
        inheriting_cost()
    }
}

/// Mutex that detects errors: a second acquisition by the same thread, and a release by a thread that does not hold it.
/// Each call also checks the owner; otherwise it costs the same as the plain mutex, hand-offs included. Unfair.
///
/// Source: POSIX.1-2017, `PTHREAD_MUTEX_ERRORCHECK`.
pub struct Errorcheck;

impl Kind for Errorcheck {
    const SUMMARY: &'static str = "pthread mutex that checks its owner";
    const ATTRIBUTES: Attributes = Attributes { kind: libc::PTHREAD_MUTEX_ERRORCHECK, ..Attributes::PLAIN };
}

/// Mutex that its owner may acquire again: owner and depth are kept and compared each way. Here it is acquired once
/// only, so the row shows the cost of the book-keeping alone. Hand-offs cost the same as with the plain mutex. Unfair.
///
/// Source: POSIX.1-2017, `PTHREAD_MUTEX_RECURSIVE`.
pub struct Recursive;

impl Kind for Recursive {
    const SUMMARY: &'static str = "pthread mutex that its owner may acquire again";
    const ATTRIBUTES: Attributes = Attributes { kind: libc::PTHREAD_MUTEX_RECURSIVE, ..Attributes::PLAIN };
}

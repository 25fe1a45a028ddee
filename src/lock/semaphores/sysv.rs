//! System V semaphore: a count in the kernel, so acquire and release are a system call each, contended or not. A
//! release completes the operation of the first waiter in the queue and then wakes it: fair, and every hand-off is a
//! wake-up and a context switch. The permit of a dead holder is lost.
//!
//! Source: semop(2), sysvipc(7); Linux, ipc/sem.c.

use super::sysv_holder::{Permit, SysvHolder};
use crate::lock::by_calls::Called;
use crate::sysv_sem::AtExit;

/// The row.
pub type SysvSem = Called<SysvHolder<Kept>>;

/// Its permit stays taken when the holder dies.
pub struct Kept;

impl Permit for Kept {
    const SUMMARY: &'static str = "System V semaphore";
    const AT_EXIT: AtExit = AtExit::Kept;
}

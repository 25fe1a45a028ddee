//! System V semaphore with `SEM_UNDO`: when a process ends, the kernel undoes its operations, so the permit of a dead
//! holder goes to the next waiter in the queue, without notice. The kernel keeps a sum per process and semaphore, which
//! each call looks up. Otherwise as without: fair, a system call each way, a wake-up and a context switch per hand-off.
//! Threads of one process share the sum, so a thread that ends alone gives nothing back.
//!
//! Source: semop(2), sysvipc(7); Linux, ipc/sem.c.

use super::sysv_holder::{Permit, SysvHolder};
use crate::lock::by_calls::Called;
use crate::sysv_sem::AtExit;

/// The row.
pub type SysvSemUndo = Called<SysvHolder<Undone>>;

/// Its permit is given back when the holder dies.
pub struct Undone;

impl Permit for Undone {
    const SUMMARY: &'static str = "System V semaphore, given back by the kernel when its holder dies";
    const AT_EXIT: AtExit = AtExit::Undone;
}

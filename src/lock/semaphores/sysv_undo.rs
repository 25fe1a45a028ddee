//! System V semaphore whose steps are undone (`SEM_UNDO`) when the process ends that made them: the permit of a dead holder
//! comes back, and the next one in the queue gets it, without being told. The kernel keeps a sum per process and semaphore
//! for that, which each call looks up. Otherwise as without: fair, a call each way, a wake and a switch per hand-over.
//! Threads of one process share the sum, so one that ends alone gives nothing back.
//!
//! Source: semop(2), sysvipc(7); Linux, ipc/sem.c.

use super::sysv_holder::{Permit, SysvHolder};
use crate::lock::by_calls::Called;
use crate::sysv_sem::AtExit;

/// The row.
pub type SysvSemUndo = Called<SysvHolder<Undone>>;

/// Its permit.
pub struct Undone;

impl Permit for Undone {
    const SUMMARY: &'static str = "System V semaphore, given back by the kernel when its holder dies";
    const AT_EXIT: AtExit = AtExit::Undone;
}

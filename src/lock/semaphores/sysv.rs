//! System V semaphore: a count in the kernel, so taking the permit and giving it back are a call each, contended or not.
//! The one who gives it back does the step of the first in the queue for him and then wakes him: fair, and every hand-over
//! is a wake and a switch. A permit that died with its holder never comes back.
//!
//! Source: semop(2), sysvipc(7); Linux, ipc/sem.c.

use super::sysv_holder::{Permit, SysvHolder};
use crate::lock::by_calls::Called;
use crate::sysv_sem::AtExit;

/// The row.
pub type SysvSem = Called<SysvHolder<Kept>>;

/// Its permit.
pub struct Kept;

impl Permit for Kept {
    const SUMMARY: &'static str = "System V semaphore";
    const AT_EXIT: AtExit = AtExit::Kept;
}

//! System V semaphore whose steps are undone (`SEM_UNDO`) when the process ends that made them: the permit of a dead holder
//! comes back, and the next one in the queue gets it, without being told. The kernel keeps a sum per process and semaphore
//! for that, which each call looks up. Otherwise as without: fair, a call each way, a wake and a switch per hand-over.
//! Threads of one process share the sum, so one that ends alone gives nothing back.
//!
//! Source: semop(2), sysvipc(7); Linux, ipc/sem.c.

use std::io;

use super::sysv_holder::{self, SysvHolder};
use crate::address::Address;
use crate::lock::{Cost, Lock, Seat};
use crate::record::{Group, Wait};
use crate::sysv_sem;

/// The row.
pub struct SysvSemUndo;

impl Lock for SysvSemUndo {
    const SUMMARY: &'static str = "System V semaphore, given back by the kernel when its holder dies";
    const GROUP: Group = Group::Semaphores;
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Holder = SysvHolder<true>;

    fn unavailable() -> Option<String> {
        sysv_sem::unavailable()
    }

    fn create(_: u32) -> io::Result<Address> {
        sysv_holder::create()
    }

    fn attach(address: &Address, _: Seat) -> io::Result<Self::Holder> {
        SysvHolder::attach(address)
    }

    fn cost() -> Cost {
        sysv_holder::cost()
    }
}

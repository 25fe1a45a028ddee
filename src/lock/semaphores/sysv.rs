//! System V semaphore: a count in the kernel, so taking the permit and giving it back are a call each, contended or not.
//! The one who gives it back does the step of the first in the queue for him and then wakes him: fair, and every hand-over
//! is a wake and a switch. A permit that died with its holder never comes back.
//!
//! Source: semop(2), sysvipc(7); Linux, ipc/sem.c.

use std::io;

use super::sysv_holder::{self, SysvHolder};
use crate::address::Address;
use crate::lock::{Cost, Lock, Seat};
use crate::record::{Group, Wait};
use crate::sysv_sem;

/// The row.
pub struct SysvSem;

impl Lock for SysvSem {
    const SUMMARY: &'static str = "System V semaphore";
    const GROUP: Group = Group::Semaphores;
    const WAIT: Option<Wait> = Some(Wait::Block);
    type Holder = SysvHolder<false>;

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

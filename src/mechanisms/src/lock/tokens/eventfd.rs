//! Count of one in an eventfd(2) with EFD_SEMAPHORE: a read takes it, a write of 1 puts it back. The kernel's own
//! semaphore that any event loop can wait for. Unfair: a newcomer may overtake a woken waiter.
//!
//! An eventfd cannot be opened a second time, so a try is a read that does not wait (preadv2 with RWF_NOWAIT). Cost: a
//! system call of 8 bytes each way, a wake-up and a context switch per hand-off. Source: eventfd(2), readv(2).

use std::fs::File;
use std::io::{self, IoSliceMut, Read, Write};

use nix::sys::eventfd::{EfdFlags, EventFd};
use rustix::io::{ReadWriteFlags, preadv2};

use super::cost;
use crate::address::{Address, Descriptor, Endpoint};
use crate::lock::Cost;
use crate::lock::by_calls::{Calls, granted};
use crate::record::Group;

const TOKEN: [u8; 8] = 1u64.to_ne_bytes();
/// The current position for preadv2, the only one an eventfd has.
const HERE: u64 = u64::MAX;

/// One contender's descriptor.
pub struct EventfdToken(File);

impl Calls for EventfdToken {
    const SUMMARY: &'static str = "count of one in an eventfd semaphore";
    const GROUP: Group = Group::Tokens;

    fn create() -> io::Result<Address> {
        let made = EventFd::from_value_and_flags(1, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_SEMAPHORE)?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(made)], receiver: vec![] })
    }

    fn attach(address: &Address) -> io::Result<Self> {
        Ok(Self(address.descriptor(Endpoint::Sender)?.duplicate()?.into()))
    }

    #[inline]
    fn acquire(&self) -> io::Result<()> {
        (&self.0).read_exact(&mut [0; TOKEN.len()])
    }

    #[inline]
    fn try_acquire(&self) -> io::Result<bool> {
        let mut token = [0; TOKEN.len()];
        let taken = preadv2(&self.0, &mut [IoSliceMut::new(&mut token)], HERE, ReadWriteFlags::NOWAIT);
        granted(taken.map(drop).map_err(io::Error::from))
    }

    #[inline]
    fn release(&self) -> io::Result<()> {
        (&self.0).write_all(&TOKEN)
    }

    fn cost() -> Cost {
        cost(TOKEN.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::by_calls;

    #[test]
    fn one_holder_at_a_time() {
        by_calls::tests::excludes::<EventfdToken>();
    }
}

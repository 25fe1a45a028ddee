//! One byte in a pipe: a read takes the lock, a write releases it. make(1) hands out its job slots to children of
//! children this way, with one byte a slot. Readers sleep in a queue, but a newcomer that finds the byte overtakes the
//! woken reader: unfair.
//!
//! A try reads through a separate non-blocking open file: O_NONBLOCK belongs to the open file, and on the shared one it
//! would break the other contenders' waits. Cost: a system call of one byte each way, a wake-up and a context switch
//! per hand-off. Source: pipe(7); GNU make manual, "POSIX Jobserver Interaction".

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::cost;
use crate::address::{Address, Descriptor, Endpoint};
use crate::lock::Cost;
use crate::lock::by_calls::{Calls, granted};
use crate::record::Group;

const TOKEN: [u8; 1] = *b"+";

/// One contender's ends of the pipe.
pub struct PipeToken {
    take: File,
    try_take: File,
    put_back: File,
}

impl Calls for PipeToken {
    const SUMMARY: &'static str = "one byte in a pipe, as make's jobserver has it";
    const GROUP: Group = Group::Tokens;

    fn create() -> io::Result<Address> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        nix::unistd::write(&write, &TOKEN)?;
        Ok(Address::Inherited { sender: vec![Descriptor::new(read), Descriptor::new(write)], receiver: vec![] })
    }

    fn attach(address: &Address) -> io::Result<Self> {
        let [read, write] = address.descriptors(Endpoint::Sender)? else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a pipe has two ends"));
        };
        let apart = File::options()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(format!("/proc/self/fd/{}", read.number()))?;
        Ok(Self { take: read.duplicate()?.into(), try_take: apart, put_back: write.duplicate()?.into() })
    }

    #[inline]
    fn acquire(&self) -> io::Result<()> {
        (&self.take).read_exact(&mut [0; TOKEN.len()])
    }

    #[inline]
    fn try_acquire(&self) -> io::Result<bool> {
        granted((&self.try_take).read_exact(&mut [0; TOKEN.len()]))
    }

    #[inline]
    fn release(&self) -> io::Result<()> {
        (&self.put_back).write_all(&TOKEN)
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
        by_calls::tests::excludes::<PipeToken>();
    }
}

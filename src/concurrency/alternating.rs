//! Two who need each other at every step, over a pipe each way: concurrent, and never parallel, on however many CPUs. While one
//! works the other is blocked, and what a second CPU adds is the time to wake it. Source: pipe(7); Amdahl's law with nothing
//! but a serial part.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read, write};

use super::{Company, Partner};
use crate::address::{Address, Descriptor, Endpoint};
use crate::child::retry_on_eintr;

/// One, then the other.
pub struct Alternating;

/// One of the two.
pub struct Alternator {
    to_other: OwnedFd,
    from_other: OwnedFd,
    begins: bool,
}

impl Company for Alternating {
    const SUMMARY: &'static str = "two who need each other's step before their own, by a pipe";
    type Partner = Alternator;

    fn create() -> io::Result<Option<Address>> {
        let (second_reads, first_writes) = pipe2(OFlag::O_CLOEXEC)?;
        let (first_reads, second_writes) = pipe2(OFlag::O_CLOEXEC)?;
        let ends = |writes, reads| vec![Descriptor::new(writes), Descriptor::new(reads)];
        Ok(Some(Address::Inherited {
            sender: ends(first_writes, first_reads),
            receiver: ends(second_writes, second_reads),
        }))
    }

    fn attach(address: Option<&Address>, end: Endpoint) -> io::Result<Alternator> {
        let missing = || io::Error::new(io::ErrorKind::InvalidInput, "two who alternate have a pipe each way");
        match address.ok_or_else(missing)?.descriptors(end)? {
            [writes, reads] => Ok(Alternator {
                to_other: writes.duplicate()?,
                from_other: reads.duplicate()?,
                begins: end == Endpoint::Sender,
            }),
            _ => Err(missing()),
        }
    }
}

impl Alternator {
    fn tell(&self, number: u64) -> io::Result<()> {
        retry_on_eintr(|| write(&self.to_other, &number.to_ne_bytes()))?;
        Ok(())
    }

    fn hear(&self, number: u64) -> io::Result<()> {
        let mut word = [0; 8];
        let bytes = retry_on_eintr(|| read(&self.from_other, &mut word))?;
        if bytes == word.len() && u64::from_ne_bytes(word) == number {
            return Ok(());
        }
        let why = format!("step {number} of the other was due, not {} in {bytes} bytes", u64::from_ne_bytes(word));
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

impl Partner for Alternator {
    #[inline]
    fn step(&mut self, number: u64, work: impl FnOnce()) -> io::Result<()> {
        if self.begins {
            work();
            self.tell(number)?;
            self.hear(number)
        } else {
            self.hear(number)?;
            work();
            self.tell(number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_waits_for_the_others() {
        let address = Alternating::create().unwrap();
        let mut first = Alternating::attach(address.as_ref(), Endpoint::Sender).unwrap();
        let mut second = Alternating::attach(address.as_ref(), Endpoint::Receiver).unwrap();
        let done = std::sync::Mutex::new(vec![]);
        let note = |who: u8, number| done.lock().unwrap().push((who, number));
        std::thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|number| second.step(number, || note(2, number)).unwrap()));
            (0..100).for_each(|number| first.step(number, || note(1, number)).unwrap());
        });
        let due: Vec<_> = (0..100).flat_map(|number| [(1, number), (2, number)]).collect();
        assert_eq!(done.into_inner().unwrap(), due);
    }

    #[test]
    fn a_partner_at_another_step_is_noticed() {
        let address = Alternating::create().unwrap();
        let first = Alternating::attach(address.as_ref(), Endpoint::Sender).unwrap();
        let mut second = Alternating::attach(address.as_ref(), Endpoint::Receiver).unwrap();
        first.tell(3).unwrap();
        assert_eq!(second.step(4, || {}).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

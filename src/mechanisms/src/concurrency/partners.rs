//! The rows: two halves of work that are independent or alternate.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;
use nix::unistd::{pipe2, read, write};

use super::{Pairing, Partner};
use crate::address::{Address, Descriptor, Endpoint};
use crate::child::retry_on_eintr;

/// Two independent halves of work. On two CPUs they run in parallel and take half the time. On one CPU they are only
/// concurrent: both are ready to run, and the scheduler alternates between them.
pub struct Independent;

/// A partner that needs nothing of the other.
pub struct IndependentPartner;

impl Pairing for Independent {
    const SUMMARY: &'static str = "two independent halves of work";
    type Partner = IndependentPartner;

    fn create() -> io::Result<Option<Address>> {
        Ok(None)
    }

    fn attach(_: Option<&Address>, _: Endpoint) -> io::Result<IndependentPartner> {
        Ok(IndependentPartner)
    }
}

impl Partner for IndependentPartner {
    #[inline]
    fn step(&mut self, _: u64, work: impl FnOnce()) -> io::Result<()> {
        work();
        Ok(())
    }
}

/// Two halves of work that need each other's result at every step, over a pipe each way: concurrent, but never parallel
/// on any number of CPUs. While one works the other is blocked, and a second CPU only adds the time to wake it. Source:
/// pipe(7); Amdahl's law with a serial part only.
pub struct Alternating;

/// A partner that takes turns with the other.
pub struct AlternatingPartner {
    to_other: OwnedFd,
    from_other: OwnedFd,
    is_first: bool,
}

impl Pairing for Alternating {
    const SUMMARY: &'static str = "two halves of work that take turns at each step, by pipes";
    type Partner = AlternatingPartner;

    fn create() -> io::Result<Option<Address>> {
        let (second_reads, first_writes) = pipe2(OFlag::O_CLOEXEC)?;
        let (first_reads, second_writes) = pipe2(OFlag::O_CLOEXEC)?;
        let endpoint = |writes, reads| vec![Descriptor::new(writes), Descriptor::new(reads)];
        Ok(Some(Address::Inherited {
            sender: endpoint(first_writes, first_reads),
            receiver: endpoint(second_writes, second_reads),
        }))
    }

    fn attach(address: Option<&Address>, end: Endpoint) -> io::Result<AlternatingPartner> {
        let missing = || io::Error::new(io::ErrorKind::InvalidInput, "the address needs a pipe each way");
        match address.ok_or_else(missing)?.descriptors(end)? {
            [writes, reads] => Ok(AlternatingPartner {
                to_other: writes.duplicate()?,
                from_other: reads.duplicate()?,
                is_first: end == Endpoint::Sender,
            }),
            _ => Err(missing()),
        }
    }
}

impl AlternatingPartner {
    fn send(&self, number: u64) -> io::Result<()> {
        retry_on_eintr(|| write(&self.to_other, &number.to_ne_bytes()))?;
        Ok(())
    }

    fn receive(&self, number: u64) -> io::Result<()> {
        let mut word = [0; 8];
        let bytes = retry_on_eintr(|| read(&self.from_other, &mut word))?;
        if bytes == word.len() && u64::from_ne_bytes(word) == number {
            return Ok(());
        }
        let why = format!("expected step {number} of the other, got {} in {bytes} bytes", u64::from_ne_bytes(word));
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }
}

impl Partner for AlternatingPartner {
    #[inline]
    fn step(&mut self, number: u64, work: impl FnOnce()) -> io::Result<()> {
        if self.is_first {
            work();
            self.send(number)?;
            self.receive(number)
        } else {
            self.receive(number)?;
            work();
            self.send(number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternating_partners_take_turns() {
        let address = Alternating::create().unwrap();
        let mut first = Alternating::attach(address.as_ref(), Endpoint::Sender).unwrap();
        let mut second = Alternating::attach(address.as_ref(), Endpoint::Receiver).unwrap();
        let done = std::sync::Mutex::new(vec![]);
        let note = |partner: u8, number| done.lock().unwrap().push((partner, number));
        std::thread::scope(|scope| {
            scope.spawn(|| (0..100).for_each(|number| second.step(number, || note(2, number)).unwrap()));
            (0..100).for_each(|number| first.step(number, || note(1, number)).unwrap());
        });
        let due: Vec<_> = (0..100).flat_map(|number| [(1, number), (2, number)]).collect();
        assert_eq!(done.into_inner().unwrap(), due);
    }

    #[test]
    fn a_partner_at_another_step_is_an_error() {
        let address = Alternating::create().unwrap();
        let first = Alternating::attach(address.as_ref(), Endpoint::Sender).unwrap();
        let mut second = Alternating::attach(address.as_ref(), Endpoint::Receiver).unwrap();
        first.send(3).unwrap();
        assert_eq!(second.step(4, || {}).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

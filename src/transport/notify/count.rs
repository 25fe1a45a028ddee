//! How many notifications nobody has taken yet, in a word of shared memory that the kernel can wait on. Not a mechanism:
//! futex(2) and io_uring wait on it alike.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use super::cell::Word;
use crate::address::{Address, Endpoint};
use crate::record::Substrate;
use crate::shm::{self, Segment};

const BYTES: usize = size_of::<Word>();

/// The mapped count. Any number of sides may add and take.
pub(super) struct Count {
    segment: Segment,
}

impl Count {
    pub(super) fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, BYTES)
    }

    pub(super) fn attach(address: &Address, end: Endpoint) -> io::Result<Self> {
        Ok(Self { segment: Segment::attach(address, end, BYTES)? })
    }

    /// What to sleep on while it is 0.
    #[inline]
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.segment.view::<Word>(0).0
    }

    /// Errors: `StorageFull` at 2^32 - 1, where one more would read as none.
    #[inline]
    pub(super) fn add_one(&self) -> io::Result<()> {
        // PAIRS: notified
        if self.word().fetch_add(1, Ordering::Release) < u32::MAX { Ok(()) } else { Err(overflow()) }
    }

    /// Takes one; false when there is none.
    #[inline]
    pub(super) fn take_one(&self) -> bool {
        // PAIRS: notified
        self.word().fetch_update(Ordering::Acquire, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok()
    }
}

#[cold]
fn overflow() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "a count of 32 bits has overflowed: nobody listens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_can_be_taken_and_no_more() {
        let address = Count::create().expect("shared memory");
        let adding = Count::attach(&address, Endpoint::Sender).expect("a mapping");
        let taking = Count::attach(&address, Endpoint::Receiver).expect("another one");
        assert!(!taking.take_one());
        adding.add_one().expect("room");
        adding.add_one().expect("room");
        assert!(taking.take_one() && taking.take_one() && !taking.take_one());
        adding.word().store(u32::MAX, Ordering::Relaxed);
        assert!(adding.add_one().is_err(), "one more would read as none");
    }
}

//! Parts of notifications in shared memory: an object of the C library, and a count.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::address::{Address, Endpoint};
use crate::record::Substrate;
use crate::shm::{self, Segment, SharedLayout};
use crate::transport::slice;

const UNTOUCHED: u32 = 0;
const BEING_SET_UP: u32 = 1;
const READY: u32 = 2;

/// Offset of the object, on its own cache line.
const OFFSET: usize = 64;

/// Word on its own cache line.
#[repr(C, align(64))]
struct Word(AtomicU32);

// SAFETY: repr(C), one atomic, for which zero is valid.
unsafe impl SharedLayout for Word {}

/// Object of the C library in shared memory. It must be initialised in place, since all-zero bytes are an object for a
/// single process. The first process to attach does that, and so determines the object's memory node; others wait until
/// it is done.
pub(super) struct Cell<T> {
    segment: Segment,
    what: PhantomData<UnsafeCell<T>>,
}

impl<T> Cell<T> {
    const BYTES: usize = OFFSET + size_of::<T>();

    /// Allocates memory for a `T`.
    pub(super) fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, Self::BYTES)
    }

    /// Maps the memory for endpoint `end`. The first caller initialises the object by `set_up`.
    ///
    /// Errors: those of `set_up`; `Interrupted` if the trial is aborted during a wait for the first caller.
    pub(super) fn attach(
        address: &Address,
        end: Endpoint,
        set_up: impl FnOnce(*mut T) -> io::Result<()>,
    ) -> io::Result<Self> {
        let segment = Segment::attach(address, end, Self::BYTES)?;
        let cell = Self { segment, what: PhantomData };
        assert!(cell.get().is_aligned() && align_of::<T>() <= OFFSET, "mappings start on a page");
        // State of the object.
        let state = &cell.segment.view::<Word>(0).0;
        // PAIRS: cell-ready
        match state.compare_exchange(UNTOUCHED, BEING_SET_UP, Ordering::Relaxed, Ordering::Acquire) {
            Ok(_) => {
                set_up(cell.get())?;
                // PAIRS: cell-ready
                state.store(READY, Ordering::Release);
            }
            Err(_) => {
                // PAIRS: cell-ready
                while state.load(Ordering::Acquire) != READY {
                    slice::yield_now()?;
                }
            }
        }
        Ok(cell)
    }

    /// Address of the initialised object, mapped as long as `self` lives.
    #[inline]
    pub(super) fn get(&self) -> *mut T {
        self.segment.at(OFFSET, size_of::<T>()).cast()
    }
}

/// Number of pending notifications, in a shared word on which futex(2) and io_uring can wait. Any number of endpoints
/// may add and take.
pub(super) struct Count {
    segment: Segment,
}

impl Count {
    pub(super) fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, size_of::<Word>())
    }

    pub(super) fn attach(address: &Address, end: Endpoint) -> io::Result<Self> {
        Ok(Self { segment: Segment::attach(address, end, size_of::<Word>())? })
    }

    /// Word on which to sleep while it is 0.
    #[inline]
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.segment.view::<Word>(0).0
    }

    /// Errors: `StorageFull` at 2^32 - 1, after which the count would wrap to 0.
    #[inline]
    pub(super) fn add_one(&self) -> io::Result<()> {
        // PAIRS: notified
        if self.word().fetch_add(1, Ordering::Release) < u32::MAX { Ok(()) } else { Err(overflow()) }
    }

    /// Takes one; false if there is none.
    #[inline]
    pub(super) fn take_one(&self) -> bool {
        // PAIRS: notified
        self.word().fetch_update(Ordering::Acquire, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok()
    }
}

#[cold]
fn overflow() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "the count of notifications exceeds 32 bits: there is no listener")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_attach_initialises_the_object() {
        let address = Cell::<u64>::create().expect("shared memory");
        let attach = |end, value: u64| {
            let set_up = |place: *mut u64| {
                // SAFETY: an aligned address in mapped memory that is not used elsewhere yet.
                unsafe { place.write(value) };
                Ok(())
            };
            Cell::attach(&address, end, set_up).expect("a mapping")
        };
        let cells = [attach(Endpoint::Sender, 7), attach(Endpoint::Receiver, 8)];
        // SAFETY: both cells are mapped and initialised, and there is no further write.
        assert_eq!(cells.map(|cell| unsafe { cell.get().read() }), [7, 7]);
    }

    #[test]
    fn as_many_are_taken_as_were_added() {
        let address = Count::create().expect("shared memory");
        let adding = Count::attach(&address, Endpoint::Sender).expect("a mapping");
        let taking = Count::attach(&address, Endpoint::Receiver).expect("another one");
        assert!(!taking.take_one());
        adding.add_one().expect("room");
        adding.add_one().expect("room");
        assert!(taking.take_one() && taking.take_one() && !taking.take_one());
        adding.word().store(u32::MAX, Ordering::Relaxed);
        assert!(adding.add_one().is_err(), "the count would wrap to 0");
    }
}

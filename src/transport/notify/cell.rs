//! One object of the C library in shared memory, set up by whoever attaches first. Not a mechanism.
//!
//! All-zero bytes are a lock or semaphore for one process only, so these need setting up in place, once. The first process
//! to attach does it and thereby decides on which memory node the object lies; the others wait until it is done.
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

/// Where the object begins: on a line of its own.
const OFFSET: usize = 64;

/// A word on a line of its own.
#[repr(C, align(64))]
pub(super) struct Word(pub(super) AtomicU32);

// SAFETY: repr(C), one atomic, which may be zero.
unsafe impl SharedLayout for Word {}

/// A `T` that other processes map too.
pub(super) struct Cell<T> {
    segment: Segment,
    what: PhantomData<UnsafeCell<T>>,
}

impl<T> Cell<T> {
    const BYTES: usize = OFFSET + size_of::<T>();

    /// Makes room for a `T`.
    pub(super) fn create() -> io::Result<Address> {
        shm::create(Substrate::Memfd, Self::BYTES)
    }

    /// Maps the room at `end` of `address` and calls `set_up` with the place of the object when nobody has before.
    ///
    /// Errors: those of `set_up`; `Interrupted` when the trial is called off before another process has set it up.
    pub(super) fn attach(
        address: &Address,
        end: Endpoint,
        set_up: impl FnOnce(*mut T) -> io::Result<()>,
    ) -> io::Result<Self> {
        let segment = Segment::attach(address, end, Self::BYTES)?;
        let cell = Self { segment, what: PhantomData };
        assert!(cell.get().is_aligned() && align_of::<T>() <= OFFSET, "mappings start on a page");
        // Whether the object may be used.
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

    /// Where the object is. It is set up, and stays mapped as long as this value lives.
    #[inline]
    pub(super) fn get(&self) -> *mut T {
        self.segment.at(OFFSET, size_of::<T>()).cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_first_sets_up_and_the_others_find_it() {
        let address = Cell::<u64>::create().expect("shared memory");
        let attach = |end, value: u64| {
            let set_up = |place: *mut u64| {
                // SAFETY: the cell gave an aligned place in mapped memory, which nobody else uses yet.
                unsafe { place.write(value) };
                Ok(())
            };
            Cell::attach(&address, end, set_up).expect("a mapping")
        };
        let cells = [attach(Endpoint::Sender, 7), attach(Endpoint::Receiver, 8)];
        // SAFETY: both cells are mapped and set up, and nobody writes any more.
        assert_eq!(cells.map(|cell| unsafe { cell.get().read() }), [7, 7]);
    }
}

//! An object of the C library in shared memory, created before any contender attaches. Not a mechanism.
//! All-zero bytes are a valid lock or semaphore, but a process-private one. So the process that prepares the trial
//! initialises a shared one in place, through a temporary mapping; its page is on that process's memory node.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::io;

use crate::address::{Address, Endpoint};
use crate::record::Substrate;
use crate::shm::{self, Segment};

/// `T` that other processes map too.
pub struct Placed<T> {
    place: *const UnsafeCell<T>,
    /// Keeps the object mapped.
    _segment: Segment,
}

impl<T> Placed<T> {
    /// Allocates a `T` and calls `make` with its address: zero bytes, not used by other processes yet.
    ///
    /// Errors: those of `make`, and of the shared memory.
    pub(super) fn create(make: impl FnOnce(*mut T) -> io::Result<()>) -> io::Result<Address> {
        let address = shm::create(Substrate::Memfd, size_of::<T>())?;
        make(Self::attach(&address)?.get())?;
        Ok(address)
    }

    /// Maps the object.
    ///
    /// Errors: `InvalidData` when the memory is smaller than a `T`.
    pub(super) fn attach(address: &Address) -> io::Result<Self> {
        let segment = Segment::attach(address, Endpoint::Sender, size_of::<T>())?;
        let place = segment.at(0, size_of::<T>()).cast::<UnsafeCell<T>>().cast_const();
        assert!(place.is_aligned(), "mappings start on a page");
        Ok(Self { place, _segment: segment })
    }

    /// Address of the object, which stays mapped as long as `self` lives.
    #[inline]
    pub(super) fn get(&self) -> *mut T {
        UnsafeCell::raw_get(self.place)
    }
}

/// Converts the result of a pthread call: 0, or the error itself.
#[inline]
pub(super) fn done(code: c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

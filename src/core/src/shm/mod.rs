//! Shared memory: segments on interchangeable substrates, and typed views into them.
//!
//! A segment of zero bytes is valid and empty, so creating one only sets its size. The pinned worker that attaches
//! first touches the pages, and the first touch decides their memory node.
#![allow(unsafe_code)]

mod dev_shm;
mod hugetlb;
mod memfd;
mod pages;
mod posix;
mod sysv;
#[cfg(test)]
mod tests;
mod thp;
mod tmpfs;

use std::io;
use std::sync::Arc;

use crate::address::{Address, Endpoint, NameKind};
use crate::record::Substrate;

/// Type that may be placed in shared memory.
///
/// # Safety
/// `repr(C)`, no pointers, valid when all bytes are zero, and every field changes only through atomics.
pub unsafe trait SharedLayout {}

// SAFETY: one atomic with the layout of a `u32`, of which every value is valid.
unsafe impl SharedLayout for std::sync::atomic::AtomicU32 {}

// SAFETY: one atomic with the layout of a `u64`, of which every value is valid.
unsafe impl SharedLayout for std::sync::atomic::AtomicU64 {}

/// Mapped segment. Clones share the mapping, which ends with the last of them.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ipcmark_core::address::Endpoint;
/// use ipcmark_core::record::Substrate;
/// use ipcmark_core::shm::{self, Segment};
///
/// # fn main() -> std::io::Result<()> {
/// let address = shm::create(Substrate::Memfd, 4096)?;
/// let [one, other] = [Endpoint::Sender, Endpoint::Receiver].map(|end| Segment::attach(&address, end, 4096));
/// one?.view::<AtomicU64>(64).store(7, Ordering::Relaxed);
/// assert_eq!(other?.view::<AtomicU64>(64).load(Ordering::Relaxed), 7);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Segment {
    base: *mut u8,
    bytes: usize,
    /// Keeps the range mapped.
    _map: Arc<dyn Mapping>,
}

/// Address range of a substrate, mapped as long as the value lives.
trait Mapping {
    fn base(&self) -> *mut u8;
    fn bytes(&self) -> usize;
}

/// Creates a segment of `bytes` zero bytes and returns its address.
///
/// It may be larger than requested: huge pages are allocated whole.
///
/// Errors: those of the substrate, with its name; `StorageFull` when /dev/shm has too little space.
pub fn create(substrate: Substrate, bytes: usize) -> io::Result<Address> {
    match substrate {
        Substrate::Memfd => memfd::create(bytes),
        Substrate::PosixShm => posix::create(bytes),
        Substrate::TmpfsFile => tmpfs::create(bytes),
        Substrate::SysvShm => sysv::create(bytes),
        Substrate::MemfdHugetlb => hugetlb::create(bytes),
        Substrate::MemfdThp => thp::create(bytes),
    }
}

/// Reason why `substrate` cannot be used on this machine, and the remedy.
pub fn unavailable(substrate: Substrate) -> Option<String> {
    match substrate {
        Substrate::Memfd => None,
        Substrate::PosixShm => dev_shm::unavailable(),
        Substrate::TmpfsFile => tmpfs::unavailable(),
        Substrate::SysvShm => sysv::unavailable(),
        Substrate::MemfdHugetlb => hugetlb::unavailable(),
        Substrate::MemfdThp => thp::unavailable(),
    }
}

impl Segment {
    /// Maps the segment at `address`, which must hold at least `bytes`.
    ///
    /// Errors: `InvalidData` when it is smaller.
    pub fn attach(address: &Address, end: Endpoint, bytes: usize) -> io::Result<Self> {
        // The mapping is shared between endpoints of one thread only; processes have a mapping each.
        #[allow(clippy::arc_with_non_send_sync)]
        let map: Arc<dyn Mapping> = match address {
            Address::Named(name) if name.kind == NameKind::SysvShm => Arc::new(sysv::attach(name)?),
            Address::Named(name) => Arc::new(posix::attach(name)?),
            _ => Arc::new(memfd::attach(address.descriptor(end)?)?),
        };
        let (base, have) = (map.base(), map.bytes());
        if have < bytes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the segment has {have} bytes, but {bytes} were agreed"),
            ));
        }
        Ok(Self { base, bytes: have, _map: map })
    }

    /// Applies to a fresh mapping what `substrate` needs, and faults in all its pages if `prefault` is set.
    ///
    /// Errors: this kernel has no huge pages, or there is not enough memory.
    pub fn settled(self, substrate: Substrate, prefault: bool) -> io::Result<Self> {
        if substrate == Substrate::MemfdThp {
            pages::ask_for_huge(&self)?;
        }
        if prefault {
            pages::populate(&self)?;
        }
        Ok(self)
    }

    /// Replaces all pages by fresh ones, all zero, that the calling thread touches first: they lie on the memory node of its
    /// CPU. Other endpoints must not access the segment meanwhile.
    ///
    /// Errors: the substrate cannot free its pages.
    pub fn renew(&self) -> io::Result<()> {
        pages::renew(self)
    }

    /// Reference to a `T` at `offset`.
    ///
    /// Panics if it would leave the segment or be misaligned: layouts are computed, never received.
    #[inline]
    pub fn view<T: SharedLayout>(&self, offset: usize) -> &T {
        let place = self.at(offset, size_of::<T>()).cast::<T>();
        assert!(place.is_aligned(), "a view must be aligned");
        // SAFETY: `at` checked the range; alignment was just checked; any bytes are a valid `T` and all its fields are
        // atomics, by the contract of SharedLayout.
        unsafe { &*place }
    }

    /// Address of `bytes` bytes at `offset`. Panics if they would leave the segment.
    #[inline]
    pub fn at(&self, offset: usize, bytes: usize) -> *mut u8 {
        let end = offset.checked_add(bytes).expect("offsets do not wrap");
        assert!(end <= self.bytes, "{offset}+{bytes} leaves a segment of {}", self.bytes);
        // SAFETY: offset + bytes lies within the mapping, as just checked.
        unsafe { self.base.add(offset) }
    }

    /// Writes one zero byte at `offset` of a segment that is not in use yet, to fault its page in.
    pub fn touch(&self, offset: usize) {
        // SAFETY: `at` checked the range; a volatile write of one byte keeps the segment all zero.
        unsafe { self.at(offset, 1).write_volatile(0) };
    }
}

//! Memory of this process alone that the kernel reads or writes for another one. Not a mechanism.
#![allow(unsafe_code)]

use std::io;

use memmap2::{MmapOptions, MmapRaw};

/// The largest a message may be.
pub(super) const BYTES_MAX: usize = 1 << 30;

/// A private mapping at an address that another process may be told.
pub(super) struct Area {
    map: MmapRaw,
}

impl Area {
    /// Of `bytes` zero bytes, all of them present: the kernel would have to bring them in page by page, for a copy that is
    /// not the owner's own.
    pub(super) fn new(bytes: usize) -> io::Result<Self> {
        let map = MmapOptions::new().len(bytes.max(1)).populate().map_anon()?;
        Ok(Self { map: map.into() })
    }

    /// Where it begins, as the other process names it.
    pub(super) fn address(&self) -> usize {
        self.map.as_mut_ptr().expose_provenance()
    }

    /// Its first `len` bytes, to be written. Panics beyond its end.
    ///
    /// # Safety
    /// The other process does not have the kernel read or write them before the slice is gone.
    #[inline]
    pub(super) unsafe fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        assert!(len <= self.map.len());
        // SAFETY: mapped for as long as `self` lives, any bytes are valid, and nobody else uses them, by the contract.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr(), len) }
    }

    /// Its first `len` bytes. Panics beyond its end.
    ///
    /// # Safety
    /// The other process does not have the kernel write them before the slice is gone.
    #[inline]
    pub(super) unsafe fn bytes(&self, len: usize) -> &[u8] {
        assert!(len <= self.map.len());
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr(), len) }
    }
}

//! Anonymous shared memory: memfd_create(2), sealed against resizing so that no peer can truncate it (SIGBUS). It is
//! freed with its last descriptor and mapping.

use std::io;
use std::os::fd::OwnedFd;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

use super::Mapping;
use crate::address::{Address, Descriptor};

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    sized(MemfdFlags::empty(), bytes).map(shared_by_both)
}

/// Sealed memfd of `bytes`, of the kind that `flags` select.
pub(super) fn sized(flags: MemfdFlags, bytes: usize) -> io::Result<OwnedFd> {
    let fd = memfd_create("ipcmark", flags | MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&fd, bytes as u64)?;
    fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(fd)
}

/// Address of memory that both endpoints inherit by descriptor.
pub(super) fn shared_by_both(fd: OwnedFd) -> Address {
    let fd = Descriptor::new(fd);
    Address::Inherited { sender: vec![fd.clone()], receiver: vec![fd] }
}

/// Maps the whole file behind `fd`, whatever kind of memory it is.
pub(super) fn attach(fd: &Descriptor) -> io::Result<MmapRaw> {
    MmapOptions::new().map_raw(fd.number())
}

impl Mapping for MmapRaw {
    fn base(&self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn bytes(&self) -> usize {
        self.len()
    }
}

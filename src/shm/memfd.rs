//! Anonymous shared memory: memfd_create(2), sealed against resizing so that no peer can cut it short (SIGBUS).
//! Nothing to leak: it vanishes with its last descriptor and mapping.

use std::io;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

use super::Mapping;
use crate::address::{Address, Descriptor};

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    let fd = memfd_create("ipcmark", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&fd, bytes as u64)?;
    fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    let fd = Descriptor::new(fd);
    Ok(Address::Inherited { sender: vec![fd.clone()], receiver: vec![fd] })
}

pub(super) fn attach(fd: &Descriptor, bytes: usize) -> io::Result<MmapRaw> {
    let map = MmapOptions::new().map_raw(fd.number())?;
    if map.len() < bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the memfd is smaller than agreed"));
    }
    Ok(map)
}

impl Mapping for MmapRaw {
    fn base(&self) -> *mut u8 {
        self.as_mut_ptr()
    }

    fn bytes(&self) -> usize {
        self.len()
    }
}

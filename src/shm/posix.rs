//! POSIX shared memory by name, through the `shared_memory` crate: shm_open(3) below /dev/shm.
//! The name outlives a killed owner, so it is leased before it is made and removed once all have attached.

use std::io;
use std::path::Path;

use nix::unistd::{AccessFlags, access};
use shared_memory::{Shmem, ShmemConf, ShmemError};

use super::Mapping;
use crate::address::{Address, Name, NameKind, fresh_name};

const DEV_SHM: &str = "/dev/shm";

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    if let Some(why) = unavailable() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    // ftruncate succeeds on a full tmpfs and the first touch then ends in SIGBUS, so ask before.
    let room = nix::sys::statvfs::statvfs(DEV_SHM)?;
    let free = room.blocks_available() * room.fragment_size();
    // A round trip has two segments, and this one reserves nothing yet.
    if free < 2 * bytes as u64 {
        return Err(io::Error::new(
            io::ErrorKind::StorageFull,
            format!("{DEV_SHM} has {free} bytes free and two segments of {bytes} may be wanted; enlarge or empty it"),
        ));
    }
    let name = fresh_name(NameKind::PosixShm)?;
    let mut made = ShmemConf::new().os_id(format!("/{}", name.name)).size(bytes).create().map_err(|e| io_error(&e))?;
    // The name must outlive this mapping: workers open it by name and the harness removes it once they are ready.
    made.set_owner(false);
    Ok(Address::Named(name))
}

pub(super) fn attach(name: &Name) -> io::Result<Shmem> {
    ShmemConf::new().os_id(format!("/{}", name.name)).open().map_err(|e| io_error(&e))
}

pub(super) fn unavailable() -> Option<String> {
    if !Path::new(DEV_SHM).is_dir() {
        return Some(format!("{DEV_SHM} does not exist; mount a tmpfs there"));
    }
    let refused = access(DEV_SHM, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
    Some(format!("{DEV_SHM} cannot be written: {}", refused.desc()))
}

fn io_error(error: &ShmemError) -> io::Error {
    match *error {
        ShmemError::MapCreateFailed(code) | ShmemError::MapOpenFailed(code) | ShmemError::UnknownOsError(code) => {
            let system = io::Error::from_raw_os_error(code.cast_signed());
            io::Error::new(system.kind(), format!("POSIX shared memory: {system}"))
        }
        _ => io::Error::other(format!("POSIX shared memory: {error}")),
    }
}

impl Mapping for Shmem {
    fn base(&self) -> *mut u8 {
        self.as_ptr()
    }

    fn bytes(&self) -> usize {
        self.len()
    }
}

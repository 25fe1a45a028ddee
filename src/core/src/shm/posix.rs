//! POSIX shared memory by name, through the `shared_memory` crate: shm_open(3) below /dev/shm. The name outlives a
//! killed owner, so it is leased before it is created, and removed once all workers have attached.

use std::io;

use shared_memory::{Shmem, ShmemConf, ShmemError};

use super::{Mapping, dev_shm};
use crate::address::{Address, Name, NameKind, fresh_name};

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    if let Some(why) = dev_shm::unavailable() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    dev_shm::room_for(bytes)?;
    let name = fresh_name(NameKind::PosixShm)?;
    let mut made = ShmemConf::new().os_id(format!("/{}", name.name)).size(bytes).create().map_err(|e| io_error(&e))?;
    // The name must outlive this mapping: workers open it by name, and the harness removes it once they are ready.
    made.set_owner(false);
    Ok(Address::Named(name))
}

pub(super) fn attach(name: &Name) -> io::Result<Shmem> {
    ShmemConf::new().os_id(format!("/{}", name.name)).open().map_err(|e| io_error(&e))
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

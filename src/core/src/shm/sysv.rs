//! System V shared memory: found by a key, attached with shmat(2). The key outlives a killed owner, so it is leased
//! before the segment is created, and marked for removal once all workers have attached; the memory is freed with the
//! last of them. Its limits are separate from the space in /dev/shm. Source: see [`crate::sysv_shm`].

use std::fs;
use std::io;

use super::Mapping;
use crate::address::{Address, Name, NameKind, fresh_name, sysv_key};
use crate::sysv_shm::{self, Attached, Key};

/// Key for a test whether the kernel supports the calls; a segment with it is not touched.
const PROBE: Key = Key::MAX;

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    if let Some(why) = unavailable() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    let name = fresh_name(NameKind::SysvShm)?;
    sysv_shm::create(key(&name)?, bytes).map_err(|error| refused(&error, bytes))?;
    Ok(Address::Named(name))
}

pub(super) fn attach(name: &Name) -> io::Result<Attached> {
    sysv_shm::attach(key(name)?).map_err(|e| io::Error::new(e.kind(), format!("System V shared memory: {e}")))
}

pub(super) fn unavailable() -> Option<String> {
    let why = sysv_shm::exists(PROBE).err()?;
    Some(format!("System V shared memory is unavailable: {why}; see CONFIG_SYSVIPC, or the container's seccomp filter"))
}

fn key(name: &Name) -> io::Result<Key> {
    let why = || io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` does not end in a key", name.name));
    sysv_key(&name.name).ok_or_else(why)
}

/// Adds the relevant limits to an error, which alone does not name them.
fn refused(error: &io::Error, bytes: usize) -> io::Error {
    let limit = |name: &str| {
        let value = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        format!("kernel.{name} is {}", value.trim())
    };
    let why = match error.raw_os_error() {
        Some(libc::EINVAL) => format!("; {}", limit("shmmax")),
        Some(libc::ENOSPC) => format!("; {} and {} (pages in all)", limit("shmmni"), limit("shmall")),
        _ => String::new(),
    };
    io::Error::new(error.kind(), format!("a System V segment of {bytes} bytes: {error}{why}"))
}

impl Mapping for Attached {
    fn base(&self) -> *mut u8 {
        Self::base(self)
    }

    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
}

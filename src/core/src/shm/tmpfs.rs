//! Unnamed file on tmpfs: open(2) with O_TMPFILE in /dev/shm, inherited. The same memory as POSIX shared memory, but
//! without a name that could be left behind. It has no seals, so any process with the descriptor may truncate it.

use std::io;

use rustix::fs::{Mode, OFlags, ftruncate, open};

use super::{dev_shm, memfd};
use crate::address::Address;

pub(super) fn create(bytes: usize) -> io::Result<Address> {
    if let Some(why) = unavailable() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    dev_shm::room_for(bytes)?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = open(dev_shm::DEV_SHM, flags, Mode::RUSR | Mode::WUSR)?;
    ftruncate(&file, bytes as u64)?;
    Ok(memfd::shared_by_both(file))
}

pub(super) fn unavailable() -> Option<String> {
    dev_shm::unavailable().or_else(dev_shm::no_tmpfs)
}

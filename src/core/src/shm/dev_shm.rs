//! Checks common to the substrates below /dev/shm: whether it exists and has space. Not a substrate.

use std::io;
use std::path::Path;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

/// Where POSIX shared memory lives: shm_overview(7).
pub(super) const DEV_SHM: &str = "/dev/shm";

/// Reason why nothing can be created there.
pub(super) fn unavailable() -> Option<String> {
    if !Path::new(DEV_SHM).is_dir() {
        return Some(format!("{DEV_SHM} does not exist; mount a tmpfs there"));
    }
    let refused = access(DEV_SHM, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
    Some(format!("{DEV_SHM} cannot be written: {}", refused.desc()))
}

/// Reason why a file there would not be in memory.
pub(super) fn no_tmpfs() -> Option<String> {
    match statfs(DEV_SHM) {
        Ok(found) if found.filesystem_type() == TMPFS_MAGIC => None,
        Ok(_) => Some(format!("{DEV_SHM} is no tmpfs; mount one there")),
        Err(why) => Some(format!("{DEV_SHM} cannot be looked at: {}", why.desc())),
    }
}

/// Checks that a file of `bytes` will find its pages. Sizing a file allocates none, and the first touch of a page that
/// a full tmpfs cannot provide raises SIGBUS.
///
/// Errors: `StorageFull` with both figures.
pub(super) fn room_for(bytes: usize) -> io::Result<()> {
    let room = statvfs(DEV_SHM)?;
    let free = room.blocks_available() * room.fragment_size();
    // A round trip has two segments, and the first has taken nothing yet.
    if free < 2 * bytes as u64 {
        return Err(io::Error::new(
            io::ErrorKind::StorageFull,
            format!("{DEV_SHM} has {free} bytes free, but two segments of {bytes} may be needed; enlarge or empty it"),
        ));
    }
    Ok(())
}

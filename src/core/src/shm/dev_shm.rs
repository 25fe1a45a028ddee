//! What the substrates below /dev/shm share: is it there, and does it have room? Not a substrate.

use std::io;
use std::path::Path;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

/// Where POSIX shared memory lives: shm_overview(7).
pub(super) const DEV_SHM: &str = "/dev/shm";

/// Why nothing can be made there.
pub(super) fn unavailable() -> Option<String> {
    if !Path::new(DEV_SHM).is_dir() {
        return Some(format!("{DEV_SHM} does not exist; mount a tmpfs there"));
    }
    let refused = access(DEV_SHM, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
    Some(format!("{DEV_SHM} cannot be written: {}", refused.desc()))
}

/// Why a file there would not be memory.
pub(super) fn no_tmpfs() -> Option<String> {
    match statfs(DEV_SHM) {
        Ok(found) if found.filesystem_type() == TMPFS_MAGIC => None,
        Ok(_) => Some(format!("{DEV_SHM} is no tmpfs; mount one there")),
        Err(why) => Some(format!("{DEV_SHM} cannot be looked at: {}", why.desc())),
    }
}

/// Whether a file of `bytes` will find its pages. A file takes none when it is sized, and the first touch of a page that
/// a full tmpfs cannot give ends in SIGBUS, so this is asked before.
///
/// Errors: `StorageFull` with both figures.
pub(super) fn room_for(bytes: usize) -> io::Result<()> {
    let room = statvfs(DEV_SHM)?;
    let free = room.blocks_available() * room.fragment_size();
    // A round trip has two segments, and the first has taken nothing yet.
    if free < 2 * bytes as u64 {
        return Err(io::Error::new(
            io::ErrorKind::StorageFull,
            format!("{DEV_SHM} has {free} bytes free and two segments of {bytes} may be wanted; enlarge or empty it"),
        ));
    }
    Ok(())
}

//! Capacity of a pipe, set and verified: the kernel rounds up, and may give less to a user with many pipes. Source:
//! pipe(7), F_SETPIPE_SZ in fcntl(2).

use std::fs;
use std::io;
use std::os::fd::AsFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{SysconfVar, pipe2, sysconf};

/// Default capacity of a new pipe.
pub(in crate::transport) const DEFAULT: usize = 0;

/// Slots of a new pipe; each holds up to a page.
const DEFAULT_SLOTS: usize = 16;

/// File with the maximum capacity in bytes for a process without CAP_SYS_RESOURCE.
const LARGEST: &str = "/proc/sys/fs/pipe-max-size";

/// Resolves `asked` bytes; [`DEFAULT`] is this machine's default.
pub(super) fn bytes(asked: usize) -> usize {
    if asked == DEFAULT { DEFAULT_SLOTS * page_bytes() } else { asked }
}

/// Page size, which is the maximum of one slot of a pipe.
pub(super) fn page_bytes() -> usize {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    page.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(4096)
}

/// Reason why this machine has no pipe of exactly `asked` bytes, found with a temporary pipe.
pub(super) fn unavailable(asked: usize) -> Option<String> {
    let trial = pipe2(OFlag::O_CLOEXEC).map_err(io::Error::from).and_then(|(_read, write)| set(&write, asked));
    trial.err().map(|e| e.to_string())
}

/// Sets the capacity of a pipe.
///
/// Errors: the kernel refused, or set another capacity; the message names the likely limit.
pub(super) fn set(pipe: impl AsFd, asked: usize) -> io::Result<()> {
    let wanted = bytes(asked);
    if asked != DEFAULT {
        let argument = i32::try_from(wanted).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(argument)).map_err(|errno| refused(wanted, &errno.to_string()))?;
    }
    let given = usize::try_from(fcntl(&pipe, FcntlArg::F_GETPIPE_SZ)?).unwrap_or(0);
    if given == wanted { Ok(()) } else { Err(refused(wanted, &format!("the kernel gave {given}"))) }
}

fn refused(wanted: usize, why: &str) -> io::Error {
    let limit = fs::read_to_string(LARGEST).unwrap_or_default();
    io::Error::other(format!(
        "a pipe cannot hold {wanted} bytes here: {why}; its limit is {} ({LARGEST}), and pipe-user-pages-soft limits all \
         pipes of a user",
        limit.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel rounds up to a power of two pages, so no pipe holds exactly 5000 bytes.
    #[test]
    fn a_capacity_that_the_kernel_rounds_is_refused_with_the_limit() {
        let why = unavailable(5000).expect("no pipe holds 5000 bytes");
        assert!(why.contains("5000") && why.contains(LARGEST), "{why}");
        assert_eq!(unavailable(page_bytes()), None);
        assert_eq!(unavailable(DEFAULT), None);
    }
}

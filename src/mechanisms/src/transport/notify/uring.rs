//! io_uring instance for single calls, used by both io_uring rows. Source: io_uring(7), io_uring_enter(2).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, Probe, squeue};
use nix::errno::Errno;

use crate::transport::slice::SLICE;

/// Submission queue entries; at most one call is queued.
const CALLS: u32 = 2;
/// Completion queue entries. The kernel keeps further results in a list.
const RESULTS: u32 = 4096;

/// Ring of this process.
pub(super) struct Ring(IoUring);

impl Ring {
    /// Errors: ENOSYS or EPERM if the system provides no rings; ENOMEM above `RLIMIT_MEMLOCK` on old kernels.
    pub(super) fn new() -> io::Result<Self> {
        IoUring::builder().setup_cqsize(RESULTS).build(CALLS).map(Self)
    }

    /// File descriptor of the ring.
    pub(super) fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Queues a call for the next submission.
    ///
    /// # Safety
    /// Memory that the call points to stays valid until its result has been taken or the ring is dropped.
    pub(super) unsafe fn push(&mut self, call: &squeue::Entry) -> io::Result<()> {
        // SAFETY: by this function's contract.
        unsafe { self.0.submission().push(call) }.map_err(io::Error::other)
    }

    /// Submits queued calls. Returns after a result, at the end of the time slice, or when interrupted.
    #[inline]
    pub(super) fn enter(&self) -> io::Result<()> {
        let slice = Timespec::from(SLICE);
        match self.0.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&slice)) {
            Ok(_) => Ok(()),
            Err(over) if over.raw_os_error() == Some(libc::ETIME) => Ok(()),
            Err(stopped) if stopped.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Takes the oldest result, if any.
    #[inline]
    pub(super) fn result(&mut self) -> Option<Result<i32, Errno>> {
        let result = self.0.completion().next()?.result();
        Some(if result < 0 { Err(Errno::from_raw(-result)) } else { Ok(result) })
    }
}

/// Reason why io_uring cannot make the call `code`, named `name`.
pub(super) fn unavailable(code: u8, name: &str) -> Option<String> {
    let ring = match Ring::new() {
        Ok(ring) => ring,
        Err(refused) if refused.raw_os_error() == Some(libc::ENOSYS) => {
            return Some("this kernel has no io_uring".to_owned());
        }
        Err(refused) => {
            let setting = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
            let setting = if setting.is_empty() { "unknown" } else { setting.trim() };
            return Some(format!("io_uring is refused: {refused}; kernel.io_uring_disabled is {setting}"));
        }
    };
    let mut probe = Probe::new();
    if let Err(refused) = ring.0.submitter().register_probe(&mut probe) {
        return Some(format!("io_uring does not report its supported calls: {refused}"));
    }
    (!probe.is_supported(code)).then(|| format!("this kernel's io_uring does not support {name}"))
}

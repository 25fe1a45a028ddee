//! System V shared memory: the four system calls, which nix and rustix lack. A segment is identified by a key, and
//! exists until it is marked for removal and its last attachment is gone. Source: shmget(2), shmop(2), shmctl(2).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroI32;
use std::ptr::{self, NonNull};

/// Key of a segment. Never 0, which is `IPC_PRIVATE` and would create a segment instead of finding one.
pub type Key = NonZeroI32;

/// Readable and writable for this user only.
const MODE: c_int = 0o600;

/// Creates a segment of `bytes` zero bytes without attachments.
///
/// Errors: `AlreadyExists` if the key is taken; those of shmget(2), among them `ENOSPC` and `EINVAL` for its limits.
pub fn create(key: Key, bytes: usize) -> io::Result<()> {
    get(key, bytes, libc::IPC_CREAT | libc::IPC_EXCL | MODE).map(drop)
}

/// Maps the segment of `key`.
///
/// Errors: `NotFound` if there is none; those of shmat(2).
pub fn attach(key: Key) -> io::Result<Attached> {
    let id = get(key, 0, MODE)?;
    // SAFETY: the kernel chooses a free address range, so no existing mapping is replaced.
    let base = unsafe { libc::shmat(id, ptr::null(), 0) };
    // shmat(2) returns the address -1 on failure.
    if base.addr() == usize::MAX {
        return Err(io::Error::last_os_error());
    }
    let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("shmat(2) gave the null address"))?;
    // From here on the value owns the mapping, whatever the next call returns.
    let mut attached = Attached { base, bytes: 0 };
    attached.bytes = size(id)?;
    Ok(attached)
}

/// Marks the segment of `key` for removal: the key is free at once, the memory after the last detach.
///
/// Errors: `NotFound` if there is none.
pub fn remove(key: Key) -> io::Result<()> {
    let id = get(key, 0, 0)?;
    // SAFETY: IPC_RMID reads no buffer.
    succeeded(unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) }).map(drop)
}

/// True if a segment has this key.
///
/// Errors: the kernel refuses the call, because it was built without System V objects or a filter forbids it.
pub fn exists(key: Key) -> io::Result<bool> {
    match get(key, 0, 0) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT) => Ok(false),
            // A segment of another user, which this process may not open.
            Some(libc::EACCES) => Ok(true),
            _ => Err(error),
        },
    }
}

fn get(key: Key, bytes: usize, flags: c_int) -> io::Result<c_int> {
    // SAFETY: all arguments and the result are plain numbers.
    succeeded(unsafe { libc::shmget(key.get(), bytes, flags) })
}

fn size(id: c_int) -> io::Result<usize> {
    let mut status = MaybeUninit::<libc::shmid_ds>::uninit();
    // SAFETY: IPC_STAT writes one shmid_ds, for which there is space.
    succeeded(unsafe { libc::shmctl(id, libc::IPC_STAT, status.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it is initialised.
    Ok(unsafe { status.assume_init() }.shm_segsz)
}

fn succeeded(result: c_int) -> io::Result<c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Attached segment, detached on drop.
#[derive(Debug)]
pub struct Attached {
    base: NonNull<u8>,
    bytes: usize,
}

impl Attached {
    /// Start address, on a page boundary.
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: shmat returned this address, and this value detaches it once.
        unsafe { libc::shmdt(self.base.as_ptr().cast()) };
    }
}

//! System V shared memory: the four calls, which none of our wrapper crates has. A segment is found by a number, its key,
//! and lives until it is marked for removal and its last attachment is gone. Source: shmget(2), shmop(2), shmctl(2).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroI32;
use std::ptr::{self, NonNull};

/// What a segment is found by. Never 0, which is `IPC_PRIVATE` and would make a segment instead of finding one.
pub type Key = NonZeroI32;

/// Read and write, for this user only.
const MODE: c_int = 0o600;

/// Creates a segment of `bytes` zero bytes without attachments.
///
/// Errors: `AlreadyExists` when the key is taken; whatever shmget(2) says, `ENOSPC` and `EINVAL` for its limits among it.
pub fn create(key: Key, bytes: usize) -> io::Result<()> {
    get(key, bytes, libc::IPC_CREAT | libc::IPC_EXCL | MODE).map(drop)
}

/// Maps the segment behind `key`.
///
/// Errors: `NotFound` when there is none; whatever shmat(2) says.
pub fn attach(key: Key) -> io::Result<Attached> {
    let id = get(key, 0, MODE)?;
    // SAFETY: the kernel chooses a free address range, so no memory of ours is replaced.
    let base = unsafe { libc::shmat(id, ptr::null(), 0) };
    // Failure is the address -1.
    if base.addr() == usize::MAX {
        return Err(io::Error::last_os_error());
    }
    let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::other("shmat(2) gave the null address"))?;
    // The value owns the mapping from here on, whatever the next call says.
    let mut attached = Attached { base, bytes: 0 };
    attached.bytes = size(id)?;
    Ok(attached)
}

/// Marks the segment of `key` for removal: the key is free at once, the memory after the last detach.
///
/// Errors: `NotFound` when there is none.
pub fn remove(key: Key) -> io::Result<()> {
    let id = get(key, 0, 0)?;
    // SAFETY: IPC_RMID reads no buffer.
    succeeded(unsafe { libc::shmctl(id, libc::IPC_RMID, ptr::null_mut()) }).map(drop)
}

/// Whether a segment has this key.
///
/// Errors: the kernel does not answer, as where it was built without System V objects or a filter forbids the call.
pub fn exists(key: Key) -> io::Result<bool> {
    match get(key, 0, 0) {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT) => Ok(false),
            // A segment of another user, which we may not open.
            Some(libc::EACCES) => Ok(true),
            _ => Err(error),
        },
    }
}

fn get(key: Key, bytes: usize, flags: c_int) -> io::Result<c_int> {
    // SAFETY: three numbers in, one out; no memory of ours is involved.
    succeeded(unsafe { libc::shmget(key.get(), bytes, flags) })
}

fn size(id: c_int) -> io::Result<usize> {
    let mut status = MaybeUninit::<libc::shmid_ds>::uninit();
    // SAFETY: IPC_STAT fills one shmid_ds, and there is room for one.
    succeeded(unsafe { libc::shmctl(id, libc::IPC_STAT, status.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so it was filled.
    Ok(unsafe { status.assume_init() }.shm_segsz)
}

fn succeeded(result: c_int) -> io::Result<c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// An attached segment; dropped, it is detached.
#[derive(Debug)]
pub struct Attached {
    base: NonNull<u8>,
    bytes: usize,
}

impl Attached {
    /// Where it begins: on a page.
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: shmat gave this address, and only this value detaches it, once.
        unsafe { libc::shmdt(self.base.as_ptr().cast()) };
    }
}

//! Locks on files: what shell scripts, package managers and mailers use. The kernel keeps them with the file, or the name of
//! the file is the lock.
//!
//! The file lies where the user's temporary files do and has no name, so that nothing is left of it; each holder opens it
//! anew. Locks of local file systems are all kept by the same code above them, so which one it is hardly matters here.

pub(super) mod fcntl_record;
pub(super) mod flock;
pub(super) mod lock_file;
pub(super) mod ofd;

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};

use super::Cost;
use crate::address::{Address, Descriptor, End};
use crate::record::Counts;

/// A file without a name, in the directory for temporary files; in memory where its file system cannot make one.
fn create() -> io::Result<Address> {
    let unnamed = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = open(env::temp_dir(), unnamed, Mode::RUSR | Mode::WUSR);
    let file: OwnedFd = file.or_else(|_| memfd_create("ipcmark-lock", MemfdFlags::CLOEXEC))?;
    Ok(Address::Inherited { sender: vec![Descriptor::new(file)], receiver: vec![] })
}

/// The file, opened anew: a duplicate would share its lock with all who have one. Source: proc_pid_fd(5).
fn opened_anew(address: &Address) -> io::Result<File> {
    let inherited = address.descriptor(End::Sender)?.number();
    File::options().read(true).write(true).open(format!("/proc/self/fd/{inherited}"))
}

/// A call to take it, a call to let it go, which also wakes who waits in his.
fn cost_of_two_calls() -> Cost {
    let call = Counts { system_calls: 1.0, ..Counts::default() };
    Cost {
        alone: Counts { system_calls: 2.0, ..Counts::default() },
        release: Counts { wakes: 1.0, ..call.clone() },
        acquire: Counts { context_switches: 1.0, ..call },
    }
}

//! Start of a worker process: in a process group of its own, with a parent-death signal and only its own descriptors.
#![allow(unsafe_code)]

use std::ffi::OsString;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ipcmark::address::Address;
use ipcmark::protocol::Order;
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal};

/// Command that starts a worker, before the arguments `worker <role>`.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// A path, or a name to find in PATH.
    pub(crate) file: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Its name in `ps`. `None` for interpreters, which need the real name to find their library.
    pub(crate) shown_as: Option<&'static str>,
}

impl Program {
    /// The program that contains the mechanisms.
    pub(crate) fn own(file: &Path) -> Self {
        Self { file: file.to_owned(), arguments: vec![], shown_as: Some("ipcmark") }
    }
}

/// Starts `program worker <role>` with its three streams piped.
///
/// The parent-death signal is tied to the calling *thread*, which must outlive the worker. The worker inherits only the
/// descriptors named in the order.
pub(super) fn start(program: &Program, order: &Order, home: &Path) -> io::Result<Child> {
    let inherited = descriptors(order);
    let harness = rustix::process::getpid();
    let mut command = Command::new(&program.file);
    if let Some(name) = program.shown_as {
        command.arg0(name);
    }
    command.args(&program.arguments).arg("worker").arg(order.role.word()).env("TMPDIR", home).process_group(0);
    // A backtrace would push the reason out of the end of the log.
    command.env("RUST_BACKTRACE", "0").env_remove("RUST_LIB_BACKTRACE");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: runs between fork and exec, where `prepare` makes bare system calls only: it allocates nothing and takes
    // no lock. The vector was built before the fork.
    unsafe { command.pre_exec(move || prepare(harness, &inherited)) };
    command.spawn()
}

/// Marks all descriptors but the three streams close-on-exec, including those that our caller left open. Safe between fork
/// and exec: it makes one system call.
pub(crate) fn close_all_on_exec() {
    // Fails before Linux 5.11; our own descriptors are marked in any case.
    // SAFETY: the call takes three numbers and only sets flags of descriptors.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Makes the child die with the calling thread, and inherit its three streams only.
pub(crate) fn die_with_caller(command: &mut Command) {
    let caller = rustix::process::getpid();
    // SAFETY: runs between fork and exec, where `prepare` makes bare system calls only: it allocates nothing and takes
    // no lock.
    unsafe { command.pre_exec(move || prepare(caller, &[])) };
}

fn prepare(harness: Pid, inherited: &[RawFd]) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // If the harness died before the line above, no signal will be sent.
    if rustix::process::getppid() != Some(harness) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    close_all_on_exec();
    for &number in inherited {
        // SAFETY: the order's `Descriptor`s, alive in the parent until this spawn returns, hold these numbers open,
        // and a fork copies them.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    Ok(())
}

/// Numbers of all descriptors in an order.
fn descriptors(order: &Order) -> Vec<RawFd> {
    let linked = order.links.iter().flat_map(|link| match &link.address {
        Address::Inherited { sender, receiver } => [sender.as_slice(), receiver.as_slice()].concat(),
        Address::Named(_) | Address::Offered | Address::Here(_) => vec![],
    });
    linked.chain([order.control.clone()]).map(|descriptor| descriptor.number()).collect()
}

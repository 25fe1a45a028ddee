//! How a worker process comes to be: in a process group of its own, dying with us, holding its own descriptors only.
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

/// What a worker is started from, before the words `worker <role>`.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// A path, or a name that is looked for in PATH.
    pub(crate) file: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// Its name in `ps`, where that is ours to choose: an interpreter finds its library by it.
    pub(crate) shown_as: Option<&'static str>,
}

impl Program {
    /// The one that holds all mechanisms.
    pub(crate) fn own(file: &Path) -> Self {
        Self { file: file.to_owned(), arguments: vec![], shown_as: Some("ipcmark") }
    }
}

/// Starts `program worker <role>` with its three streams piped.
///
/// The parent-death signal follows the calling *thread*, which must outlive the worker. Every descriptor not named by the
/// order stays behind.
pub(super) fn start(program: &Program, order: &Order, home: &Path) -> io::Result<Child> {
    let inherited = descriptors(order);
    let harness = rustix::process::getpid();
    let mut command = Command::new(&program.file);
    if let Some(name) = program.shown_as {
        command.arg0(name);
    }
    command.args(&program.arguments).arg("worker").arg(&order.role).env("TMPDIR", home).process_group(0);
    // A backtrace would push the reason out of a worker's last words.
    command.env("RUST_BACKTRACE", "0").env_remove("RUST_LIB_BACKTRACE");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: runs between fork and exec, where `prepare` makes bare system calls only: it allocates nothing and takes
    // no lock. The vector was built before the fork.
    unsafe { command.pre_exec(move || prepare(harness, &inherited)) };
    command.spawn()
}

/// Marks everything but the three streams close-on-exec, what our own caller left open included. For use between fork and
/// exec: it makes one system call.
pub(crate) fn leave_all_behind() {
    // A kernel before 5.11 refuses; our own descriptors are marked in any case.
    // SAFETY: the call takes three numbers and only repetitions flags of descriptors.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

fn prepare(harness: Pid, inherited: &[RawFd]) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // A harness that died before the line above sends no signal any more.
    if rustix::process::getppid() != Some(harness) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    leave_all_behind();
    for &number in inherited {
        // SAFETY: the order's `Descriptor`s, alive in the parent until this spawn returns, hold these numbers open,
        // and a fork copies them.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    Ok(())
}

/// Numbers of all descriptors an order names.
fn descriptors(order: &Order) -> Vec<RawFd> {
    let linked = order.links.iter().flat_map(|link| match &link.address {
        Address::Inherited { sender, receiver } => [sender.as_slice(), receiver.as_slice()].concat(),
        Address::Named(_) | Address::Offered | Address::Here(_) => vec![],
    });
    linked.chain([order.control.clone()]).map(|descriptor| descriptor.number()).collect()
}

//! The janitor: a small process that removes what a killed harness leaves behind.
//!
//! It starts before anything else is created, in a session of its own so that Ctrl-C does not reach it, and sleeps on a
//! pipe whose other end only the harness has open. End of file means that the harness has ended.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lease;
use crate::supervise::close_all_on_exec;

/// The hidden first argument.
const JANITOR: &str = "janitor";

/// The harness's side of the pipe. Dropped after the lease, when nothing is left to remove.
#[derive(Debug)]
pub struct Janitor(Child);

impl Janitor {
    /// Starts `program` as the janitor of `lease`.
    pub fn start(program: &Path, lease: &Path) -> io::Result<Self> {
        apart(program, JANITOR, lease).current_dir("/").spawn().map(Self)
    }
}

/// Command that starts `program` with two arguments in a session of its own, with a pipe as stdin.
pub(crate) fn apart(program: &Path, verb: &str, place: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg0("ipcmark").arg(verb).arg(place);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let prepare = || {
        // Our caller waits for end of file on its pipes, so they must not stay open here.
        close_all_on_exec();
        rustix::process::setsid().map(drop).map_err(io::Error::from)
    };
    // SAFETY: runs between fork and exec; two bare system calls that touch no memory and take no lock.
    unsafe { command.pre_exec(prepare) };
    command
}

impl Drop for Janitor {
    fn drop(&mut self) {
        // Killed, because a stopped janitor would never see end of file.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the janitor and exits if this process was started as one. Called first in `main`.
pub fn run_if_janitor() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(JANITOR)) {
        return;
    }
    let Some(path) = arguments.next() else { return };
    // An error is handled like end of file.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    lease::clear_once_dead(Path::new(&path));
    std::process::exit(0)
}

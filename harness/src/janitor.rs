//! The janitor: a small process that outlives a harness killed without warning, and removes what it left.
//!
//! It is started before anything else is made, in a session of its own so that Ctrl-C at the terminal passes it by, and
//! sleeps on a pipe whose other end only the harness holds. End of file there means that the harness is gone.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::lease;
use crate::supervise::leave_all_behind;

/// The hidden first argument.
const JANITOR: &str = "janitor";

/// The harness's side: holds the pipe. Dropped once the lease is gone, so there is nothing left to remove.
#[derive(Debug)]
pub struct Janitor(Child);

impl Janitor {
    /// Starts `program` as the janitor of `lease`.
    pub fn start(program: &Path, lease: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg0("ipcmark").arg(JANITOR).arg(lease).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let prepare = || {
            // A pipe of our caller's that stayed open here would look to it as if the run were not over.
            leave_all_behind();
            rustix::process::setsid().map(drop).map_err(io::Error::from)
        };
        // SAFETY: runs between fork and exec; two bare system calls that touch no memory and take no lock.
        unsafe { command.pre_exec(prepare) };
        command.spawn().map(Self)
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        // Not by end of file: a stopped janitor would never see it, and the harness would wait for ever.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Plays the janitor and exits, when that is what this process was started for. The first thing `main` does.
pub fn run_if_janitor() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(JANITOR)) {
        return;
    }
    let Some(path) = arguments.next() else { return };
    // An error ends the wait like the end of file would: the harness cannot be heard any more.
    let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
    lease::clear_once_dead(Path::new(&path));
    std::process::exit(0)
}

//! Child process, forked without exec, that runs a closure and exits. It dies with its parent, and is killed and reaped
//! when its handle is dropped.
#![allow(unsafe_code)]

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

/// Time for joined threads to disappear from /proc.
const LEAVING_MAX: Duration = Duration::from_secs(1);

/// Handle of a child process.
#[derive(Debug)]
pub struct Child {
    pid: Pid,
    /// Wait status, once the child was reaped.
    end: Option<WaitStatus>,
}

impl Child {
    /// Forks a process that runs `work` and exits.
    ///
    /// Errors: this process has more than one thread, so a fork could copy locked locks; those of fork(2).
    pub fn start(work: impl FnOnce()) -> io::Result<Self> {
        Self::start_with_status(|| {
            work();
            0
        })
    }

    /// Forks a process that runs `work` and exits with the status that it returns.
    ///
    /// Errors: those of [`start`](Self::start).
    pub fn start_with_status(work: impl FnOnce() -> u8) -> io::Result<Self> {
        require_one_thread()?;
        let parent = getpid();
        // SAFETY: the process has one thread, as was just counted, so no lock of the C library or of this program is
        // held by a thread that the child does not have.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Self { pid: child, end: None }),
            ForkResult::Child => run_child(parent, || {
                // The C library may abort a process that acquires a dead owner's lock; that needs no core dump.
                let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
                work()
            }),
        }
    }

    /// Process id, valid until the child is reaped.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// True if the child has ended.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        self.look(Some(WaitPidFlag::WNOHANG))?;
        Ok(self.end.is_some())
    }

    /// Kills the child and reaps it.
    pub fn kill(&mut self) -> io::Result<()> {
        if self.end.is_none() {
            // Not reaped yet, so the process id is still valid.
            kill(self.pid, Signal::SIGKILL)?;
        }
        self.collect()
    }

    /// Waits for the end of the child.
    pub fn collect(&mut self) -> io::Result<()> {
        while self.end.is_none() {
            self.look(None)?;
        }
        Ok(())
    }

    /// True if the child exited by itself with status 0.
    pub fn exited_successfully(&self) -> bool {
        matches!(self.end, Some(WaitStatus::Exited(_, 0)))
    }

    /// Description of how the child ended.
    pub fn describe_end(&self) -> String {
        match self.end {
            Some(WaitStatus::Signaled(_, signal, _)) => format!("it was killed by {signal}"),
            Some(WaitStatus::Exited(_, code)) => format!("it exited with status {code}"),
            _ => "it has not ended".to_owned(),
        }
    }

    fn look(&mut self, flags: Option<WaitPidFlag>) -> io::Result<()> {
        if self.end.is_none() {
            let status = retry_on_eintr(|| waitpid(self.pid, flags))?;
            // A stopped (traced) child has not ended.
            self.end = Some(status).filter(|it| matches!(it, WaitStatus::Exited(..) | WaitStatus::Signaled(..)));
        }
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Returns once this process has one thread. A joined thread stays listed until the kernel has removed it, so others
/// may take a second to disappear.
///
/// Errors: it still has more than one, so a fork could copy locked locks.
///
/// ```standalone_crate
/// for _ in 0..1_000 {
///     std::thread::spawn(|| ()).join().unwrap();
///     ipcmark_core::child::require_one_thread().unwrap();
/// }
/// ```
pub fn require_one_thread() -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match fs::read_dir("/proc/self/task")?.count() {
            1 => return Ok(()),
            threads if begun.elapsed() > LEAVING_MAX => {
                let why = format!("only a single-threaded process may fork, and this one has {threads} threads");
                return Err(io::Error::other(why));
            }
            _ => thread::yield_now(),
        }
    }
}

/// Runs a forked child of `parent`: it dies with the parent, runs `work`, and exits with the status that `work`
/// returns, or 1 if it panicked.
pub fn run_child(parent: Pid, work: impl FnOnce() -> u8) -> ! {
    let bound = prctl::set_pdeathsig(Signal::SIGKILL);
    // A parent that died before prctl sends no signal any more. A panic must not unwind into the copied stack frames of
    // the parent.
    let dies_with_it = bound.is_ok() && getppid() == parent;
    let status = if dies_with_it { panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(1) } else { 1 };
    // SAFETY: ends the process without running the parent's exit handlers: its stream buffers are copies here and would
    // be written twice.
    unsafe { libc::_exit(i32::from(status)) }
}

/// Repeats a call that a signal interrupted.
pub fn retry_on_eintr<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

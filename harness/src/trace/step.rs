//! The tracer: runs every thread of every worker from system call to system call, and counts those of the hot phase.
//!
//! Only the thread that attached may trace. It waits for each traced thread by its own id, so it never reaps another child of
//! the harness. Workers themselves are reaped by their supervisor.
#![allow(unsafe_code)]

use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::names::{Call, Calls};

/// Time limit for threads to stop for the first time, or to end once killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Interval between checks for that.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// Stops handled in one [`Tracer::step`], so that a worker that never stops calling cannot block the harness.
const STOPS_AT_ONCE: u32 = 1000;

/// Traced workers, in order of role.
#[derive(Debug)]
pub struct Tracer {
    workers: Vec<Traced>,
    /// Why counting cannot be trusted, if so.
    failure: Option<Errno>,
}

#[derive(Debug)]
struct Traced {
    leader: Pid,
    threads: Vec<Thread>,
    calls: Calls,
}

#[derive(Clone, Copy, Debug)]
struct Thread {
    id: Pid,
    /// It has been resumed in tracing mode.
    stepped: bool,
    /// The system call it is in, if that is to be counted.
    inside: Option<u64>,
}

/// The side of a call at which a thread stopped.
enum Side {
    /// About to make the call of this number.
    Entry(u64),
    /// Back from it, with this result: an error's number below zero.
    Exit(i64),
}

/// What a wait for one thread found.
enum Seen {
    Nothing,
    Gone,
    Call,
    Event(libc::c_int),
    Signal(libc::c_int),
}

impl Tracer {
    /// Attaches to all threads of the processes `pids`, unreaped children of this process, and resumes them in tracing mode.
    ///
    /// Errors: `PermissionDenied` where tracing is not allowed; `TimedOut` when a thread does not stop. The processes are
    /// then killed, because a partly traced process cannot continue.
    pub fn seize(pids: &[u32]) -> io::Result<Self> {
        let mut tracer = Self { workers: vec![], failure: None };
        let attached = tracer.attach(pids);
        if attached.is_err() {
            for &pid in pids {
                let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
            }
            tracer.wait_for_exits();
        }
        attached.map(|()| tracer)
    }

    fn attach(&mut self, pids: &[u32]) -> io::Result<()> {
        for &pid in pids {
            let leader = Pid::from_raw(pid.cast_signed());
            let mut worker = Traced { leader, threads: vec![], calls: Calls::new() };
            let seized = worker.seize_all();
            self.workers.push(worker);
            seized?;
        }
        let deadline = Instant::now() + PATIENCE;
        while self.workers.iter().any(|worker| worker.threads.iter().any(|thread| !thread.stepped)) {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "a traced thread does not stop"));
            }
            self.step(|| false);
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Handles all pending stops. A call entered while `hot` is counted when it returns.
    pub fn step(&mut self, hot: impl Fn() -> bool) {
        for _ in 0..STOPS_AT_ONCE {
            let mut idle = true;
            for worker in &mut self.workers {
                match worker.step(&hot) {
                    Ok(moved) => idle &= !moved,
                    // Killed while stopped: the next wait reports it.
                    Err(Errno::ESRCH) => {}
                    Err(e) => self.failure = self.failure.or(Some(e)),
                }
            }
            if idle {
                return;
            }
        }
    }

    /// Waits for the exit of all threads but the main ones after the workers were killed: a process cannot be reaped before
    /// its tracer has seen its threads exit.
    pub fn wait_for_exits(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        for worker in self.workers.drain(..) {
            // Listed anew each time: the newest threads may not have been announced.
            while Instant::now() < deadline {
                let others: Vec<_> = threads_of(worker.leader).into_iter().filter(|id| *id != worker.leader).collect();
                if others.is_empty() {
                    break;
                }
                for id in others {
                    let _ = wait_for(id, libc::WEXITED | libc::WNOHANG);
                }
                std::thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// Calls of each worker while hot.
    ///
    /// Errors: some calls could not be read.
    pub fn calls(&self) -> io::Result<Vec<Calls>> {
        match self.failure {
            Some(errno) => Err(errno.into()),
            None => Ok(self.workers.iter().map(|worker| worker.calls.clone()).collect()),
        }
    }
}

impl Traced {
    /// Attaches to every thread, including those started meanwhile by threads not yet attached to.
    fn seize_all(&mut self) -> io::Result<()> {
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
        loop {
            let known = self.threads.len();
            for id in threads_of(self.leader) {
                if self.threads.iter().any(|thread| thread.id == id) {
                    continue;
                }
                match ptrace::seize(id, options).and_then(|()| ptrace::interrupt(id)) {
                    Ok(()) => self.threads.push(Thread { id, stepped: false, inside: None }),
                    // Ended since the folder was read.
                    Err(Errno::ESRCH) => {}
                    Err(e) => return Err(e.into()),
                }
            }
            if self.threads.len() == known {
                return Ok(());
            }
        }
    }

    /// Handles at most one stop of each thread. True when there was any.
    fn step(&mut self, hot: &impl Fn() -> bool) -> Result<bool, Errno> {
        let mut moved = false;
        let mut at = 0;
        while at < self.threads.len() {
            let id = self.threads[at].id;
            let exits = if id == self.leader { 0 } else { libc::WEXITED };
            let mut deliver = 0;
            match wait_for(id, libc::WSTOPPED | libc::WNOHANG | exits)? {
                Seen::Nothing => {
                    at += 1;
                    continue;
                }
                Seen::Gone => {
                    self.threads.remove(at);
                    moved = true;
                    continue;
                }
                Seen::Call => {
                    let side = side_of_call(id)?;
                    let inside = &mut self.threads[at].inside;
                    match side {
                        Some(Side::Entry(number)) => *inside = hot().then_some(number),
                        // Counted when it returns, when its result is known.
                        Some(Side::Exit(result)) => {
                            if let Some(number) = inside.take() {
                                let in_vain = result == -i64::from(libc::EAGAIN);
                                *self.calls.entry(Call { number, in_vain }).or_default() += 1;
                            }
                        }
                        None => {}
                    }
                }
                Seen::Event(libc::PTRACE_EVENT_CLONE) => {
                    let number = ptrace::getevent(id)?;
                    let child = Pid::from_raw(libc::pid_t::try_from(number).map_err(|_| Errno::ERANGE)?);
                    self.threads.push(Thread { id: child, stepped: false, inside: None });
                }
                Seen::Event(_) => {}
                Seen::Signal(number) => deliver = number,
            }
            self.threads[at].stepped = true;
            go_on(id, deliver)?;
            moved = true;
            at += 1;
        }
        Ok(moved)
    }
}

/// All threads of a process, ended ones that were not waited for included; none when it is gone.
fn threads_of(process: Pid) -> Vec<Pid> {
    let found = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    found.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).map(Pid::from_raw).collect()
}

/// Lets a stopped thread run to its next call, handing it the signal it stopped for, if any.
fn go_on(id: Pid, signal: libc::c_int) -> Result<(), Errno> {
    let data = std::ptr::without_provenance_mut::<libc::c_void>(signal as usize);
    // SAFETY: PTRACE_SYSCALL reads no memory of ours; the address is ignored and the data is a signal's number.
    let done = unsafe { libc::ptrace(libc::PTRACE_SYSCALL, id.as_raw(), std::ptr::null_mut::<libc::c_void>(), data) };
    Errno::result(done).map(drop)
}

/// Which side of a call a thread has stopped at; nothing for a stop of another kind.
fn side_of_call(id: Pid) -> Result<Option<Side>, Errno> {
    /// The beginning of the kernel's `struct ptrace_syscall_info` (`linux/ptrace.h`), up to the number or the result.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        op: u8,
        padding: [u8; 3],
        arch: u32,
        instruction: u64,
        stack: u64,
        /// The number on entry; on exit the result.
        value: u64,
    }
    const GET_SYSCALL_INFO: libc::c_uint = 0x420e;
    const ENTRY: u8 = 1;
    const EXIT: u8 = 2;
    let mut info = Info::default();
    let size = std::ptr::without_provenance_mut::<libc::c_void>(size_of::<Info>());
    let target = (&raw mut info).cast::<libc::c_void>();
    // SAFETY: the kernel writes at most the `size` bytes that it is told, which `info` has; any bytes are valid in it.
    let done = unsafe { libc::ptrace(GET_SYSCALL_INFO as _, id.as_raw(), size, target) };
    Errno::result(done)?;
    Ok(match info.op {
        ENTRY => Some(Side::Entry(info.value)),
        EXIT => Some(Side::Exit(info.value.cast_signed())),
        _ => None,
    })
}

/// Waits for one traced thread.
fn wait_for(id: Pid, flags: libc::c_int) -> Result<Seen, Errno> {
    // SAFETY: zero bytes are a siginfo_t in which no child has a number.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is writable and lives through the call.
    let done = unsafe { libc::waitid(libc::P_PID, id.as_raw().cast_unsigned(), &raw mut info, flags | libc::__WALL) };
    match Errno::result(done) {
        // Not ours any more: it ended between two looks.
        Err(Errno::ECHILD) => return Ok(Seen::Gone),
        other => other?,
    };
    // SAFETY: waitid filled the fields of a SIGCHLD, or left them zero.
    let (child, status) = unsafe { (info.si_pid(), info.si_status()) };
    Ok(match info.si_code {
        _ if child == 0 => Seen::Nothing,
        libc::CLD_TRAPPED if status == libc::SIGTRAP | 0x80 => Seen::Call,
        libc::CLD_TRAPPED if status >> 8 != 0 => Seen::Event(status >> 8),
        libc::CLD_TRAPPED | libc::CLD_STOPPED => Seen::Signal(status),
        _ => Seen::Gone,
    })
}

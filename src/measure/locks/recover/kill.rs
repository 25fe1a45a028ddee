//! One kill of a process that uses a fresh lock. Forked children of the driver attach to the lock as separate programs
//! would. ptrace(2) stops a process between its release and its wake-up call.

use std::io;

use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::lines::{Line, Lines, ROLES, Role};
use super::process::Process;
use super::{Aftermath, Claim};
use crate::address::Address;
use crate::child::{Child, retry_on_eintr};
use crate::lock::erased::AnyLock;
use crate::lock::{ContenderId, Handle};
use crate::measure::{MeasureError, invalid};
use crate::record::KillPoint;
use crate::{clock, pin, wait};

/// Behaviour of a process in its critical section.
#[derive(Clone, Copy)]
enum InCriticalSection {
    /// Releases the lock at once.
    Brief,
    /// Spins until the driver signals it, without a system call.
    Busy,
    /// Sleeps until the driver signals it, and stamps the release.
    Asleep,
}

/// Fresh lock with the shared lines of its processes.
struct Kill<'a> {
    lock: &'a AnyLock,
    address: Address,
    lines: Lines,
    cpus: &'a [u32],
}

/// Kills one process and reports the next owner. The victim runs on the first of `cpus` and the waiter on the second,
/// if given.
///
/// Errors: `Invalid` if two processes owned the lock at once.
pub(super) fn run(lock: &AnyLock, kill_point: KillPoint, cpus: &[u32]) -> Result<Aftermath, MeasureError> {
    let kill = Kill { lock, address: lock.create(ROLES)?, lines: Lines::create()?, cpus };
    match kill_point {
        KillPoint::Holding => kill.holding(),
        KillPoint::Waiting => kill.waiting(),
        KillPoint::Releasing => kill.releasing(),
    }
}

impl Drop for Kill<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.address.clone().release() {
            name.remove();
        }
    }
}

impl Kill<'_> {
    /// Kills the owner in its critical section while another process waits.
    fn holding(&self) -> Result<Aftermath, MeasureError> {
        let mut victim = self.start(Role::Victim, InCriticalSection::Busy)?;
        victim.wait_until_owner()?;
        let mut waiter = self.start(Role::Waiter, InCriticalSection::Brief)?;
        waiter.wait_until_waiting(false)?;
        let killed_ns = clock::now_ns();
        victim.kill()?;
        self.aftermath(waiter, killed_ns, killed_ns)
    }

    /// Kills a waiter that has another one behind it, then makes the owner release. With some locks the release blocks
    /// until the dead waiter responds, so the driver does not wait for its end.
    fn waiting(&self) -> Result<Aftermath, MeasureError> {
        let mut owner = self.start(Role::Owner, InCriticalSection::Asleep)?;
        owner.wait_until_owner()?;
        let mut victim = self.start(Role::Victim, InCriticalSection::Brief)?;
        victim.wait_until_waiting(false)?;
        let mut waiter = self.start(Role::Waiter, InCriticalSection::Brief)?;
        waiter.wait_until_waiting(false)?;
        victim.kill()?;
        let released_ns = owner.release()?;
        self.aftermath(waiter, released_ns, released_ns)
    }

    /// Kills the owner after the release, before the system call that would wake the waiter.
    fn releasing(&self) -> Result<Aftermath, MeasureError> {
        let mut victim = self.start(Role::Victim, InCriticalSection::Busy)?;
        victim.wait_until_owner()?;
        let mut waiter = self.start(Role::Waiter, InCriticalSection::Brief)?;
        waiter.wait_until_waiting(true)?;
        let free_ns = clock::now_ns();
        run_to_next_call(victim.pid(), || victim.line.go())?;
        if !victim.is_owner() {
            return Err(io::Error::other("the lock was released without a system call although a waiter slept").into());
        }
        let killed_ns = clock::now_ns();
        victim.kill()?;
        self.aftermath(waiter, killed_ns, free_ns)
    }

    /// Reports the next owner: the waiter, a latecomer, or none. The delay counts from `since_ns`; an acquisition
    /// before `free_ns` is a violation.
    fn aftermath(&self, waiter: Process<'_>, since_ns: u64, free_ns: u64) -> Result<Aftermath, MeasureError> {
        let line = waiter.line;
        let waiter = waiter.claim(Some(since_ns))?;
        if matches!(waiter, Claim::Acquired { .. }) {
            return match line.acquired_ns() {
                acquired_ns if acquired_ns < free_ns => invalid("two processes had the lock at once"),
                _ => Ok(Aftermath { waiter, latecomer: None }),
            };
        }
        let latecomer = self.start(Role::Latecomer, InCriticalSection::Brief)?.claim(None)?;
        Ok(Aftermath { waiter, latecomer: Some(latecomer) })
    }

    /// Starts a process that acquires the lock.
    fn start(&self, role: Role, section: InCriticalSection) -> io::Result<Process<'_>> {
        let line = self.lines.line(role);
        let place = match role {
            Role::Victim | Role::Owner => 0,
            Role::Waiter | Role::Latecomer => 1,
        };
        let cpu = self.cpus.get(place).or(self.cpus.last()).copied();
        let child = Child::start(|| {
            if let Err(error) = self.child(role, cpu, section, line) {
                line.set_failed(&error);
            }
        })?;
        Ok(Process { role, line, child })
    }

    /// Runs in the child: attaches, acquires the lock once, and reports each step.
    fn child(&self, role: Role, cpu: Option<u32>, section: InCriticalSection, line: &Line) -> io::Result<()> {
        wait::sleep_until_woken();
        cpu.map_or(Ok(()), pin::pin_this_thread)?;
        let mut holder = self.lock.attach(&self.address, ContenderId { index: role.index(), contenders: ROLES })?;
        line.set_waiting();
        holder.with_lock(|acquired| {
            line.set_owner(acquired);
            match section {
                InCriticalSection::Brief => Ok(()),
                InCriticalSection::Busy => {
                    line.spin_until_go();
                    Ok(())
                }
                InCriticalSection::Asleep => line.sleep_until_go().inspect(|()| line.stamp_release()),
            }
        })??;
        line.set_released();
        Ok(())
    }
}

/// Reason why this process may not trace its children, if any: Yama, a container's seccomp filter, or no ptrace at all.
///
/// Errors: the test child cannot be started.
pub(super) fn forbidden(line: &Line) -> io::Result<Option<String>> {
    let subject = Child::start(|| line.spin_until_go())?;
    let attached = stop(subject.pid());
    Ok(attached.err().map(|error| {
        format!("a process cannot be stopped between its release and its wake here: {error}; see ptrace(2) and kernel.yama.ptrace_scope")
    }))
}

/// Resumes a child by `go` and stops it at the entry of its next system call. If the child is then killed, the call has
/// no effect: the kernel checks for fatal signals before it.
///
/// Errors: the child ended, or may not be traced.
fn run_to_next_call(child: Pid, go: impl FnOnce()) -> io::Result<()> {
    stop(child)?;
    go();
    loop {
        ptrace::syscall(child, None)?;
        match retry_on_eintr(|| waitpid(child, None))? {
            WaitStatus::PtraceSyscall(_) => return Ok(()),
            // The child needs none of these signals.
            WaitStatus::Stopped(..) | WaitStatus::PtraceEvent(..) => {}
            other => return Err(ended(other)),
        }
    }
}

/// Attaches to a child and stops it.
fn stop(child: Pid) -> io::Result<()> {
    ptrace::seize(child, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL)?;
    ptrace::interrupt(child)?;
    match retry_on_eintr(|| waitpid(child, None))? {
        WaitStatus::Stopped(..) | WaitStatus::PtraceEvent(..) => Ok(()),
        other => Err(ended(other)),
    }
}

fn ended(status: WaitStatus) -> io::Error {
    io::Error::other(format!("the traced process did not stop: {status:?}"))
}

//! Ends that follow from a parent's end: this worker kills a middle process with a child. A daemon is signalled when
//! its parent ends (PR_SET_PDEATHSIG); its grandparent detects its end by a pidfd. An orphan watches its parent by a
//! pidfd and finds this worker as its new parent (PR_SET_CHILD_SUBREAPER). Source: PR_SET_PDEATHSIG(2const),
//! PR_SET_CHILD_SUBREAPER(2const), pidfd_open(2).

use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};

use super::{Cue, Known};
use crate::launch::process::Process;
use crate::launch::watch::{descriptor_of, start_process, until_ended};
use crate::launch::{End, Started};
use crate::measure::{MeasureError, invalid};
use crate::record::Ending;
use crate::{clock, pin};

/// Makes this process the new parent of orphaned descendants.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Runs one middle process with its child, until both have ended.
pub(super) fn one(ending: Ending, cue: &'static Cue, pause: Duration, cpu: Option<u32>) -> Result<Known, MeasureError> {
    cue.reset();
    let mut middle = start_process(|| {
        let child = start_process(|| {
            if cpu.is_none_or(|cpu| pin::pin_this_thread(cpu).is_ok()) {
                match ending {
                    Ending::Daemon => run_daemon(cue),
                    _ => run_orphan(cue),
                }
            }
        });
        // Sleeps until it is killed; `go` is never sent. If the trial is aborted, the child ends with it.
        if child.is_ok() {
            cue.await_go();
        }
    })?;
    let pid = cue.await_ready(|| Ok(middle.look()?.is_none()))?;
    match ending {
        Ending::Daemon => daemon(&mut middle, pid, pause),
        _ => orphan(&mut middle, pid, cue, pause),
    }
}

fn run_daemon(cue: &Cue) {
    cue.is_here(getpid());
    cue.await_go();
}

/// Ends after its parent has ended. The parent ends with the worker, so an aborted trial leaves no process.
fn run_orphan(cue: &Cue) {
    let parent = getppid();
    let Ok(watched) = descriptor_of(parent) else { return };
    if prctl::set_pdeathsig(None).is_ok() && getppid() == parent {
        cue.is_here(getpid());
        if until_ended(watched.as_fd()).is_ok() {
            cue.found_parent(getppid());
        }
    }
}

fn daemon(middle: &mut Process, pid: Pid, pause: Duration) -> Result<Known, MeasureError> {
    let watched = descriptor_of(pid)?;
    thread::sleep(pause);
    let died_ns = clock::now_ns();
    middle.kill()?;
    until_ended(watched.as_fd())?;
    let known_ns = clock::now_ns();
    collect_ended(middle, "the middle process", End::Killed(Signal::SIGKILL as i32))?;
    collect_ended(&mut Process::new(pid), "the daemon", End::Killed(Signal::SIGKILL as i32))?;
    Ok(Known { notice_ns: Some(known_ns - died_ns), reap_ns: None })
}

fn orphan(middle: &mut Process, pid: Pid, cue: &Cue, pause: Duration) -> Result<Known, MeasureError> {
    thread::sleep(pause);
    let died_ns = clock::now_ns();
    middle.kill()?;
    collect_ended(middle, "the middle process", End::Killed(Signal::SIGKILL as i32))?;
    collect_ended(&mut Process::new(pid), "the orphan", End::Exited(0))?;
    let found_ns = cue
        .ended_ns()
        .ok_or_else(|| "the orphan never saw its parent's end".to_owned())
        .map_err(MeasureError::Invalid)?;
    if cue.parent() != getpid() {
        return invalid(format!("the orphan became the child of {}, not of its grandparent", cue.parent()));
    }
    Ok(Known { notice_ns: Some(found_ns.saturating_sub(died_ns)), reap_ns: None })
}

fn collect_ended(process: &mut Process, name: &str, due: End) -> Result<(), MeasureError> {
    match process.collect()? {
        end if end == due => Ok(()),
        end => invalid(format!("{name} ended as {end:?}, where {due:?} was expected")),
    }
}

//! Ends that come over from a parent: a middle process is killed that has a child of its own. A daemon was told to die with
//! it (PR_SET_PDEATHSIG), and its grandparent sees that end by a pidfd. An orphan lives on: it watches its parent by a pidfd
//! and finds itself the child of another, which is this worker, for it has asked for orphans (PR_SET_CHILD_SUBREAPER).
//! Source: PR_SET_PDEATHSIG(2const), PR_SET_CHILD_SUBREAPER(2const), pidfd_open(2).

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
use crate::measure::MeasureError;
use crate::record::Ending;
use crate::{clock, pin};

/// Has those who lose their parent below this process become its children.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// One middle process with its child, and what becomes of both.
pub(super) fn one(ending: Ending, cue: &'static Cue, pause: Duration, cpu: Option<u32>) -> Result<Known, MeasureError> {
    cue.reset();
    let mut middle = start_process(|| {
        let child = start_process(|| {
            if cpu.is_none_or(|cpu| pin::pin_this_thread(cpu).is_ok()) {
                match ending {
                    Ending::Daemon => be_daemon(cue),
                    _ => be_orphan(cue),
                }
            }
        });
        // Nobody ever says go: it sleeps until it is killed. Were the trial called off, its child would go with it.
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

fn be_daemon(cue: &Cue) {
    cue.is_here(getpid());
    cue.await_go();
}

/// It ends by itself once its parent has: that one dies with the worker, so nothing is left of a trial that is called off.
fn be_orphan(cue: &Cue) {
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
    bury(middle, "the middle process", End::Killed(Signal::SIGKILL as i32))?;
    bury(&mut Process::new(pid), "the daemon", End::Killed(Signal::SIGKILL as i32))?;
    Ok(Known { notice_ns: Some(known_ns - died_ns), reap_ns: None })
}

fn orphan(middle: &mut Process, pid: Pid, cue: &Cue, pause: Duration) -> Result<Known, MeasureError> {
    thread::sleep(pause);
    let died_ns = clock::now_ns();
    middle.kill()?;
    bury(middle, "the middle process", End::Killed(Signal::SIGKILL as i32))?;
    bury(&mut Process::new(pid), "the orphan", End::Left(0))?;
    let found_ns = cue.ended_ns().ok_or_else(|| "the orphan never saw its parent's end".to_owned())?;
    if cue.parent() != getpid() {
        return Err(format!("the orphan became the child of {}, not of its grandparent", cue.parent()).into());
    }
    Ok(Known { notice_ns: Some(found_ns.saturating_sub(died_ns)), reap_ns: None })
}

fn bury(process: &mut Process, who: &str, due: End) -> Result<(), MeasureError> {
    match process.collect()? {
        end if end == due => Ok(()),
        end => Err(format!("{who} ended as {end:?}, where {due:?} was due").into()),
    }
}

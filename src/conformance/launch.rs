//! What every way to start somebody must get right:
//!
//! 1. several live at once, each a process (or thread) of its own, and each answers;
//! 2. the status that one leaves with comes back, and until it was collected the dead one is there, a zombie;
//! 3. kill ends it, and that is what its end says;
//! 4. one leaves when the end of its input tells that nobody is there, unless it copied the parent's end of that, too;
//! 5. whoever is let go of alive is ended with it;
//! 6. nobody outlives a parent that is killed;
//! 7. after all that no process, thread or descriptor is left.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid, gettid};

use crate::control::Page;
use crate::launch::process::has_children;
use crate::launch::watch::start_process;
use crate::launch::{End, Launch, Program, Started};
use crate::measure::launch::parent::{Line, Question};
use crate::measure::{MeasureError, MeasureResult};
use crate::protocol::Report;
use crate::record::Isolation;

/// Statuses to leave with: fine, a number, and the largest.
const STATUSES: [u8; 3] = [0, 7, 255];
/// For what comes at once, unless the machine is overrun.
const PROMPTLY: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// The whole trial, as the parent.
///
/// Errors: `Invalid` with the first promise that was broken.
pub fn examine<L: Launch>(program: &Program, page: &Page) -> MeasureResult {
    let descriptors = entries("/proc/self/fd")?;
    let mut way = L::attach(program)?;
    statuses(&mut way)?;
    kill(&mut way)?;
    if !L::COPIES_DESCRIPTORS {
        end_of_input(&mut way)?;
    }
    let_go(&mut way)?;
    drop(way);
    check(!has_children()?, || "a process is left".to_owned())?;
    if L::ISOLATION == Isolation::Process {
        orphaned::<L>(program)?;
    }
    check(entries("/proc/self/task")? == 1, || "a thread is left".to_owned())?;
    let left = entries("/proc/self/fd")?;
    check(left == descriptors, || format!("{left} descriptors are open, where {descriptors} were before"))?;
    page.set_count(1);
    Ok(Report { messages: 1, chosen_by: "fixed".into(), ..Report::default() })
}

/// Somebody who has said his first word.
fn one<L: Launch>(way: &mut L) -> Result<(Line, L::Started), MeasureError> {
    let (line, plugs) = Line::open()?;
    let started = way.start(plugs)?;
    line.first_word()?;
    Ok((line, started))
}

fn statuses<L: Launch>(way: &mut L) -> Result<(), MeasureError> {
    let mut all: Vec<((i32, i32), Line, L::Started)> = vec![];
    for number in 0..STATUSES.len() as u64 {
        let (line, started) = one(way)?;
        let who = line.identify()?;
        check_identity(who, started.pid(), L::ISOLATION)?;
        check(all.iter().all(|(other, ..)| *other != who), || format!("two are both {who:?}"))?;
        line.ask(&Question::new(number))?;
        all.push((who, line, started));
    }
    for (((pid, _), line, mut started), status) in all.into_iter().zip(STATUSES) {
        line.dismiss(status)?;
        started.await_end()?;
        let is_there = || Path::new(&format!("/proc/{pid}/stat")).exists();
        check(is_there(), || "one who had ended and was not collected is gone".to_owned())?;
        let end = started.collect()?;
        check(end == End::Left(status), || format!("one who left with status {status} ended as {end:?}"))?;
        check(!L::Started::REMAINS || !is_there(), || "one who was collected is still there".to_owned())?;
    }
    Ok(())
}

/// A process has a number that its parent knows, a thread the number of its process, and none is this very thread.
fn check_identity(who: (i32, i32), known: Option<i32>, isolation: Isolation) -> Result<(), MeasureError> {
    let (here, itself) = (getpid().as_raw(), gettid().as_raw());
    let apart = match isolation {
        Isolation::Process => who.0 != here && known == Some(who.0),
        Isolation::Thread => who.0 == here && known.is_none(),
    };
    check(apart && who.1 != itself, || {
        format!(
            "a newborn {isolation} is thread {} of process {}, started by {itself} of {here} as {known:?}",
            who.1, who.0
        )
    })
}

fn kill<L: Launch>(way: &mut L) -> Result<(), MeasureError> {
    let (line, mut started) = one(way)?;
    let due = if L::ISOLATION == Isolation::Process {
        started.kill()?;
        End::Killed(Signal::SIGKILL as i32)
    } else {
        let refused = started.kill().is_err_and(|error| error.kind() == io::ErrorKind::Unsupported);
        check(refused, || "a thread was killed alone".to_owned())?;
        line.dismiss(9)?;
        End::Left(9)
    };
    let end = started.collect()?;
    check(end == due, || format!("one who was ended as {due:?} ended as {end:?}"))
}

fn end_of_input<L: Launch>(way: &mut L) -> Result<(), MeasureError> {
    let (line, mut started) = one(way)?;
    drop(line);
    let end = started.collect()?;
    check(end == End::Left(0), || format!("one whose input ended did so as {end:?}"))
}

fn let_go<L: Launch>(way: &mut L) -> Result<(), MeasureError> {
    let (line, started) = one(way)?;
    let (pid, thread) = line.identify()?;
    // A thread ends with its input only.
    let line = Some(line).filter(|_| L::ISOLATION == Isolation::Process);
    drop(started);
    eventually("one who was let go of goes on", || Ok(!Path::new(&format!("/proc/{pid}/task/{thread}")).exists()))?;
    drop(line);
    Ok(())
}

/// A process in between starts somebody and is killed. Both, and whatever else was started, come to this process and are
/// collected here.
fn orphaned<L: Launch>(program: &Program) -> Result<(), MeasureError> {
    prctl::set_child_subreaper(true).map_err(io::Error::from)?;
    let (line, plugs) = Line::open()?;
    let middle = start_process(|| {
        // What it tells its own parent is a newborn's first word.
        let mut way = L::attach(program);
        let alive = way.as_mut().map(one);
        if let Ok(Ok(_)) = &alive {
            let _ = nix::unistd::write(&plugs.output, &[crate::measure::launch::newborn::FIRST_WORD]);
            let _ = nix::unistd::read(&plugs.input, &mut [0]);
        }
    })?;
    line.first_word()?;
    // It is killed here, and collected.
    drop(middle);
    eventually("somebody outlives his killed parent", || match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
        Err(Errno::ECHILD) => Ok(true),
        Ok(_) => Ok(false),
        Err(other) => Err(other.into()),
    })?;
    Ok(())
}

fn eventually(complaint: &str, mut done: impl FnMut() -> io::Result<bool>) -> Result<(), MeasureError> {
    let deadline = Instant::now() + PROMPTLY;
    while !done()? {
        check(Instant::now() < deadline, || complaint.to_owned())?;
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

fn check(holds: bool, complaint: impl FnOnce() -> String) -> Result<(), MeasureError> {
    if holds { Ok(()) } else { Err(complaint().into()) }
}

fn entries(folder: &str) -> io::Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

//! Conformance of launch mechanisms:
//!
//! 1. several children are alive at once, each its own process (or thread), and each responds;
//! 2. the exit status arrives, and the child is a zombie until it is reaped;
//! 3. a killed child ends, and its end is reported as a kill;
//! 4. a child exits at end of input, unless it has a copy of the parent's endpoint;
//! 5. a child whose handle is dropped ends;
//! 6. a child does not outlive a parent that is killed;
//! 7. afterwards no process, thread or descriptor is left.

use crate::measure::invalid;
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

/// Exit statuses: success, a number, and the largest.
const STATUSES: [u8; 3] = [0, 7, 255];
/// Time limit of events that normally take almost no time.
const PROMPTLY: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Runs all checks, as the parent.
///
/// Errors: `Invalid` with the first violated guarantee.
pub fn examine<L: Launch>(program: &Program, page: &Page) -> MeasureResult {
    let descriptors = entries("/proc/self/fd")?;
    let mut launch = L::attach(program)?;
    statuses(&mut launch)?;
    kill(&mut launch)?;
    if !L::COPIES_DESCRIPTORS {
        end_of_input(&mut launch)?;
    }
    drop_alive(&mut launch)?;
    drop(launch);
    check(!has_children()?, || "a process is left".to_owned())?;
    if L::ISOLATION == Isolation::Process {
        orphaned::<L>(program)?;
    }
    check(entries("/proc/self/task")? == 1, || "a thread is left".to_owned())?;
    let left = entries("/proc/self/fd")?;
    check(left == descriptors, || format!("{left} descriptors are open, {descriptors} were before"))?;
    page.set_count(1);
    Ok(Report { messages: 1, chosen_by: "fixed".into(), ..Report::default() })
}

/// Starts a child and waits for its first word.
fn one<L: Launch>(launch: &mut L) -> Result<(Line, L::Started), MeasureError> {
    let (line, plugs) = Line::open()?;
    let started = launch.start(plugs)?;
    line.first_word()?;
    Ok((line, started))
}

fn statuses<L: Launch>(launch: &mut L) -> Result<(), MeasureError> {
    let mut all: Vec<((i32, i32), Line, L::Started)> = vec![];
    for number in 0..STATUSES.len() as u64 {
        let (line, started) = one(launch)?;
        let identity = line.identify()?;
        check_identity(identity, started.pid(), L::ISOLATION)?;
        check(all.iter().all(|(other, ..)| *other != identity), || format!("two children are {identity:?}"))?;
        line.ask(&Question::new(number))?;
        all.push((identity, line, started));
    }
    for (((pid, _), line, mut started), status) in all.into_iter().zip(STATUSES) {
        line.dismiss(status)?;
        started.await_end()?;
        let exists = || Path::new(&format!("/proc/{pid}/stat")).exists();
        check(exists(), || "a child that exited but was not reaped is gone".to_owned())?;
        let end = started.collect()?;
        check(end == End::Exited(status), || format!("a child that exited with status {status} ended as {end:?}"))?;
        check(!L::Started::REMAINS || !exists(), || "a child that was reaped still exists".to_owned())?;
    }
    Ok(())
}

/// Checks the ids: a child process has its own pid, known to the parent; a child thread has the parent's pid and its
/// own thread id.
fn check_identity(identity: (i32, i32), known: Option<i32>, isolation: Isolation) -> Result<(), MeasureError> {
    let (here, itself) = (getpid().as_raw(), gettid().as_raw());
    let apart = match isolation {
        Isolation::Process => identity.0 != here && known == Some(identity.0),
        Isolation::Thread => identity.0 == here && known.is_none(),
    };
    check(apart && identity.1 != itself, || {
        format!(
            "a new {isolation} is thread {} of process {}, started by {itself} of {here} as {known:?}",
            identity.1, identity.0
        )
    })
}

fn kill<L: Launch>(launch: &mut L) -> Result<(), MeasureError> {
    let (line, mut started) = one(launch)?;
    let due = if L::ISOLATION == Isolation::Process {
        started.kill()?;
        End::Killed(Signal::SIGKILL as i32)
    } else {
        let refused = started.kill().is_err_and(|error| error.kind() == io::ErrorKind::Unsupported);
        check(refused, || "killing a thread was not refused".to_owned())?;
        line.dismiss(9)?;
        End::Exited(9)
    };
    let end = started.collect()?;
    check(end == due, || format!("a child ended as {end:?}, not as {due:?}"))
}

fn end_of_input<L: Launch>(launch: &mut L) -> Result<(), MeasureError> {
    let (line, mut started) = one(launch)?;
    drop(line);
    let end = started.collect()?;
    check(end == End::Exited(0), || format!("a child ended as {end:?} at the end of its input"))
}

fn drop_alive<L: Launch>(launch: &mut L) -> Result<(), MeasureError> {
    let (line, started) = one(launch)?;
    let (pid, thread) = line.identify()?;
    // A thread ends only at the end of its input, which `line` keeps open.
    let line = Some(line).filter(|_| L::ISOLATION == Isolation::Process);
    drop(started);
    eventually("a child still runs although its handle was dropped", || {
        Ok(!Path::new(&format!("/proc/{pid}/task/{thread}")).exists())
    })?;
    drop(line);
    Ok(())
}

/// Kills an intermediate process that has a child. This process is the subreaper, so it inherits and reaps all
/// descendants.
fn orphaned<L: Launch>(program: &Program) -> Result<(), MeasureError> {
    prctl::set_child_subreaper(true).map_err(io::Error::from)?;
    let (line, plugs) = Line::open()?;
    let middle = start_process(|| {
        // Sends the first word to this process after the child has responded.
        let mut launch = L::attach(program);
        let alive = launch.as_mut().map(one);
        if let Ok(Ok(_)) = &alive {
            let _ = nix::unistd::write(&plugs.output, &[crate::measure::launch::started::FIRST_WORD]);
            let _ = nix::unistd::read(&plugs.input, &mut [0]);
        }
    })?;
    line.first_word()?;
    // The drop kills and reaps it.
    drop(middle);
    eventually("a child outlives its killed parent", || match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
        Err(Errno::ECHILD) => Ok(true),
        Ok(_) => Ok(false),
        Err(other) => Err(other.into()),
    })?;
    Ok(())
}

fn eventually(failure: &str, mut done: impl FnMut() -> io::Result<bool>) -> Result<(), MeasureError> {
    let deadline = Instant::now() + PROMPTLY;
    while !done()? {
        check(Instant::now() < deadline, || failure.to_owned())?;
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

fn check(holds: bool, failure: impl FnOnce() -> String) -> Result<(), MeasureError> {
    if holds { Ok(()) } else { invalid(failure()) }
}

fn entries(folder: &str) -> io::Result<usize> {
    Ok(fs::read_dir(folder)?.count())
}

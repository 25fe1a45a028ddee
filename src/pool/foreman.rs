//! Who starts the processes of a pool, replaces those that die or have done their share, and tells the dispatcher of a
//! death: a process of one thread between dispatcher and workers, so that it may fork at any time. It sleeps unless
//! somebody ends.

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::roster::Roster;
use super::{Hand, Loss};
use crate::child::{Child, retry_on_eintr};

/// The foreman, as the dispatcher holds him.
pub(super) struct Foreman {
    child: Child,
    roster: Roster,
    seats: u32,
}

impl Foreman {
    /// Starts a process that keeps `seats` workers at work: each one is a process that does `live` with its seat's number.
    /// `tell` runs in the foreman for each worker that died.
    pub(super) fn start(
        seats: u32,
        roster: &Roster,
        live: impl Fn(u32) -> io::Result<()>,
        tell: impl FnMut(Loss) -> io::Result<()>,
    ) -> io::Result<Self> {
        let child = Child::start(|| {
            // Whoever cannot go on ends, and its workers with it; the dispatcher is the one to notice.
            if let Err(error) = oversee(seats, roster, live, tell) {
                eprintln!("the foreman of a pool gave up: {error}");
            }
        })?;
        Ok(Self { child, roster: roster.clone(), seats })
    }

    /// The processes at work, by seat.
    pub(super) fn hands(&self) -> Vec<Hand> {
        (0..self.seats).map(|seat| Hand::Process(self.roster.pid(seat))).collect()
    }

    /// Waits until all workers have left: they have been told that no more work comes.
    pub(super) fn see_off(mut self) -> io::Result<()> {
        self.child.collect()
    }

    /// Ends the workers, wherever they are, and collects them.
    pub(super) fn stop(mut self) -> io::Result<()> {
        self.roster.stop();
        for seat in 0..self.seats {
            let pid = self.roster.pid(seat);
            // One that was collected meanwhile is nobody's child any more, and the foreman starts no other: its number
            // is not taken again within these few lines.
            if pid != 0 {
                match kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL) {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        self.child.collect()
    }
}

/// The foreman's whole life.
fn oversee(
    seats: u32,
    roster: &Roster,
    live: impl Fn(u32) -> io::Result<()>,
    mut tell: impl FnMut(Loss) -> io::Result<()>,
) -> io::Result<()> {
    let mut crew: Vec<Option<Child>> = (0..seats).map(|seat| hire(seat, roster, &live)).collect::<io::Result<_>>()?;
    while crew.iter().any(Option::is_some) {
        // Left as it is, so that its own handle collects it.
        let ended = retry_on_eintr(|| waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT))?;
        let at = crew.iter().position(|worker| worker.as_ref().is_some_and(|worker| Some(worker.pid()) == ended.pid()));
        let Some(at) = at else { return Err(io::Error::other("somebody ended who was no worker")) };
        let seat = at as u32;
        crew[at].take().map_or(Ok(()), |mut worker| worker.collect())?;
        let exited_successfully = matches!(ended, WaitStatus::Exited(_, 0));
        if roster.is_stopping() || exited_successfully && !roster.has_retired(seat) {
            continue;
        }
        if !exited_successfully {
            tell(Loss { worker: seat, frame: roster.frame(seat) })?;
        }
        // Also while the pool is closing: what is queued before the last word has to be done by somebody.
        crew[at] = hire(seat, roster, &live)?;
    }
    Ok(())
}

/// Starts a worker for a seat, unless all are being ended.
fn hire(seat: u32, roster: &Roster, live: &impl Fn(u32) -> io::Result<()>) -> io::Result<Option<Child>> {
    if roster.is_stopping() {
        return Ok(None);
    }
    roster.clear(seat);
    let mut worker = Child::start(|| {
        if let Err(error) = live(seat) {
            eprintln!("worker {seat} of a pool gave up: {error}");
        }
    })?;
    roster.seat(seat, worker.pid().as_raw().cast_unsigned());
    // Whoever stops the pool first says so and then looks whom to kill; this one may have been written down after that.
    if roster.is_stopping() {
        worker.kill()?;
        return Ok(None);
    }
    Ok(Some(worker))
}

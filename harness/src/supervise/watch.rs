//! The poll loop: sleeps until a worker says something, a worker ends, or the user does.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use ipcmark::protocol::{self, FromWorker};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::Crew;
use super::trouble::Trouble;

/// How often stopped system calls are looked for while tracing; nothing is timed then.
const TRACE_INTERVAL: Duration = Duration::from_micros(50);

/// Something a worker did.
pub(super) enum Event {
    Said(usize, FromWorker),
    SaidNonsense(usize, String),
    Ended(usize, ExitStatus),
}

impl Crew<'_> {
    /// Sleeps until something happens or `deadline` passes, and says what. A signal to the harness is trouble.
    pub(super) fn turn(&mut self, deadline: Instant) -> Result<Vec<Event>, Trouble> {
        if let Some(signal) = self.signals.arrived() {
            return Err(Trouble::Interrupted(signal));
        }
        self.listen(deadline).map_err(|e| Trouble::System(format!("the harness cannot poll: {e}")))
    }

    pub(super) fn listen(&mut self, deadline: Instant) -> io::Result<Vec<Event>> {
        let mut patience = deadline.saturating_duration_since(Instant::now());
        if let Some(tracer) = &mut self.tracer {
            tracer.step(|| self.page.is_hot());
            patience = patience.min(TRACE_INTERVAL);
        }
        self.sleep(patience)?;
        let mut events = Vec::new();
        for at in 0..self.workers.len() {
            self.hear(at, &mut events)?;
        }
        Ok(events)
    }

    /// Sleeps in poll: the harness must not disturb what it measures.
    fn sleep(&self, patience: Duration) -> io::Result<()> {
        // After the call-off the bell has been heard, and would keep the poll from sleeping.
        let bell = self.signals.arrived().is_none().then(|| self.signals.bell());
        let streams = self.workers.iter().flat_map(|worker| {
            let (out, log) = (worker.lines.stream().map(AsFd::as_fd), worker.log.stream().map(AsFd::as_fd));
            [worker.end(), out, log].into_iter().flatten()
        });
        let mut watched: Vec<_> =
            bell.into_iter().chain(streams).map(|fd: BorrowedFd<'_>| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match ppoll(&mut watched, Some(TimeSpec::from_duration(patience)), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// All that a worker said or did by now. Its end comes last, after its last words.
    fn hear(&mut self, at: usize, events: &mut Vec<Event>) -> io::Result<()> {
        let worker = &mut self.workers[at];
        let ended = worker.end().map(is_readable).transpose()?.unwrap_or(false);
        worker.log.read();
        match worker.lines.read() {
            Ok(lines) => events.extend(lines.iter().map(|line| match protocol::parse(line) {
                Ok(said) => Event::Said(at, said),
                Err(e) => Event::SaidNonsense(at, e.to_string()),
            })),
            Err(e) => events.push(Event::SaidNonsense(at, e.to_string())),
        }
        if ended {
            events.push(Event::Ended(at, worker.reap()?));
        }
        Ok(())
    }
}

fn is_readable(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let mut watched = [PollFd::new(fd, PollFlags::POLLIN)];
    let ready = ppoll(&mut watched, Some(TimeSpec::from_duration(Duration::ZERO)), None);
    match ready {
        Ok(count) => Ok(count > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

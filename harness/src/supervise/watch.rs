//! The poll loop: sleeps until a worker sends a line, a worker ends, or a signal arrives.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use ipcmark::protocol::{self, FromWorker};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::Workers;
use super::failure::Failure;

/// Interval between looks at stopped threads while tracing, when nothing is timed.
const TRACE_INTERVAL: Duration = Duration::from_micros(50);

/// An event of one worker, by its index.
pub(super) enum Event {
    Message(usize, FromWorker),
    /// Its line could not be read or parsed.
    BadLine(usize, String),
    Ended(usize, ExitStatus),
}

impl Workers<'_> {
    /// Sleeps until an event or `deadline`. A signal to the harness is a failure.
    pub(super) fn next_events(&mut self, deadline: Instant) -> Result<Vec<Event>, Failure> {
        if let Some(signal) = self.signals.arrived() {
            return Err(Failure::Interrupted(signal));
        }
        self.wait_for_events(deadline).map_err(|e| Failure::System(format!("the harness cannot poll: {e}")))
    }

    /// Sleeps until an event or `deadline`.
    pub(super) fn wait_for_events(&mut self, deadline: Instant) -> io::Result<Vec<Event>> {
        let mut time_left = deadline.saturating_duration_since(Instant::now());
        if let Some(tracer) = &mut self.tracer {
            tracer.step(|| self.page.is_hot());
            time_left = time_left.min(TRACE_INTERVAL);
        }
        self.sleep(time_left)?;
        let mut events = Vec::new();
        for at in 0..self.each.len() {
            self.read_from(at, &mut events)?;
        }
        Ok(events)
    }

    /// Sleeps in poll, so that the harness does not disturb the measurement.
    fn sleep(&self, time_left: Duration) -> io::Result<()> {
        // After a signal the eventfd stays readable and would keep the poll from sleeping.
        let bell = self.signals.arrived().is_none().then(|| self.signals.bell());
        let streams = self.each.iter().flat_map(|worker| {
            let (out, log) = (worker.lines.stream().map(AsFd::as_fd), worker.log.stream().map(AsFd::as_fd));
            [worker.end(), out, log].into_iter().flatten()
        });
        let mut watched: Vec<_> =
            bell.into_iter().chain(streams).map(|fd: BorrowedFd<'_>| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match ppoll(&mut watched, Some(TimeSpec::from_duration(time_left)), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Collects the events of one worker. Its end comes last, after its last line.
    fn read_from(&mut self, at: usize, events: &mut Vec<Event>) -> io::Result<()> {
        let worker = &mut self.each[at];
        let ended = worker.end().map(is_readable).transpose()?.unwrap_or(false);
        worker.log.read();
        match worker.lines.read() {
            Ok(lines) => events.extend(lines.iter().map(|line| match protocol::parse(line) {
                Ok(message) => Event::Message(at, message),
                Err(e) => Event::BadLine(at, e.to_string()),
            })),
            Err(e) => events.push(Event::BadLine(at, e.to_string())),
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

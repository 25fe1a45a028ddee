//! Client: a process with one connection that runs the leader's steps. Contains the timed loops of both measures.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};

use super::Target;
use super::area::{Area, Line};
use super::service::Requests;
use crate::clock;
use crate::measure::count::WINDOWS;
use crate::measure::meter::Meter;
use crate::measure::schedule::Schedule;
use crate::measure::{MeasureError, Task};
use crate::server::{self, Concurrency};

/// Steps: connect and get a response; warm-up window; counted window; compute due times; send at due times; exit.
pub(super) const CONNECT: u32 = 1;
pub(super) const WARM: u32 = 2;
pub(super) const CLOSED: u32 = 3;
pub(super) const PLAN: u32 = 4;
pub(super) const OPEN: u32 = 5;
pub(super) const LEAVE: u32 = 6;

/// Client in its own process.
pub(super) struct Client<'a> {
    area: &'a Area,
    task: &'a Task,
    target: &'a Target,
    number: u32,
    clients: u32,
    requests: Requests,
    connection: Option<OwnedFd>,
    /// Number of each request of the open loop, with its due time from the start.
    due: Vec<(u64, u64)>,
}

impl<'a> Client<'a> {
    pub(super) fn new(area: &'a Area, task: &'a Task, target: &'a Target, number: u32, clients: u32) -> Self {
        let requests = Requests::new(&task.case, number);
        Self { area, task, target, number, clients, requests, connection: None, due: vec![] }
    }

    /// Runs steps until the last one, or until the trial is aborted.
    pub(super) fn live(mut self) {
        self.area.prepare(self.number);
        // Removes the timer slack, which may lengthen sleeps by 50 us: prctl(2).
        let _ = prctl::set_timerslack(1);
        let mut seen = 0;
        while let Ok(now) = self.line().await_go(seen) {
            seen = now;
            let kind = self.area.head().kind.load(Ordering::Relaxed);
            if let Err(error) = self.step(kind) {
                self.line().set_error(&error);
            }
            // The leader also polls, so a failed wake only costs time.
            let _ = self.area.head().arrive();
            if kind == LEAVE {
                return;
            }
        }
    }

    fn step(&mut self, kind: u32) -> Result<(), MeasureError> {
        match kind {
            CONNECT => self.connect(),
            WARM => self.closed(false),
            CLOSED => self.closed(true),
            PLAN => self.plan(),
            OPEN => self.open(),
            _ => {
                self.connection = None;
                Ok(())
            }
        }
    }

    fn connect(&mut self) -> Result<(), MeasureError> {
        let began_ns = clock::now_ns();
        self.request()?;
        self.line().connect_ns.store(clock::now_ns() - began_ns, Ordering::Relaxed);
        Ok(())
    }

    /// Closed loop: sends requests one after the other during a window. A request that ends after the window counts for
    /// the latency, which would otherwise miss slow requests, but not for the rate.
    fn closed(&mut self, counted: bool) -> Result<(), MeasureError> {
        let (start_ns, end_ns, quota) = self.window();
        let (meter, before_ns) = (Meter::start(), clock::now_ns());
        let mut now_ns = wake_at(start_ns)?;
        let waited_ns = now_ns - before_ns;
        let (mut done, mut answered, mut slices) = (0, 0, [0; WINDOWS as usize]);
        // At least one, since a client may wake up after the window on a busy machine.
        while done < quota && (now_ns < end_ns || done == 0) {
            self.request()?;
            let then_ns = clock::now_ns();
            if counted {
                self.area.count_latency(self.number, then_ns - now_ns);
                if then_ns < end_ns {
                    answered += 1;
                    slices[slice(then_ns - start_ns, end_ns - start_ns)] += 1;
                }
            }
            done += 1;
            now_ns = then_ns;
        }
        self.line().ended_ns.store(now_ns, Ordering::Relaxed);
        self.line().made.store(done, Ordering::Relaxed);
        self.line().answered.store(answered, Ordering::Relaxed);
        for (place, answers) in self.line().slices.iter().zip(slices) {
            place.store(answers, Ordering::Relaxed);
        }
        self.store_cost(meter, waited_ns, done);
        Ok(())
    }

    /// Selects this client's requests from the common schedule, which assigns requests to clients in turn.
    fn plan(&mut self) -> Result<(), MeasureError> {
        let head = self.area.head();
        let (count, seed) = (head.count.load(Ordering::Relaxed), head.seed.load(Ordering::Relaxed));
        let all = (0..count).zip(Schedule::of(&self.task.case, 0, seed)?);
        self.due = all.skip(self.number as usize).step_by(self.clients as usize).collect();
        Ok(())
    }

    /// Open loop: sends each request at its due time, or after a late response. Sleeps in between, since clients
    /// outnumber CPUs.
    fn open(&mut self) -> Result<(), MeasureError> {
        let (start_ns, ..) = self.window();
        let (meter, before_ns) = (Meter::start(), clock::now_ns());
        let waited_ns = wake_at(start_ns)? - before_ns;
        let due = std::mem::take(&mut self.due);
        for (number, after_ns) in &due {
            let due_ns = start_ns + after_ns;
            if clock::now_ns() < due_ns {
                let late_ns = wake_at(due_ns)? - due_ns;
                self.area.late_ns(*number).store(late_ns + 1, Ordering::Relaxed);
            }
            self.request()?;
            self.area.answered_ns(*number).store(clock::now_ns(), Ordering::Relaxed);
        }
        self.store_cost(meter, waited_ns, due.len() as u64);
        Ok(())
    }

    /// Sends one request and checks its response, over a new connection if the server serves one at a time.
    #[inline]
    fn request(&mut self) -> Result<(), MeasureError> {
        let connection = match self.connection.take() {
            Some(open) => open,
            None => (self.target.connect)(&self.target.place)?,
        };
        server::send(&connection, self.requests.make())?;
        if !server::receive(&connection, self.requests.room())? {
            let early = io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection");
            return Err(early.into());
        }
        self.requests.check().map_err(MeasureError::Invalid)?;
        if self.target.patience == Concurrency::AllConnections {
            self.connection = Some(connection);
        }
        Ok(())
    }

    /// Begin and end of the window, and this client's number of requests in it.
    fn window(&self) -> (u64, u64, u64) {
        let head = self.area.head();
        let count = head.count.load(Ordering::Relaxed);
        let share = |client: u32| (u128::from(count) * u128::from(client) / u128::from(self.clients)) as u64;
        let quota = if count == u64::MAX { count } else { share(self.number + 1) - share(self.number) };
        (head.start_ns.load(Ordering::Relaxed), head.end_ns.load(Ordering::Relaxed), quota)
    }

    /// Stores the cost of a window without the wait before it.
    fn store_cost(&self, meter: Meter, waited_ns: u64, requests: u64) {
        let mut cost = meter.stop(self.task, requests);
        cost.wall_ns = cost.wall_ns.saturating_sub(waited_ns);
        cost.blocked_ns = cost.wall_ns.saturating_sub(cost.running_ns + cost.ready_ns);
        self.line().set_cost(&cost);
    }

    fn line(&self) -> &'a Line {
        self.area.line(self.number)
    }
}

/// Slice of a time in a window of this length.
fn slice(after_ns: u64, length_ns: u64) -> usize {
    (u128::from(after_ns) * u128::from(WINDOWS) / u128::from(length_ns)) as usize
}

/// Sleeps until the monotonic clock shows `at_ns`, and returns the time.
fn wake_at(at_ns: u64) -> io::Result<u64> {
    let at = TimeSpec::from_duration(Duration::from_nanos(at_ns));
    loop {
        match clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &at) {
            Ok(_) => return Ok(clock::now_ns()),
            Err(Errno::EINTR) => {}
            Err(other) => return Err(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_of_a_window_is_in_one_slice() {
        assert_eq!((slice(0, 1000), slice(49, 1000), slice(50, 1000), slice(999, 1000)), (0, 0, 1, 19));
        assert_eq!(slice(5, u64::MAX), 0);
    }

    #[test]
    fn a_sleep_does_not_end_early() {
        let at_ns = clock::now_ns() + 200_000;
        assert!(wake_at(at_ns).expect("the clock is there") >= at_ns);
        assert!(wake_at(1).expect("the clock is there") >= at_ns, "a moment that has passed is not waited for");
    }
}

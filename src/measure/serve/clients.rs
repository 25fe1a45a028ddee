//! Leader's view of the clients: starts them before any window, runs their steps, and always collects them.

use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::area::Area;
use super::client::{CONNECT, Client, LEAVE, WARM};
use super::{Span, Target};
use crate::child::Child;
use crate::measure::{MeasureError, Task};
use crate::server::limits;
use crate::{abort, clock};

/// Interval at which the leader checks for dead clients and the abort flag.
const SLICE: Duration = Duration::from_millis(200);
/// Delay from the call for a window to its begin, plus a part per client: all must wake up before it.
const START_AFTER_NS: u64 = 500_000;
const START_AFTER_NS_EACH: u64 = 80_000;

/// Client processes, one connection each.
pub struct Clients {
    area: Area,
    children: Vec<Child>,
}

impl Clients {
    /// Forks `clients` processes from a single-threaded process. They are not connected yet. `times` is the number of
    /// requests of an open loop.
    ///
    /// Errors: those of fork, with the number of the failed client.
    pub fn gather(task: &Task, target: &Target, clients: u32, times: u64) -> Result<Self, MeasureError> {
        limits::raise()?;
        let mut all = Self { area: Area::new(clients, times)?, children: vec![] };
        all.area.prepare_times();
        for number in 0..clients {
            let area = &all.area;
            let child = Child::start(|| Client::new(area, task, target, number, clients).live());
            let child = child.map_err(|error| {
                let text =
                    format!("client {} of {clients} cannot be started: {error} (ulimit -u, pids.max)", number + 1);
                io::Error::new(error.kind(), text)
            })?;
            all.children.push(child);
        }
        Ok(all)
    }

    /// Number of clients.
    pub fn clients(&self) -> u32 {
        self.children.len() as u32
    }

    /// Connects these clients one after the other; each gets a first response.
    pub fn connect(&mut self, mut clients: Range<u32>) -> Result<(), MeasureError> {
        clients.try_for_each(|client| self.step(client..client + 1, CONNECT))
    }

    /// Sends `count` requests in equal shares by all clients, and returns the number of responses.
    pub fn ask(&mut self, count: u64) -> Result<u64, MeasureError> {
        self.window(WARM, u64::MAX, count)?;
        Ok(self.area.lines().map(|line| line.made.load(Ordering::Relaxed)).sum())
    }

    /// Runs a window in which each client sends its share of `count` requests.
    pub(super) fn window(&mut self, kind: u32, length_ns: u64, count: u64) -> Result<Span, MeasureError> {
        let start_ns = clock::now_ns() + START_AFTER_NS + START_AFTER_NS_EACH * u64::from(self.clients());
        let span = Span { start_ns, end_ns: start_ns.saturating_add(length_ns) };
        let head = self.area.head();
        head.start_ns.store(span.start_ns, Ordering::Relaxed);
        head.end_ns.store(span.end_ns, Ordering::Relaxed);
        head.count.store(count, Ordering::Relaxed);
        self.all(kind)?;
        Ok(span)
    }

    /// Runs a step of all clients and waits for its end.
    ///
    /// Errors: a client failed or died, or the trial was aborted.
    pub(super) fn all(&mut self, kind: u32) -> Result<(), MeasureError> {
        self.step(0..self.clients(), kind)
    }

    /// Ends all clients and collects them.
    pub fn leave(mut self) -> Result<(), MeasureError> {
        self.all(LEAVE)?;
        for child in &mut self.children {
            child.collect()?;
        }
        match self.children.iter().position(|child| !child.exited_successfully()) {
            Some(client) => Err(self.died(client)),
            None => Ok(()),
        }
    }

    /// Shared memory.
    pub(super) fn area(&self) -> &Area {
        &self.area
    }

    fn step(&mut self, clients: Range<u32>, kind: u32) -> Result<(), MeasureError> {
        self.area.head().set(kind, clients.len() as u32);
        for client in clients.clone() {
            self.area.line(client).go()?;
        }
        while !self.area.head().await_all(SLICE)? {
            if abort::requested() {
                return Err(abort::error().into());
            }
            if kind != LEAVE {
                self.check_for_deaths()?;
            }
        }
        clients.into_iter().find_map(|client| self.area.line(client).error()).map_or(Ok(()), Err)
    }

    fn check_for_deaths(&mut self) -> Result<(), MeasureError> {
        for client in 0..self.children.len() {
            if self.children[client].has_ended()? {
                return Err(self.died(client));
            }
        }
        Ok(())
    }

    fn died(&self, client: usize) -> MeasureError {
        let end = self.children[client].describe_end();
        io::Error::other(format!("client {} of {} has died: {end}", client + 1, self.children.len())).into()
    }
}

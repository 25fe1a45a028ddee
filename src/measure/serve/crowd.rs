//! The clients as their leader sees them: started before any clock, led through steps, and collected, every one, whatever
//! happens.

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

/// The leader looks this often whether a client has died, and whether the trial was called off.
const SLICE: Duration = Duration::from_millis(200);
/// From telling the clients of a window until it begins: time for all to hear of it, and some more for each.
const START_AFTER_NS: u64 = 500_000;
const START_AFTER_NS_EACH: u64 = 80_000;

/// Client processes, one connection each.
pub struct EventCount {
    area: Area,
    children: Vec<Child>,
}

impl EventCount {
    /// Forks `clients` processes, from one that has a single thread. None of them is connected yet. There is room for the
    /// times of so many requests of an open loop.
    ///
    /// Errors: those of fork, with the number of the client that could not be started.
    pub fn gather(task: &Task, target: &Target, clients: u32, times: u64) -> Result<Self, MeasureError> {
        limits::raise()?;
        let mut crowd = Self { area: Area::new(clients, times)?, children: vec![] };
        crowd.area.prepare_times();
        for number in 0..clients {
            let area = &crowd.area;
            let child = Child::start(|| Client::new(area, task, target, number, clients).live());
            let child = child.map_err(|error| {
                let text =
                    format!("client {} of {clients} cannot be started: {error} (ulimit -u, pids.max)", number + 1);
                io::Error::new(error.kind(), text)
            })?;
            crowd.children.push(child);
        }
        Ok(crowd)
    }

    /// How many there are.
    pub fn clients(&self) -> u32 {
        self.children.len() as u32
    }

    /// Has these connect, one after the other, and get a first answer each.
    pub fn connect(&mut self, mut who: Range<u32>) -> Result<(), MeasureError> {
        who.try_for_each(|client| self.step(client..client + 1, CONNECT))
    }

    /// Has all of them at once make `count` requests together, in equal shares, and gives the number of answers.
    pub fn ask(&mut self, count: u64) -> Result<u64, MeasureError> {
        self.window(WARM, u64::MAX, count)?;
        Ok(self.area.lines().map(|line| line.made.load(Ordering::Relaxed)).sum())
    }

    /// Goes through a window with all of them, in which each does as many of `count` requests as are its own.
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

    /// Tells all of them to do a step, and returns once they have.
    ///
    /// Errors: what one of them complains of; one has died; the trial was called off.
    pub(super) fn all(&mut self, kind: u32) -> Result<(), MeasureError> {
        self.step(0..self.clients(), kind)
    }

    /// Lets them close their connections and leave, and returns once all are collected.
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

    /// What they share.
    pub(super) fn area(&self) -> &Area {
        &self.area
    }

    fn step(&mut self, who: Range<u32>, kind: u32) -> Result<(), MeasureError> {
        self.area.head().set(kind, who.len() as u32);
        for client in who.clone() {
            self.area.line(client).go()?;
        }
        while !self.area.head().await_all(SLICE)? {
            if abort::requested() {
                return Err(abort::error().into());
            }
            if kind != LEAVE {
                self.look_for_the_dead()?;
            }
        }
        who.into_iter().find_map(|client| self.area.line(client).trouble()).map_or(Ok(()), Err)
    }

    fn look_for_the_dead(&mut self) -> Result<(), MeasureError> {
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

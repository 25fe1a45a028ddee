//! How many clients does one service bear? Up to a thousand client processes with a connection each, in a closed loop
//! (`serve`): each has one request outstanding; or in an open one (`paced`), in which requests are due by the clock, over
//! all clients together.
//!
//! The clients are forked, and connect one after the other, before any clock starts; what connecting costs is taken there,
//! from connect(2) to the first answer. Then a window of fixed length, in which every answer is checked. The rate counts
//! the answers that came inside the window.
//!
//! In the open loop clients sleep until their next request is due, because they outnumber the CPUs; a latency runs from the
//! due time, and holds whatever the client was late to wake up. How late that was is told beside it, and not subtracted.

mod area;
mod buckets;
mod client;
mod crowd;
mod open;
pub mod service;
mod summary;
mod tree;

use std::io;
use std::os::fd::OwnedFd;

use self::client::{CLOSED, WARM};
use self::tree::Usage;
use super::{MeasureError, MeasureResult, Task, phase, together};
use crate::control::Leader;
use crate::protocol::Report;
use crate::record::{Measure, Role, RoleCost, metric};
use crate::server::Patience;

pub use crowd::EventCount;
pub use tree::processes;

/// The server, as clients see it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub place: String,
    /// How to connect to a place of that kind.
    pub connect: fn(&str) -> io::Result<OwnedFd>,
    /// How many connections it looks after at a time.
    pub patience: Patience,
    /// Client processes to start.
    pub clients: u32,
    /// Its first process.
    pub pid: u32,
}

/// A window, on the monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Span {
    start_ns: u64,
    end_ns: u64,
}

/// A server with all its clients connected.
pub struct Serving<'a> {
    task: &'a Task,
    target: &'a Target,
    crowd: EventCount,
    /// The server's memory once the first client is connected, where it can be read.
    first_bytes: Option<u64>,
}

impl<'a> Serving<'a> {
    /// Starts the clients and has them connect. Runs before the clock.
    pub fn begin(task: &'a Task, target: &'a Target) -> Result<Self, MeasureError> {
        let times = if task.case.measure == Measure::Paced { open::most_requests(task)? } else { 0 };
        let mut crowd = EventCount::gather(task, target, target.clients, times)?;
        crowd.connect(0..1)?;
        let first_bytes = tree::pss_bytes(target.pid);
        crowd.connect(1..crowd.clients())?;
        Ok(Self { task, target, crowd, first_bytes })
    }

    /// The role that leads.
    pub fn lead(mut self, leader: &mut Leader) -> MeasureResult {
        let report = match self.task.case.measure {
            Measure::Paced => self.paced(leader)?,
            _ => self.closed(leader)?,
        };
        self.crowd.leave()?;
        leader.page().set_count(report.messages);
        together(leader, phase::END, 0, || Ok(()))?;
        Ok(report)
    }

    fn closed(&mut self, leader: &Leader) -> MeasureResult {
        let timing = &self.task.timing;
        self.crowd.window(WARM, timing.warm_up_ns, u64::MAX)?;
        let memory = self.bytes_per_connection();
        let (length_ns, count) = timing.fixed_count.map_or((timing.hot_ns, u64::MAX), |count| (u64::MAX, count));
        let (span, server) = self.hot(leader, |crowd| crowd.window(CLOSED, length_ns, count))?;

        let rate = summary::Rate::of(self.crowd.area(), span);
        let mut report = Report {
            messages: rate.answered,
            chosen_by: if timing.fixed_count.is_some() { "fixed" } else { "time" }.into(),
            warm_up_ns: timing.warm_up_ns,
            windows: rate.windows,
            roles: self.roles(rate.answered, server),
            ..Report::default()
        };
        report.metrics.insert(metric::REQUESTS_PER_S.into(), rate.requests_per_s);
        report.metrics.extend(memory.map(|bytes| (metric::PSS_BYTES_PER_CONNECTION.into(), bytes)));
        summary::latencies(self.crowd.area(), &mut report);
        summary::connecting(self.crowd.area(), &mut report);
        Ok(report)
    }

    fn paced(&mut self, leader: &Leader) -> MeasureResult {
        let warm = self.crowd.window(WARM, self.task.timing.warm_up_ns, u64::MAX)?;
        let count = open::requests(self.task, self.crowd.area(), warm)?;
        let seed = open::plan(&mut self.crowd, count)?;
        let (span, server) = self.hot(leader, |crowd| crowd.window(client::OPEN, 0, count))?;
        let mut report = open::summary(self.crowd.area(), self.task, span, seed, count)?;
        report.roles = self.roles(count, server);
        Ok(report)
    }

    /// Does the timed work, and looks what the server used for it.
    fn hot<R>(
        &mut self,
        leader: &Leader,
        work: impl FnOnce(&mut EventCount) -> Result<R, MeasureError>,
    ) -> Result<(R, Option<(Usage, Usage)>), MeasureError> {
        let before = Usage::of(self.target.pid);
        leader.page().set_hot(true);
        let result = work(&mut self.crowd)?;
        leader.page().set_hot(false);
        let after = Usage::of(self.target.pid);
        Ok((result, before.zip(after)))
    }

    /// Clients together, and the server where the kernel tells.
    fn roles(&self, requests: u64, server: Option<(Usage, Usage)>) -> Vec<RoleCost> {
        let clients = RoleCost {
            role: self.task.role.to_string(),
            cpu: self.task.cpu,
            messages: requests,
            ..RoleCost::default()
        };
        let clients = self.crowd.area().lines().fold(clients, |mut sum, line| {
            line.add_cost(&mut sum);
            sum
        });
        let server = server.map(|(before, after)| after.since(&before, Role::Server, None, requests));
        [Some(clients), server].into_iter().flatten().collect()
    }

    /// What the server's memory has grown by, for each connection after the first: with that one comes all that a server
    /// touches once, however many follow.
    fn bytes_per_connection(&self) -> Option<f64> {
        let more = self.crowd.clients() - 1;
        let keeps = self.target.patience == Patience::AllConnections && more > 0;
        let all = tree::pss_bytes(self.target.pid).filter(|_| keeps)?;
        Some((all as f64 - self.first_bytes? as f64) / f64::from(more))
    }
}

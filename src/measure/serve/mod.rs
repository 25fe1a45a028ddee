//! Throughput and latency of a server with up to a thousand client processes, one connection each: in a closed loop
//! (`serve`) with one outstanding request per client, or in an open loop (`paced`) with a common schedule of all
//! clients.
//! The clients are forked and connect one after the other before any window; the connect time runs from connect(2) to
//! the first response. In the window, which has a fixed length, every response is checked, and the rate counts the
//! responses.
//!
//! In the open loop clients sleep until their next due time, since they outnumber the CPUs. Latency runs from the due
//! time and includes the client's wake-up delay, which is reported separately.

mod area;
mod buckets;
mod client;
mod clients;
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
use crate::server::Concurrency;

pub use clients::Clients;
pub use tree::processes;

/// Server as the clients see it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Address of the server.
    pub place: String,
    /// Connects to an address of its kind.
    pub connect: fn(&str) -> io::Result<OwnedFd>,
    /// Number of connections that it serves at a time.
    pub patience: Concurrency,
    /// Client processes to start.
    pub clients: u32,
    /// First process of the server.
    pub pid: u32,
}

/// Window on the monotonic clock.
#[derive(Clone, Copy, Debug)]
struct Span {
    start_ns: u64,
    end_ns: u64,
}

/// Server with all clients connected.
pub struct Serving<'a> {
    task: &'a Task,
    target: &'a Target,
    clients: Clients,
    /// Memory of the server with one connected client, if it can be read.
    first_bytes: Option<u64>,
}

impl<'a> Serving<'a> {
    /// Starts and connects the clients. Runs before any window.
    pub fn begin(task: &'a Task, target: &'a Target) -> Result<Self, MeasureError> {
        let times = if task.case.measure == Measure::Paced { open::most_requests(task)? } else { 0 };
        let mut clients = Clients::gather(task, target, target.clients, times)?;
        clients.connect(0..1)?;
        let first_bytes = tree::pss_bytes(target.pid);
        clients.connect(1..clients.clients())?;
        Ok(Self { task, target, clients, first_bytes })
    }

    /// Runs the role that leads.
    pub fn lead(mut self, leader: &mut Leader) -> MeasureResult {
        let report = match self.task.case.measure {
            Measure::Paced => self.paced(leader)?,
            _ => self.closed(leader)?,
        };
        self.clients.leave()?;
        leader.page().set_count(report.messages);
        together(leader, phase::END, 0, || Ok(()))?;
        Ok(report)
    }

    fn closed(&mut self, leader: &Leader) -> MeasureResult {
        let timing = &self.task.timing;
        self.clients.window(WARM, timing.warm_up_ns, u64::MAX)?;
        let memory = self.bytes_per_connection();
        let (length_ns, count) = timing.fixed_count.map_or((timing.hot_ns, u64::MAX), |count| (u64::MAX, count));
        let (span, server) = self.hot(leader, |clients| clients.window(CLOSED, length_ns, count))?;

        let rate = summary::Rate::of(self.clients.area(), span);
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
        summary::latencies(self.clients.area(), &mut report);
        summary::connecting(self.clients.area(), &mut report);
        Ok(report)
    }

    fn paced(&mut self, leader: &Leader) -> MeasureResult {
        let warm = self.clients.window(WARM, self.task.timing.warm_up_ns, u64::MAX)?;
        let count = open::requests(self.task, self.clients.area(), warm)?;
        let seed = open::plan(&mut self.clients, count)?;
        let (span, server) = self.hot(leader, |clients| clients.window(client::OPEN, 0, count))?;
        let mut report = open::summary(self.clients.area(), self.task, span, seed, count)?;
        report.roles = self.roles(count, server);
        Ok(report)
    }

    /// Runs the timed work and reads the server's resource use before and after.
    fn hot<R>(
        &mut self,
        leader: &Leader,
        work: impl FnOnce(&mut Clients) -> Result<R, MeasureError>,
    ) -> Result<(R, Option<(Usage, Usage)>), MeasureError> {
        let before = Usage::of(self.target.pid);
        leader.page().set_hot(true);
        let result = work(&mut self.clients)?;
        leader.page().set_hot(false);
        let after = Usage::of(self.target.pid);
        Ok((result, before.zip(after)))
    }

    /// Costs of all clients together, and of the server if the kernel provides it.
    fn roles(&self, requests: u64, server: Option<(Usage, Usage)>) -> Vec<RoleCost> {
        let clients = RoleCost {
            role: self.task.role.to_string(),
            cpu: self.task.cpu,
            messages: requests,
            ..RoleCost::default()
        };
        let clients = self.clients.area().lines().fold(clients, |mut sum, line| {
            line.add_cost(&mut sum);
            sum
        });
        let server = server.map(|(before, after)| after.since(&before, Role::Server, None, requests));
        [Some(clients), server].into_iter().flatten().collect()
    }

    /// Growth of the server's memory per connection after the first one, which includes one-time costs.
    fn bytes_per_connection(&self) -> Option<f64> {
        let more = self.clients.clients() - 1;
        let keeps = self.target.patience == Concurrency::AllConnections && more > 0;
        let all = tree::pss_bytes(self.target.pid).filter(|_| keeps)?;
        Some((all as f64 - self.first_bytes? as f64) / f64::from(more))
    }
}

//! Supervision of one trial's workers: one poll loop over their exits, their lines and Ctrl-C.
//!
//! The protocol has steps. A step ends when every worker has answered, and fails at the first death, refusal, bad line or
//! missed deadline. Dropping [`Workers`] kills and reaps all of them.

mod failure;
mod spawn;
mod streams;
mod watch;
mod worker;

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use ipcmark::control::Page;
use ipcmark::protocol::{FromWorker, Offered, Order, Report, Timing, ToWorker};
use ipcmark::record::Case;

use crate::signals::Signals;
use crate::trace::Tracer;
use failure::Failure;
pub(crate) use spawn::{Program, close_all_on_exec, die_with_caller};
use watch::Event;
use worker::Worker;

/// Time limits of the steps of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until every worker is attached.
    pub attach: Duration,
    /// From `go` until every worker has reported and exited.
    pub hot: Duration,
    /// After the first failure, for the reports of the other workers.
    pub grace: Duration,
}

impl Limits {
    /// Twenty times the planned time, and at least five seconds.
    pub fn of(case: &Case, timing: &Timing) -> Self {
        let planned_ns = timing.warm_up_ns.saturating_add(timing.hot_ns).saturating_add(timing.floor_ns);
        // A few pauses are measured, however long they are.
        let planned_ns = planned_ns.saturating_add(case.params.gap_ns.unwrap_or(0).saturating_mul(4));
        // A count has no planned time: 50 us per message allow for a slow wake-up on each side.
        let counted_ns = timing.fixed_count.unwrap_or(0).saturating_mul(50_000);
        let planned = Duration::from_nanos(planned_ns.saturating_add(counted_ns));
        let least = Duration::from_secs(case.measure.row().patience_s);
        // Starting, connecting and reaping each client of a server on a busy machine.
        let clients = Duration::from_millis(10) * case.params.clients.unwrap_or(0);
        Self {
            attach: Duration::from_secs(10),
            hot: planned.saturating_mul(20).max(least) + clients,
            grace: Duration::from_millis(100),
        }
    }
}

/// The workers of one trial.
pub struct Workers<'a> {
    each: Vec<Worker>,
    page: &'a Page,
    signals: &'a Signals,
    limits: Limits,
    tracer: Option<Tracer>,
}

/// Why a trial failed: one sentence.
pub type FailureText = String;

impl<'a> Workers<'a> {
    /// Starts one worker per order and sends it the order. The calling thread must outlive the workers.
    pub(crate) fn start(
        program: &Program,
        home: &Path,
        orders: Vec<Order>,
        page: &'a Page,
        signals: &'a Signals,
        limits: Limits,
    ) -> Result<Self, FailureText> {
        let mut all = Self { each: vec![], page, signals, limits, tracer: None };
        for order in orders {
            let mut worker = Worker::start(program, &order, home)
                .map_err(|e| format!("cannot start the worker {}: {}", order.role, explained(&e)))?;
            let sent = worker.send(&ToWorker::Order(Box::new(order)));
            all.each.push(worker);
            all.check_sent(all.each.len() - 1, sent, "while starting")?;
        }
        Ok(all)
    }

    /// Sends every worker the offers of all; returns once all are attached.
    pub fn attach(&mut self) -> Result<(), FailureText> {
        let during = "while attaching";
        let offers: Vec<Vec<Offered>> = self.collect(during, self.limits.attach, false, |message| match message {
            FromWorker::Offer { offers } => Ok(offers),
            other => Err(other),
        })?;
        self.send_all(during, || ToWorker::Peers { offers: offers.concat() })?;
        self.collect(during, self.limits.attach, false, |message| match message {
            FromWorker::Ready => Ok(()),
            other => Err(other),
        })
        .map(drop)
    }

    /// Starts the hot phase, sleeps while the workers run, and returns their reports once all have exited. A failed check
    /// ends the trial at once, because its worker has stopped.
    pub fn work(&mut self) -> Result<Vec<Report>, FailureText> {
        let during = "while working";
        self.send_all(during, || ToWorker::Go)?;
        self.collect(during, self.limits.hot, true, |message| match message {
            FromWorker::Done(report) if report.invalid.is_none() => Ok(*report),
            other => Err(other),
        })
    }

    /// Pids, in order of roles.
    pub fn pids(&self) -> Vec<u32> {
        self.each.iter().map(|worker| worker.id.pid).collect()
    }

    /// Traces the workers with `tracer` from now on.
    pub fn trace_with(&mut self, tracer: Tracer) {
        self.tracer = Some(tracer);
    }

    /// The tracer, if the workers are traced.
    pub fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    fn send_all(&mut self, during: &str, line: impl Fn() -> ToWorker) -> Result<(), FailureText> {
        for at in 0..self.each.len() {
            let sent = self.each[at].send(&line());
            self.check_sent(at, sent, during)?;
        }
        Ok(())
    }

    fn check_sent(&mut self, at: usize, sent: io::Result<()>, during: &str) -> Result<(), FailureText> {
        sent.map_err(|e| {
            let failure = Failure::OutOfProtocol(self.each[at].id.clone(), format!("it does not read its stdin: {e}"));
            self.abort(vec![failure], during)
        })
    }

    /// Waits for one answer from every worker; with `until_exit`, also for a clean exit of each.
    fn collect<T>(
        &mut self,
        during: &str,
        limit: Duration,
        until_exit: bool,
        take: impl Fn(FromWorker) -> Result<T, FromWorker>,
    ) -> Result<Vec<T>, FailureText> {
        let deadline = Instant::now() + limit;
        let mut answers: Vec<Option<T>> = self.each.iter().map(|_| None).collect();
        let mut exited = vec![false; self.each.len()];
        loop {
            let is_pending = |at: usize| answers[at].is_none() || (until_exit && !exited[at]);
            let late: Vec<_> = (0..self.each.len()).filter(|&at| is_pending(at)).collect();
            if late.is_empty() {
                return Ok(answers.into_iter().flatten().collect());
            }
            let mut failures = Vec::new();
            if Instant::now() >= deadline {
                failures.push(Failure::Late(late.iter().map(|&at| self.each[at].id.clone()).collect(), limit));
            }
            let events = self.next_events(deadline).unwrap_or_else(|failure| {
                failures.push(failure);
                vec![]
            });
            for event in events {
                match event {
                    Event::Message(at, message) if answers[at].is_none() => match take(message) {
                        Ok(answer) => answers[at] = Some(answer),
                        Err(other) => failures.push(self.out_of_turn(at, other)),
                    },
                    Event::Ended(at, status) if until_exit && status.success() && answers[at].is_some() => {
                        exited[at] = true;
                    }
                    other => failures.push(self.failure(other)),
                }
            }
            if !failures.is_empty() {
                return Err(self.abort(failures, during));
            }
        }
    }

    fn out_of_turn(&self, at: usize, message: FromWorker) -> Failure {
        let id = self.each[at].id.clone();
        let word = match message {
            FromWorker::Failed { why } => return Failure::GaveUp(id, why),
            FromWorker::Offer { .. } => "offer",
            FromWorker::Ready => "ready",
            FromWorker::Done(report) => match report.invalid {
                Some(why) => return Failure::Invalid(id, why),
                None => "done",
            },
        };
        Failure::OutOfProtocol(id, format!("unexpected `{word}`"))
    }

    fn failure(&mut self, event: Event) -> Failure {
        match event {
            Event::Message(at, message) => self.out_of_turn(at, message),
            Event::BadLine(at, why) => Failure::OutOfProtocol(self.each[at].id.clone(), why),
            Event::Ended(at, status) => {
                let worker = &mut self.each[at];
                Failure::Died(worker.id.clone(), status, worker.log.last_lines())
            }
        }
    }

    /// Aborts the trial, collects further events until all workers have ended or the grace time is over, and kills the rest.
    fn abort(&mut self, mut failures: Vec<Failure>, during: &str) -> FailureText {
        self.page.abort();
        let deadline = Instant::now() + self.limits.grace;
        while Instant::now() < deadline && self.each.iter().any(|worker| worker.end().is_some()) {
            match self.wait_for_events(deadline) {
                Ok(events) => {
                    let more: Vec<_> = events.into_iter().map(|event| self.failure(event)).collect();
                    // Bad lines of a worker that is being aborted do not matter.
                    failures.extend(more.into_iter().filter(|failure| !matches!(failure, Failure::OutOfProtocol(..))));
                }
                Err(_) => break,
            }
        }
        self.end_all();
        failure::sentence(&failures, during)
    }

    /// Kills and reaps the workers that are left.
    fn end_all(&mut self) {
        for worker in &self.each {
            worker.kill();
        }
        // The tracer must see the exit of each traced thread before its process can be reaped.
        if let Some(tracer) = &mut self.tracer {
            tracer.wait_for_exits();
        }
        for worker in &mut self.each {
            let _ = worker.reap();
        }
    }
}

impl Drop for Workers<'_> {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// Adds the resource limit that usually causes this error.
fn explained(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EMFILE) => format!("{error}; raise the limit on open files (ulimit -n)"),
        Some(libc::EAGAIN) => format!("{error}; raise the limit on processes (ulimit -u)"),
        _ => error.to_string(),
    }
}

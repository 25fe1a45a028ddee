//! Supervision of one trial's workers: one poll loop over their ends, their words and the user's Ctrl-C.
//!
//! The conversation goes in steps; each ends when every worker has answered, and breaks off at the first death, refusal,
//! nonsense or missed deadline. Whatever happens, the workers are gone and reaped when the [`Crew`] is.

mod spawn;
mod streams;
mod trouble;
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
pub(crate) use spawn::{Program, leave_all_behind};
use trouble::Trouble;
use watch::Event;
use worker::Worker;

/// How long each step of a trial may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until every worker is attached.
    pub attach: Duration,
    /// From `go` until every worker has reported and left.
    pub hot: Duration,
    /// After the first trouble, for the others to say what they saw.
    pub grace: Duration,
}

impl Limits {
    /// Twenty times what is planned, and never under five seconds, so that a hung worker costs little.
    pub fn of(case: &Case, timing: &Timing) -> Self {
        let planned_ns = timing.warm_up_ns.saturating_add(timing.hot_ns).saturating_add(timing.floor_ns);
        // A few pauses are waited for however long they are.
        let planned_ns = planned_ns.saturating_add(case.params.gap_ns.unwrap_or(0).saturating_mul(4));
        // A count has no planned time: 50 us a message is a slow machine's wake on each side.
        let counted_ns = timing.fixed_count.unwrap_or(0).saturating_mul(50_000);
        let planned = Duration::from_nanos(planned_ns.saturating_add(counted_ns));
        let least = Duration::from_secs(case.measure.row().patience_s);
        // Each client of a server is started, connects and is collected, on a busy machine, too.
        let clients = Duration::from_millis(10) * case.params.clients.unwrap_or(0);
        Self {
            attach: Duration::from_secs(10),
            hot: planned.saturating_mul(20).max(least) + clients,
            grace: Duration::from_millis(100),
        }
    }
}

/// The workers of one trial.
pub struct Crew<'a> {
    workers: Vec<Worker>,
    page: &'a Page,
    signals: &'a Signals,
    limits: Limits,
    tracer: Option<Tracer>,
}

/// Why a trial broke off: one sentence.
pub type Broken = String;

impl<'a> Crew<'a> {
    /// Starts one worker an order and hands each its order. The calling thread must live as long as the crew.
    pub(crate) fn start(
        program: &Program,
        home: &Path,
        orders: Vec<Order>,
        page: &'a Page,
        signals: &'a Signals,
        limits: Limits,
    ) -> Result<Self, Broken> {
        let mut crew = Self { workers: vec![], page, signals, limits, tracer: None };
        for order in orders {
            let mut worker = Worker::start(program, &order, home)
                .map_err(|e| format!("cannot start the worker {}: {}", order.role, explained(&e)))?;
            let said = worker.send(&ToWorker::Order(Box::new(order)));
            crew.workers.push(worker);
            crew.heard(crew.workers.len() - 1, said, "while starting")?;
        }
        Ok(crew)
    }

    /// Collects what the workers offer and tells everybody; returns once all are attached.
    pub fn attach(&mut self) -> Result<(), Broken> {
        let during = "while attaching";
        let offers: Vec<Vec<Offered>> = self.collect(during, self.limits.attach, false, |said| match said {
            FromWorker::Offer { offers } => Ok(offers),
            other => Err(other),
        })?;
        self.tell(during, || ToWorker::Peers { offers: offers.concat() })?;
        self.collect(during, self.limits.attach, false, |said| match said {
            FromWorker::Ready => Ok(()),
            other => Err(other),
        })
        .map(drop)
    }

    /// Lets the attached workers go, sleeps while they work, and returns their reports once all have left. A check that
    /// failed ends the trial at once: whoever it concerns has left its post.
    pub fn work(&mut self) -> Result<Vec<Report>, Broken> {
        let during = "while working";
        self.tell(during, || ToWorker::Go)?;
        self.collect(during, self.limits.hot, true, |said| match said {
            FromWorker::Done(report) if report.invalid.is_none() => Ok(*report),
            other => Err(other),
        })
    }

    /// Pids, in order of role.
    pub fn pids(&self) -> Vec<u32> {
        self.workers.iter().map(|worker| worker.who.pid).collect()
    }

    /// Steps the workers with `tracer` from now on.
    pub fn trace_with(&mut self, tracer: Tracer) {
        self.tracer = Some(tracer);
    }

    /// What the tracer saw; it goes with the workers.
    pub fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }

    fn tell(&mut self, during: &str, line: impl Fn() -> ToWorker) -> Result<(), Broken> {
        for at in 0..self.workers.len() {
            let said = self.workers[at].send(&line());
            self.heard(at, said, during)?;
        }
        Ok(())
    }

    fn heard(&mut self, at: usize, said: io::Result<()>, during: &str) -> Result<(), Broken> {
        said.map_err(|e| {
            let trouble = Trouble::Nonsense(self.workers[at].who.clone(), format!("it does not listen: {e}"));
            self.break_off(vec![trouble], during)
        })
    }

    /// One answer from every worker; with `until_gone`, also a clean exit of each.
    fn collect<T>(
        &mut self,
        during: &str,
        limit: Duration,
        until_gone: bool,
        take: impl Fn(FromWorker) -> Result<T, FromWorker>,
    ) -> Result<Vec<T>, Broken> {
        let deadline = Instant::now() + limit;
        let mut answers: Vec<Option<T>> = self.workers.iter().map(|_| None).collect();
        let mut gone = vec![false; self.workers.len()];
        loop {
            let waits = |at: usize| answers[at].is_none() || (until_gone && !gone[at]);
            let late: Vec<_> = (0..self.workers.len()).filter(|&at| waits(at)).collect();
            if late.is_empty() {
                return Ok(answers.into_iter().flatten().collect());
            }
            let mut troubles = Vec::new();
            if Instant::now() >= deadline {
                troubles.push(Trouble::Late(late.iter().map(|&at| self.workers[at].who.clone()).collect(), limit));
            }
            let events = self.turn(deadline).unwrap_or_else(|trouble| {
                troubles.push(trouble);
                vec![]
            });
            for event in events {
                match event {
                    Event::Said(at, said) if answers[at].is_none() => match take(said) {
                        Ok(answer) => answers[at] = Some(answer),
                        Err(other) => troubles.push(self.out_of_turn(at, other)),
                    },
                    Event::Ended(at, status) if until_gone && status.success() && answers[at].is_some() => {
                        gone[at] = true;
                    }
                    other => troubles.push(self.trouble(other)),
                }
            }
            if !troubles.is_empty() {
                return Err(self.break_off(troubles, during));
            }
        }
    }

    fn out_of_turn(&self, at: usize, said: FromWorker) -> Trouble {
        let who = self.workers[at].who.clone();
        let word = match said {
            FromWorker::Failed { why } => return Trouble::GaveUp(who, why),
            FromWorker::Offer { .. } => "offer",
            FromWorker::Ready => "ready",
            FromWorker::Done(report) => match report.invalid {
                Some(why) => return Trouble::Invalid(who, why),
                None => "done",
            },
        };
        Trouble::Nonsense(who, format!("`{word}` out of turn"))
    }

    fn trouble(&mut self, event: Event) -> Trouble {
        match event {
            Event::Said(at, said) => self.out_of_turn(at, said),
            Event::SaidNonsense(at, why) => Trouble::Nonsense(self.workers[at].who.clone(), why),
            Event::Ended(at, status) => {
                let worker = &mut self.workers[at];
                Trouble::Died(worker.who.clone(), status, worker.log.last_words())
            }
        }
    }

    /// Calls the trial off, listens a moment for what else there is to say, and ends everybody.
    fn break_off(&mut self, mut troubles: Vec<Trouble>, during: &str) -> Broken {
        self.page.abort();
        let deadline = Instant::now() + self.limits.grace;
        while Instant::now() < deadline && self.workers.iter().any(|worker| worker.end().is_some()) {
            match self.listen(deadline) {
                Ok(events) => {
                    let more: Vec<_> = events.into_iter().map(|event| self.trouble(event)).collect();
                    // A worker that hears the call in time may end as it likes.
                    troubles.extend(more.into_iter().filter(|trouble| !matches!(trouble, Trouble::Nonsense(..))));
                }
                Err(_) => break,
            }
        }
        self.end_all();
        trouble::sentence(&troubles, during)
    }

    /// Kills and reaps whoever is left.
    fn end_all(&mut self) {
        for worker in &self.workers {
            worker.kill();
        }
        // A traced thread's end must be seen by its tracer before its process can be reaped.
        if let Some(tracer) = &mut self.tracer {
            tracer.see_the_end();
        }
        for worker in &mut self.workers {
            let _ = worker.reap();
        }
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        self.end_all();
    }
}

/// Names the limit that most often stands in the way.
fn explained(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EMFILE) => format!("{error}; raise the limit on open files (ulimit -n)"),
        Some(libc::EAGAIN) => format!("{error}; raise the limit on processes (ulimit -u)"),
        _ => error.to_string(),
    }
}

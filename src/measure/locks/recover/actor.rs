//! Somebody who plays, as the warden sees him: how far he has come, and how long to wait for that.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::stage::{Line, Part, Step};
use super::watch::{Glance, LOOK_AGAIN, Queueing};
use super::{Claim, PATIENCE_NS};
use crate::abort;
use crate::child::Child;
use crate::measure::MeasureError;

/// For what says nothing about the lock and comes at once, unless the machine is overrun.
const PROMPTLY: Duration = Duration::from_secs(5);
/// One who waits in vain has had this much CPU time to find out, unless he sleeps: else it was the CPU that he waited for.
const TRIED_NS: u64 = 5_000_000;
/// On an overrun machine, where that takes longer, patience lasts so many times as long at most.
const PATIENCE_TIMES_MAX: u32 = 10;

/// A child and its line. It is killed and collected when this goes.
pub(super) struct Actor<'a> {
    pub(super) part: Part,
    pub(super) line: &'a Line,
    pub(super) child: Child,
}

impl Actor<'_> {
    pub(super) fn pid(&self) -> Pid {
        self.child.pid()
    }

    /// Kills him; nothing of him is left afterwards.
    pub(super) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// True while he has not said that he let the lock go.
    pub(super) fn is_inside(&self) -> bool {
        self.line.step() == Step::Has
    }

    /// Waits until he has the lock, which is free.
    pub(super) fn until_has(&mut self) -> Result<(), MeasureError> {
        let deadline = Instant::now() + PROMPTLY;
        loop {
            self.must_live()?;
            match self.line.step() {
                Step::Has => return Ok(()),
                seen @ (Step::Away | Step::Asks) => self.stay_for(seen, deadline, "does not get a free lock")?,
                Step::Left | Step::Broke => return Err(self.broke()),
            }
        }
    }

    /// Waits until he waits for the lock, which another has; polling is not enough where he `must_sleep`.
    ///
    /// Errors: `Invalid` when he gets it.
    pub(super) fn until_waits(&mut self, must_sleep: bool) -> Result<(), MeasureError> {
        let (deadline, mut queueing) = (Instant::now() + PROMPTLY, Queueing::default());
        loop {
            self.must_live()?;
            match self.line.step() {
                Step::Away => self.stay_for(Step::Away, deadline, "does not attach")?,
                Step::Asks if queueing.sees(Glance::at(self.pid())?, must_sleep) => return Ok(()),
                Step::Asks => {
                    self.check(deadline, "does not come to wait")?;
                    thread::sleep(LOOK_AGAIN);
                }
                Step::Has | Step::Left => {
                    return Err(format!("{} had it while another had", self.part.in_words()).into());
                }
                Step::Broke => return Err(self.broke()),
            }
        }
    }

    /// Has him let the lock go, and says when he did.
    pub(super) fn lets_go(&mut self) -> Result<u64, MeasureError> {
        self.line.go_and_wake()?;
        let deadline = Instant::now() + PROMPTLY;
        loop {
            self.must_live()?;
            match self.line.left_ns() {
                0 => self.check(deadline, "does not hear that he is to let go")?,
                at_ns => return Ok(at_ns),
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits with patience until he has the lock and has let it go again, counted from `since_ns`, or else from when he
    /// asked. Nothing of him is left afterwards.
    pub(super) fn claims(mut self, since_ns: Option<u64>) -> Result<Claim, MeasureError> {
        if !self.patiently()? {
            self.kill()?;
            return Ok(Claim::Never);
        }
        let deadline = Instant::now() + PROMPTLY;
        while self.line.step() == Step::Has && !self.child.has_ended()? {
            self.stay_for(Step::Has, deadline, "cannot let the lock go")?;
        }
        self.child.collect()?;
        match self.line.step() {
            Step::Left => {
                let since_ns = since_ns.unwrap_or(self.line.asked_ns());
                Ok(Claim::Had { after_ns: self.line.had_ns().saturating_sub(since_ns), told: self.line.told() })
            }
            Step::Broke => Ok(Claim::Failed(self.line.complaint())),
            // The lock's doing, too: a C library aborts where it finds what it thinks cannot be.
            Step::Asks | Step::Has => Ok(Claim::Failed(self.child.describe_end())),
            Step::Away => Err(self.trouble(&format!("did not attach: {}", self.child.describe_end()))),
        }
    }

    /// True once he has the lock, or an error, or his end; false when he waits in vain.
    ///
    /// Errors: the machine is too busy to tell.
    fn patiently(&mut self) -> Result<bool, MeasureError> {
        let patience = Duration::from_nanos(PATIENCE_NS);
        let (begun, before) = (Instant::now(), Glance::at(self.pid())?);
        let deadline = begun + patience * PATIENCE_TIMES_MAX;
        loop {
            let seen = self.line.step();
            if seen > Step::Asks || self.child.has_ended()? {
                return Ok(true);
            }
            self.stay_for(seen, deadline, "gets no CPU time to look after the lock")?;
            if begun.elapsed() >= patience && seen == Step::Asks {
                let now = Glance::at(self.pid())?;
                let tried = now.asleep || now.ran_ns.saturating_sub(before.ran_ns) >= TRIED_NS;
                // The step once more: he may sleep because he has it.
                if tried && self.line.step() == seen {
                    return Ok(false);
                }
            }
        }
    }

    /// Sleeps a while, unless he has come further than `seen`.
    fn stay_for(&self, seen: Step, deadline: Instant, complaint: &str) -> Result<(), MeasureError> {
        self.check(deadline, complaint)?;
        Ok(self.line.wait_while(seen)?)
    }

    /// Errors: the trial was called off, or it is past the deadline.
    fn check(&self, deadline: Instant, complaint: &str) -> Result<(), MeasureError> {
        if abort::requested() {
            return Err(abort::error().into());
        }
        if Instant::now() >= deadline { Err(self.trouble(complaint)) } else { Ok(()) }
    }

    /// Errors: he has ended without a word.
    fn must_live(&mut self) -> Result<(), MeasureError> {
        if self.child.has_ended()? && self.line.step() <= Step::Has {
            return Err(self.trouble(&format!("is gone: {}", self.child.describe_end())));
        }
        Ok(())
    }

    fn broke(&self) -> MeasureError {
        match self.line.step() {
            Step::Broke => self.trouble(&format!("broke off: {}", self.line.complaint())),
            _ => self.trouble("went too early"),
        }
    }

    fn trouble(&self, what: &str) -> MeasureError {
        io::Error::other(format!("{} {what}", self.part.in_words())).into()
    }
}

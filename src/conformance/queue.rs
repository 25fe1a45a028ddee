//! Conformance of work queues:
//!
//! 1. join of an empty queue returns at once, and more calls of task-done than items put are an error;
//! 2. get from an empty queue and put into a full one fail at once without a time-out, and not before the time-out with
//!    one; an item taken makes room for another; items arrive once each and in order;
//! 3. several producers and consumers, which wait for ever, with short time-outs, or not at all, transfer each item
//!    exactly once, and the items of each producer in order; every join returns, but not before all items are done;
//! 4. when a consumer is killed while it has an item, a join with a time-out reports one item missing, and other
//!    processes can still put, get and join.

use std::io;
use std::time::Duration;

use super::{wait_until, yield_or_abort};
use crate::child::Child;
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::measure::drain::check::{Check, END_MARK};
use crate::measure::drain::rounds::{Past, check_done};
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, invalid, phase, together};
use crate::payload::{Known, stamp};
use crate::protocol::Report;
use crate::queue::{AnyQueue, Got, Joined, Put, Sides};
use crate::record::Isolation;
use crate::wait::WaitLimit;

/// Phase of one round, whose count is the items per producer.
const ROUND: u32 = 80;

const LEADER: u32 = 0;
/// Producer number of items that only the leader puts and gets.
const ALONE: u16 = END_MARK - 1;
/// Posted by a child process that has an item.
const HELD: u64 = u64::MAX;
/// Default number of items per producer.
const ITEMS: u64 = 500;
/// More items than any queue holds.
const ITEMS_MAX: u64 = 1 << 20;
/// Time-out of a wait that must time out.
const SHORT: Duration = Duration::from_millis(5);
/// Time-out of a wait that is repeated.
const MOMENT: Duration = Duration::from_micros(200);
/// Time-out of a wait that must not time out.
const LONG: Duration = Duration::from_secs(60);

/// Producer or consumer under examination.
pub struct Examined {
    queue: Box<dyn AnyQueue>,
    /// Capacity in items, if the queue is bounded by items.
    depth: Option<u32>,
    message_bytes: usize,
    sides: Sides,
    slot: u32,
    /// Items put by this producer, or verified by this consumer.
    items: u64,
    check: Check,
    /// Rounds so far.
    rounds: u64,
}

impl Examined {
    /// Creates the producer or consumer of `task`.
    pub fn new(queue: Box<dyn AnyQueue>, depth: Option<u32>, message_bytes: usize, task: &Task) -> Self {
        let sides = Sides::of(&task.case);
        let check = Check::new(sides, message_bytes);
        Self { queue, depth, message_bytes, sides, slot: task.slot, items: 0, check, rounds: 0 }
    }

    /// Runs the leader, which opens phases.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task) -> MeasureResult {
        let (page, meter) = (leader.page().clone(), Meter::start());
        self.examine_empty()?;
        self.examine_full()?;
        let most = task.timing.fixed_count.unwrap_or(ITEMS);
        let mut past = Past::new(self.sides);
        for items in [1, 7, most] {
            together(leader, ROUND, items, || self.take_part(&page, items))?;
            past.compare(&page, items)?;
        }
        self.examine_empty()?;
        if task.case.isolation == Isolation::Process {
            self.examine_death(&page)?;
            self.examine_full()?;
        }
        together(leader, phase::END, 0, || Ok(()))?;
        page.set_count(self.items);
        let roles = vec![meter.stop(task, self.items)];
        Ok(Report { messages: self.items, chosen_by: "fixed".into(), roles, ..Report::default() })
    }

    /// Runs a follower.
    pub fn follow(&mut self, member: &mut Member, task: &Task) -> MeasureResult {
        let (page, meter) = (member.page().clone(), Meter::start());
        loop {
            let open = member.enter()?;
            if open.kind == phase::END {
                member.leave()?;
                let roles = vec![meter.stop(task, self.items)];
                return Ok(Report { messages: self.items, roles, ..Report::default() });
            }
            self.take_part(&page, open.count)?;
            member.leave()?;
        }
    }

    /// Checks an empty queue without other users.
    fn examine_empty(&mut self) -> Result<(), MeasureError> {
        for wait_limit in [WaitLimit::Never, WaitLimit::Forever, WaitLimit::after(LONG)] {
            demand(self.queue.join(wait_limit)? == Joined::AllDone, "join of an empty queue did not return `AllDone`")?;
        }
        let once_more = self.queue.task_done().map_err(|error| error.kind());
        demand(
            once_more == Err(io::ErrorKind::InvalidInput),
            "more items were done than were put, and no error was reported",
        )?;
        demand(self.queue.looks_empty()? != Some(false), "an empty queue does not look empty")?;
        demand(self.queue.get(WaitLimit::Never)? == Got::Empty, "an empty queue gave an item")?;
        let got = not_before(SHORT, |wait_limit| self.queue.get(wait_limit))?;
        demand(got == Got::Empty, "an empty queue gave an item after a wait")
    }

    /// Fills and empties the queue without other users.
    fn examine_full(&mut self) -> Result<(), MeasureError> {
        let mut held = 0;
        while held < ITEMS_MAX && self.queue.put(&self.item(ALONE, held), WaitLimit::Never)? == Put::Taken {
            held += 1;
        }
        demand((1..ITEMS_MAX).contains(&held), &format!("a bounded queue accepted {held} items"))?;
        if let Some(depth) = self.depth {
            demand(held == u64::from(depth), &format!("a queue of {depth} items was full at {held}"))?;
            demand(self.queue.looks_full(depth)? != Some(false), "a full queue does not look full")?;
        }
        demand(self.queue.items()?.is_none_or(|items| items == held), "a queue miscounts the items it holds")?;
        let put = not_before(SHORT, |wait_limit| self.queue.put(&self.item(ALONE, held), wait_limit))?;
        demand(put == Put::Full, "a full queue accepted an item after a wait")?;
        // Only accepted items count as unfinished.
        let joined = self.queue.join(WaitLimit::Never)?;
        demand(joined == Joined::Unfinished(held), &format!("{held} items were put, but join returned {joined:?}"))?;
        self.get_due(0)?;
        let put = self.queue.put(&self.item(ALONE, held), WaitLimit::Never)?;
        demand(put == Put::Taken, "an item was taken from a full queue, but there is no room for another")?;
        (1..=held).try_for_each(|sequence| self.get_due(sequence))?;
        demand(
            self.queue.join(WaitLimit::Never)? == Joined::AllDone,
            "all items are done, but join returns another result",
        )
    }

    /// Gets the leader's item with this number and marks it done.
    fn get_due(&mut self, sequence: u64) -> Result<(), MeasureError> {
        match self.queue.get(WaitLimit::Never)? {
            Got::Item(item) => {
                Known::new(self.message_bytes, stamp(ALONE, sequence)).check(&item).map_err(MeasureError::Invalid)?;
            }
            Got::Empty => return invalid(format!("item {sequence} was put, but the queue is empty")),
        }
        Ok(self.queue.task_done()?)
    }

    /// Runs this role's part of a round in which each producer puts `items` items.
    fn take_part(&mut self, page: &Page, items: u64) -> Result<(), MeasureError> {
        self.rounds += 1;
        if self.slot >= self.sides.producers {
            self.consume(page)?;
            page.set_tally(self.slot, self.check.sum());
            return Ok(());
        }
        for _ in 0..items {
            let item = self.item(self.slot as u16, self.items);
            retry(self.items, |wait_limit| Ok((self.queue.put(&item, wait_limit)? == Put::Taken).then_some(())))?;
            self.items += 1;
        }
        // All producers join after all items were put.
        page.post(self.slot, self.rounds);
        wait_until(|| (0..self.sides.producers).all(|slot| page.posted(slot) >= self.rounds))?;
        let joined = self.queue.join(WaitLimit::Forever)?;
        demand(joined == Joined::AllDone, "a join without a time-out returned early")?;
        check_done(page, self.sides, self.items)?;
        if self.slot == LEADER {
            let mark = self.item(END_MARK, 0);
            for _ in 0..self.sides.consumers {
                self.queue.put_mark(&mark)?;
            }
        }
        Ok(())
    }

    /// Gets items until an end mark, with a different kind of wait for each.
    fn consume(&mut self, page: &Page) -> Result<(), MeasureError> {
        loop {
            let item = retry(self.items, |wait_limit| match self.queue.get(wait_limit)? {
                Got::Item(item) => Ok(Some(item)),
                Got::Empty => Ok(None),
            })?;
            if !self.check.look(&item).map_err(MeasureError::Invalid)? {
                return Ok(());
            }
            self.items += 1;
            page.set_progress(self.slot, self.items);
            self.queue.task_done()?;
        }
    }

    /// Kills a consumer, in a child process, after it has got an item and before it marks the item done.
    fn examine_death(&mut self, page: &Page) -> Result<(), MeasureError> {
        let (first, second) = (self.item(ALONE, 0), self.item(ALONE, 1));
        demand(self.queue.put(&first, WaitLimit::Never)? == Put::Taken, "an empty queue refused an item")?;
        let mut child = Child::start(|| {
            if let Ok(Got::Item(_)) = self.queue.get(WaitLimit::after(LONG)) {
                page.post(LEADER, HELD);
                // Waits until it is killed or the trial is aborted.
                let _ = wait_until(|| false);
            }
        })?;
        wait_until(|| page.posted(LEADER) == HELD || child.has_ended().unwrap_or(true))?;
        child.kill()?;
        demand(page.posted(LEADER) == HELD, &format!("a consumer got no item: {}", child.describe_end()))?;

        demand(self.queue.put(&second, WaitLimit::Never)? == Put::Taken, "the queue refused an item after a death")?;
        self.get_due(1)?;
        let joined = not_before(SHORT, |wait_limit| self.queue.join(wait_limit))?;
        demand(
            joined == Joined::Unfinished(1),
            &format!("one item was lost with its consumer; join returned {joined:?}"),
        )?;
        // Marks the item done for the dead consumer.
        self.queue.task_done()?;
        demand(
            self.queue.join(WaitLimit::Forever)? == Joined::AllDone,
            "all items are done, but join returns another result",
        )
    }

    fn item(&self, producer: u16, sequence: u64) -> Vec<u8> {
        let mut item = vec![0; self.message_bytes];
        Known::new(self.message_bytes, stamp(producer, sequence)).fill(&mut item);
        item
    }
}

/// Errors: `otherwise`, unless `kept`.
fn demand(kept: bool, otherwise: &str) -> Result<(), MeasureError> {
    if kept { Ok(()) } else { Err(MeasureError::Invalid(otherwise.to_owned())) }
}

/// Calls `wait` with a time-out.
///
/// Errors: `wait` returned before the time-out.
fn not_before<R>(time: Duration, wait: impl FnOnce(WaitLimit) -> io::Result<R>) -> Result<R, MeasureError> {
    let begun_ns = clock::now_ns();
    let result = wait(WaitLimit::after(time))?;
    let lasted_ns = clock::now_ns() - begun_ns;
    let due_ns = time.as_nanos() as u64;
    demand(lasted_ns >= due_ns, &format!("a wait with a time-out of {due_ns} ns returned after {lasted_ns} ns"))?;
    Ok(result)
}

/// Repeats an attempt until it succeeds. The number of the item selects the kind of wait.
///
/// Errors: a wait without time-out failed, or one failed before its time-out.
fn retry<R>(number: u64, mut attempt: impl FnMut(WaitLimit) -> io::Result<Option<R>>) -> Result<R, MeasureError> {
    loop {
        let asked_ns = clock::now_ns();
        let wait_limit = match number % 4 {
            0 => WaitLimit::Forever,
            1 => WaitLimit::after(MOMENT),
            2 => WaitLimit::Never,
            _ => WaitLimit::after(LONG),
        };
        if let Some(done) = attempt(wait_limit)? {
            return Ok(done);
        }
        match wait_limit {
            WaitLimit::Never => yield_or_abort()?,
            WaitLimit::Until(moment_ns) if clock::now_ns() >= moment_ns => yield_or_abort()?,
            _ => {
                let lasted_ns = clock::now_ns() - asked_ns;
                return invalid(format!("a wait with {wait_limit:?} failed after {lasted_ns} ns"));
            }
        }
    }
}

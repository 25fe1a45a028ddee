//! What every queue of work must get right:
//!
//! 1. join comes back at once from an empty queue, and saying more often that an item is done than items were put is an error;
//! 2. one who gets from an empty queue, or puts into a full one, is told so at once where he does not wait, and not before his
//!    time where he does; an item taken makes room for one; what came of all that is one item each, in order;
//! 3. any number of producers and consumers, who wait for ever, for a moment over and over, or not at all, pass on each item
//!    exactly once and each producer's in order; all who join come back, and none before every item is done;
//! 4. a consumer that is killed with an item in his hands is noticed: a join with an end says that one item is missing, and
//!    whoever comes after him can still put, get and join.

use std::io;
use std::time::Duration;

use super::patience::{await_that, give_way};
use crate::child::Child;
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::measure::drain::check::{Check, END_MARK};
use crate::measure::drain::rounds::{Past, check_done};
use crate::measure::meter::Meter;
use crate::measure::{MeasureError, MeasureResult, Task, phase, together};
use crate::payload::{Known, stamp};
use crate::protocol::Report;
use crate::queue::{AnyQueue, Got, Joined, Put, Sides};
use crate::record::Isolation;
use crate::wait::WaitLimit;

/// A round of all roles, with the items of each producer as its count.
const ROUND: u32 = 80;

const LEADER: u32 = 0;
/// The producer number of items with which the leader is alone.
const ALONE: u16 = END_MARK - 1;
/// What a child tells its parent when it has an item.
const HELD: u64 = u64::MAX;
/// Items of each producer, unless the order says.
const ITEMS: u64 = 500;
/// More items than any queue here holds.
const ITEMS_MAX: u64 = 1 << 20;
/// How long one waits who is to wait in vain.
const IN_VAIN: Duration = Duration::from_millis(5);
/// How long one waits who asks over and over.
const MOMENT: Duration = Duration::from_micros(200);
/// How long one waits who must not wait in vain: an end that is never reached.
const LONG: Duration = Duration::from_secs(60);

/// One side under test.
pub struct Examined {
    queue: Box<dyn AnyQueue>,
    /// Items the queue holds, where that is what bounds it.
    depth: Option<u32>,
    message_bytes: usize,
    sides: Sides,
    slot: u32,
    /// Items of this producer, or verified by this consumer.
    items: u64,
    check: Check,
    /// Rounds so far.
    rounds: u64,
}

impl Examined {
    /// The side that plays `task`.
    pub fn new(queue: Box<dyn AnyQueue>, depth: Option<u32>, message_bytes: usize, task: &Task) -> Self {
        let sides = Sides::of(&task.case);
        let check = Check::new(sides, message_bytes);
        Self { queue, depth, message_bytes, sides, slot: task.slot, items: 0, check, rounds: 0 }
    }

    /// The role that opens phases.
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

    /// A role that goes along.
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

    /// An empty queue, with nobody else about.
    fn examine_empty(&mut self) -> Result<(), MeasureError> {
        for wait_limit in [WaitLimit::Never, WaitLimit::Forever, WaitLimit::after(LONG)] {
            demand(self.queue.join(wait_limit)? == Joined::AllDone, "join did not come back from an empty queue")?;
        }
        let once_more = self.queue.task_done().map_err(|error| error.kind());
        demand(
            once_more == Err(io::ErrorKind::InvalidInput),
            "more items were done than were put, and nobody was told",
        )?;
        demand(self.queue.looks_empty()? != Some(false), "an empty queue does not look empty")?;
        demand(self.queue.get(WaitLimit::Never)? == Got::Empty, "an empty queue gave an item")?;
        let got = not_before(IN_VAIN, |wait_limit| self.queue.get(wait_limit))?;
        demand(got == Got::Empty, "an empty queue gave an item to one who waited")
    }

    /// A queue that is filled and emptied again, with nobody else about.
    fn examine_full(&mut self) -> Result<(), MeasureError> {
        let mut held = 0;
        while held < ITEMS_MAX && self.queue.put(&self.item(ALONE, held), WaitLimit::Never)? == Put::Taken {
            held += 1;
        }
        demand((1..ITEMS_MAX).contains(&held), &format!("a bounded queue took {held} items"))?;
        if let Some(depth) = self.depth {
            demand(held == u64::from(depth), &format!("a queue of {depth} items was full with {held}"))?;
            demand(self.queue.looks_full(depth)? != Some(false), "a full queue does not look full")?;
        }
        demand(self.queue.items()?.is_none_or(|items| items == held), "a queue miscounts the items it holds")?;
        let put = not_before(IN_VAIN, |wait_limit| self.queue.put(&self.item(ALONE, held), wait_limit))?;
        demand(put == Put::Full, "a full queue took an item of one who waited")?;
        // What was refused is not unfinished, and what was taken is.
        let joined = self.queue.join(WaitLimit::Never)?;
        demand(joined == Joined::Unfinished(held), &format!("{held} items were put, and join says {joined:?}"))?;
        self.get_due(0)?;
        let put = self.queue.put(&self.item(ALONE, held), WaitLimit::Never)?;
        demand(put == Put::Taken, "an item was taken from a full queue, and there is no room for another")?;
        (1..=held).try_for_each(|sequence| self.get_due(sequence))?;
        demand(self.queue.join(WaitLimit::Never)? == Joined::AllDone, "all is done, and join does not know")
    }

    /// Gets the item of this number that the leader put, and is done with it.
    fn get_due(&mut self, sequence: u64) -> Result<(), MeasureError> {
        match self.queue.get(WaitLimit::Never)? {
            Got::Item(item) => Known::new(self.message_bytes, stamp(ALONE, sequence)).check(&item)?,
            Got::Empty => return Err(format!("item {sequence} was put, and nothing is there").into()),
        }
        Ok(self.queue.task_done()?)
    }

    /// This role's part of a round in which each producer puts `items` items.
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
        // All of them join, and none before the last item of all was put.
        page.post(self.slot, self.rounds);
        await_that(|| (0..self.sides.producers).all(|slot| page.posted(slot) >= self.rounds))?;
        let joined = self.queue.join(WaitLimit::Forever)?;
        demand(joined == Joined::AllDone, "a join that waits for ever gave up")?;
        check_done(page, self.sides, self.items)?;
        if self.slot == LEADER {
            let mark = self.item(END_MARK, 0);
            for _ in 0..self.sides.consumers {
                self.queue.put_mark(&mark)?;
            }
        }
        Ok(())
    }

    /// Gets items, each in another way than the last, until an end mark comes.
    fn consume(&mut self, page: &Page) -> Result<(), MeasureError> {
        loop {
            let item = retry(self.items, |wait_limit| match self.queue.get(wait_limit)? {
                Got::Item(item) => Ok(Some(item)),
                Got::Empty => Ok(None),
            })?;
            if !self.check.look(&item)? {
                return Ok(());
            }
            self.items += 1;
            page.set_progress(self.slot, self.items);
            self.queue.task_done()?;
        }
    }

    /// A consumer of its own, a child of this process, gets an item and is killed before it is done.
    fn examine_death(&mut self, page: &Page) -> Result<(), MeasureError> {
        let (first, second) = (self.item(ALONE, 0), self.item(ALONE, 1));
        demand(self.queue.put(&first, WaitLimit::Never)? == Put::Taken, "an empty queue has no room")?;
        let mut child = Child::start(|| {
            if let Ok(Got::Item(_)) = self.queue.get(WaitLimit::after(LONG)) {
                page.post(LEADER, HELD);
                // To be killed, or to go with a trial that is called off.
                let _ = await_that(|| false);
            }
        })?;
        await_that(|| page.posted(LEADER) == HELD || child.has_ended().unwrap_or(true))?;
        child.kill()?;
        demand(page.posted(LEADER) == HELD, &format!("a consumer got no item: {}", child.describe_end()))?;

        demand(self.queue.put(&second, WaitLimit::Never)? == Put::Taken, "after a death there is no room")?;
        self.get_due(1)?;
        let joined = not_before(IN_VAIN, |wait_limit| self.queue.join(wait_limit))?;
        demand(joined == Joined::Unfinished(1), &format!("one item died with its consumer, and join says {joined:?}"))?;
        // Somebody answers for the dead.
        self.queue.task_done()?;
        demand(self.queue.join(WaitLimit::Forever)? == Joined::AllDone, "all is done, and join does not know")
    }

    fn item(&self, producer: u16, sequence: u64) -> Vec<u8> {
        let mut item = vec![0; self.message_bytes];
        Known::new(self.message_bytes, stamp(producer, sequence)).fill(&mut item);
        item
    }
}

/// Errors: a promise that was not kept.
fn demand(kept: bool, otherwise: &str) -> Result<(), MeasureError> {
    if kept { Ok(()) } else { Err(MeasureError::Invalid(otherwise.to_owned())) }
}

/// Waits in vain for `time`.
///
/// Errors: the wait ended before.
fn not_before<R>(time: Duration, wait: impl FnOnce(WaitLimit) -> io::Result<R>) -> Result<R, MeasureError> {
    let begun_ns = clock::now_ns();
    let result = wait(WaitLimit::after(time))?;
    let lasted_ns = clock::now_ns() - begun_ns;
    let due_ns = time.as_nanos() as u64;
    demand(lasted_ns >= due_ns, &format!("a wait of {due_ns} ns gave up after {lasted_ns} ns"))?;
    Ok(result)
}

/// Tries until it works, in one of the ways there are to wait; which one goes by the number of the item.
///
/// Errors: one who waits for ever gave up, or one who waits for a moment before that.
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
            WaitLimit::Never => give_way()?,
            WaitLimit::Until(moment_ns) if clock::now_ns() >= moment_ns => give_way()?,
            _ => {
                let lasted_ns = clock::now_ns() - asked_ns;
                return Err(format!("{wait_limit:?} was given up after {lasted_ns} ns").into());
            }
        }
    }
}

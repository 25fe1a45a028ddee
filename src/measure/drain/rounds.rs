//! Round of a drain trial, and its checks by the leader.

use super::MeasureError;
use super::side::Working;
use crate::clock;
use crate::control::Page;
use crate::measure::invalid;
use crate::payload::{mix, stamp};
use crate::queue::Joined;
use crate::queue::Sides;
use crate::wait::WaitLimit;

/// Channel of the control page that counts finished producers.
const FINISHED: u32 = 0;

/// Result of a round.
pub(super) struct Round {
    /// Items of all producers.
    pub(super) items: u64,
    /// Begin of the first producer, on the monotonic clock.
    pub(super) started_ns: u64,
    /// Time from then to the return of join.
    pub(super) elapsed_ns: u64,
    /// Time from the end of the last put to the return of join.
    pub(super) drain_ns: u64,
}

/// Runs the role on `slot` in a round of `items` items per producer.
pub(super) fn take_part(
    side: &mut dyn Working,
    page: &Page,
    sides: Sides,
    slot: u32,
    items: u64,
) -> Result<(), MeasureError> {
    if slot >= sides.producers {
        side.get_until_mark(page, slot)?;
        page.set_tally(slot, side.sum());
        return Ok(());
    }
    page.post(slot, 0);
    page.set_started_ns(slot, clock::now_ns());
    side.put(items)?;
    let ended_ns = clock::now_ns();
    page.set_ended_ns(slot, ended_ns);
    if page.finish(FINISHED).is_multiple_of(sides.producers) {
        // This is the last producer to finish.
        if side.join(WaitLimit::Forever)? != Joined::AllDone {
            return invalid("a join that waits for ever gave up");
        }
        let joined_ns = clock::now_ns();
        check_done(page, sides, side.items())?;
        page.post(slot, joined_ns);
        for _ in 0..sides.consumers {
            side.put_mark()?;
        }
    }
    Ok(())
}

/// Checks that all items are done.
///
/// Errors: fewer than `each` items per producer are done.
pub fn check_done(page: &Page, sides: Sides, each: u64) -> Result<(), MeasureError> {
    let (done, due) = (gotten(page, sides), each * u64::from(sides.producers));
    if done == due { Ok(()) } else { invalid(format!("join returned when {done} of {due} items were done")) }
}

/// Items that all consumers have verified.
fn gotten(page: &Page, sides: Sides) -> u64 {
    (sides.producers..sides.roles()).map(|slot| page.progress(slot)).sum()
}

/// Totals of all rounds so far.
pub struct Past {
    sides: Sides,
    /// Items of each producer.
    each: u64,
    /// Sum of their mixed stamps.
    sum: u64,
}

impl Past {
    /// Creates totals of zero.
    pub fn new(sides: Sides) -> Self {
        Self { sides, each: 0, sum: 0 }
    }

    /// Compares all items got with all items put, after a round of `items` items per producer.
    ///
    /// Errors: an item is missing, duplicate or wrong.
    pub fn compare(&mut self, page: &Page, items: u64) -> Result<(), MeasureError> {
        let sides = self.sides;
        for producer in 0..sides.producers {
            for sequence in self.each..self.each + items {
                self.sum = self.sum.wrapping_add(mix(stamp(producer as u16, sequence)));
            }
        }
        self.each += items;
        check_done(page, sides, self.each)?;
        let sum = (sides.producers..sides.roles()).fold(0u64, |sum, slot| sum.wrapping_add(page.tally(slot)));
        if sum == self.sum {
            Ok(())
        } else {
            Err(MeasureError::Invalid("the number of items is right, but they are not the ones that were put".into()))
        }
    }

    /// Like [`compare`](Self::compare), and returns the result of the round.
    ///
    /// Errors: those of `compare`, or no producer joined the queue.
    pub(super) fn audit(&mut self, page: &Page, items: u64) -> Result<Round, MeasureError> {
        self.compare(page, items)?;
        let producers = || 0..self.sides.producers;
        let joined = producers().map(|slot| (slot, page.posted(slot))).find(|(_, joined_ns)| *joined_ns > 0);
        let (last, joined_ns) =
            joined.ok_or_else(|| "no producer joined the queue".to_owned()).map_err(MeasureError::Invalid)?;
        let started_ns = producers().map(|slot| page.started_ns(slot)).min().unwrap_or(joined_ns);
        Ok(Round {
            items: items * u64::from(self.sides.producers),
            started_ns,
            elapsed_ns: joined_ns.saturating_sub(started_ns).max(1),
            drain_ns: joined_ns.saturating_sub(page.ended_ns(last)),
        })
    }
}

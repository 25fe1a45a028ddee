//! Cost of single calls on a queue without other users: put with room, get of an item, put to a full queue, get from an
//! empty queue; and the delay of a get beyond its time-out.

use std::time::Duration;

use super::MeasureError;
use super::side::Working;
use crate::clock;
use crate::measure::histogram::median;
use crate::record::{Metrics, metric};
use crate::wait::WaitLimit;

/// Calls per batch, unless the queue has less room.
const BATCH: u64 = 64;
/// Limits of the batches of each kind, which run as long as the time allows.
const BATCHES: std::ops::RangeInclusive<usize> = 5..=51;
const BATCHES_NS: u64 = 10_000_000;
/// Number of items that no bounded queue holds.
const ITEMS_MAX: u64 = 1 << 30;
/// Gets that time out, and their time-out.
const TIME_OUTS: usize = 15;
const TIME_OUT: Duration = Duration::from_micros(300);

/// Measures each kind of call.
pub(super) fn costs(side: &mut dyn Working) -> Result<Metrics, MeasureError> {
    let (mut puts, mut gets) = (vec![], vec![]);
    batches(|| {
        let begun_ns = clock::now_ns();
        let count = side.fill(BATCH)?;
        let full_ns = clock::now_ns();
        side.empty(count)?;
        let empty_ns = clock::now_ns();
        side.done(count)?;
        puts.push((full_ns - begun_ns) as f64 / count.max(1) as f64);
        gets.push((empty_ns - full_ns) as f64 / count.max(1) as f64);
        Ok(())
    })?;

    let held = side.fill(ITEMS_MAX)?;
    let mut refused = vec![];
    batches(|| timed(&mut refused, || side.be_refused(BATCH)))?;
    side.empty(held)?;
    side.done(held)?;

    let mut nothing = vec![];
    batches(|| timed(&mut nothing, || side.find_nothing(BATCH, WaitLimit::Never)))?;

    let found = [
        (metric::PUT_NS, median(puts)),
        (metric::GET_NS, median(gets)),
        (metric::PUT_FULL_NS, median(refused)),
        (metric::GET_EMPTY_NS, median(nothing)),
        (metric::TIME_OUT_LATE_NS, median(late(side)?)),
    ];
    Ok(found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Runs batches until the time is up.
fn batches(mut batch: impl FnMut() -> Result<(), MeasureError>) -> Result<(), MeasureError> {
    let end_ns = clock::now_ns() + BATCHES_NS;
    for done in 0..*BATCHES.end() {
        if done >= *BATCHES.start() && clock::now_ns() > end_ns {
            break;
        }
        batch()?;
    }
    Ok(())
}

/// Adds the time per call of a batch of [`BATCH`] calls.
fn timed(times: &mut Vec<f64>, batch: impl FnOnce() -> Result<(), MeasureError>) -> Result<(), MeasureError> {
    let begun_ns = clock::now_ns();
    batch()?;
    times.push((clock::now_ns() - begun_ns) as f64 / BATCH as f64);
    Ok(())
}

/// Delays of several gets beyond their time-out, in nanoseconds.
///
/// Errors: a get returned before its time-out.
fn late(side: &mut dyn Working) -> Result<Vec<f64>, MeasureError> {
    let mut late = vec![];
    for _ in 0..TIME_OUTS {
        let moment_ns = clock::now_ns() + TIME_OUT.as_nanos() as u64;
        side.find_nothing(1, WaitLimit::Until(moment_ns))?;
        match clock::now_ns().checked_sub(moment_ns) {
            Some(late_ns) => late.push(late_ns as f64),
            None => return Err(MeasureError::Invalid("a get returned before its time-out".into())),
        }
    }
    Ok(late)
}

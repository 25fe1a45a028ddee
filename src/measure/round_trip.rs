//! Round-trip time of a message. Closed loop with one message in flight; the time is not halved.
//!
//! The hot phase runs two loops: the first in blocks with a clock read between them, for the typical cost; the second
//! with one tick read per trip, for the distribution. Both sides fill and check every byte of each message.
//!
//! With a think time the answering side works on each message before it answers. Windows and trips are stated without it.

use std::marker::PhantomData;

use super::meter::Meter;
use super::paired::Floor;
use super::think::ThinkTimes;
use super::touch::{Every, First, Sampled, Touching};
use super::{MeasureError, MeasureResult, Task, count, follow, histogram, inject, insist, phase, room, together};
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::payload::{Known, stamp};
use crate::protocol::Report;
use crate::record::{Touch, Window, metric};
use crate::transport::{Receiver, Sender};

const PING: u16 = 1;
const PONG: u16 = 2;
/// Maximum of stamped trips: 32 MiB of stamps.
const MAX_STAMPS: u64 = 1 << 22;
/// Parts of the hot phase.
const PLAIN: usize = 0;
const STAMPED: usize = 1;

/// Endpoints of one side, the size of its messages and how many it has exchanged.
pub struct Side<S, R> {
    sender: S,
    receiver: R,
    message_bytes: usize,
    exchanged: u64,
    /// The next message of the leading side.
    next: Known,
}

impl<S: Sender, R: Receiver> Side<S, R> {
    /// A side before its first message.
    pub fn new(sender: S, receiver: R, message_bytes: usize) -> Self {
        Self { sender, receiver, message_bytes, exchanged: 0, next: Known::new(message_bytes, stamp(PING, 0)) }
    }

    /// Runs `count` round trips. The timed loop of the leading side.
    #[inline]
    pub fn trips<W: Touching>(&mut self, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            self.trip::<W>()?;
        }
        Ok(())
    }

    #[inline]
    fn trip<W: Touching>(&mut self) -> Result<(), MeasureError> {
        let ping = self.next;
        self.sender.send(self.message_bytes, |room| W::fill(&ping, room))?;
        // Computed while the response is in flight: the expected response and the next message.
        let pong = Known::new(self.message_bytes, stamp(PONG, self.exchanged));
        self.exchanged += 1;
        self.next = Known::new(self.message_bytes, stamp(PING, self.exchanged));
        insist(|| self.receiver.receive(|seen| W::check(&pong, seen)))?.map_err(MeasureError::Invalid)?;
        Ok(())
    }

    /// Responds to `count` messages.
    #[inline]
    pub fn answers<W: Touching>(&mut self, count: u64) -> Result<(), MeasureError> {
        self.answers_after::<W>(count, |_| {})
    }

    /// Responds to `count` messages, after `think` about each.
    #[inline]
    fn answers_after<W: Touching>(&mut self, count: u64, mut think: impl FnMut(u64)) -> Result<(), MeasureError> {
        let bytes = self.message_bytes;
        for sequence in self.exchanged..self.exchanged + count {
            let (ping, pong) = (Known::new(bytes, stamp(PING, sequence)), Known::new(bytes, stamp(PONG, sequence)));
            insist(|| self.receiver.receive(|seen| W::check(&ping, seen)))?.map_err(MeasureError::Invalid)?;
            think(sequence);
            self.sender.send(bytes, |room| W::fill(&pong, room))?;
        }
        self.exchanged += count;
        Ok(())
    }

    #[inline]
    fn solo_trip(&mut self, times: &ThinkTimes) -> Result<(), MeasureError> {
        let (bytes, sequence) = (self.message_bytes, self.exchanged);
        for producer in [PING, PONG] {
            if producer == PONG {
                times.think(sequence);
            }
            let message = Known::new(bytes, stamp(producer, sequence));
            self.sender.send(bytes, |room| message.fill(room))?;
            self.receiver.receive(|seen| message.check(seen))?.map_err(MeasureError::Invalid)?;
        }
        self.exchanged += 1;
        Ok(())
    }

    /// Runs the leader.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        match task.touch() {
            Touch::All => run(leader, task, floor, &mut Leading(self, PhantomData::<Every>)),
            Touch::Sample => run(leader, task, floor, &mut Leading(self, PhantomData::<Sampled>)),
            Touch::None => run(leader, task, floor, &mut Leading(self, PhantomData::<First>)),
        }
    }

    /// Runs both sides in one thread.
    pub fn lead_solo(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        let times = ThinkTimes::of(&task.case, task.ticks_trusted);
        run(leader, task, floor, &mut Alone(self, times))
    }

    /// Runs the role that responds.
    pub fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        let times = ThinkTimes::of(&task.case, task.ticks_trusted);
        follow(member, task, floor, &mut |member, count| {
            let before = self.exchanged;
            let mut answers = |count| match task.touch() {
                Touch::All if times.any() => self.answers_after::<Every>(count, |sequence| times.think(sequence)),
                Touch::Sample if times.any() => self.answers_after::<Sampled>(count, |sequence| times.think(sequence)),
                Touch::None if times.any() => self.answers_after::<First>(count, |sequence| times.think(sequence)),
                Touch::All => self.answers::<Every>(count),
                Touch::Sample => self.answers::<Sampled>(count),
                Touch::None => self.answers::<First>(count),
            };
            if member.page().is_hot() {
                let (page, (plain, stamped)) = (member.page(), split(count));
                count::follow_in_slices(page, PLAIN, plain, |slice| {
                    answers(slice)?;
                    inject::slow(task);
                    Ok(())
                })?;
                let (stamped, mut done) = (to_stamp(page, stamped), 0);
                count::follow_in_slices(page, STAMPED, stamped, |slice| {
                    answers(slice)?;
                    done += slice;
                    // Once, at five eighths of the whole.
                    if (done - slice..done).contains(&(stamped / 4)) {
                        inject::stall(task);
                    }
                    Ok(())
                })?;
            } else {
                answers(count)?;
            }
            Ok(self.exchanged - before)
        })
    }
}

/// Timed loops of the leading side, as a trait object, so that the code around them is compiled once.
trait Trips {
    /// Runs `count` trips without stamps.
    fn trips(&mut self, count: u64) -> Result<(), MeasureError>;
    /// Runs a trip for each of `stamps` and stamps its end; the histogram is built after the timed work.
    fn stamped(&mut self, stamps: &mut [u64], trusted: bool) -> Result<(), MeasureError>;
    /// Trips so far.
    fn exchanged(&self) -> u64;
}

struct Leading<'a, S, R, W>(&'a mut Side<S, R>, PhantomData<W>);

impl<S: Sender, R: Receiver, W: Touching> Trips for Leading<'_, S, R, W> {
    fn trips(&mut self, count: u64) -> Result<(), MeasureError> {
        self.0.trips::<W>(count)
    }

    fn stamped(&mut self, stamps: &mut [u64], trusted: bool) -> Result<(), MeasureError> {
        stamp_each(stamps, trusted, || self.0.trip::<W>())
    }

    fn exchanged(&self) -> u64 {
        self.0.exchanged
    }
}

/// Trips of a single thread that sends and receives.
struct Alone<'a, S, R>(&'a mut Side<S, R>, ThinkTimes);

impl<S: Sender, R: Receiver> Trips for Alone<'_, S, R> {
    fn trips(&mut self, count: u64) -> Result<(), MeasureError> {
        (0..count).try_for_each(|_| self.0.solo_trip(&self.1))
    }

    fn stamped(&mut self, stamps: &mut [u64], trusted: bool) -> Result<(), MeasureError> {
        stamp_each(stamps, trusted, || self.0.solo_trip(&self.1))
    }

    fn exchanged(&self) -> u64 {
        self.0.exchanged
    }
}

/// Trips of a hot phase that are timed by the slice, and those that are stamped one by one.
fn split(count: u64) -> (u64, u64) {
    let stamped = (count / 2).min(MAX_STAMPS);
    (count - stamped, stamped)
}

/// Trips to stamp of those planned: one slice if the first part ended early.
fn to_stamp(page: &Page, planned: u64) -> u64 {
    if page.end_of(PLAIN).is_some() { count::slices(planned).next().unwrap_or(0) } else { planned }
}

fn run(leader: &mut Leader, task: &Task, floor: &mut Floor, side: &mut dyn Trips) -> MeasureResult {
    floor.lead(leader)?;
    let derived = count::derive(&task.timing, |n| together(leader, phase::WORK, n, || side.trips(n)))?;
    let (plain, stamped) = split(derived.count);
    let mut stamps = room(stamped + 1, u64::MAX);

    let first = side.exchanged();
    let (page, trusted) = (leader.page().clone(), task.ticks_trusted);
    page.set_count(derived.count);
    page.set_hot(true);
    let (cost, mut windows, anchors) = together(leader, phase::WORK, derived.count, || {
        let meter = Meter::start();
        let windows = count::lead_in_slices(&page, PLAIN, (plain, &task.timing), |n| side.trips(n))?.windows;
        let start = Anchor::now(trusted);
        stamps[0] = clock::tick(trusted);
        let mut done = 0;
        count::lead_in_slices(&page, STAMPED, (to_stamp(&page, stamped), &task.timing), |n| {
            let before = done;
            done += n as usize;
            side.stamped(&mut stamps[1 + before..=done], trusted)
        })?;
        let anchors = (start, Anchor::now(trusted));
        stamps.truncate(1 + done);
        Ok((meter.stop(task, side.exchanged() - first), windows, anchors))
    })?;
    let count = cost.messages;
    let one_by_one = stamps.len() as u64 - 1;
    page.set_count(count);
    page.set_hot(false);
    page.set_progress(0, count);
    let times = ThinkTimes::of(&task.case, task.ticks_trusted);
    let thought = Thought { beyond_ns: times.beyond_ns(), times };
    thought.leave_out_of(&mut windows, first);
    floor.lead(leader)?;
    together(leader, phase::END, 0, || Ok(()))?;

    let mut report = Report {
        messages: count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        floor: floor.result(),
        roles: vec![cost],
        ..Report::default()
    };
    let typical_ns = histogram::median(windows.iter().map(|w| w.elapsed_ns as f64 / w.messages as f64).collect());
    report.metrics.insert(metric::ROUND_TRIP_NS.into(), typical_ns);
    let ns_per_tick = anchors.0.ns_per_tick(&anchors.1);
    let first_stamped = first + count - one_by_one;
    let thought_ns = thought.sum_ns(first_stamped, one_by_one) / one_by_one.max(1) as f64;
    let mean_ns = stamped_mean(&stamps, ns_per_tick).map(|ns| (ns - thought_ns).max(1.0));
    report.metrics.extend(mean_ns.map(|ns| (metric::STAMPED_ROUND_TRIP_NS.into(), ns)));
    let distribution = distribution(&stamps, ns_per_tick, |trip| thought.sum_ns(first_stamped + trip, 1));
    histogram::percentiles(&distribution, anchors.0.step_ns(&anchors.1), &mut report.metrics);
    report.histogram = histogram::encode(&distribution);
    report.windows = windows;
    Ok(report)
}

/// What the answering side thought in the hot phase.
struct Thought {
    times: ThinkTimes,
    /// Time beyond the plan, for each message.
    beyond_ns: f64,
}

impl Thought {
    /// Thinking about `count` messages from `first` on, in nanoseconds.
    fn sum_ns(&self, first: u64, count: u64) -> f64 {
        self.times.sum_ns(first, count) + self.beyond_ns * count as f64
    }

    /// Subtracts the thinking from windows whose first message is `first`.
    fn leave_out_of(&self, windows: &mut [Window], mut first: u64) {
        for window in windows.iter_mut().filter(|_| self.times.any()) {
            let thought_ns = self.sum_ns(first, window.messages).round() as u64;
            window.elapsed_ns = window.elapsed_ns.saturating_sub(thought_ns).max(1);
            first += window.messages;
        }
    }
}

fn stamp_each(
    stamps: &mut [u64],
    trusted: bool,
    mut trip: impl FnMut() -> Result<(), MeasureError>,
) -> Result<(), MeasureError> {
    for stamp in stamps {
        trip()?;
        *stamp = clock::tick(trusted);
    }
    Ok(())
}

/// Mean of the stamped trips; `None` without any. The clock read between two trips is part of it.
fn stamped_mean(stamps: &[u64], ns_per_tick: f64) -> Option<f64> {
    let (first, last) = (stamps.first()?, stamps.last()?);
    (stamps.len() > 1).then(|| last.saturating_sub(*first) as f64 * ns_per_tick / (stamps.len() - 1) as f64)
}

/// Distribution of the stamped trips, each without the nanoseconds that `thought` says.
fn distribution(stamps: &[u64], ns_per_tick: f64, thought: impl Fn(u64) -> f64) -> hdrhistogram::Histogram<u64> {
    let mut all = histogram::empty();
    for (trip, pair) in (0..).zip(stamps.windows(2)) {
        let ns = pair[1].saturating_sub(pair[0]) as f64 * ns_per_tick - thought(trip);
        all.saturating_record((ns.round() as u64).max(1));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Case, Measure, Spacing};

    #[test]
    fn the_stamped_mean_covers_all_trips() {
        assert_eq!(stamped_mean(&[100, 140, 400, 500], 0.5), Some(400.0 * 0.5 / 3.0));
        assert_eq!((stamped_mean(&[100], 0.5), stamped_mean(&[], 0.5)), (None, None));
    }

    /// Trips of 300 ns, after thinking of a different length each.
    #[test]
    fn thinking_is_left_out_of_windows_and_trips() {
        let case = Case::new("transport", "pipe", Measure::RoundTrip).with(|p| {
            p.think_time_ns = Some(10_000);
            p.spacing = Some(Spacing::Exponential);
        });
        let thought = Thought { times: ThinkTimes::of(&case, false), beyond_ns: 8.0 };
        let lasted_ns = |sequence: u64| 300.0 + thought.sum_ns(sequence, 1);
        let (mut start_ns, mut windows) = (0, vec![]);
        for first in [1_000, 1_100, 1_200] {
            let elapsed_ns = (first..first + 100).map(lasted_ns).sum::<f64>() as u64;
            windows.push(Window { start_ns, elapsed_ns, messages: 100 });
            start_ns += elapsed_ns;
        }
        thought.leave_out_of(&mut windows, 1_000);
        assert!(windows.iter().all(|window| window.elapsed_ns.abs_diff(30_000) <= 1), "{windows:?}");

        let mut now = 0.0;
        let mut stamps = vec![0];
        for sequence in 1_300..1_500 {
            now += lasted_ns(sequence);
            stamps.push(now as u64);
        }
        let found = distribution(&stamps, 1.0, |trip| thought.sum_ns(1_300 + trip, 1));
        assert!(found.min() >= 299 && found.max() <= 301, "{} to {}", found.min(), found.max());
    }
}

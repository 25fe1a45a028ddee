//! Latency at a given rate. Open loop: due times do not depend on earlier messages.
//!
//! The latency of a message runs from its due time until the receiver has verified its last byte. A slow receiver or a
//! sender blocked by a full queue therefore delays all messages that it affects; a closed loop would hide this (Tene,
//! How NOT to Measure Latency, 2015).
//!
//! The sender is the load generator: it polls the clock between messages, and sends late messages at once. Its CPU time
//! is not a cost of the mechanism; the cost per message is the receiver's. The receiver stamps messages with its tick
//! counter, which is compared with the system clock before and after the hot phase, and keeps the stamps in memory. The
//! sender posts the first due time on the control page. That time also seeds Poisson arrivals: both sides know it, and
//! it differs in each trial, as independent repetitions require.

pub(in crate::measure) mod tally;

use std::io;

use self::tally::{NEVER, Tally};
use super::meter::Meter;
use super::paired::Floor;
use super::schedule::{Schedule, spin_for_post, spin_until};
use super::{MeasureError, MeasureResult, Task, count, follow, histogram, inject, invalid, phase, room, together};
use crate::abort;
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::payload::{Known, check, stamp, stamp_of};
use crate::protocol::Report;
use crate::record::Case;
use crate::transport::{Delivery, Receiver, Sender};

const PRODUCER: u16 = 6;
const SENDER_SLOT: u32 = 0;
const RECEIVER_SLOT: u32 = 1;
/// Delay from the receiver's readiness to the first due time, so that an idle receiver can fall asleep.
const START_AFTER_NS: u64 = 100_000;
/// Maximum of stamped messages: 32 MiB of stamps. A longer trial ends early.
const MAX_STAMPS: u64 = 1 << 22;
/// Minimum of messages for a median and a comparison of the first and last messages.
const MIN_MESSAGES: u64 = 100;

/// The sending side.
pub struct Pacer<S> {
    sender: S,
    message_bytes: usize,
    sent: u64,
}

/// The verifying side.
pub struct Gauge<R> {
    receiver: R,
    message_bytes: usize,
    /// Whether messages may be missing.
    skips: bool,
    /// Sequence of the next message, or the lowest that may come if messages may be lost.
    next: u64,
    /// End of the phase's sequences, exclusive.
    end: u64,
}

/// Results of the hot phase.
struct Stamped {
    stamps: Vec<u64>,
    anchors: (Anchor, Anchor),
    start_ns: u64,
}

impl<S: Sender> Pacer<S> {
    /// A sender before its first message.
    pub fn new(sender: S, message_bytes: usize) -> Self {
        Self { sender, message_bytes, sent: 0 }
    }

    /// Runs the leader. The warm-up runs at full speed; if that is slower than the rate, the hot phase gets fewer
    /// messages, so that an overloaded trial takes no longer.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task) -> MeasureResult {
        let page = leader.page().clone();
        let derived = count::derive(&task.timing, |n| together(leader, phase::WORK, n, || self.flood(&page, n)))?;
        let interval_ns = Schedule::of(&task.case, PRODUCER, 0)?.interval_ns().max(derived.fastest_ns);
        let wanted = task.timing.fixed_count.unwrap_or((task.timing.hot_ns as f64 / interval_ns) as u64);
        let count = whole_bursts(wanted.clamp(MIN_MESSAGES, MAX_STAMPS), &task.case);

        page.set_count(count);
        // A phase without messages: the receiver prepares its buffer.
        together(leader, phase::WORK, 0, || Ok(()))?;
        page.set_hot(true);
        let cost = together(leader, phase::WORK, count, || {
            let meter = Meter::start();
            self.pace(&page, &task.case, count)?;
            Ok(meter.stop(task, count))
        })?;
        page.set_hot(false);
        page.set_progress(SENDER_SLOT, count);
        together(leader, phase::END, 0, || Ok(()))?;
        Ok(Report {
            messages: count,
            chosen_by: derived.chosen_by.into(),
            warm_up_ns: derived.warm_up_ns,
            roles: vec![cost],
            ..Report::default()
        })
    }

    /// Sends `count` messages without pauses.
    fn flood(&mut self, page: &Page, count: u64) -> Result<(), MeasureError> {
        for _ in 0..count {
            let message = self.next();
            self.send(message)?;
        }
        self.finished(page);
        Ok(())
    }

    /// Sends `count` messages at their due times. Timed loop of the sender.
    fn pace(&mut self, page: &Page, case: &Case, count: u64) -> Result<(), MeasureError> {
        let end = self.sent + count;
        spin_for_post(page, RECEIVER_SLOT, end)?;
        let mut now_ns = clock::now_ns();
        let start_ns = now_ns + START_AFTER_NS;
        page.post(SENDER_SLOT, start_ns);
        let schedule = Schedule::of(case, PRODUCER, start_ns)?;
        for due_ns in schedule.take(count as usize) {
            let message = self.next();
            // A message due before the last clock read is late; another read would only delay it.
            if start_ns + due_ns > now_ns {
                now_ns = spin_until(start_ns + due_ns)?;
            }
            self.send(message)?;
        }
        self.finished(page);
        Ok(())
    }

    fn next(&self) -> Known {
        Known::new(self.message_bytes, stamp(PRODUCER, self.sent))
    }

    #[inline]
    fn send(&mut self, message: Known) -> io::Result<()> {
        self.sent += 1;
        self.sender.send(self.message_bytes, |room| message.fill(room))
    }

    /// Publishes the number of messages sent, which ends the phase of a receiver that skips messages.
    fn finished(&self, page: &Page) {
        page.set_progress(SENDER_SLOT, self.sent);
    }
}

impl<R: Receiver> Gauge<R> {
    /// A receiver before its first message.
    pub fn new(receiver: R, message_bytes: usize, delivery: Delivery) -> Self {
        let skips = matches!(delivery, Delivery::Lossy | Delivery::Latest);
        Self { receiver, message_bytes, skips, next: 0, end: 0 }
    }

    /// Runs the receiver.
    pub fn follow(&mut self, member: &mut Member, task: &Task) -> MeasureResult {
        let mut stamps = vec![];
        let mut stamped = None;
        let mut report = follow(member, task, &mut Floor::none(), &mut |member, count| {
            let page = member.page();
            if count == 0 {
                stamps = room(page.count(), NEVER);
                return Ok(0);
            }
            self.end = self.next + count;
            if page.is_hot() {
                stamped = Some(self.measure(page, task, std::mem::take(&mut stamps))?);
            } else {
                self.verify(page, self.end, |_| {})?;
            }
            Ok(count)
        })?;
        if let Some(stamped) = stamped {
            self.describe(&stamped, task, &mut report)?;
        }
        Ok(report)
    }

    /// Stamps every message of the hot phase. Timed loop of the receiver.
    fn measure(&mut self, page: &Page, task: &Task, mut stamps: Vec<u64>) -> Result<Stamped, MeasureError> {
        let first = self.next;
        let trusted = task.ticks_trusted;
        let before = Anchor::now(trusted);
        page.post(RECEIVER_SLOT, self.end);
        let mut until = first;
        inject::around_stall(task, self.end - first, |messages| {
            until += messages;
            self.verify(page, until, |sequence| stamps[(sequence - first) as usize] = clock::tick(trusted))
        })?;
        let anchors = (before, Anchor::now(trusted));
        Ok(Stamped { stamps, anchors, start_ns: page.posted(SENDER_SLOT) })
    }

    /// Verifies messages before sequence `until`, and calls `verified` with the sequence of each.
    #[inline]
    fn verify(&mut self, page: &Page, until: u64, mut verified: impl FnMut(u64)) -> Result<(), MeasureError> {
        if self.skips {
            return self.verify_some(page, until, verified);
        }
        while self.next < until {
            let due = Known::new(self.message_bytes, stamp(PRODUCER, self.next));
            self.receiver.receive(|seen| due.check(seen))?.map_err(MeasureError::Invalid)?;
            verified(self.next);
            self.next += 1;
        }
        Ok(())
    }

    /// Like `verify`, for channels that may lose messages: each message carries its sequence.
    fn verify_some(&mut self, page: &Page, until: u64, mut verified: impl FnMut(u64)) -> Result<(), MeasureError> {
        let bytes = self.message_bytes;
        let mut all_sent = false;
        while self.next < until {
            match self.receiver.receive(|seen| sequence_of(seen, bytes)) {
                Ok(sequence) => {
                    let sequence = sequence.map_err(MeasureError::Invalid)?;
                    if !(self.next..self.end).contains(&sequence) {
                        let next = self.next;
                        return invalid(format!(
                            "message {sequence} arrived where {next} or a later one was due: repeated or out of order"
                        ));
                    }
                    verified(sequence);
                    self.next = sequence + 1;
                }
                // A time-out ends the phase only after the last send: then no message is in flight.
                Err(silence) if silence.kind() == io::ErrorKind::TimedOut && all_sent => self.next = until,
                Err(silence) if silence.kind() == io::ErrorKind::TimedOut => {
                    if abort::requested() {
                        return Err(abort::error().into());
                    }
                    all_sent = page.progress(SENDER_SLOT) >= self.end;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn describe(&self, stamped: &Stamped, task: &Task, report: &mut Report) -> io::Result<()> {
        let schedule = Schedule::of(&task.case, PRODUCER, stamped.start_ns)?;
        let tally = Tally::new(&stamped.stamps, stamped.anchors, stamped.start_ns, &schedule);
        let distribution = tally.distribution();
        report.metrics = tally.metrics(&distribution, self.message_bytes, self.skips);
        report.histogram = histogram::encode(&distribution);
        Ok(())
    }
}

/// Verifies every byte of a message and returns its sequence.
fn sequence_of(seen: &[u8], bytes: usize) -> Result<u64, String> {
    let claimed = stamp_of(seen).ok_or_else(|| format!("{} bytes do not tell which message they are", seen.len()))?;
    let sequence = claimed & 0xffff_ffff_ffff;
    if claimed != stamp(PRODUCER, sequence) {
        return Err("a message arrived that was never sent: corrupted, torn or stale".to_owned());
    }
    check(seen, bytes, claimed).map(|()| sequence)
}

/// Rounds to whole bursts, at least two.
fn whole_bursts(count: u64, case: &Case) -> u64 {
    let burst = u64::from(case.params.burst.unwrap_or(1).max(1));
    (count / burst).max(2) * burst
}

#[cfg(test)]
mod tests;

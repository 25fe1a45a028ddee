//! One-way latency of the first message after a pause, from just before the send until the last byte is verified.
//!
//! A closed loop keeps cores awake and caches warm, and so hides the costs after a pause: the scheduler's wake-up, CPU
//! sleep states, timer ticks, cold lines. The pause starts at the receiver's acknowledgement. The sender polls the
//! clock during the pause, so that its CPU stays awake and only the receiver is woken. Its CPU time is therefore left
//! out of the cost per message.
//! Both times use one clock: the tick counter if the leader finds those of the two CPUs synchronised, else the system
//! clock, which adds about one clock read. The send time and the acknowledgement are posted on the control page while
//! no message is in flight.

use std::io;

use super::meter::Meter;
use super::paired::Floor;
use super::schedule::{spin_for_post, spin_until};
use super::{MeasureError, MeasureResult, Task, count, follow, histogram, phase, room, together};
use crate::abort;
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::payload::{Known, stamp};
use crate::protocol::Report;
use crate::record::metric;
use crate::transport::{Receiver, Sender};

const PRODUCER: u16 = 7;
const SENDER_SLOT: u32 = 0;
const RECEIVER_SLOT: u32 = 1;
/// Minimum of pauses per trial, however long they are.
const MIN_PAUSES: u64 = 3;
/// Maximum of pauses per trial: 32 MiB of times.
const MAX_PAUSES: u64 = 1 << 22;

/// The sending side.
pub struct Rouser<S> {
    sender: S,
    message_bytes: usize,
    gap_ns: u64,
    sent: u64,
    /// Acknowledgements so far: one when the receiver is ready, and one per message.
    heard: u64,
}

/// The receiving side.
pub struct Sleeper<R> {
    receiver: R,
    message_bytes: usize,
    verified: u64,
    acknowledged: u64,
}

/// Results of the hot phase: ticks from send to verified.
struct Waits {
    ticks: Vec<u64>,
    ns_per_tick: f64,
    step_ns: f64,
}

impl<S: Sender> Rouser<S> {
    /// A sender before its first message.
    pub fn new(sender: S, message_bytes: usize, gap_ns: u64) -> Self {
        Self { sender, message_bytes, gap_ns, sent: 0, heard: 0 }
    }

    /// Runs the leader.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task) -> MeasureResult {
        let page = leader.page().clone();
        // A phase without messages, in which the receiver reports its CPU.
        together(leader, phase::WORK, 0, || Ok(()))?;
        page.set_shares_ticks(ticks_agree(task, page.posted(RECEIVER_SLOT)));
        self.heard = 0;
        page.post(RECEIVER_SLOT, self.heard);
        let derived =
            count::derive(&task.timing, |n| together(leader, phase::WORK, n, || self.wake_counted(&page, n)))?;
        let fitting = (task.timing.hot_ns as f64 / derived.unit_ns) as u64;
        let count = task.timing.fixed_count.unwrap_or(fitting.clamp(MIN_PAUSES, MAX_PAUSES));

        page.set_count(count);
        // A phase without messages, in which the receiver prepares its buffer.
        together(leader, phase::WORK, 0, || Ok(()))?;
        page.set_hot(true);
        let cost = together(leader, phase::WORK, count, || {
            let meter = Meter::start();
            self.wake_counted(&page, count)?;
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

    /// Runs `count` pauses, each with a message.
    fn wake_counted(&mut self, page: &Page, count: u64) -> Result<(), MeasureError> {
        let by_ticks = page.shares_ticks();
        self.await_receiver(page)?;
        for _ in 0..count {
            let message = Known::new(self.message_bytes, stamp(PRODUCER, self.sent));
            // Fetches the line that the receiver read last, so that the later store does not delay the message.
            page.post(SENDER_SLOT, 0);
            spin_until(clock::now_ns() + self.gap_ns)?;
            page.post(SENDER_SLOT, clock::tick(by_ticks));
            self.sender.send(self.message_bytes, |room| message.fill(room))?;
            self.sent += 1;
            self.await_receiver(page)?;
        }
        Ok(())
    }

    /// Waits until the receiver is about to receive.
    fn await_receiver(&mut self, page: &Page) -> io::Result<()> {
        self.heard += 1;
        spin_for_post(page, RECEIVER_SLOT, self.heard)
    }
}

/// Whether the ticks of the two roles are comparable. `receiver_cpu` is the CPU of a pinned receiver plus one, or 0.
fn ticks_agree(task: &Task, receiver_cpu: u64) -> bool {
    let cpus = match (task.cpu, receiver_cpu.checked_sub(1)) {
        (Some(own), Some(other)) => vec![own, other as u32],
        _ => vec![],
    };
    clock::ticks_are_invariant() && clock::ticks_synchronised(&cpus)
}

impl<R: Receiver> Sleeper<R> {
    /// A receiver before its first message.
    pub fn new(receiver: R, message_bytes: usize) -> Self {
        Self { receiver, message_bytes, verified: 0, acknowledged: 0 }
    }

    /// Runs the receiver.
    pub fn follow(&mut self, member: &mut Member, task: &Task) -> MeasureResult {
        let mut times = vec![];
        let mut waits = None;
        member.page().post(RECEIVER_SLOT, task.cpu.map_or(0, |cpu| u64::from(cpu) + 1));
        let mut report = follow(member, task, &mut Floor::none(), &mut |member, count| {
            let page = member.page();
            match count {
                0 => times = room(page.count(), u64::MAX),
                _ if page.is_hot() => {
                    let before = Anchor::now(page.shares_ticks());
                    self.wake(page, &mut times)?;
                    let after = Anchor::now(page.shares_ticks());
                    let (ns_per_tick, step_ns) = (before.ns_per_tick(&after), before.step_ns(&after));
                    waits = Some(Waits { ticks: std::mem::take(&mut times), ns_per_tick, step_ns });
                }
                _ => self.wake(page, &mut vec![0; count as usize])?,
            }
            Ok(count)
        })?;
        if let Some(waits) = waits {
            waits.describe(&mut report);
        }
        Ok(report)
    }

    /// Receives one message for each entry of `times`.
    fn wake(&mut self, page: &Page, times: &mut [u64]) -> Result<(), MeasureError> {
        let by_ticks = page.shares_ticks();
        self.acknowledge(page);
        for time in times {
            let due = Known::new(self.message_bytes, stamp(PRODUCER, self.verified));
            self.receive(due)?;
            // Read the clock first: later work is not part of the latency.
            let now = clock::tick(by_ticks);
            *time = now.saturating_sub(page.posted(SENDER_SLOT));
            self.verified += 1;
            self.acknowledge(page);
        }
        Ok(())
    }

    /// Receives one message; retries when the transport times out, since pauses are intended.
    fn receive(&mut self, due: Known) -> Result<(), MeasureError> {
        loop {
            match self.receiver.receive(|seen| due.check(seen)) {
                Err(silence) if silence.kind() == io::ErrorKind::TimedOut && !abort::requested() => {}
                heard => return heard?.map_err(MeasureError::Invalid),
            }
        }
    }

    fn acknowledge(&mut self, page: &Page) {
        self.acknowledged += 1;
        page.post(RECEIVER_SLOT, self.acknowledged);
    }
}

impl Waits {
    fn describe(&self, report: &mut Report) {
        let mut all = histogram::empty();
        for ticks in &self.ticks {
            all.saturating_record(((*ticks as f64 * self.ns_per_tick).round() as u64).max(1));
        }
        report.metrics.extend(histogram::typical(&all).map(|ns| (metric::WAKE_NS.into(), ns)));
        histogram::percentiles(&all, self.step_ns, &mut report.metrics);
        report.histogram = histogram::encode(&all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_nanoseconds_and_a_median_needs_no_twenty() {
        let mut report = Report::default();
        Waits { ticks: vec![4000, 2000, 600_000], ns_per_tick: 0.5, step_ns: 0.5 }.describe(&mut report);
        let wake_ns = report.metrics[metric::WAKE_NS];
        assert!((wake_ns - 2000.0).abs() <= 2.0, "{wake_ns}");
        assert!(!report.metrics.contains_key(metric::P50_NS), "too few for a percentile");
        assert!((report.metrics[metric::MAX_NS] - 300_000.0).abs() < 300.0);
    }
}

//! Throughput from the first send until the receiver has verified the last message. The receiver stamps the windows on
//! the same monotonic clock.

use super::meter::Meter;
use super::paired::Floor;
use super::touch::{Every, First, Sampled, Touching};
use super::{MeasureError, MeasureResult, Task, count, follow, inject, phase, together};
use crate::control::{Leader, Member};
use crate::payload::{Known, stamp};
use crate::protocol::Report;
use crate::record::{Metrics, Touch, metric};
use crate::transport::{Receiver, Sender};

const RECEIVER_SLOT: u32 = 1;

/// The sending side.
pub struct Source<S> {
    sender: S,
    message_bytes: usize,
    producer: u16,
    sent: u64,
}

/// The verifying side.
pub struct Sink<R> {
    receiver: R,
    message_bytes: usize,
    producer: u16,
    verified: u64,
}

impl<S: Sender> Source<S> {
    /// A source before its first message.
    pub fn new(sender: S, message_bytes: usize) -> Self {
        Self { sender, message_bytes, producer: 0, sent: 0 }
    }

    /// Sets the producer number, for several producers.
    #[must_use]
    pub fn numbered(self, producer: u16) -> Self {
        Self { producer, ..self }
    }

    /// Messages sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends `count` messages. Timed loop of the sender.
    #[inline]
    pub fn send<W: Touching>(&mut self, count: u64) -> Result<(), MeasureError> {
        let (bytes, producer) = (self.message_bytes, self.producer);
        for sequence in self.sent..self.sent + count {
            let message = Known::new(bytes, stamp(producer, sequence));
            self.sender.send(bytes, |room| W::fill(&message, room))?;
        }
        self.sent += count;
        Ok(())
    }

    /// Sends `count` messages with the given payload access.
    pub fn send_as(&mut self, touch: Touch, count: u64) -> Result<(), MeasureError> {
        match touch {
            Touch::All | Touch::Sample => self.send::<Every>(count),
            Touch::None => self.send::<First>(count),
        }
    }

    /// Next message, whose words are computed now.
    #[inline]
    pub fn next(&self) -> Known {
        Known::new(self.message_bytes, stamp(self.producer, self.sent))
    }

    /// Sends the [`next`](Self::next) message.
    #[inline]
    pub fn send_next(&mut self, message: Known) -> Result<(), MeasureError> {
        self.sent += 1;
        Ok(self.sender.send(self.message_bytes, |room| message.fill(room))?)
    }

    /// Sends one message without a producer number.
    pub fn send_mark(&mut self, stamp: u64) -> Result<(), MeasureError> {
        let message = Known::new(self.message_bytes, stamp);
        Ok(self.sender.send(self.message_bytes, |room| message.fill(room))?)
    }

    /// Runs the leader.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> MeasureResult {
        lead(leader, task, floor, &mut |count| self.send_as(task.touch(), count))
    }
}

/// Code around the timed loop of the leading side, compiled once for all mechanisms.
fn lead(
    leader: &mut Leader,
    task: &Task,
    floor: &mut Floor,
    send: &mut dyn FnMut(u64) -> Result<(), MeasureError>,
) -> MeasureResult {
    floor.lead(leader)?;
    let derived = count::derive(&task.timing, |n| together(leader, phase::WORK, n, || send(n)))?;
    leader.page().set_count(derived.count);
    leader.page().set_hot(true);
    let page = leader.page().clone();
    let (cost, start) = together(leader, phase::WORK, derived.count, || {
        let meter = Meter::start();
        let sent = count::lead_in_slices(&page, 0, (derived.count, &task.timing), send)?;
        Ok((meter.stop(task, sent.units()), sent.started_ns))
    })?;
    let count = cost.messages;
    page.set_count(count);
    page.set_hot(false);
    page.set_progress(0, count);
    // The phase closes after the receiver has verified all messages, so its stamp is the end.
    let elapsed = page.ended_ns(RECEIVER_SLOT).saturating_sub(start);
    floor.lead(leader)?;
    together(leader, phase::END, 0, || Ok(()))?;
    Ok(Report {
        messages: count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: rates(count, task.message_bytes(), elapsed),
        floor: floor.result(),
        roles: vec![cost],
        ..Report::default()
    })
}

impl<R: Receiver> Sink<R> {
    /// A sink before its first message.
    pub fn new(receiver: R, message_bytes: usize) -> Self {
        Self { receiver, message_bytes, producer: 0, verified: 0 }
    }

    /// Sets the expected producer number, for several producers.
    #[must_use]
    pub fn numbered(self, producer: u16) -> Self {
        Self { producer, ..self }
    }

    /// Messages verified so far.
    pub fn verified(&self) -> u64 {
        self.verified
    }

    /// Receives and verifies `count` messages.
    #[inline]
    pub fn verify<W: Touching>(&mut self, count: u64) -> Result<(), MeasureError> {
        self.verify_each::<W>(count, |_| {})
    }

    /// Like [`verify`](Self::verify), and calls `verified` with the sequence of each message. Timed loop of the receiver.
    #[inline]
    pub fn verify_each<W: Touching>(&mut self, count: u64, mut verified: impl FnMut(u64)) -> Result<(), MeasureError> {
        let (bytes, producer) = (self.message_bytes, self.producer);
        for sequence in self.verified..self.verified + count {
            let message = Known::new(bytes, stamp(producer, sequence));
            self.receiver.receive(|seen| W::check(&message, seen))?.map_err(MeasureError::Invalid)?;
            verified(sequence);
        }
        self.verified += count;
        Ok(())
    }

    /// Verifies `count` messages with the given payload access.
    pub fn verify_as(&mut self, touch: Touch, count: u64) -> Result<(), MeasureError> {
        match touch {
            Touch::All => self.verify::<Every>(count),
            Touch::Sample => self.verify::<Sampled>(count),
            Touch::None => self.verify::<First>(count),
        }
    }

    /// Runs the receiver.
    pub fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> MeasureResult {
        follow_in_slices(member, task, floor, &mut |count| self.verify_as(task.touch(), count))
    }
}

/// Code around the timed loop of the verifying side.
fn follow_in_slices(
    member: &mut Member,
    task: &Task,
    floor: &mut Floor,
    verify: &mut dyn FnMut(u64) -> Result<(), MeasureError>,
) -> MeasureResult {
    let mut windows = vec![];
    let mut report = follow(member, task, floor, &mut |member, count| {
        let mut done = 0;
        let sliced = count::follow_in_slices(member.page(), 0, count, |messages| {
            verify(messages)?;
            done += messages;
            member.page().set_progress(member.slot(), done);
            if member.page().is_hot() {
                inject::slow(task);
            }
            Ok(())
        })?;
        member.page().set_ended_ns(member.slot(), sliced.ended_ns);
        windows = sliced.windows;
        Ok(done)
    })?;
    report.windows = windows;
    Ok(report)
}

/// Sends and verifies in one thread, by turns: the cost of writing and checking the payload.
pub fn lead_solo(
    source: &mut Source<impl Sender>,
    sink: &mut Sink<impl Receiver>,
    leader: &mut Leader,
    task: &Task,
) -> MeasureResult {
    let mut turns = |count: u64| {
        for _ in 0..count {
            source.send::<Every>(1)?;
            sink.verify::<Every>(1)?;
        }
        Ok(())
    };
    let derived = count::derive(&task.timing, &mut turns)?;
    leader.page().set_count(derived.count);
    leader.page().set_hot(true);
    let meter = Meter::start();
    let sliced = count::in_slices(derived.count, &mut turns)?;
    let cost = meter.stop(task, derived.count);
    leader.page().set_hot(false);
    Ok(Report {
        messages: derived.count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics: rates(derived.count, task.message_bytes(), sliced.ended_ns - sliced.started_ns),
        windows: sliced.windows,
        roles: vec![cost],
        ..Report::default()
    })
}

pub(super) fn rates(messages: u64, message_bytes: usize, elapsed_ns: u64) -> Metrics {
    let per_s = messages as f64 * 1e9 / elapsed_ns.max(1) as f64;
    Metrics::from([(metric::MESSAGES_PER_S.into(), per_s), (metric::BYTES_PER_S.into(), per_s * message_bytes as f64)])
}

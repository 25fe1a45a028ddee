//! How much gets through? One side sends, the other verifies; the clock stops when the receiver has verified the last
//! message and said so. Windows are stamped by the receiver, on the same monotonic clock.

use super::meter::Meter;
use super::paired::Floor;
use super::{Findings, Task, Trouble, count, follow, phase, together};
use crate::clock;
use crate::control::{Leader, Member};
use crate::payload::{check, fill, stamp};
use crate::protocol::Report;
use crate::record::{Metrics, metric};
use crate::transport::{Receiver, Sender};

const PRODUCER: u16 = 3;
const RECEIVER_SLOT: u32 = 1;

/// The sending side.
pub struct Source<S> {
    sender: S,
    message_bytes: usize,
    sent: u64,
}

/// The verifying side.
pub struct Sink<R> {
    receiver: R,
    message_bytes: usize,
    verified: u64,
}

impl<S: Sender> Source<S> {
    /// A source before its first message.
    pub fn new(sender: S, message_bytes: usize) -> Self {
        Self { sender, message_bytes, sent: 0 }
    }

    /// Sends `count` messages. The timed loop of the sending side.
    #[inline]
    pub fn send(&mut self, count: u64) -> Result<(), Trouble> {
        let bytes = self.message_bytes;
        for sequence in self.sent..self.sent + count {
            self.sender.send(bytes, |room| fill(room, stamp(PRODUCER, sequence)))?;
        }
        self.sent += count;
        Ok(())
    }

    /// The role that leads.
    pub fn lead(&mut self, leader: &mut Leader, task: &Task, floor: &mut Floor) -> Findings {
        floor.lead(leader)?;
        let derived = count::derive(&task.timing, |n| together(leader, phase::WORK, n, || self.send(n)))?;
        leader.page().set_count(derived.count);
        leader.page().set_hot(true);
        let (cost, start) = together(leader, phase::WORK, derived.count, || {
            let meter = Meter::start();
            let start = clock::now_ns();
            self.send(derived.count)?;
            Ok((meter.stop(task, derived.count), start))
        })?;
        leader.page().set_hot(false);
        leader.page().set_progress(0, derived.count);
        // Closing the phase meant that the receiver has verified everything: its stamp is the end.
        let elapsed = leader.page().ended_ns(RECEIVER_SLOT).saturating_sub(start);
        floor.lead(leader)?;
        together(leader, phase::END, 0, || Ok(()))?;
        Ok(Report {
            messages: derived.count,
            chosen_by: derived.chosen_by.into(),
            warm_up_ns: derived.warm_up_ns,
            metrics: rates(derived.count, self.message_bytes, elapsed),
            floor: floor.result(),
            roles: vec![cost],
            ..Report::default()
        })
    }
}

impl<R: Receiver> Sink<R> {
    /// A sink before its first message.
    pub fn new(receiver: R, message_bytes: usize) -> Self {
        Self { receiver, message_bytes, verified: 0 }
    }

    /// Receives and verifies `count` messages. The timed loop of the receiving side.
    #[inline]
    pub fn verify(&mut self, count: u64) -> Result<(), Trouble> {
        let bytes = self.message_bytes;
        for sequence in self.verified..self.verified + count {
            self.receiver.receive(|seen| check(seen, bytes, stamp(PRODUCER, sequence)))??;
        }
        self.verified += count;
        Ok(())
    }

    /// The role that verifies.
    pub fn follow(&mut self, member: &mut Member, task: &Task, floor: &mut Floor) -> Findings {
        let mut windows = vec![];
        let mut report = follow(member, task, floor, |member, count| {
            let mut done = 0;
            let sliced = count::in_slices(count, |messages| {
                self.verify(messages)?;
                done += messages;
                member.page().set_progress(member.slot(), done);
                Ok(())
            })?;
            member.page().set_ended_ns(member.slot(), sliced.ended_ns);
            windows = sliced.windows;
            Ok(done)
        })?;
        report.windows = windows;
        Ok(report)
    }
}

/// One thread sends and verifies in turns: what the payload's own work costs.
pub fn lead_solo(
    source: &mut Source<impl Sender>,
    sink: &mut Sink<impl Receiver>,
    leader: &mut Leader,
    task: &Task,
) -> Findings {
    let mut turns = |count: u64| {
        for _ in 0..count {
            source.send(1)?;
            sink.verify(1)?;
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

fn rates(messages: u64, message_bytes: usize, elapsed_ns: u64) -> Metrics {
    let per_s = messages as f64 * 1e9 / elapsed_ns.max(1) as f64;
    Metrics::from([(metric::MESSAGES_PER_S.into(), per_s), (metric::BYTES_PER_S.into(), per_s * message_bytes as f64)])
}

//! Throughput with several endpoints per channel, with parallel channels, and over channels that may lose or overwrite
//! messages; and the roles of open loops of any pattern, whose timed loops are in [`super::paced`]. The checks cover every
//! byte that arrives, the order of each producer, and, on lossless channels, that every message arrives exactly once.
//!
//! A consumer that shares a channel cannot predict its next message. The first payload word is a bijection of producer
//! and sequence, so it identifies the message. Consumers add up these words, and the leader compares their number and
//! sum with the messages sent. On such a channel the last producer to finish sends one end mark to each consumer; the
//! queue's order keeps it behind all messages.

mod gather;

pub(super) use gather::Gatherer;

use super::meter::Meter;
use super::paced;
use super::paired::Floor;
use super::stream::{Sink, Source, rates};
use super::{MeasureError, MeasureResult, Task, count, follow, invalid, phase, together};
use crate::clock;
use crate::control::{Leader, Member, Page};
use crate::payload::{mix, stamp};
use crate::protocol::Report;
use crate::record::{Measure, Window, metric};
use crate::transport::{Delivery, Receiver, Roles, Sender, Topology, Transport};

/// The producer number of end marks.
const END_MARK: u16 = u16::MAX;

/// Messages that a consumer must receive, and the condition that ends its phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gathering {
    /// Every message of its one producer, in order.
    InOrder,
    /// Every message of all producers of its channel, each producer's in order.
    All,
    /// Any part of the channel's messages, until an end mark arrives.
    Share,
    /// The newest message, up to the last one.
    Newest,
    /// Any messages, until the sender is done and no more come.
    WhatArrives,
}

impl Gathering {
    /// Mode for the consumers of a channel of `T` in `roles`.
    pub fn of<T: Transport>(roles: Roles) -> Self {
        match T::DELIVERY {
            Delivery::Latest => Self::Newest,
            Delivery::Lossy => Self::WhatArrives,
            Delivery::Exact | Delivery::Coalescing
                if roles.receivers_each > 1 && T::TOPOLOGY != Topology::Broadcast =>
            {
                Self::Share
            }
            Delivery::Exact | Delivery::Coalescing if roles.senders_each > 1 => Self::All,
            Delivery::Exact | Delivery::Coalescing => Self::InOrder,
        }
    }

    /// Messages that all consumers together must verify after each sender has sent `sent`; `None` if messages may be
    /// lost.
    pub(super) fn due(self, roles: Roles, sent: u64) -> Option<u64> {
        match self {
            Self::InOrder => Some(sent * u64::from(roles.receivers())),
            Self::All | Self::Share => Some(sent * u64::from(roles.senders())),
            Self::Newest | Self::WhatArrives => None,
        }
    }
}

/// Sender as a trait object, so that the code around it is compiled once.
pub(super) trait Producing {
    fn send(&mut self, page: &Page, count: u64) -> Result<(), MeasureError>;
    fn mark(&mut self) -> Result<(), MeasureError>;
    fn sent(&self) -> u64;
}

struct Producer<'a, S> {
    source: Source<S>,
    task: &'a Task,
}

impl<S: Sender> Producing for Producer<'_, S> {
    fn send(&mut self, page: &Page, count: u64) -> Result<(), MeasureError> {
        if self.task.case.measure == Measure::Paced && page.is_hot() {
            return paced::pace(&mut self.source, page, self.task, count);
        }
        self.source.send_as(self.task.touch(), count)
    }

    fn mark(&mut self) -> Result<(), MeasureError> {
        self.source.send_mark(stamp(END_MARK, 0))
    }

    fn sent(&self) -> u64 {
        self.source.sent()
    }
}

/// Sends the messages of a phase and records the progress. The last sender of a channel also sends the end marks.
pub(super) fn produce(
    producer: &mut dyn Producing,
    count: u64,
    page: &Page,
    task: &Task,
    gathering: Gathering,
) -> Result<(), MeasureError> {
    if count == 0 {
        return Ok(());
    }
    let roles = Roles::of(&task.case);
    page.set_started_ns(task.slot, clock::now_ns());
    producer.send(page, count)?;
    page.set_progress(task.slot, producer.sent());
    if gathering == Gathering::Share
        && page.finish(roles.endpoint(task.slot).channel).is_multiple_of(roles.senders_each)
    {
        (0..roles.receivers_each).try_for_each(|_| producer.mark())?;
    }
    Ok(())
}

/// Runs the sender on slot 0, which leads.
pub fn lead<S: Sender>(sender: S, leader: &mut Leader, task: &Task, gathering: Gathering) -> MeasureResult {
    let mut producer = Producer { source: Source::new(sender, task.message_bytes()), task };
    match task.case.measure {
        Measure::Paced => paced::lead(&mut producer, leader, task, gathering),
        _ => lead_phases(&mut producer, leader, task, gathering),
    }
}

fn lead_phases(producer: &mut dyn Producing, leader: &mut Leader, task: &Task, gathering: Gathering) -> MeasureResult {
    let roles = Roles::of(&task.case);
    let page = leader.page().clone();
    let derived = count::derive(&task.timing, |n| {
        together(leader, phase::WORK, n, || produce(producer, n, &page, task, gathering))
    })?;
    let before = verified(&page, roles).0;
    leader.page().set_hot(true);
    let cost = together(leader, phase::WORK, derived.count, || {
        let meter = Meter::start();
        produce(producer, derived.count, &page, task, gathering)?;
        Ok(meter.stop(task, derived.count))
    })?;
    leader.page().set_hot(false);
    together(leader, phase::END, 0, || Ok(()))?;

    audit(&page, roles, gathering, producer.sent())?;
    let mut delivered = verified(&page, roles).0 - before;
    if gathering == Gathering::Newest {
        // Each receiver of a latest value must see all of them.
        delivered /= u64::from(roles.receivers_each);
    }
    // The time starts with the earliest sender: the others do not wait for the leader to read its counters.
    let start = (0..roles.senders()).map(|slot| page.started_ns(slot)).min().unwrap_or(0);
    let end = (roles.senders()..roles.count()).map(|slot| page.ended_ns(slot)).max().unwrap_or(start);
    let elapsed = end.saturating_sub(start);
    let sent = derived.count * u64::from(roles.senders());
    // A broadcast message counts once, independent of the number of receivers.
    let counted = gathering.due(roles, derived.count).map_or(delivered, |_| sent);
    let mut metrics = rates(counted, task.message_bytes(), elapsed);
    if gathering == Gathering::WhatArrives || gathering == Gathering::Newest {
        metrics.insert(metric::LOST_SHARE.into(), 1.0 - delivered as f64 / sent as f64);
    }
    page.set_count(sent);
    Ok(Report {
        messages: sent,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics,
        windows: vec![Window { start_ns: 0, elapsed_ns: elapsed, messages: counted }],
        roles: vec![cost],
        ..Report::default()
    })
}

/// Number and sum of the messages that all consumers have verified.
fn verified(page: &Page, roles: Roles) -> (u64, u64) {
    let receivers = roles.senders()..roles.count();
    receivers.fold((0, 0), |(number, sum), slot| (number + page.progress(slot), sum.wrapping_add(page.tally(slot))))
}

/// Compares the verified messages with the sent messages of the whole trial.
pub(super) fn audit(page: &Page, roles: Roles, gathering: Gathering, sent: u64) -> Result<(), MeasureError> {
    let Some(due) = gathering.due(roles, sent) else { return Ok(()) };
    let (number, sum) = verified(page, roles);
    if number != due {
        return invalid(format!("the receivers verified {number} messages where {due} were sent: lost or repeated"));
    }
    if gathering == Gathering::InOrder {
        return Ok(()); // each consumer checked each message against the one that was due
    }
    let mixes = |producer: u32| (0..sent).fold(0u64, |sum, s| sum.wrapping_add(mix(stamp(producer as u16, s))));
    let wanted = (0..roles.senders()).fold(0u64, |sum, producer| sum.wrapping_add(mixes(producer)));
    if sum == wanted {
        Ok(())
    } else {
        invalid(format!("{number} messages arrived, as many as were sent, but not the same: some twice, some never"))
    }
}

/// Runs any other sender.
pub fn follow_sender<S: Sender>(sender: S, member: &mut Member, task: &Task, gathering: Gathering) -> MeasureResult {
    let source = Source::new(sender, task.message_bytes()).numbered(task.slot as u16);
    let mut producer = Producer { source, task };
    follow(member, task, &mut Floor::none(), &mut |member, count| {
        produce(&mut producer, count, member.page(), task, gathering)?;
        Ok(count)
    })
}

/// Runs a receiver.
pub fn follow_receiver<R: Receiver>(
    receiver: R,
    member: &mut Member,
    task: &Task,
    gathering: Gathering,
) -> MeasureResult {
    let roles = Roles::of(&task.case);
    let first = (roles.endpoint(task.slot).channel * roles.senders_each) as u16;
    if task.case.measure == Measure::Paced {
        return paced::follow(receiver, member, task, gathering);
    }
    if gathering == Gathering::InOrder {
        let mut sink = Sink::new(receiver, task.message_bytes()).numbered(first);
        let mut verified = 0;
        return follow(member, task, &mut Floor::none(), &mut |member, count| {
            sink.verify_as(task.touch(), count)?;
            verified += count;
            note(member, verified, 0, clock::now_ns());
            Ok(count)
        });
    }
    let mut gatherer = Gatherer::new(receiver, task.message_bytes(), first, roles.senders_each);
    let mut owed = 0;
    follow(member, task, &mut Floor::none(), &mut |member, count| {
        let before = gatherer.number;
        owed += count;
        let ended_ns =
            gatherer.gather(gathering, owed, &|| member.page().progress(u32::from(first)) >= owed, &mut |_, _| {})?;
        note(member, gatherer.number, gatherer.sum, ended_ns);
        // A lossy channel reports the count of sent messages.
        Ok(if gathering.due(roles, count).is_none() { count } else { gatherer.number - before })
    })
}

/// Records what a receiver has verified so far.
pub(super) fn note(member: &Member, number: u64, sum: u64, ended_ns: u64) {
    let (page, slot) = (member.page(), member.slot());
    page.set_progress(slot, number);
    page.set_tally(slot, sum);
    page.set_ended_ns(slot, ended_ns);
}

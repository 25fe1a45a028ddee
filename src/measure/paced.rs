//! Latency at a given rate. Open loop: due times do not depend on earlier messages.
//!
//! The latency of a message runs from its due time until the receiver has verified its last byte. A slow receiver or a
//! sender blocked by a full queue therefore delays all messages that it affects; a closed loop would hide this (Tene,
//! How NOT to Measure Latency, 2015).
//!
//! Senders are the load generators: they poll the clock between messages, and send late messages at once. Their CPU time
//! is not a cost of the mechanism; the cost per message is the receivers'. Several senders share the rate. If there are
//! more roles than CPUs, a sender that waits yields its CPU between polls.
//!
//! A receiver stamps messages with its tick counter, which is compared with the system clock before and after the hot
//! phase, and keeps the stamps in memory. The leading sender posts the first due time on the control page. That time also
//! seeds Poisson arrivals: all roles know it, and it differs in each trial, as independent repetitions require.
//!
//! The roles, their phases and the count of messages are those of [`super::many`].

pub(in crate::measure) mod tally;

use std::io;

use self::tally::{NEVER, Tally};
use super::locks::Concluded;
use super::many::{Gatherer, Gathering, Producing, audit, note, produce};
use super::meter::Meter;
use super::paired::Floor;
use super::schedule::{Schedule, spin_for_first_post, spin_for_post, spin_until, yield_until};
use super::stream::{Sink, Source};
use super::touch::Every;
use super::{MeasureError, MeasureResult, Task, count, histogram, inject, phase, room, together};
use crate::clock::{self, Anchor};
use crate::control::{Leader, Member, Page};
use crate::pin;
use crate::protocol::{ArrivalFinding, Report};
use crate::record::{Case, metric};
use crate::transport::{Receiver, Roles, Sender};

const LEADER_SLOT: u32 = 0;
/// Delay from the receivers' readiness to the first due time, so that an idle receiver can fall asleep.
const START_AFTER_NS: u64 = 100_000;
/// Maximum of stamped messages: 32 MiB of stamps at all receivers. A longer trial ends early.
const MAX_STAMPS: u64 = 1 << 22;
/// Minimum of messages for a median and a comparison of the first and last messages.
const MIN_MESSAGES: u64 = 100;

/// Runs the leader. The warm-up runs at full speed; if that is slower than the rate, the hot phase gets fewer messages, so
/// that an overloaded trial takes no longer.
pub(super) fn lead(
    producer: &mut dyn Producing,
    leader: &mut Leader,
    task: &Task,
    gathering: Gathering,
) -> MeasureResult {
    let (page, roles) = (leader.page().clone(), Roles::of(&task.case));
    let derived = count::derive(&task.timing, |n| {
        together(leader, phase::WORK, n, || produce(producer, n, &page, task, gathering))
    })?;
    let interval_ns = schedule(&task.case, LEADER_SLOT, 0)?.interval_ns().max(derived.fastest_ns);
    let wanted = task.timing.fixed_count.unwrap_or((task.timing.hot_ns as f64 / interval_ns) as u64);
    let (senders, receivers) = (u64::from(roles.senders()), u64::from(roles.receivers()));
    let count = wanted.clamp(MIN_MESSAGES.div_ceil(senders), MAX_STAMPS / (senders * receivers));
    let count = whole_bursts(count, &task.case);

    let sent = count * senders;
    page.set_count(sent);
    // A phase without messages: the receivers prepare their buffers.
    together(leader, phase::WORK, 0, || Ok(()))?;
    page.set_hot(true);
    let cost = together(leader, phase::WORK, count, || {
        let meter = Meter::start();
        produce(producer, count, &page, task, gathering)?;
        Ok(meter.stop(task, count))
    })?;
    page.set_hot(false);
    together(leader, phase::END, 0, || Ok(()))?;
    audit(&page, roles, gathering, producer.sent())?;
    Ok(Report {
        messages: sent,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        roles: vec![cost],
        ..Report::default()
    })
}

/// Sends `count` messages at their due times. Timed loop of a sender.
pub(super) fn pace<S: Sender>(
    source: &mut Source<S>,
    page: &Page,
    task: &Task,
    count: u64,
) -> Result<(), MeasureError> {
    let start_ns = start(page, task, source.sent() + count)?;
    let shares_cpu = shares_cpu(task);
    let mut now_ns = clock::now_ns();
    for due_ns in schedule(&task.case, task.slot, start_ns)?.take(count as usize) {
        let message = source.next();
        let due_ns = start_ns + due_ns;
        // A message due before the last clock read is late; another read would only delay it.
        if due_ns > now_ns {
            now_ns = if shares_cpu { yield_until(due_ns)? } else { spin_until(due_ns)? };
        }
        source.send_next(message)?;
    }
    Ok(())
}

/// Begin of all schedules. The leader decides it when all receivers are ready for `end` messages of each sender.
fn start(page: &Page, task: &Task, end: u64) -> io::Result<u64> {
    if task.slot != LEADER_SLOT {
        return spin_for_first_post(page, LEADER_SLOT);
    }
    let roles = Roles::of(&task.case);
    (roles.senders()..roles.count()).try_for_each(|slot| spin_for_post(page, slot, end))?;
    let start_ns = clock::now_ns() + START_AFTER_NS;
    page.post(LEADER_SLOT, start_ns);
    Ok(start_ns)
}

/// Whether the trial has more roles than CPUs.
fn shares_cpu(task: &Task) -> bool {
    let mut cpus =
        if task.trial_cpus.is_empty() { pin::allowed_cpus().unwrap_or_default() } else { task.trial_cpus.clone() };
    cpus.sort_unstable();
    cpus.dedup();
    cpus.len() < Roles::of(&task.case).count() as usize
}

/// Due times of the sender on `slot`.
fn schedule(case: &Case, slot: u32, start_ns: u64) -> io::Result<Schedule> {
    Ok(Schedule::of(case, slot as u16, start_ns)?.share(slot, Roles::of(case).senders()))
}

/// Rounds to whole bursts, at least two.
fn whole_bursts(count: u64, case: &Case) -> u64 {
    let burst = u64::from(case.params.burst.unwrap_or(1).max(1));
    (count / burst).max(2) * burst
}

/// Ticks at which messages were verified, by producer and sequence.
#[derive(Default)]
struct Stamps {
    ticks: Vec<u64>,
    /// Messages of each producer, and the sequence of the first.
    each: u64,
    first: u64,
    trusted: bool,
}

impl Stamps {
    #[inline]
    fn set(&mut self, producer: usize, sequence: u64) {
        let tick = clock::tick(self.trusted);
        self.ticks[producer * self.each as usize + (sequence - self.first) as usize] = tick;
    }
}

/// Receiver as a trait object, so that the code around it is compiled once.
trait Verifying {
    /// Verifies messages until each sender has sent `owed` since the start.
    fn verify(&mut self, page: &Page, owed: u64) -> Result<(), MeasureError>;
    /// The same, with a stamp for each message.
    fn stamp(&mut self, page: &Page, owed: u64, stamps: &mut Stamps) -> Result<(), MeasureError>;
    /// Number and sum of the verified messages.
    fn verified(&self) -> (u64, u64);
}

/// Receiver by what it must get.
enum Intake<R> {
    InOrder(Sink<R>),
    Other(Gatherer<R>, Gathering),
}

impl<R: Receiver> Intake<R> {
    #[inline]
    fn each(&mut self, page: &Page, owed: u64, mut verified: impl FnMut(usize, u64)) -> Result<(), MeasureError> {
        match self {
            Self::InOrder(sink) => {
                sink.verify_each::<Every>(owed - sink.verified(), |sequence| verified(0, sequence))?;
            }
            Self::Other(gatherer, gathering) => {
                // Only channels with one sender lose messages.
                let all_sent = || page.progress(LEADER_SLOT) >= owed;
                gatherer.gather(*gathering, owed, &all_sent, &mut verified)?;
            }
        }
        Ok(())
    }
}

impl<R: Receiver> Verifying for Intake<R> {
    fn verify(&mut self, page: &Page, owed: u64) -> Result<(), MeasureError> {
        self.each(page, owed, |_, _| {})
    }

    /// Timed loop of a receiver.
    fn stamp(&mut self, page: &Page, owed: u64, stamps: &mut Stamps) -> Result<(), MeasureError> {
        self.each(page, owed, |producer, sequence| stamps.set(producer, sequence))
    }

    fn verified(&self) -> (u64, u64) {
        match self {
            Self::InOrder(sink) => (sink.verified(), 0),
            Self::Other(gatherer, _) => (gatherer.number, gatherer.sum),
        }
    }
}

/// Runs a receiver.
pub(super) fn follow<R: Receiver>(
    receiver: R,
    member: &mut Member,
    task: &Task,
    gathering: Gathering,
) -> MeasureResult {
    let bytes = task.message_bytes();
    let mut intake = match gathering {
        Gathering::InOrder => Intake::InOrder(Sink::new(receiver, bytes)),
        _ => Intake::Other(Gatherer::new(receiver, bytes, 0, Roles::of(&task.case).senders()), gathering),
    };
    follow_phases(&mut intake, member, task, gathering)
}

fn follow_phases(intake: &mut dyn Verifying, member: &mut Member, task: &Task, gathering: Gathering) -> MeasureResult {
    let roles = Roles::of(&task.case);
    let mut stamps = Stamps::default();
    let mut owed = 0;
    let mut anchors = None;
    let mut report = super::follow(member, task, &mut Floor::none(), &mut |member, count| {
        let page = member.page();
        if count == 0 {
            stamps.ticks = room(page.count(), NEVER);
            return Ok(0);
        }
        let before = intake.verified().0;
        if page.is_hot() {
            (stamps.each, stamps.first, stamps.trusted) = (count, owed, task.ticks_trusted);
            anchors = Some(stamp(intake, page, task, gathering, &mut stamps)?);
        } else {
            intake.verify(page, owed + count)?;
        }
        owed += count;
        let (number, sum) = intake.verified();
        note(member, number, sum, clock::now_ns());
        // A lossy channel reports the count of sent messages.
        Ok(if gathering.due(roles, count).is_none() { count } else { number - before })
    })?;
    if let Some(anchors) = anchors {
        let start_ns = member.page().posted(LEADER_SLOT);
        let schedules = (0..roles.senders()).map(|slot| schedule(&task.case, slot, start_ns));
        let schedules = schedules.collect::<io::Result<Vec<_>>>()?;
        report.arrivals.extend(Tally::new(&stamps.ticks, anchors, start_ns, &schedules).finding());
    }
    Ok(report)
}

/// Stamps every message of the hot phase. Returns the clocks before and after.
fn stamp(
    intake: &mut dyn Verifying,
    page: &Page,
    task: &Task,
    gathering: Gathering,
    stamps: &mut Stamps,
) -> Result<(Anchor, Anchor), MeasureError> {
    let (each, mut owed, trusted) = (stamps.each, stamps.first, stamps.trusted);
    let before = Anchor::now(trusted);
    page.post(task.slot, owed + each);
    let mut work = |messages: u64| {
        owed += messages;
        intake.stamp(page, owed, stamps)
    };
    // Other receivers do not know how many messages they get before the phase ends.
    if matches!(gathering, Gathering::InOrder | Gathering::All) {
        inject::around_stall(task, each, work)?;
    } else {
        work(each)?;
    }
    Ok((before, Anchor::now(trusted)))
}

/// Result of a trial, from the findings of all receivers; empty if there are none. A message to `every_receiver` counts once,
/// at the rate of the slowest; otherwise each goes to one receiver.
pub fn conclude(case: &Case, reports: &[Report], every_receiver: bool, may_lose: bool) -> Concluded {
    let found: Vec<&ArrivalFinding> = reports.iter().flat_map(|report| &report.arrivals).collect();
    let Some(leader) = reports.first().filter(|_| !found.is_empty()) else { return Concluded::default() };
    let sent = leader.messages.max(1) as f64;
    let kept = found.iter().map(|one| one.arrived as f64 * one.pace / sent);
    let kept = if every_receiver { kept.fold(f64::INFINITY, f64::min) } else { kept.sum() };
    let mut all = histogram::empty();
    for histogram in found.iter().filter_map(|one| histogram::decode(&one.histogram)) {
        // Both have the same bounds.
        let _ = all.add(histogram);
    }
    let offered_per_s = case.params.rate_per_s.unwrap_or(0) as f64;
    let step_ns = found.iter().map(|one| one.clock_step_ns).fold(0.0, f64::max);
    let bytes = case.params.message_bytes.unwrap_or(0) as usize;
    let mut metrics = tally::metrics((offered_per_s, offered_per_s * kept), &all, step_ns, bytes);
    if may_lose {
        let due = sent * if every_receiver { found.len() as f64 } else { 1.0 };
        let arrived: u64 = found.iter().map(|one| one.arrived).sum();
        metrics.insert(metric::LOST_SHARE.into(), 1.0 - arrived as f64 / due);
    }
    Concluded { metrics, histogram: histogram::encode(&all), ..Concluded::default() }
}

#[cfg(test)]
mod tests;

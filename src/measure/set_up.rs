//! Cost of a channel's life cycle: from creation to the first verified message and removal, repeated.
//!
//! Both endpoints are threads of one worker process, so that no interprocess communication adds to the attach time. The
//! threads start every stage together, awake:
//!
//! | stage | from | until |
//! |---|---|---|
//! | create | nothing | the object is made; for one with a name, its line in the lease included |
//! | attach | an address | both ends are attached, and what was only passed on is closed |
//! | first message | just before the send | verified, with the page faults and lazy work that come with it |
//! | later message | the same once round the queue, or for the hundredth: nothing is new any more | |
//! | tear-down | two ends | both are dropped and the name, if any, is removed |
//!
//! The set-up time is the sum of create, attach, first message and tear-down. Offers that some mechanisms make before
//! they attach count as attach. The receiver waits, or is about to, when a message is sent; whether it already sleeps
//! is not controlled.

mod stage;

use super::meter::Meter;
use super::{MeasureError, MeasureResult, Task, count, histogram, phase};
use crate::address::{Address, Endpoint, Name};
use crate::clock;
use crate::control::{Leader, Member};
use crate::payload::{check, fill, stamp};
use crate::protocol::Report;
use crate::record::{Metrics, Window, metric};
use crate::transport::erased::{AnyReceiver, AnyTransport};
use crate::transport::{Delivery, Peers, Receiver, Sender, Shape};

pub use stage::Exchange;
use stage::{Span, stage};

const OFFER: u32 = 50;
const ATTACH: u32 = 51;
const MESSAGES: u32 = 52;
const CLOSE: u32 = 53;

/// Limits of the messages between the first and the later one: one round of the queue if its depth is known, ...
const ROUND: std::ops::RangeInclusive<u32> = 8..=1024;
/// ... else this number of messages or bytes, whichever is less.
const BETWEEN: usize = 98;
const BETWEEN_BYTES: usize = 512 * 1024;
const PRODUCER: u16 = 6;

/// Times of one repetition.
#[derive(Clone, Copy)]
#[allow(clippy::struct_field_names)] // a number's name ends in its unit
struct Stages {
    create_ns: u64,
    attach_ns: u64,
    first_message_ns: u64,
    later_message_ns: u64,
    tear_down_ns: u64,
}

impl Stages {
    fn set_up_ns(&self) -> u64 {
        self.create_ns + self.attach_ns + self.first_message_ns + self.tear_down_ns
    }
}

/// Runs the thread that creates the object and sends.
pub fn lead(transport: AnyTransport, leader: &mut Leader, task: &Task, exchange: &Exchange) -> MeasureResult {
    let shape = Shape::of(&task.case);
    let derived =
        count::derive(&task.timing, |n| (0..n).try_for_each(|_| once(transport, leader, &shape, exchange).map(drop)))?;
    leader.page().set_count(derived.count);
    leader.page().set_hot(true);
    let meter = Meter::start();
    let mut all = Vec::with_capacity(derived.count as usize);
    for _ in 0..derived.count {
        all.push(once(transport, leader, &shape, exchange)?);
    }
    let cost = meter.stop(task, derived.count);
    leader.page().set_hot(false);
    leader.page().set_progress(0, derived.count);
    leader.open(phase::END, 0)?;
    leader.close()?;

    let mut distribution = histogram::empty();
    for stages in &all {
        distribution.saturating_record(stages.set_up_ns().max(1));
    }
    let mut metrics = medians(&all);
    histogram::percentiles(&distribution, clock::now_step_ns(), &mut metrics);
    Ok(Report {
        messages: derived.count,
        chosen_by: derived.chosen_by.into(),
        warm_up_ns: derived.warm_up_ns,
        metrics,
        windows: windows(&all),
        histogram: histogram::encode(&distribution),
        roles: vec![cost],
        ..Report::default()
    })
}

/// Windows of set-up times, without the messages between the first and the later one.
fn windows(all: &[Stages]) -> Vec<Window> {
    count::windows_of(&all.iter().map(Stages::set_up_ns).collect::<Vec<u64>>())
}

/// One repetition.
fn once(
    transport: AnyTransport,
    leader: &mut Leader,
    shape: &Shape,
    exchange: &Exchange,
) -> Result<Stages, MeasureError> {
    let (address, create) = Span::of(|| (transport.create)(shape));
    let (address, name) = deal(address?, exchange);
    let (offer, offered) = stage(leader, exchange, (OFFER, 0), || {
        let offer = (transport.offer)(&address, shape, Endpoint::Sender)?;
        exchange.open().from_sender = offer.text;
        Ok(offer.keep)
    })?;
    let (mut sender, attached) = stage(leader, exchange, (ATTACH, 0), || {
        let peers = Peers { text: exchange.open().from_receiver.take(), keep: offer, index: 0 };
        let sender = (transport.attach_sender)(&address, peers, shape)?;
        drop(address);
        Ok(sender)
    })?;
    let mut sent = 0;
    let mut messages = |leader: &mut Leader, count| -> Result<u64, MeasureError> {
        let ((), both) = stage(leader, exchange, (MESSAGES, count), || {
            for sequence in sent..sent + count {
                sender.send(shape.message_bytes, |room| fill(room, stamp(PRODUCER, sequence)))?;
            }
            Ok(())
        })?;
        sent += count;
        Ok(both.until_verified())
    };
    let first_message_ns = messages(leader, 1)?;
    for count in between(transport, shape) {
        messages(leader, count)?;
    }
    let later_message_ns = messages(leader, 1)?;
    let ((), closed) = stage(leader, exchange, (CLOSE, 0), || {
        drop(sender);
        Ok(())
    })?;
    let ((), removed) = Span::of(|| name.iter().for_each(Name::remove));
    Ok(Stages {
        create_ns: create.ns(),
        attach_ns: offered.both_ns() + attached.both_ns(),
        first_message_ns,
        later_message_ns,
        tear_down_ns: closed.both_ns() + removed.ns(),
    })
}

/// Batches between the first and the later message: a single one, unless batched messages could be lost or merged.
fn between(transport: AnyTransport, shape: &Shape) -> impl Iterator<Item = u64> {
    let round = (transport.depth)(shape).unwrap_or((BETWEEN_BYTES / shape.message_bytes.max(1)).min(BETWEEN) as u32);
    let count = u64::from(round.clamp(*ROUND.start(), *ROUND.end()));
    let at_once = if transport.delivery == Delivery::Exact { count } else { 1 };
    std::iter::repeat_n(at_once, (count / at_once) as usize)
}

/// Splits the address: the desk carries the receiver's part. A name is kept until tear-down, but no descriptor, which
/// would keep the channel of a closed endpoint open.
fn deal(address: Address, exchange: &Exchange) -> (Address, Option<Name>) {
    exchange.open().address = Some(address.only(Endpoint::Receiver));
    let own = address.only(Endpoint::Sender);
    match address {
        Address::Named(name) => (own, Some(name)),
        _ => (own, None),
    }
}

/// Runs the thread that receives.
pub fn follow(transport: AnyTransport, member: &mut Member, task: &Task, exchange: &Exchange) -> MeasureResult {
    let mut taker = Acquirer::new(transport, Shape::of(&task.case));
    let mut meter = None;
    let mut repetitions = 0;
    loop {
        let open = member.enter()?;
        let hot = member.page().is_hot();
        if hot && meter.is_none() {
            meter = Some(Meter::start());
        }
        if open.kind == phase::END {
            break;
        }
        let (done, span) = Span::of(|| taker.play(open.kind, open.count, exchange));
        done?;
        exchange.open().span = span;
        repetitions += u64::from(hot && open.kind == CLOSE);
        member.leave()?;
    }
    let roles = meter.map(|meter| meter.stop(task, repetitions)).into_iter().collect();
    member.leave()?;
    Ok(Report { messages: repetitions, roles, ..Report::default() })
}

/// State of the receiver within a repetition.
struct Acquirer {
    transport: AnyTransport,
    shape: Shape,
    address: Option<Address>,
    peers: Peers,
    receiver: Option<AnyReceiver>,
    received: u64,
}

impl Acquirer {
    fn new(transport: AnyTransport, shape: Shape) -> Self {
        Self { transport, shape, address: None, peers: Peers::default(), receiver: None, received: 0 }
    }

    fn play(&mut self, kind: u32, count: u64, exchange: &Exchange) -> Result<(), MeasureError> {
        match (kind, &mut self.receiver) {
            (OFFER, _) => {
                let address = exchange.open().address.take().ok_or_else(|| out_of_turn(kind))?;
                let offer = (self.transport.offer)(&address, &self.shape, Endpoint::Receiver)?;
                exchange.open().from_receiver = offer.text;
                self.peers.keep = offer.keep;
                self.address = Some(address);
            }
            (ATTACH, _) => {
                let address = self.address.take().ok_or_else(|| out_of_turn(kind))?;
                let mut peers = std::mem::take(&mut self.peers);
                peers.text = exchange.open().from_sender.take();
                self.receiver = Some((self.transport.attach_receiver)(&address, peers, &self.shape)?);
            }
            (MESSAGES, Some(receiver)) => {
                for sequence in self.received..self.received + count {
                    receiver
                        .receive(|seen| check(seen, self.shape.message_bytes, stamp(PRODUCER, sequence)))?
                        .map_err(MeasureError::Invalid)?;
                }
                self.received += count;
            }
            (CLOSE, receiver) => {
                drop(receiver.take());
                self.received = 0;
            }
            _ => return Err(out_of_turn(kind)),
        }
        Ok(())
    }
}

fn out_of_turn(kind: u32) -> MeasureError {
    MeasureError::Invalid(format!("stage {kind} of a set-up came out of turn"))
}

fn medians(all: &[Stages]) -> Metrics {
    let median = |of: fn(&Stages) -> u64| histogram::median(all.iter().map(|stages| of(stages) as f64).collect());
    Metrics::from([
        (metric::SET_UP_NS.into(), median(Stages::set_up_ns)),
        (metric::CREATE_NS.into(), median(|stages| stages.create_ns)),
        (metric::ATTACH_NS.into(), median(|stages| stages.attach_ns)),
        (metric::FIRST_MESSAGE_NS.into(), median(|stages| stages.first_message_ns)),
        (metric::LATER_MESSAGE_NS.into(), median(|stages| stages.later_message_ns)),
        (metric::TEAR_DOWN_NS.into(), median(|stages| stages.tear_down_ns)),
    ])
}

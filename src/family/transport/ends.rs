//! Endpoints of each role, and their use by each measure.

use std::io;
use std::thread;

use crate::address::Endpoint;
use crate::conformance;
use crate::control::{Leader, Member};
use crate::measure::inject::Faulty;
use crate::measure::many::{self, Gathering};
use crate::measure::paired::Floor;
use crate::measure::round_trip::Side;
use crate::measure::stream::{Sink, Source};
use crate::measure::wake::{Rouser, Sleeper};
use crate::measure::{MeasureResult, Task};
use crate::protocol::{Fault, Link};
use crate::record::{Case, Measure};
use crate::transport::erased::{AnyReceiver, AnySender};
use crate::transport::{EndpointId, Peers, Roles, Shape, Transport};

/// Endpoints of each role, by slot; `duplex` is [`Transport::DUPLEX`].
pub(super) fn ends(case: &Case, duplex: bool) -> Vec<Vec<EndpointId>> {
    let roles = Roles::of(case);
    if !Shape::of(case).two_way() {
        return (0..roles.count()).map(|slot| vec![roles.endpoint(slot)]).collect();
    }
    let first = channels(case.measure, duplex);
    let seats = |turn: fn(Endpoint) -> Endpoint| -> Vec<EndpointId> {
        (0..).zip(&first).map(|(channel, end)| EndpointId { channel, end: turn(*end), index: 0 }).collect()
    };
    vec![seats(|end| end), seats(opposite)]
}

/// Endpoints of the first role, by channel: one for a stream or a two-way connection, else one out and one back.
pub(super) fn channels(measure: Measure, duplex: bool) -> Vec<Endpoint> {
    let two_way = matches!(measure, Measure::RoundTrip | Measure::CostModel);
    if !two_way || duplex { vec![Endpoint::Sender] } else { vec![Endpoint::Sender, Endpoint::Receiver] }
}

/// Opposite endpoint.
fn opposite(end: Endpoint) -> Endpoint {
    match end {
        Endpoint::Sender => Endpoint::Receiver,
        Endpoint::Receiver => Endpoint::Sender,
    }
}

/// Links of one role, with the peers' data for each.
#[derive(Default)]
pub(super) struct Attachment {
    pub(super) links: Vec<Link>,
    pub(super) peers: Vec<Peers>,
}

/// Endpoints of one role.
pub(super) struct Ends<T: Transport> {
    sender: Option<T::Sender>,
    receiver: Option<T::Receiver>,
}

impl<T: Transport> Ends<T> {
    /// Attaches to every link. A single two-way link gives both endpoints if the measure needs them.
    pub(super) fn attach(attachment: Attachment, shape: &Shape) -> io::Result<Self> {
        let mut ends = Self { sender: None, receiver: None };
        let mut peers = attachment.peers.into_iter();
        if let ([link], true) = (attachment.links.as_slice(), T::DUPLEX && shape.two_way()) {
            let (sender, receiver) = T::attach_both(&link.address, link.end, peers.next().unwrap_or_default(), shape)?;
            return Ok(Self { sender: Some(sender), receiver: Some(receiver) });
        }
        for link in &attachment.links {
            let peer = peers.next().unwrap_or_default();
            match link.end {
                Endpoint::Sender => ends.sender = Some(T::attach_sender(&link.address, peer, shape)?),
                Endpoint::Receiver => ends.receiver = Some(T::attach_receiver(&link.address, peer, shape)?),
            }
        }
        Ok(ends)
    }

    fn sender(sender: Option<T::Sender>) -> io::Result<T::Sender> {
        sender.ok_or_else(|| io::Error::other("this role was given no sending end"))
    }

    fn receiver(receiver: Option<T::Receiver>) -> io::Result<T::Receiver> {
        receiver.ok_or_else(|| io::Error::other("this role was given no receiving end"))
    }

    /// Messages that receivers must get: of every open loop, and of every stream but one of one sender and one receiver.
    fn gathering(task: &Task) -> Option<Gathering> {
        let roles = Roles::of(&task.case);
        let gathering = Gathering::of::<T>(roles);
        let plain = roles.is_pair() && gathering == Gathering::InOrder;
        let wanted = match task.case.measure {
            Measure::Stream => !plain,
            measure => measure == Measure::Paced,
        };
        wanted.then_some(gathering)
    }

    pub(super) fn lead(self, leader: &mut Leader, task: &Task, mut floor: Floor) -> MeasureResult {
        let bytes = task.message_bytes();
        let sender = Self::sender(self.sender)?;
        if let Some(gathering) = Self::gathering(task) {
            return match task.fault {
                Some(fault) => many::lead(Faulty::new(AnySender::new(sender), fault), leader, task, gathering),
                None => many::lead(sender, leader, task, gathering),
            };
        }
        match (task.case.measure, task.fault) {
            (Measure::Stream, Some(fault)) => {
                Source::new(Faulty::new(AnySender::new(sender), fault), bytes).lead(leader, task, &mut floor)
            }
            (Measure::Stream, None) => Source::new(sender, bytes).lead(leader, task, &mut floor),
            (Measure::Conformance, _) => {
                conformance::transport::lead(AnySender::new(sender), leader, task, T::DELIVERY)
            }
            (Measure::Wake, _) => Rouser::new(sender, bytes, task.case.params.gap_ns.unwrap_or(0)).lead(leader, task),
            _ => Side::new(sender, Self::receiver(self.receiver)?, bytes).lead(leader, task, &mut floor),
        }
    }

    pub(super) fn follow(self, member: &mut Member, task: &Task, mut floor: Floor) -> MeasureResult {
        let bytes = task.message_bytes();
        if task.fault == Some(Fault::Hang) {
            hang();
        }
        if let Some(gathering) = Self::gathering(task) {
            return match (self.sender, self.receiver) {
                (Some(sender), _) => many::follow_sender(sender, member, task, gathering),
                (None, receiver) => many::follow_receiver(Self::receiver(receiver)?, member, task, gathering),
            };
        }
        let receiver = Self::receiver(self.receiver)?;
        let mut report = match task.case.measure {
            Measure::Stream => Sink::new(receiver, bytes).follow(member, task, &mut floor)?,
            Measure::Conformance => {
                conformance::transport::follow(AnyReceiver::new(receiver), member, task, T::DELIVERY)?
            }
            Measure::Wake => Sleeper::new(receiver, bytes).follow(member, task)?,
            _ => Side::new(Self::sender(self.sender)?, receiver, bytes).follow(member, task, &mut floor)?,
        };
        if task.fault == Some(Fault::Lie) {
            report.messages += 1;
        }
        Ok(report)
    }
}

/// Waits until the supervisor kills the worker.
fn hang() -> ! {
    loop {
        thread::park();
    }
}

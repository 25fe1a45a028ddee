//! Playing the roles of a trial in the worker: one file per family, and the conversation with the harness.

pub(super) mod concurrency;
mod ends;
pub(super) mod hog;
mod host;
pub(super) mod isolation;
pub(super) mod launch;
pub(super) mod lock;
pub(super) mod pool;
pub(super) mod queue;
pub(super) mod server;
mod set_up;
pub(super) mod shared_state;
mod threads;

use std::io::{self, BufReader, Stdin, Stdout};

use crate::address::Endpoint;
use crate::conformance;
use crate::control::{Leader, Member, Page};
use crate::measure::paired::{self, Floor};
use crate::measure::round_trip::Side;
use crate::measure::stream::{self, Sink, Source};
use crate::measure::{self, MeasureError, MeasureResult, Task};
use crate::protocol::{FromWorker, Link, Offered, Order, PROTOCOL, ToWorker, receive, send};
use crate::record::Measure;
use crate::transport::erased::{AnyReceiver, AnySender, AnyTransport};
use crate::transport::{Peers, Roles, Shape, Transport, prepare};
use ends::Seating;
use host::AttachEnds;

/// The conversation with the harness.
pub(crate) struct Talk {
    input: BufReader<Stdin>,
    output: Stdout,
}

fn unexpected(wanted: &str, received: &ToWorker) -> MeasureError {
    io::Error::new(io::ErrorKind::InvalidData, format!("expected {wanted}, got {received:?}")).into()
}

pub(super) fn unknown_row(order: &Order) -> MeasureError {
    io::Error::other(format!("this worker knows no `{}`", order.case.row())).into()
}

fn unasked(order: &Order, measure: Measure) -> MeasureError {
    io::Error::other(format!("`{}` cannot be asked for `{measure}`", order.case.row())).into()
}

/// Measures what the machine can do at all.
pub(super) fn floors(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let link = order.links.first().ok_or_else(|| io::Error::other("a floors order comes with memory"))?;
    let mut arena = measure::floors::arena(&link.address, link.end)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    if order.slot == 0 {
        measure::floors::lead(&mut Leader::new(page, order.slots), &mut arena, order.case.placement)
    } else {
        measure::floors::follow(&mut Member::new(page, order.slot), &mut arena, order.cpus.first().copied())
    }
}

impl Talk {
    /// By standard input and output.
    pub(crate) fn with_harness() -> Self {
        Self { input: BufReader::new(io::stdin()), output: io::stdout() }
    }

    /// Receives the order.
    pub(crate) fn order(&mut self) -> Result<Order, MeasureError> {
        match receive(&mut self.input)? {
            ToWorker::Order(order) if order.protocol == PROTOCOL => Ok(*order),
            ToWorker::Order(order) => {
                let theirs = order.protocol;
                Err(io::Error::other(format!("the order speaks protocol {theirs}, this worker {PROTOCOL}")).into())
            }
            other => Err(unexpected("an order", &other)),
        }
    }

    /// Sends the last line.
    pub(crate) fn answer(&mut self, answer: &FromWorker) -> io::Result<()> {
        send(&mut self.output, answer)
    }

    /// Says what this worker offers and hears what the others do.
    fn exchange(&mut self, offers: Vec<Offered>) -> Result<Vec<Offered>, MeasureError> {
        send(&mut self.output, &FromWorker::Offer { offers })?;
        match receive(&mut self.input)? {
            ToWorker::Peers { offers } => Ok(offers),
            other => Err(unexpected("the peers' offers", &other)),
        }
    }

    /// Reports for duty and waits for `go`.
    fn ready_go(&mut self) -> Result<(), MeasureError> {
        send(&mut self.output, &FromWorker::Ready)?;
        match receive(&mut self.input)? {
            ToWorker::Go => Ok(()),
            other => Err(unexpected("`go`", &other)),
        }
    }
}

/// Plays the order's role over the transport `T`.
pub(super) fn transport<T: Transport>(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    match order.role.as_str() {
        // The guard is a constant, so that the solo loops are compiled only for transports that have them.
        "solo" if T::SOLO => solo::<T>(&order, page, talk),
        "host" if order.case.measure == Measure::SetUp => {
            set_up::both_ends(AnyTransport::of::<T>(), &order, &page, talk)
        }
        "host" => host::host(AnyTransport::of::<T>(), host::attach_ends::<T>, &order, &page, talk),
        _ => alone(AnyTransport::of::<T>(), host::attach_ends::<T>, order, page, talk),
    }
}

/// One process of several: attaches its own ends.
fn alone(transport: AnyTransport, attach: AttachEnds, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let name = prepare::role_names(&order.case).nth(order.slot as usize).unwrap_or("worker");
    let task = Task::of(&order, name, 0);
    let (floor_links, links): (Vec<Link>, Vec<Link>) =
        order.links.into_iter().partition(|link| link.channel == paired::CHANNEL);
    let shape = Shape::of(&task.case);
    let index = if shape.two_way() { 0 } else { Roles::of(&task.case).endpoint(order.slot).index };
    let mut peers = vec![];
    let mut offers = vec![];
    for link in &links {
        let offer = (transport.offer)(&link.address, &shape, link.end)?;
        peers.push(Peers { text: None, keep: offer.keep, index });
        offers.extend(offer.text.map(|text| Offered { channel: link.channel, end: link.end, text }));
    }
    for offered in talk.exchange(offers)? {
        for (link, peer) in links.iter().zip(&mut peers) {
            if link.channel == offered.channel && link.end != offered.end {
                peer.text = Some(offered.text.clone());
            }
        }
    }
    let floor = match floor_links.first() {
        Some(link) => Floor::attach(&task, &link.address, link.end)?,
        None => Floor::none(),
    };
    drop(floor_links);
    // The links go with their descriptors; a second copy here would keep a dead peer's pipe open.
    let ends = attach(Seating { links, peers }, &shape, floor)?;
    threads::play_alone(ends, page, talk, order.slots, &task)
}

/// One thread that plays both sides.
fn solo<T: Transport>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, "solo", 0);
    let shape = Shape::of(&task.case);
    let address = T::create(&shape)?;
    let (sender, receiver) = T::attach_both(&address, Endpoint::Sender, Peers::default(), &shape)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    let mut leader = Leader::new(page, 1);
    let bytes = task.message_bytes();
    match task.case.measure {
        Measure::Stream => {
            stream::lead_solo(&mut Source::new(sender, bytes), &mut Sink::new(receiver, bytes), &mut leader, &task)
        }
        Measure::Conformance => {
            let (sender, receiver) = (AnySender::new(sender), AnyReceiver::new(receiver));
            conformance::transport::solo(sender, receiver, leader.page(), &task)
        }
        _ => Side::new(sender, receiver, bytes).lead_solo(&mut leader, &task, &mut Floor::none()),
    }
}

//! A worker's main: read the order, find the mechanism's type, attach, measure, answer. Runs in a process of its own,
//! started by the harness with `worker <role>` as its arguments.

mod concurrency;
mod ends;
mod hog;
mod host;
mod isolation;
mod launch;
mod lock;
mod pool;
mod queue;
mod server;
mod set_up;
mod shared_state;
mod threads;

use std::io::{self, BufReader, Stdin, Stdout};

use crate::address::End;
use crate::control::{Leader, Member, Page};
use crate::measure::paired::{self, Floor};
use crate::measure::round_trip::Side;
use crate::measure::stream::{self, Sink, Source};
use crate::measure::{MeasureError, MeasureResult, Task, floors};
use crate::protocol::{FromWorker, Link, Offered, Order, PROTOCOL, Report, ToWorker, hear, say};
use crate::record::Measure;
use crate::transport::erased::{AnyReceiver, AnySender, AnyTransport};
use crate::transport::{self, Cast, Peers, Shape, Transport, Visitor, prepare};
use crate::{conformance, pin};
use ends::Seating;
use host::AttachEnds;

/// First word of a worker's arguments.
pub const ARGUMENT: &str = "worker";

/// Plays a worker's role and exits when this process was started as one. The first line of every `main`.
pub fn run_if_worker() {
    match std::env::args().nth(1).as_deref() {
        Some(ARGUMENT) => std::process::exit(i32::from(serve().is_err())),
        Some(launch::NEWBORN_ARGUMENT) => std::process::exit(launch::be_newborn().into()),
        _ => {}
    }
}

/// The conversation with the harness.
struct Talk {
    input: BufReader<Stdin>,
    output: Stdout,
}

fn serve() -> io::Result<()> {
    let mut talk = Talk { input: BufReader::new(io::stdin()), output: io::stdout() };
    let result = order(&mut talk).and_then(|order| obey(order, &mut talk));
    let answer = match result {
        Ok(report) => FromWorker::Done(Box::new(report)),
        Err(MeasureError::Invalid(why)) => {
            FromWorker::Done(Box::new(Report { invalid: Some(why), ..Report::default() }))
        }
        Err(MeasureError::Io(error)) => FromWorker::Failed { why: error.to_string() },
    };
    say(&mut talk.output, &answer)
}

fn order(talk: &mut Talk) -> Result<Order, MeasureError> {
    match hear(&mut talk.input)? {
        ToWorker::Order(order) if order.protocol == PROTOCOL => Ok(*order),
        ToWorker::Order(order) => {
            let theirs = order.protocol;
            Err(io::Error::other(format!("the order speaks protocol {theirs}, this worker {PROTOCOL}")).into())
        }
        other => Err(unexpected("an order", &other)),
    }
}

fn unexpected(wanted: &str, heard: &ToWorker) -> MeasureError {
    io::Error::new(io::ErrorKind::InvalidData, format!("{wanted} was due, not {heard:?}")).into()
}

fn obey(order: Order, talk: &mut Talk) -> MeasureResult {
    if let Some(cpu) = order.cpus.first() {
        pin::pin_this_thread(*cpu)?;
    }
    let page = Page::attach(&order.control)?;
    page.obey();
    if order.case.family == floors::FAMILY {
        return measure_floors(&order, page, talk);
    }
    if order.role == hog::ROLE {
        return hog::burn(&page, talk);
    }
    let (leads, shared) = (order.slot == 0, page.clone());
    let found = play(order, page, talk);
    if leads {
        shared.set_over();
    }
    found
}

/// Plays the order's role as its family does.
fn play(order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let (row, stranger) = (order.case.row(), unknown_row(&order));
    match order.case.family.as_str() {
        transport::FAMILY => transport::visit(&row, Play { order, page, talk }).unwrap_or(Err(stranger)),
        crate::lock::FAMILY => crate::lock::visit(&row, lock::Play { order, page, talk }).unwrap_or(Err(stranger)),
        crate::launch::FAMILY => launch::play(&order, &page, talk),
        crate::isolation::FAMILY => isolation::play(&order, &page, talk),
        crate::pool::FAMILY => pool::play(&order, page, talk),
        crate::queue::FAMILY => queue::play(&order, page, talk),
        crate::shared_state::FAMILY => shared_state::play(order, page, talk),
        crate::server::FAMILY => server::play(&order, page, talk),
        crate::concurrency::FAMILY => concurrency::play(order, page, talk),
        _ => Err(stranger),
    }
}

fn unknown_row(order: &Order) -> MeasureError {
    io::Error::other(format!("this worker knows no `{}`", order.case.row())).into()
}

fn unasked(order: &Order, measure: Measure) -> MeasureError {
    io::Error::other(format!("`{}` cannot be asked for `{measure}`", order.case.row())).into()
}

fn measure_floors(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let link = order.links.first().ok_or_else(|| io::Error::other("a floors order comes with memory"))?;
    let mut arena = floors::arena(&link.address, link.end)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    if order.slot == 0 {
        floors::lead(&mut Leader::new(page, order.slots), &mut arena, order.case.placement)
    } else {
        floors::follow(&mut Member::new(page, order.slot), &mut arena, order.cpus.first().copied())
    }
}

impl Talk {
    /// Says what this worker offers and hears what the others do.
    fn exchange(&mut self, offers: Vec<Offered>) -> Result<Vec<Offered>, MeasureError> {
        say(&mut self.output, &FromWorker::Offer { offers })?;
        match hear(&mut self.input)? {
            ToWorker::Peers { offers } => Ok(offers),
            other => Err(unexpected("the peers' offers", &other)),
        }
    }

    /// Reports for duty and waits for `go`.
    fn ready_go(&mut self) -> Result<(), MeasureError> {
        say(&mut self.output, &FromWorker::Ready)?;
        match hear(&mut self.input)? {
            ToWorker::Go => Ok(()),
            other => Err(unexpected("`go`", &other)),
        }
    }
}

/// Plays the order's role with the mechanism's type at hand.
struct Play<'a> {
    order: Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = MeasureResult;

    fn visit<T: Transport>(self) -> MeasureResult {
        let Self { order, page, talk } = self;
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
}

/// One process of several: attaches its own ends.
fn alone(transport: AnyTransport, attach: AttachEnds, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let name = prepare::role_names(&order.case).nth(order.slot as usize).unwrap_or("worker");
    let task = Task::of(&order, name, 0);
    let (floor_links, links): (Vec<Link>, Vec<Link>) =
        order.links.into_iter().partition(|link| link.channel == paired::CHANNEL);
    let shape = Shape::of(&task.case);
    let index = if shape.two_way() { 0 } else { Cast::of(&task.case).seat(order.slot).index };
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
    let (sender, receiver) = T::attach_both(&address, End::Sender, Peers::default(), &shape)?;
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

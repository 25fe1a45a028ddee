//! Channels of byte messages.

mod ends;
mod host;
mod set_up;

use std::io;
use std::marker::PhantomData;

use super::threads;
use super::{AnyMechanism, Concluded, Mechanism, Talk};
use crate::address::Endpoint;
use crate::conformance;
use crate::control::{Leader, Page};
use crate::measure::paced;
use crate::measure::paired::{self, Floor};
use crate::measure::round_trip::Side;
use crate::measure::stream::{self, Sink, Source};
use crate::measure::{self, MeasureResult, Task};
use crate::protocol::{Link, Offered, Order, Report, RoleSpec};
use crate::record::{Case, CostModel, Group, Isolation, Measure, Role};
use crate::shm;
use crate::transport::erased::{AnyReceiver, AnySender, AnyTransport};
use crate::transport::{Delivery, EndpointId, Entry, FAMILY, Peers, Roles, Shape, Topology, Transport, roles};
use crate::variant::{Variant, answers};
use ends::{Attachment, channels, ends};
use host::AttachEnds;

struct Row<T>(PhantomData<fn() -> T>);

impl Entry for AnyMechanism {
    fn of<T: Transport>() -> Self {
        &Row::<T>(PhantomData)
    }
}

impl<T: Transport> Mechanism for Row<T> {
    /// One variant per isolation and substrate.
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        let one = |isolation, substrate| Variant {
            wait: T::WAIT,
            substrate,
            summary: T::SUMMARY,
            measures: T::MEASURES,
            cpus_wanted: if T::SOLO { 1 } else { 2 },
            polls: T::POLLS,
            unavailable: T::unavailable().or_else(|| substrate.and_then(shm::unavailable)),
            ..Variant::of(FAMILY, row, T::GROUP, isolation)
        };
        let mut all = vec![];
        for isolation in T::ISOLATIONS {
            if T::SUBSTRATES.is_empty() {
                all.push(one(*isolation, None));
            }
            all.extend(T::SUBSTRATES.iter().map(|substrate| one(*isolation, Some(*substrate))));
        }
        all
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        match case.params.substrate {
            Some(substrate) if !T::SUBSTRATES.contains(&substrate) => {
                return Err(format!("`{}` has no substrate `{substrate}`", case.row()));
            }
            Some(substrate) => shm::unavailable(substrate).map_or(Ok(()), Err)?,
            None => {}
        }
        answers(case, T::ISOLATIONS, T::MEASURES)?;
        let shape = Shape::of(case);
        roles::supports::<T>(case)?;
        countable(T::DELIVERY, &shape)?;
        T::supports(&shape)?;
        measure::supports(case, T::DELIVERY)
    }

    fn group(&self) -> Option<Group> {
        Some(T::GROUP)
    }

    fn resolved(&self, case: &Case) -> Case {
        let connections = channels(case.measure, T::DUPLEX).len() as u32 * case.params.pairs.unwrap_or(1);
        case.clone().with(|p| {
            p.depth = p.depth.or_else(|| T::depth(&Shape::of(case)));
            p.connections = Some(connections);
        })
    }

    fn roles(&self, case: &Case) -> u32 {
        Roles::of(case).count()
    }

    fn prepare(&self, case: &Case) -> io::Result<Vec<RoleSpec>> {
        if T::SOLO {
            return Ok(vec![RoleSpec { role: Role::Solo, links: vec![], slots: 1 }]);
        }
        // A set-up creates its objects repeatedly, with both endpoints in one process.
        if case.isolation == Isolation::Thread || case.measure == Measure::SetUp {
            return Ok(vec![RoleSpec::host(self.roles(case))]);
        }
        prepare(AnyTransport::of::<T>(), case)
    }

    fn has_paired_floor(&self) -> bool {
        true
    }

    fn counts_agree(&self, case: &Case) -> bool {
        Roles::of(case).is_pair()
    }

    fn conclude(&self, case: &Case, reports: &[Report]) -> Concluded {
        let may_lose = matches!(T::DELIVERY, Delivery::Lossy | Delivery::Latest);
        paced::conclude(case, reports, T::TOPOLOGY == Topology::Broadcast, may_lose)
    }

    fn turn(&self, case: &Case, slot: u32) -> u32 {
        Roles::of(case).turn(slot)
    }

    fn cost_model(&self, case: &Case) -> Option<CostModel> {
        Some(T::cost_model(&Shape::of(case)))
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        match order.role {
            // `T::SOLO` is a constant, so the solo loops are compiled only for transports that have them.
            Role::Solo if T::SOLO => solo::<T>(&order, page, talk),
            Role::Host if order.case.measure == Measure::SetUp => {
                set_up::both_ends(AnyTransport::of::<T>(), &order, &page, talk)
            }
            Role::Host => host::host(AnyTransport::of::<T>(), host::attach_ends::<T>, &order, &page, talk),
            _ => alone(AnyTransport::of::<T>(), host::attach_ends::<T>, order, page, talk),
        }
    }
}

/// Creates the channels of a trial between processes and assigns their endpoints to roles.
fn prepare(transport: AnyTransport, case: &Case) -> io::Result<Vec<RoleSpec>> {
    let endpoints = ends(case, transport.duplex);
    let channels = endpoints.iter().flatten().map(|endpoint| endpoint.channel + 1).max().unwrap_or(0);
    let shape = Shape::of(case);
    let addresses = (0..channels).map(|_| (transport.create)(&shape)).collect::<io::Result<Vec<_>>>()?;
    let link = |endpoint: &EndpointId| Link {
        channel: endpoint.channel,
        end: endpoint.end,
        address: addresses[endpoint.channel as usize].only(endpoint.end),
    };
    let one = |(slot, endpoints): (u32, Vec<EndpointId>)| RoleSpec {
        role: role(case, slot),
        links: endpoints.iter().map(link).collect(),
        slots: 1,
    };
    Ok((0..).zip(endpoints).map(one).collect())
}

/// Role on `slot`.
fn role(case: &Case, slot: u32) -> Role {
    match (Shape::of(case).two_way(), slot < Roles::of(case).senders()) {
        (true, true) => Role::Pinger,
        (true, false) => Role::Ponger,
        (false, true) => Role::Sender,
        (false, false) => Role::Receiver,
    }
}

/// Errors: a stream with this delivery cannot be checked.
fn countable(delivery: Delivery, shape: &Shape) -> Result<(), String> {
    let open = matches!(shape.measure, Measure::Stream | Measure::Paced);
    match delivery {
        Delivery::Coalescing if open => Err("several messages may arrive as one, so a stream cannot be counted".into()),
        Delivery::Lossy | Delivery::Latest if open && shape.message_bytes < 8 => {
            Err("where messages may be missing each says which it is, in its first 8 bytes".into())
        }
        _ => Ok(()),
    }
}

/// Runs one of several processes, with its own endpoints.
fn alone(transport: AnyTransport, attach: AttachEnds, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(&order, order.role, 0);
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
    // Moves the links with their descriptors; a second copy would keep a dead peer's pipe open.
    let ends = attach(Attachment { links, peers }, &shape, floor)?;
    threads::play_alone(ends, page, talk, order.slots, &task)
}

/// Runs both sides in one thread.
fn solo<T: Transport>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, order.role, 0);
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

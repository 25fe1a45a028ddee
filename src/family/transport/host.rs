//! All roles of a transport as threads of one process, which also creates the objects.

use std::io;

use super::ends::{Attachment, Ends, ends};
use super::{Talk, role};
use crate::address::{self, Endpoint};
use crate::control::{Leader, Member, Page};
use crate::family::threads::{self, Attach, Attached};
use crate::measure::paired::Floor;
use crate::measure::{MeasureResult, Task};
use crate::protocol::{Link, Order};
use crate::transport::erased::AnyTransport;
use crate::transport::{Peers, Roles, Shape, Transport};

/// Attaches one role's endpoints.
pub(super) type AttachEnds = fn(Attachment, &Shape, Floor) -> io::Result<Box<dyn Attached>>;

pub(super) fn attach_ends<T: Transport>(
    attachment: Attachment,
    shape: &Shape,
    floor: Floor,
) -> io::Result<Box<dyn Attached>> {
    Ok(Box::new((Ends::<T>::attach(attachment, shape)?, floor)))
}

pub(super) fn host(
    transport: AnyTransport,
    attach: AttachEnds,
    order: &Order,
    page: &Page,
    talk: &mut Talk,
) -> MeasureResult {
    let tasks: Vec<Task> =
        (0..order.slots).map(|slot| Task::of(order, role(&order.case, slot), slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let seatings = seatings(transport, order, &Shape::of(&order.case))?;
    let memory = Floor::memory(tasks[0].message_bytes())?;
    talk.exchange(vec![])?;
    let pair = Roles::of(&order.case).is_pair();
    let role = |attachment: Attachment| -> Attach {
        let memory = &memory;
        Box::new(move |task| {
            let end = if task.slot == 0 { Endpoint::Sender } else { Endpoint::Receiver };
            // Only a pair has a floor.
            let floor = if pair { Floor::attach(task, memory, end)? } else { Floor::none() };
            attach(attachment, &Shape::of(&task.case), floor)
        })
    };
    let roles = seatings.into_iter().map(role).collect();
    threads::play(order, page, talk, &tasks, roles, &|led, followed| threads::both(led, followed, pair))
}

impl<T: Transport> Attached for (Ends<T>, Floor) {
    fn lead(self: Box<Self>, leader: &mut Leader, task: &Task) -> MeasureResult {
        let (ends, floor) = *self;
        ends.lead(leader, task, floor)
    }

    fn follow(self: Box<Self>, member: &mut Member, task: &Task) -> MeasureResult {
        let (ends, floor) = *self;
        ends.follow(member, task, floor)
    }
}

/// Creates the channels and assigns their endpoints, with the offers of the other endpoints.
fn seatings(transport: AnyTransport, order: &Order, shape: &Shape) -> io::Result<Vec<Attachment>> {
    let ends = ends(&order.case, transport.duplex);
    let channels = ends.iter().flatten().map(|seat| seat.channel + 1).max().unwrap_or(0);
    let addresses = (0..channels).map(|_| (transport.create)(shape)).collect::<io::Result<Vec<_>>>()?;
    let mut texts: Vec<(u32, Endpoint, String)> = vec![];
    let mut seatings = vec![];
    for endpoints in ends {
        let mut attachment = Attachment::default();
        for endpoint in endpoints {
            let address = addresses[endpoint.channel as usize].clone();
            let offer = (transport.offer)(&address, shape, endpoint.end)?;
            texts.extend(offer.text.map(|text| (endpoint.channel, endpoint.end, text)));
            attachment.peers.push(Peers { text: None, keep: offer.keep, index: endpoint.index });
            attachment.links.push(Link { channel: endpoint.channel, end: endpoint.end, address });
        }
        seatings.push(attachment);
    }
    for attachment in &mut seatings {
        for (link, peer) in attachment.links.iter().zip(&mut attachment.peers) {
            let theirs = texts.iter().find(|(channel, end, _)| *channel == link.channel && *end != link.end);
            peer.text = theirs.map(|(_, _, text)| text.clone());
        }
    }
    Ok(seatings)
}

//! All roles of a transport as threads of one process, which also makes the objects.

use std::io;
use std::marker::PhantomData;

use super::Talk;
use super::ends::{Ends, Seating};
use super::threads::{self, Troupe};
use crate::address::{self, Address, End};
use crate::control::{Leader, Member, Page};
use crate::measure::paired::Floor;
use crate::measure::{Findings, Task};
use crate::protocol::{Link, Order, Report};
use crate::transport::{Cast, Peers, Shape, Transport, prepare};

pub(super) fn host<T: Transport>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, role(order, slot), slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let seatings = seatings::<T>(order, &Shape::of(&order.case))?;
    let memory = Floor::memory(tasks[0].message_bytes())?;
    talk.exchange(vec![])?;
    let sides = Sides::<T> { memory, pair: Cast::of(&order.case).is_pair(), transport: PhantomData };
    threads::play(&sides, order, page, talk, &tasks, seatings)
}

fn role(order: &Order, slot: u32) -> &'static str {
    let two_way = Shape::of(&order.case).two_way();
    match (two_way, slot < Cast::of(&order.case).senders()) {
        (true, true) => "pinger",
        (true, false) => "ponger",
        (false, true) => "sender",
        (false, false) => "receiver",
    }
}

/// The sides of the trial's channels.
struct Sides<T> {
    /// For the floor beside a pair; more than two have none.
    memory: Address,
    pair: bool,
    transport: PhantomData<fn() -> T>,
}

impl<T: Transport> Troupe for Sides<T> {
    type Seat = Seating;
    type Part = (Ends<T>, Floor);

    fn attach(&self, seating: Seating, task: &Task) -> io::Result<Self::Part> {
        let ends = Ends::<T>::attach(seating, &Shape::of(&task.case))?;
        let end = if task.slot == 0 { End::Sender } else { End::Receiver };
        let floor = if self.pair { Floor::attach(task, &self.memory, end)? } else { Floor::none() };
        Ok((ends, floor))
    }

    fn lead(&self, (ends, floor): Self::Part, leader: &mut Leader, task: &Task) -> Findings {
        ends.lead(leader, task, floor)
    }

    fn follow(&self, (ends, floor): Self::Part, member: &mut Member, task: &Task) -> Findings {
        ends.follow(member, task, floor)
    }

    fn merge(&self, led: Findings, followed: Findings) -> Findings {
        threads::merge(led, followed, |led, followed| both(led, followed, self.pair))
    }
}

/// One report of two. The sides of a pair count the same messages; of several, the leader has checked the sum.
pub(super) fn both(mut led: Report, mut followed: Report, pair: bool) -> Findings {
    if pair && led.messages != followed.messages {
        let (ours, theirs) = (led.messages, followed.messages);
        return Err(format!("the leader counted {ours} and the member {theirs}").into());
    }
    led.roles.append(&mut followed.roles);
    led.metrics.append(&mut followed.metrics);
    led.histogram = led.histogram.or(followed.histogram);
    if led.windows.is_empty() {
        led.windows = followed.windows;
    }
    Ok(led)
}

/// Makes the channels and deals their ends out, with what each end would have offered the others.
fn seatings<T: Transport>(order: &Order, shape: &Shape) -> io::Result<Vec<Seating>> {
    let ends = prepare::ends::<T>(&order.case);
    let channels = ends.iter().flatten().map(|seat| seat.channel + 1).max().unwrap_or(0);
    let addresses = (0..channels).map(|_| T::create(shape)).collect::<io::Result<Vec<_>>>()?;
    let mut texts: Vec<(u32, End, String)> = vec![];
    let mut seatings = vec![];
    for seats in ends {
        let mut seating = Seating::default();
        for seat in seats {
            let address = addresses[seat.channel as usize].clone();
            let offer = T::offer(&address, shape, seat.end)?;
            texts.extend(offer.text.map(|text| (seat.channel, seat.end, text)));
            seating.peers.push(Peers { text: None, keep: offer.keep, index: seat.index });
            seating.links.push(Link { channel: seat.channel, end: seat.end, address });
        }
        seatings.push(seating);
    }
    for seating in &mut seatings {
        for (link, peer) in seating.links.iter().zip(&mut seating.peers) {
            let theirs = texts.iter().find(|(channel, end, _)| *channel == link.channel && *end != link.end);
            peer.text = theirs.map(|(_, _, text)| text.clone());
        }
    }
    Ok(seatings)
}

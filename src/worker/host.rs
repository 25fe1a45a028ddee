//! All roles as threads of one process, which also makes the objects.

use std::io;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use super::Talk;
use super::ends::{Ends, Seating};
use crate::address::{self, Address, End};
use crate::control::{Leader, Member, Page};
use crate::measure::paired::Floor;
use crate::measure::{Findings, Task, Trouble};
use crate::pin;
use crate::protocol::{Link, Order};
use crate::transport::{Cast, Peers, Shape, Transport, prepare};

pub(super) fn host<T: Transport>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    let tasks: Vec<Task> = (0..order.slots).map(|slot| Task::of(order, role(order, slot), slot as usize)).collect();
    address::lease_as_worker(&order.run_id)?;
    let shape = Shape::of(&order.case);
    let mut seatings = seatings::<T>(order, &shape)?.into_iter();
    let memory = Floor::memory(tasks[0].message_bytes())?;
    talk.exchange(vec![])?;

    let (attached, all_attached) = mpsc::channel();
    let first = seatings.next().ok_or_else(|| io::Error::other("a host without roles"))?;
    thread::scope(|scope| {
        let members: Vec<_> = tasks[1..]
            .iter()
            .zip(seatings)
            .map(|(task, seating)| {
                let (control, memory, attached) = (order.control.clone(), memory.clone(), attached.clone());
                scope.spawn(move || {
                    let page = Page::attach(&control)?;
                    let call_off = CallOff::unless_done(&page);
                    task.cpu.map_or(Ok(()), pin::pin_this_thread)?;
                    let ends = Ends::<T>::attach(seating, &Shape::of(&task.case))?;
                    let floor = floor(task, &memory, End::Receiver)?;
                    attached.send(()).map_err(io::Error::other)?;
                    let found = ends.follow(&mut Member::new(page.clone(), task.slot), task, floor)?;
                    call_off.done();
                    Ok(found)
                })
            })
            .collect();
        drop(attached);
        let led = lead::<T>(first, &tasks, &memory, page, &all_attached, talk);
        let mut all = led;
        for member in members {
            let followed = member.join().map_err(|_| io::Error::other("a thread panicked"))?;
            all = merge(all, followed, Cast::of(&order.case).is_pair());
        }
        all
    })
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

/// Only two roles have a floor beside them.
fn floor(task: &Task, memory: &Address, end: End) -> io::Result<Floor> {
    if Cast::of(&task.case).is_pair() { Floor::attach(task, memory, end) } else { Ok(Floor::none()) }
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

/// The first thread's part.
fn lead<T: Transport>(
    seating: Seating,
    tasks: &[Task],
    memory: &Address,
    page: &Page,
    all_attached: &Receiver<()>,
    talk: &mut Talk,
) -> Findings {
    let call_off = CallOff::unless_done(page);
    let task = &tasks[0];
    let ends = Ends::<T>::attach(seating, &Shape::of(&task.case))?;
    let floor = floor(task, memory, End::Sender)?;
    for _ in &tasks[1..] {
        all_attached.recv().map_err(|_| io::Error::other("another thread could not attach"))?;
    }
    talk.ready_go()?;
    let found = ends.lead(&mut Leader::new(page.clone(), tasks.len() as u32), task, floor)?;
    call_off.done();
    Ok(found)
}

/// Calls the trial off when its thread ends without having finished, by an error or a panic.
pub(super) struct CallOff<'a>(Option<&'a Page>);

impl<'a> CallOff<'a> {
    pub(super) fn unless_done(page: &'a Page) -> Self {
        Self(Some(page))
    }

    pub(super) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for CallOff<'_> {
    fn drop(&mut self) {
        if let Some(page) = self.0 {
            page.abort();
        }
    }
}

/// One report of two. A failed check outranks the call-off that it caused on the other side. Two sides of one channel
/// count the same messages; of several, the leader has checked the sum.
pub(super) fn merge(led: Findings, followed: Findings, same_count: bool) -> Findings {
    match (led, followed) {
        (Ok(mut led), Ok(mut followed)) => {
            if same_count && led.messages != followed.messages {
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
        (_, Err(Trouble::Invalid(why))) | (Err(Trouble::Invalid(why)), _) => Err(Trouble::Invalid(why)),
        (Err(led), Ok(_)) => Err(led),
        (_, Err(followed)) => Err(followed),
    }
}

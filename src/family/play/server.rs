//! The host of a server, and the leader of its clients.

use std::io;

use super::Talk;
use crate::address::Endpoint;
use crate::conformance;
use crate::control::{Leader, Member, Page};
use crate::measure::serve::service::{Compute, Echo};
use crate::measure::serve::{Serving, Target};
use crate::measure::{MeasureError, MeasureResult, Task, phase};
use crate::protocol::{Offered, Order, Report};
use crate::record::{Measure, Service};
use crate::server::addresses::Address;
use crate::server::host::Host;
use crate::server::{self, Visitor, Way, prepare};

/// Plays the order's role.
pub(in crate::family) fn play(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let stranger = super::unknown_row(order);
    server::visit(&order.case.row(), Play { order, page, talk }).unwrap_or(Err(stranger))
}

/// Plays it with the row's types at hand.
struct Play<'a> {
    order: &'a Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = MeasureResult;

    fn visit<W: Way, A: Address>(self) -> MeasureResult {
        let Self { order, page, talk } = self;
        if order.role == prepare::SERVER { host::<W, A>(order, page, talk) } else { lead::<W, A>(order, page, talk) }
    }
}

/// Has a server run, as a process of its own, until the clients are done.
fn host<W: Way, A: Address>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let host = match prepare::service(&order.case) {
        Service::Echo => Host::start::<W, A, _>(Echo::of(&order.case))?,
        Service::Compute => Host::start::<W, A, _>(Compute::of(&order.case))?,
    };
    let text = format!("{} {}", host.pid(), host.place());
    talk.exchange(vec![Offered { channel: prepare::CHANNEL, end: Endpoint::Receiver, text }])?;
    talk.ready_go()?;
    let mut member = Member::new(page, order.slot);
    while member.enter()?.kind != phase::END {
        member.leave()?;
    }
    host.stop()?;
    member.leave()?;
    Ok(Report::default())
}

/// Leads the clients.
fn lead<W: Way, A: Address>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, prepare::CLIENTS, 0);
    let offers = talk.exchange(vec![])?;
    let target = target::<W, A>(&offers)?;
    talk.ready_go()?;
    let mut leader = Leader::new(page, order.slots);
    if task.case.measure == Measure::Conformance {
        return conformance::server::lead(&mut leader, &task, &target);
    }
    Serving::begin(&task, &target)?.lead(&mut leader)
}

/// The server that the other role offered: its process, and where it listens.
fn target<W: Way, A: Address>(offers: &[Offered]) -> Result<Target, MeasureError> {
    let offered = offers.iter().find(|offer| offer.channel == prepare::CHANNEL);
    let (pid, place) = offered
        .and_then(|offer| offer.text.split_once(' '))
        .and_then(|(pid, place)| Some((pid.parse().ok()?, place.to_owned())))
        .ok_or_else(|| io::Error::other("the server did not say where it can be found"))?;
    Ok(Target { place, connect: A::connect, patience: W::PATIENCE, pid })
}

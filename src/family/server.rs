//! Servers with many clients. One role leads all clients; the other runs the server.

use std::io;
use std::marker::PhantomData;

use super::{AnyMechanism, Mechanism, Talk};
use crate::address::Endpoint;
use crate::conformance;
use crate::control::{Leader, Member, Page};
use crate::measure::serve::service::{Compute, Echo};
use crate::measure::serve::{Serving, Target};
use crate::measure::{MeasureError, MeasureResult, Task, phase};
use crate::protocol::RoleSpec;
use crate::protocol::{Offered, Order, Report};
use crate::record::{Case, Group, Isolation, Measure, Role, Service};
use crate::server::addresses::Address;
use crate::server::host::Host;
use crate::server::{
    CHECKSUM_BYTES, Entry, FAMILY, MAX_CLIENTS, MEASURES, PerConnection, Server, limits, request_bytes, service,
};
use crate::variant::{Variant, answers};

/// Number of the channel that carries the server's address.
const CHANNEL: u32 = 0;
/// Maximum size of a request: each connection buffers one on either side.
const MAX_REQUEST_BYTES: u64 = 1 << 20;

struct Row<W, A>(PhantomData<fn() -> (W, A)>);

impl Entry for AnyMechanism {
    fn of<W: Server, A: Address>() -> Self {
        &Row::<W, A>(PhantomData)
    }
}

impl<W: Server, A: Address> Mechanism for Row<W, A> {
    fn variants(&self, row: &'static str) -> Vec<Variant> {
        vec![Variant {
            summary: W::SUMMARY,
            measures: MEASURES,
            unavailable: A::unavailable().or_else(W::unavailable),
            ..Variant::of(FAMILY, row, Group::Servers, Isolation::Process)
        }]
    }

    fn supports(&self, case: &Case) -> Result<(), String> {
        answers(case, &[Isolation::Process], MEASURES)?;
        let clients = clients::<W>(case);
        if !(1..=MAX_CLIENTS).contains(&clients) {
            return Err(format!("a server has 1 to {MAX_CLIENTS} clients here, not {clients}"));
        }
        let bytes = request_bytes(case) as u64;
        let least = if service(case) == Service::Compute { CHECKSUM_BYTES as u64 } else { 1 };
        if !(least..=MAX_REQUEST_BYTES).contains(&bytes) {
            return Err(format!("a request has {least} to {MAX_REQUEST_BYTES} bytes, not {bytes}"));
        }
        match (service(case), case.params.grain_ns.unwrap_or(0)) {
            (Service::Echo, 1..) => return Err("an echo takes no work; leave `grain_ns` out".to_owned()),
            (Service::Compute, 0) => return Err("a server that computes names its work: `grain_ns`".to_owned()),
            _ => {}
        }
        if case.measure == Measure::Paced && case.params.rate_per_s.is_none_or(|rate| rate == 0) {
            return Err("a paced case names its requests a second".to_owned());
        }
        let clients = u64::from(clients);
        limits::allow(clients, clients * processes_each::<W>())
    }

    fn group(&self) -> Option<Group> {
        Some(Group::Servers)
    }

    fn resolved(&self, case: &Case) -> Case {
        case.clone().with(|p| {
            p.message_bytes = Some(request_bytes(case) as u64);
            p.clients = Some(clients::<W>(case));
            p.service = Some(service(case));
        })
    }

    fn roles(&self, _: &Case) -> u32 {
        2
    }

    /// The roles get no links: the server offers its address itself.
    fn prepare(&self, _: &Case) -> io::Result<Vec<RoleSpec>> {
        Ok([Role::Clients, Role::Server].map(|role| RoleSpec { role, links: vec![], slots: 1 }).into())
    }

    fn play(&self, order: Order, page: Page, talk: &mut Talk) -> MeasureResult {
        match order.role {
            Role::Server => host::<W, A>(&order, page, talk),
            _ => lead::<W, A>(&order, page, talk),
        }
    }
}

/// Client processes of the case; by default one, or as many as the machine allows for conformance.
fn clients<W: Server>(case: &Case) -> u32 {
    let open = || match case.measure {
        Measure::Conformance => limits::most(MAX_CLIENTS, processes_each::<W>()).max(1),
        _ => 1,
    };
    case.params.clients.unwrap_or_else(open)
}

/// Processes and threads per client: the client, and the task that the server may start for it.
fn processes_each<W: Server>() -> u64 {
    1 + u64::from(W::PER_CONNECTION == PerConnection::Task)
}

/// Runs the server in a separate process until the clients are done.
fn host<W: Server, A: Address>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let host = match service(&order.case) {
        Service::Echo => Host::start::<W, A, _>(Echo::of(&order.case))?,
        Service::Compute => Host::start::<W, A, _>(Compute::of(&order.case))?,
    };
    let text = format!("{} {}", host.pid(), host.place());
    talk.exchange(vec![Offered { channel: CHANNEL, end: Endpoint::Receiver, text }])?;
    talk.ready_go()?;
    let mut member = Member::new(page, order.slot);
    while member.enter()?.kind != phase::END {
        member.leave()?;
    }
    host.stop()?;
    member.leave()?;
    Ok(Report::default())
}

/// Runs the clients.
fn lead<W: Server, A: Address>(order: &Order, page: Page, talk: &mut Talk) -> MeasureResult {
    let task = Task::of(order, order.role, 0);
    let offers = talk.exchange(vec![])?;
    let target = target::<W, A>(&task.case, &offers)?;
    talk.ready_go()?;
    let mut leader = Leader::new(page, order.slots);
    if task.case.measure == Measure::Conformance {
        return conformance::server::lead(&mut leader, &task, &target);
    }
    Serving::begin(&task, &target)?.lead(&mut leader)
}

/// Server offered by the other role: its process and its address.
fn target<W: Server, A: Address>(case: &Case, offers: &[Offered]) -> Result<Target, MeasureError> {
    let offered = offers.iter().find(|offer| offer.channel == CHANNEL);
    let (pid, place) = offered
        .and_then(|offer| offer.text.split_once(' '))
        .and_then(|(pid, place)| Some((pid.parse().ok()?, place.to_owned())))
        .ok_or_else(|| io::Error::other("the server did not say where it can be found"))?;
    Ok(Target { place, connect: A::connect, patience: W::CONCURRENCY, clients: clients::<W>(case), pid })
}

//! Objects and roles of a trial; the same for every transport.

use std::io;

use super::{Delivery, EndpointId, FAMILY, Roles, Shape, Transport, roles};
use crate::address::Endpoint;
use crate::protocol::Link;
use crate::record::{Anatomy, Case, Isolation, Measure};
use crate::shm;
use crate::variant::{RoleSpec, Variant};

/// The case, completed with the mechanism's choices where the plan leaves them open.
pub fn resolved<T: Transport>(case: &Case) -> Case {
    let connections = channels(case.measure, T::DUPLEX).len() as u32 * case.params.pairs.unwrap_or(1);
    let depth = case.params.depth.or_else(|| T::depth(&Shape::of(case)));
    Case { group: Some(T::GROUP), ..case.clone() }.with(|p| {
        p.depth = depth;
        p.connections = Some(connections);
    })
}

/// All variants of the row: one per isolation and substrate.
pub fn describe<T: Transport>(name: &'static str) -> Vec<Variant> {
    let one = |isolation, substrate| Variant {
        wait: T::WAIT,
        substrate,
        summary: T::SUMMARY,
        measures: T::MEASURES,
        cpus_wanted: if T::SOLO { 1 } else { 2 },
        polls: T::POLLS,
        unavailable: T::unavailable().or_else(|| substrate.and_then(shm::unavailable)),
        ..Variant::of(FAMILY, name, T::GROUP, isolation)
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

/// Checks that the mechanism can run the case.
///
/// Errors: the reason, with the limit.
pub fn supports<T: Transport>(case: &Case) -> Result<(), String> {
    if !T::ISOLATIONS.contains(&case.isolation) {
        return Err(format!("`{}` does not run between {}s", case.row(), case.isolation));
    }
    match case.params.substrate {
        Some(substrate) if !T::SUBSTRATES.contains(&substrate) => {
            return Err(format!("`{}` has no substrate `{substrate}`", case.row()));
        }
        Some(substrate) => shm::unavailable(substrate).map_or(Ok(()), Err)?,
        None => {}
    }
    if !T::MEASURES.contains(&case.measure) {
        return Err(format!("`{}` does not support the measure `{}`", case.row(), case.measure));
    }
    let shape = Shape::of(case);
    roles::supports::<T>(case)?;
    countable::<T>(&shape)?;
    T::supports(&shape)
}

/// Declared cost of one operation of the case.
pub fn cost<T: Transport>(case: &Case) -> Anatomy {
    T::anatomy(&Shape::of(case))
}

/// Makes the objects of a trial and assigns its endpoints to roles.
pub fn prepare<T: Transport>(case: &Case) -> io::Result<Vec<RoleSpec>> {
    let roles = Roles::of(case);
    if T::SOLO {
        return Ok(vec![RoleSpec { role: "solo", links: vec![], slots: 1 }]);
    }
    // A set-up trial makes its objects repeatedly and runs both endpoints in one process.
    if case.isolation == Isolation::Thread || case.measure == Measure::SetUp {
        return Ok(vec![RoleSpec { role: "host", links: vec![], slots: roles.count() }]);
    }
    let endpoints = ends(case, T::DUPLEX);
    let channels = endpoints.iter().flatten().map(|endpoint| endpoint.channel + 1).max().unwrap_or(0);
    let addresses = (0..channels).map(|_| T::create(&Shape::of(case))).collect::<io::Result<Vec<_>>>()?;
    let link = |endpoint: &EndpointId| Link {
        channel: endpoint.channel,
        end: endpoint.end,
        address: addresses[endpoint.channel as usize].only(endpoint.end),
    };
    let role = |(endpoints, name): (Vec<EndpointId>, _)| RoleSpec {
        role: name,
        links: endpoints.iter().map(link).collect(),
        slots: 1,
    };
    Ok(endpoints.into_iter().zip(role_names(case)).map(role).collect())
}

/// Names of the roles, by slot.
pub fn role_names(case: &Case) -> impl Iterator<Item = &'static str> {
    let senders = Roles::of(case).senders();
    let [first, others] = if Shape::of(case).two_way() { ["pinger", "ponger"] } else { ["sender", "receiver"] };
    (0..).map(move |slot| if slot < senders { first } else { others })
}

/// Endpoints of each role, by slot; `duplex` is [`Transport::DUPLEX`].
pub fn ends(case: &Case, duplex: bool) -> Vec<Vec<EndpointId>> {
    let roles = Roles::of(case);
    if !Shape::of(case).two_way() {
        return (0..roles.count()).map(|slot| vec![roles.endpoint(slot)]).collect();
    }
    let first = channels(case.measure, duplex);
    let endpoints = |turn: fn(Endpoint) -> Endpoint| -> Vec<EndpointId> {
        (0..).zip(&first).map(|(channel, end)| EndpointId { channel, end: turn(*end), index: 0 }).collect()
    };
    vec![endpoints(|end| end), endpoints(opposite)]
}

/// Errors: the reason why a stream over `T` cannot be checked.
fn countable<T: Transport>(shape: &Shape) -> Result<(), String> {
    let open = matches!(shape.measure, Measure::Stream | Measure::Paced);
    match T::DELIVERY {
        Delivery::Coalescing if open => Err("several messages may arrive as one, so a stream cannot be counted".into()),
        Delivery::Lossy | Delivery::Latest if open && shape.message_bytes < 8 => {
            Err("messages may be missing, so each needs 8 bytes for its number".into())
        }
        _ => Ok(()),
    }
}

/// Endpoint of the first role on each channel: one channel for a stream or a duplex connection, else one for each
/// direction.
fn channels(measure: Measure, duplex: bool) -> Vec<Endpoint> {
    let two_way = matches!(measure, Measure::RoundTrip | Measure::CostModel);
    if !two_way || duplex { vec![Endpoint::Sender] } else { vec![Endpoint::Sender, Endpoint::Receiver] }
}

/// The other end.
fn opposite(end: Endpoint) -> Endpoint {
    match end {
        Endpoint::Sender => Endpoint::Receiver,
        Endpoint::Receiver => Endpoint::Sender,
    }
}

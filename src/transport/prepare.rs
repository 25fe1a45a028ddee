//! From a case to the objects and roles of a trial, for every transport alike.

use std::io;

use super::{Cast, Delivery, FAMILY, Seat, Shape, Transport, topology};
use crate::address::End;
use crate::protocol::Link;
use crate::record::{Anatomy, Case, Isolation, Measure};
use crate::shm;
use crate::variant::{RoleSpec, Variant};

/// The case with what the mechanism decides where the plan left it open.
pub fn resolved<T: Transport>(case: &Case) -> Case {
    let connections = channels(case.measure, T::DUPLEX).len() as u32 * case.params.pairs.unwrap_or(1);
    let depth = case.params.depth.or_else(|| T::depth(&Shape::of(case)));
    Case { group: Some(T::GROUP), ..case.clone() }.with(|p| {
        p.depth = depth;
        p.connections = Some(connections);
    })
}

/// Every way the row can be run: once per isolation and substrate.
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

/// Whether the mechanism can run the case.
///
/// Errors: the reason, with the limit.
pub fn supports<T: Transport>(case: &Case) -> Result<(), String> {
    if !T::ISOLATIONS.contains(&case.isolation) {
        return Err(format!("`{}` does not work between {}s", case.row(), case.isolation));
    }
    match case.params.substrate {
        Some(substrate) if !T::SUBSTRATES.contains(&substrate) => {
            return Err(format!("`{}` has no substrate `{substrate}`", case.row()));
        }
        Some(substrate) => shm::unavailable(substrate).map_or(Ok(()), Err)?,
        None => {}
    }
    if !T::MEASURES.contains(&case.measure) {
        return Err(format!("`{}` cannot be asked for `{}`", case.row(), case.measure));
    }
    let shape = Shape::of(case);
    topology::supports::<T>(case)?;
    countable::<T>(&shape)?;
    T::supports(&shape)
}

/// Declared cost of one operation of the case.
pub fn cost<T: Transport>(case: &Case) -> Anatomy {
    T::anatomy(&Shape::of(case))
}

/// Makes the objects of a trial and assigns them to its roles.
pub fn prepare<T: Transport>(case: &Case) -> io::Result<Vec<RoleSpec>> {
    let cast = Cast::of(case);
    if T::SOLO {
        return Ok(vec![RoleSpec { role: "solo", links: vec![], slots: 1 }]);
    }
    // A set-up makes its objects itself, over and over, and plays both ends in one process.
    if case.isolation == Isolation::Thread || case.measure == Measure::SetUp {
        return Ok(vec![RoleSpec { role: "host", links: vec![], slots: cast.roles() }]);
    }
    let seats = ends(case, T::DUPLEX);
    let channels = seats.iter().flatten().map(|seat| seat.channel + 1).max().unwrap_or(0);
    let addresses = (0..channels).map(|_| T::create(&Shape::of(case))).collect::<io::Result<Vec<_>>>()?;
    let link = |seat: &Seat| Link {
        channel: seat.channel,
        end: seat.end,
        address: addresses[seat.channel as usize].only(seat.end),
    };
    let role =
        |(seats, name): (Vec<Seat>, _)| RoleSpec { role: name, links: seats.iter().map(link).collect(), slots: 1 };
    Ok(seats.into_iter().zip(role_names(case)).map(role).collect())
}

/// The name of each role, by slot.
pub fn role_names(case: &Case) -> impl Iterator<Item = &'static str> {
    let senders = Cast::of(case).senders();
    let [first, others] = if Shape::of(case).two_way() { ["pinger", "ponger"] } else { ["sender", "receiver"] };
    (0..).map(move |slot| if slot < senders { first } else { others })
}

/// The ends that each role holds, by slot; `duplex` is [`Transport::DUPLEX`].
pub fn ends(case: &Case, duplex: bool) -> Vec<Vec<Seat>> {
    let cast = Cast::of(case);
    if !Shape::of(case).two_way() {
        return (0..cast.roles()).map(|slot| vec![cast.seat(slot)]).collect();
    }
    let first = channels(case.measure, duplex);
    let seats = |turn: fn(End) -> End| -> Vec<Seat> {
        (0..).zip(&first).map(|(channel, end)| Seat { channel, end: turn(*end), index: 0 }).collect()
    };
    vec![seats(|end| end), seats(opposite)]
}

/// Errors: why a stream over `T` cannot be checked.
fn countable<T: Transport>(shape: &Shape) -> Result<(), String> {
    let open = matches!(shape.measure, Measure::Stream | Measure::Paced);
    match T::DELIVERY {
        Delivery::Coalescing if open => Err("several messages may arrive as one, so a stream cannot be counted".into()),
        Delivery::Lossy | Delivery::Latest if open && shape.message_bytes < 8 => {
            Err("where messages may be missing each says which it is, in its first 8 bytes".into())
        }
        _ => Ok(()),
    }
}

/// The end the first role holds of each channel: one channel for a stream or a connection that carries both ways, else
/// one out and one back.
fn channels(measure: Measure, duplex: bool) -> Vec<End> {
    let two_way = matches!(measure, Measure::RoundTrip | Measure::CostModel);
    if !two_way || duplex { vec![End::Sender] } else { vec![End::Sender, End::Receiver] }
}

/// The other end.
fn opposite(end: End) -> End {
    match end {
        End::Sender => End::Receiver,
        End::Receiver => End::Sender,
    }
}

//! From a case to the objects and roles of a trial, for every transport alike.

use std::io;

use super::{Cast, Delivery, FAMILY, ROWS, Seat, Shape, Transport, Visitor, topology, visit};
use crate::address::End;
use crate::protocol::Link;
use crate::record::{Anatomy, Case, Isolation, Measure};
use crate::shm;
use crate::variant::{RoleSpec, Variant};

/// Every row, once per isolation and substrate it can have.
pub fn variants() -> Vec<Variant> {
    ROWS.iter().flat_map(|row| visit(row, Describe { row }).unwrap_or_default()).collect()
}

/// Whether the case's mechanism can carry its shape.
///
/// Errors: the reason, with the limit.
pub fn supports(case: &Case) -> Result<(), String> {
    visit(&case.row(), Supports { case }).unwrap_or_else(|| Err(no_such_row(case)))
}

/// What the case's mechanism promises about its messages.
pub fn delivery(case: &Case) -> Option<Delivery> {
    visit(&case.row(), Promised)
}

/// Makes the channels of a trial and deals them out.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    visit(&case.row(), Prepare { case }).unwrap_or_else(|| Err(io::Error::other(no_such_row(case))))
}

/// What one message of the case is declared to cost.
pub fn anatomy(case: &Case) -> Option<Anatomy> {
    visit(&case.row(), Declared { case })
}

/// The case with what its mechanism decides where the plan left it open: depth and connections.
pub fn resolved(case: &Case) -> Case {
    visit(&case.row(), Resolve { case }).unwrap_or_else(|| case.clone())
}

struct Resolve<'a> {
    case: &'a Case,
}

impl Visitor for Resolve<'_> {
    type Output = Case;

    fn visit<T: Transport>(self) -> Case {
        let connections = channels(self.case.measure, T::DUPLEX).len() as u32 * self.case.pairs.unwrap_or(1);
        let depth = self.case.depth.or_else(|| T::depth(&Shape::of(self.case)));
        Case { depth, connections: Some(connections), group: Some(T::GROUP), ..self.case.clone() }
    }
}

fn no_such_row(case: &Case) -> String {
    format!("there is no transport `{}`; `ipcmark list` names them all", case.row())
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Vec<Variant>;

    fn visit<T: Transport>(self) -> Vec<Variant> {
        let one = |isolation, substrate| Variant {
            wait: T::WAIT,
            substrate,
            summary: T::SUMMARY,
            measures: T::MEASURES,
            cpus_wanted: if T::SOLO { 1 } else { 2 },
            polls: T::POLLS,
            unavailable: T::unavailable().or_else(|| substrate.and_then(shm::unavailable)),
            ..Variant::of(FAMILY, self.row, T::GROUP, isolation)
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
}

struct Supports<'a> {
    case: &'a Case,
}

impl Visitor for Supports<'_> {
    type Output = Result<(), String>;

    fn visit<T: Transport>(self) -> Result<(), String> {
        let case = self.case;
        if !T::ISOLATIONS.contains(&case.isolation) {
            return Err(format!("`{}` does not work between {}s", case.row(), case.isolation));
        }
        match case.substrate {
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
}

struct Declared<'a> {
    case: &'a Case,
}

impl Visitor for Declared<'_> {
    type Output = Anatomy;

    fn visit<T: Transport>(self) -> Anatomy {
        T::anatomy(&Shape::of(self.case))
    }
}

struct Promised;

impl Visitor for Promised {
    type Output = Delivery;

    fn visit<T: Transport>(self) -> Delivery {
        T::DELIVERY
    }
}

struct Prepare<'a> {
    case: &'a Case,
}

impl Visitor for Prepare<'_> {
    type Output = io::Result<Vec<RoleSpec>>;

    fn visit<T: Transport>(self) -> io::Result<Vec<RoleSpec>> {
        let case = self.case;
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
    let two_way = matches!(measure, Measure::RoundTrip | Measure::Anatomy);
    if !two_way || duplex { vec![End::Sender] } else { vec![End::Sender, End::Receiver] }
}

/// The other end.
fn opposite(end: End) -> End {
    match end {
        End::Sender => End::Receiver,
        End::Receiver => End::Sender,
    }
}

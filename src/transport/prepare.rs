//! From a case to the objects and roles of a trial, for every transport alike.

use std::io;

use super::{FAMILY, ROWS, Shape, Transport, Visitor, topology, visit};
use crate::address::End;
use crate::contestant::{Contestant, RoleSpec};
use crate::protocol::Link;
use crate::record::{Anatomy, Case, Isolation, Measure};
use crate::shm;

/// Every row, once per isolation and substrate it can have.
pub fn contestants() -> Vec<Contestant> {
    ROWS.iter().flat_map(|row| visit(row, Describe { row }).unwrap_or_default()).collect()
}

/// Whether the case's mechanism can carry its shape.
///
/// Errors: the reason, with the limit.
pub fn supports(case: &Case) -> Result<(), String> {
    visit(&case.row(), Supports { case }).unwrap_or_else(|| Err(no_such_row(case)))
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
        let connections = channels::<T>(self.case.measure).len() as u32;
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
    type Output = Vec<Contestant>;

    fn visit<T: Transport>(self) -> Vec<Contestant> {
        let mechanism = self.row.split_once('/').map_or(self.row, |(mechanism, _)| mechanism);
        let one = |isolation, substrate| Contestant {
            family: FAMILY,
            mechanism,
            wait: T::WAIT,
            isolation,
            substrate,
            group: T::GROUP,
            summary: T::SUMMARY,
            measures: T::MEASURES,
            cpus_wanted: if T::SOLO { 1 } else { 2 },
            polls: T::POLLS,
            unavailable: T::unavailable().or_else(|| substrate.and_then(shm::unavailable)),
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
        let crowd = [case.producers, case.consumers, case.pairs].into_iter().flatten().any(|count| count > 1);
        if case.measure == Measure::SetUp && crowd {
            return Err("a set-up has one sender and one receiver".into());
        }
        let shape = Shape::of(case);
        topology::supports::<T>(&shape)?;
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

struct Prepare<'a> {
    case: &'a Case,
}

impl Visitor for Prepare<'_> {
    type Output = io::Result<Vec<RoleSpec>>;

    fn visit<T: Transport>(self) -> io::Result<Vec<RoleSpec>> {
        let case = self.case;
        if T::SOLO {
            return Ok(vec![RoleSpec { role: "solo", links: vec![], slots: 1 }]);
        }
        // A set-up makes its objects itself, over and over, and plays both ends in one process.
        if case.isolation == Isolation::Thread || case.measure == Measure::SetUp {
            return Ok(vec![RoleSpec { role: "host", links: vec![], slots: 2 }]);
        }
        let one_way = !Shape::of(case).two_way();
        let names = if one_way { ["sender", "receiver"] } else { ["pinger", "ponger"] };
        let mut links = [vec![], vec![]];
        for (channel, first_end) in channels::<T>(case.measure).into_iter().enumerate() {
            let address = T::create(&Shape::of(case))?;
            for (side, end) in [first_end, opposite(first_end)].into_iter().enumerate() {
                links[side].push(Link { channel: channel as u32, end, address: address.only(end) });
            }
        }
        let [first, second] = links;
        Ok(vec![
            RoleSpec { role: names[0], links: first, slots: 1 },
            RoleSpec { role: names[1], links: second, slots: 1 },
        ])
    }
}

/// The end the first role holds of each channel: one channel for a stream or a connection that carries both ways, else
/// one out and one back.
pub fn channels<T: Transport>(measure: Measure) -> Vec<End> {
    let two_way = matches!(measure, Measure::RoundTrip | Measure::Anatomy);
    if !two_way || T::DUPLEX { vec![End::Sender] } else { vec![End::Sender, End::Receiver] }
}

/// The other end.
pub fn opposite(end: End) -> End {
    match end {
        End::Sender => End::Receiver,
        End::Receiver => End::Sender,
    }
}

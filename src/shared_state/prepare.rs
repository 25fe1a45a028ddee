//! From a case to the objects and roles of a trial, for every way to share state alike.

use std::io;

use super::{FAMILY, Places, ROWS, State, Visitor, visit};
use crate::address::{Address, Endpoint};
use crate::control::MAX_SLOTS;
use crate::protocol::Link;
use crate::record::{Case, Isolation, Measure};
use crate::variant::{RoleSpec, Variant, answers};

/// Number of the channel that carries the state.
pub const CHANNEL: u32 = 0;
/// Name of every role that uses the state.
pub const ROLE: &str = "accessor";
/// Name of the role that keeps it, where it is kept.
pub const KEEPER: &str = "keeper";

/// Entries beside those that a case asks for: counters, which a measure only updates.
pub const COUNTERS: u32 = 4;
/// Keys of a case that names none.
const KEYS: u32 = 1024;
/// Bytes of a value of a case that names none.
const VALUE_BYTES: u64 = 64;

/// A value says which version it is in its first word. Up to the largest an answer fits into the buffer of a socket.
const VALUE_BYTES_MIN: u64 = 8;
const VALUE_BYTES_MAX: u64 = 64 << 10;
/// Memory of one state.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Keys that are filled by requests, one after another, before a trial begins.
const KEPT_KEYS_MAX: u32 = 1 << 16;

/// What can be asked of them.
const MEASURES: &[Measure] = &[Measure::Access, Measure::Conformance];

/// What one state has to hold, and for how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Keys that the case reads and writes.
    pub keys: u32,
    /// Entries in all: those keys, and [`COUNTERS`] more.
    pub entries: u32,
    /// The longest value.
    pub value_bytes: usize,
    /// How many use it.
    pub seats: u32,
}

impl Shape {
    /// What `case` asks for.
    pub fn of(case: &Case) -> Self {
        let keys = case.params.keys.unwrap_or(KEYS);
        Self {
            keys,
            entries: keys.saturating_add(COUNTERS),
            value_bytes: case.params.message_bytes.unwrap_or(VALUE_BYTES) as usize,
            seats: accessors(case),
        }
    }
}

impl Places {
    /// Memory that all of them map.
    pub(super) fn same(memory: &Address, shape: &Shape) -> Self {
        Self { keeper: None, seats: (0..shape.seats).map(|_| memory.only(Endpoint::Sender)).collect() }
    }
}

/// How many use the case's state at the same time: as many as it says, else one and another; where promises are checked,
/// enough that most machines have fewer CPUs.
pub fn accessors(case: &Case) -> u32 {
    case.params.contenders.unwrap_or(if case.measure == Measure::Conformance { 4 } else { 2 })
}

/// Roles of the case that are at work at the same time.
pub fn roles(case: &Case) -> u32 {
    accessors(case) + visit(&case.row(), Kept).map_or(0, u32::from)
}

/// Every row, once per isolation it can have.
pub fn variants() -> Vec<Variant> {
    ROWS.iter().flat_map(|row| visit(row, Describe { row }).unwrap_or_default()).collect()
}

/// Whether the case can be asked of its mechanism.
///
/// Errors: the reason, with the limit.
pub fn supports(case: &Case) -> Result<(), String> {
    visit(&case.row(), Supports { case }).unwrap_or_else(|| Err(no_such_row(case)))
}

/// Makes the state of a trial and deals it out.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    visit(&case.row(), Prepare { case }).unwrap_or_else(|| Err(io::Error::other(no_such_row(case))))
}

/// The case with what follows from its mechanism.
pub fn resolved(case: &Case) -> Case {
    visit(&case.row(), Resolve { case }).unwrap_or_else(|| case.clone())
}

fn no_such_row(case: &Case) -> String {
    format!("there is no way to share state called `{}`; `ipcmark list` names them all", case.row())
}

struct Kept;

impl Visitor for Kept {
    type Output = bool;

    fn visit<S: State>(self) -> bool {
        S::KEPT
    }
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Vec<Variant>;

    fn visit<S: State>(self) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            wait: Some(S::WAIT),
            summary: S::SUMMARY,
            measures: MEASURES,
            polls: S::POLLS,
            ..Variant::of(FAMILY, self.row, S::GROUP, *isolation)
        };
        S::ISOLATIONS.iter().map(one).collect()
    }
}

struct Supports<'a> {
    case: &'a Case,
}

impl Visitor for Supports<'_> {
    type Output = Result<(), String>;

    fn visit<S: State>(self) -> Result<(), String> {
        let (case, shape) = (self.case, Shape::of(self.case));
        answers(case, S::ISOLATIONS, MEASURES)?;
        let seats_max = MAX_SLOTS - u32::from(S::KEPT);
        if !(1..=seats_max).contains(&shape.seats) {
            return Err(format!("1 to {seats_max} can use `{}` in a trial, not {}", case.row(), shape.seats));
        }
        let bytes = shape.value_bytes as u64;
        if !(VALUE_BYTES_MIN..=VALUE_BYTES_MAX).contains(&bytes) {
            return Err(format!("a value has {VALUE_BYTES_MIN} to {VALUE_BYTES_MAX} bytes, not {bytes}"));
        }
        if S::KEPT && shape.keys > KEPT_KEYS_MAX {
            return Err(format!(
                "`{}` is filled by one request a key, of which there may be {KEPT_KEYS_MAX}, not {}",
                case.row(),
                shape.keys
            ));
        }
        let memory = S::memory_bytes(&shape);
        if memory > MEMORY_BYTES_MAX {
            return Err(format!(
                "{} keys of {bytes} bytes would take {memory} bytes here, and a state may take {MEMORY_BYTES_MAX}",
                shape.keys
            ));
        }
        Ok(())
    }
}

struct Prepare<'a> {
    case: &'a Case,
}

impl Visitor for Prepare<'_> {
    type Output = io::Result<Vec<RoleSpec>>;

    fn visit<S: State>(self) -> io::Result<Vec<RoleSpec>> {
        let shape = Shape::of(self.case);
        if self.case.isolation == Isolation::Thread {
            return Ok(vec![RoleSpec { role: "host", links: vec![], slots: shape.seats }]);
        }
        let Places { keeper, seats } = S::create(&shape)?;
        let role =
            |role, end, address| RoleSpec { role, links: vec![Link { channel: CHANNEL, end, address }], slots: 1 };
        let users = seats.into_iter().map(|address| role(ROLE, Endpoint::Sender, address));
        Ok(users.chain(keeper.map(|address| role(KEEPER, Endpoint::Receiver, address))).collect())
    }
}

struct Resolve<'a> {
    case: &'a Case,
}

impl Visitor for Resolve<'_> {
    type Output = Case;

    fn visit<S: State>(self) -> Case {
        let shape = Shape::of(self.case);
        Case { group: Some(S::GROUP), ..self.case.clone() }.with(|p| {
            p.message_bytes = Some(shape.value_bytes as u64);
            p.keys = Some(shape.keys);
        })
    }
}

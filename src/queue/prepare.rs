//! From a case to the objects and roles of a trial, for every queue of work alike.

use std::io;

use super::unfinished::Unfinished;
use super::{FAMILY, MEASURES, ROWS, Shape, Visitor, WorkQueue, visit};
use crate::address::{Address, Endpoint};
use crate::control::MAX_SLOTS;
use crate::protocol::Link;
use crate::record::{Case, Group, Isolation};
use crate::variant::{RoleSpec, Variant};

/// Number of the channel that carries the queue itself.
pub const QUEUE: u32 = 0;
/// Number of the channel that carries the count of what is not done.
pub const COUNT: u32 = 1;

/// Name of the roles that put.
pub const PRODUCER: &str = "producer";
/// Name of the roles that get.
pub const CONSUMER: &str = "consumer";

/// Bytes of an item where the plan leaves it open.
const DEFAULT_BYTES: u64 = 64;
/// The first word says whose item it is, and which.
const BYTES_MIN: u64 = 8;

/// Who puts and who gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// On the first slots.
    pub producers: u32,
    /// On those after them.
    pub consumers: u32,
}

impl Sides {
    /// Those of the case; one of each where it leaves that open.
    pub fn of(case: &Case) -> Self {
        let pattern = case.pattern();
        Self { producers: pattern.senders, consumers: pattern.receivers }
    }

    /// Roles of both kinds.
    pub fn roles(self) -> u32 {
        self.producers.saturating_add(self.consumers)
    }

    /// Name of the role on `slot`.
    pub fn role(self, slot: u32) -> &'static str {
        if slot < self.producers { PRODUCER } else { CONSUMER }
    }
}

impl Shape {
    /// What the case wants of its queue.
    pub fn of(case: &Case) -> Self {
        Self {
            message_bytes: case.params.message_bytes.unwrap_or(DEFAULT_BYTES) as usize,
            depth: case.params.depth.unwrap_or_default(),
        }
    }
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

/// Makes the queue of a trial and deals it out.
pub fn prepare(case: &Case) -> io::Result<Vec<RoleSpec>> {
    visit(&case.row(), Prepare { case }).unwrap_or_else(|| Err(io::Error::other(no_such_row(case))))
}

/// The case with what follows from its mechanism, and the size of its items.
pub fn resolved(case: &Case) -> Case {
    visit(&case.row(), Resolve { case }).unwrap_or_else(|| case.clone())
}

fn no_such_row(case: &Case) -> String {
    format!("there is no queue of work `{}`; `ipcmark list` names them all", case.row())
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Vec<Variant>;

    fn visit<Q: WorkQueue>(self) -> Vec<Variant> {
        let one = |isolation: &Isolation| Variant {
            wait: Some(Q::WAIT),
            summary: Q::SUMMARY,
            measures: MEASURES,
            unavailable: Q::unavailable(),
            ..Variant::of(FAMILY, self.row, Group::WorkQueues, *isolation)
        };
        Q::ISOLATIONS.iter().map(one).collect()
    }
}

struct Supports<'a> {
    case: &'a Case,
}

impl Visitor for Supports<'_> {
    type Output = Result<(), String>;

    fn visit<Q: WorkQueue>(self) -> Result<(), String> {
        let case = self.case;
        if !Q::ISOLATIONS.contains(&case.isolation) {
            return Err(format!("`{}` does not work between {}s", case.row(), case.isolation));
        }
        if !MEASURES.contains(&case.measure) {
            return Err(format!("a queue of work cannot be asked for `{}`", case.measure));
        }
        let Sides { producers, consumers } = Sides::of(case);
        if producers == 0 || consumers == 0 || producers.saturating_add(consumers) > MAX_SLOTS {
            return Err(format!(
                "a queue has at least one producer and one consumer, and at most {MAX_SLOTS} of both, not \
                 {producers}:{consumers}"
            ));
        }
        if let Some(pairs) = case.params.pairs.filter(|pairs| *pairs > 1) {
            return Err(format!("a trial has one queue, not {pairs}"));
        }
        if let Some(bytes) = case.params.message_bytes.filter(|bytes| *bytes < BYTES_MIN) {
            return Err(format!("an item says in {BYTES_MIN} bytes whose it is, and {bytes} are too few"));
        }
        Q::supports(&Shape::of(case))
    }
}

struct Prepare<'a> {
    case: &'a Case,
}

impl Visitor for Prepare<'_> {
    type Output = io::Result<Vec<RoleSpec>>;

    fn visit<Q: WorkQueue>(self) -> io::Result<Vec<RoleSpec>> {
        let sides = Sides::of(self.case);
        if self.case.isolation == Isolation::Thread {
            return Ok(vec![RoleSpec { role: "host", links: vec![], slots: sides.roles() }]);
        }
        let (queue, count) = (Q::create(&Shape::of(self.case))?, Unfinished::create()?);
        let links = || vec![link(QUEUE, &queue), link(COUNT, &count)];
        Ok((0..sides.roles()).map(|slot| RoleSpec { role: sides.role(slot), links: links(), slots: 1 }).collect())
    }
}

/// Every side sees the same of it: any may put and get.
fn link(channel: u32, address: &Address) -> Link {
    Link { channel, end: Endpoint::Sender, address: address.only(Endpoint::Sender) }
}

struct Resolve<'a> {
    case: &'a Case,
}

impl Visitor for Resolve<'_> {
    type Output = Case;

    fn visit<Q: WorkQueue>(self) -> Case {
        let shape = Shape::of(self.case);
        Case { group: Some(Group::WorkQueues), ..self.case.clone() }.with(|p| {
            p.message_bytes = Some(shape.message_bytes as u64);
            p.depth = Q::depth(&shape);
        })
    }
}

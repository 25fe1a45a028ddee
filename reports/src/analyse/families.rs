//! Families whose cases have a part of the page to themselves, by their names in records.

use ipcmark_record::{Case, Group};

/// Ways to start, watch and end a process.
pub const LAUNCH: &str = "launch";
/// What a write costs, and which processes see it.
pub const ISOLATION: &str = "isolation";
/// Two roles at the same work, on one CPU and on two.
pub const CONCURRENCY: &str = "concurrency";
/// Worker pools.
pub const POOL: &str = "pool";
/// Queues of work.
pub const QUEUE: &str = "queue";
/// State that several read and write.
pub const SHARED_STATE: &str = "shared_state";
/// One service for many clients.
pub const SERVER: &str = "server";

/// The row of [`POOL`] that is no pool: one after the other, by the caller.
pub const SERIAL: &str = "serial";

/// True for a family whose cases must not be mixed with those about channels, though they share measures.
pub fn is_apart(family: &str) -> bool {
    [LAUNCH, ISOLATION, CONCURRENCY, POOL, QUEUE, SHARED_STATE, SERVER].contains(&family)
}

/// True for a mechanism written in Python, by its kind or, where the records name no kind, by the program that ran it.
pub fn is_python(case: &Case) -> bool {
    let by_program = || case.program.is_some() && case.mechanism.starts_with("python-");
    case.group.map_or_else(by_program, |group| group == Group::Python)
}

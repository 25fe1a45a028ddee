//! Names of families; all but the first have their own part of the page.

use ipcmark_record::{Case, Group};

/// Channels.
pub const TRANSPORT: &str = "transport";
/// Start, supervision and end of processes.
pub const LAUNCH: &str = "launch";
/// Cost and visibility of writes.
pub const ISOLATION: &str = "isolation";
/// Two roles with the same work, on one CPU and on two.
pub const CONCURRENCY: &str = "concurrency";
/// Worker pools.
pub const POOL: &str = "pool";
/// Work queues.
pub const QUEUE: &str = "queue";
/// Shared state.
pub const SHARED_STATE: &str = "shared_state";
/// Servers with many clients.
pub const SERVER: &str = "server";

/// The machine itself.
pub const MACHINE: &str = "machine";

/// Row of [`POOL`] without a pool: the caller runs all tasks itself.
pub const SERIAL: &str = "serial";

/// True for families that charts of channels leave out, though they share measures.
pub fn is_apart(family: &str) -> bool {
    [LAUNCH, ISOLATION, CONCURRENCY, POOL, QUEUE, SHARED_STATE, SERVER, MACHINE].contains(&family)
}

/// True for a mechanism written in Python, by its group or, in records without groups, by its program.
pub fn is_python(case: &Case) -> bool {
    let by_program = || case.program.is_some() && case.mechanism.starts_with("python-");
    case.group.map_or_else(by_program, |group| group == Group::Python)
}

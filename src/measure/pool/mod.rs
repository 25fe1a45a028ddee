//! Measures of worker pools. Each checks within the timed work that every task comes back once, from a worker that read
//! its payload and did its work.

mod calls;
pub mod dispatch;
pub mod dispatcher;
mod expected;
mod frame;
pub mod idle;
mod in_flight;
pub mod open_loop;
pub mod paced;
pub mod recover;
pub mod set_up;
pub mod stamps;
mod tasks;
#[cfg(test)]
mod tests;
pub mod trial;
mod usage;
mod worker;

use std::thread;

use crate::measure::MeasureError;
use crate::pool::{self, PoolConfig};
use crate::record::{Call, Case, Chunk, KillPoint, Measure};
use crate::{abort, clock};

pub(crate) use frame::{FAILS, SHOWN};
pub use in_flight::{Back, Event};
pub use tasks::Tasks;
pub use worker::TaskWorker;

/// Minimum of requests in flight in a conformance trial. Each has a line of the control page.
const CONFORMANCE_IN_FLIGHT: u32 = 16;

/// Configuration of the case's pool. The workers run on `cpus`.
pub fn config(case: &Case, cpus: Vec<u32>) -> PoolConfig {
    let workers = pool::workers(case);
    let largest = tasks::largest_of(case, workers);
    PoolConfig {
        workers,
        cpus,
        frame_bytes: frame::largest_bytes(largest, case.params.message_bytes.unwrap_or(0) as usize),
        in_flight: match case.measure {
            Measure::Recover => recover::tasks_out(workers),
            Measure::Conformance => recover::tasks_out(workers).max(CONFORMANCE_IN_FLIGHT),
            _ => pool::in_flight(case),
        },
    }
}

/// Checks that the measure supports the parameters of the case.
///
/// Errors: the reason, with the values that are supported.
pub fn supports(case: &Case) -> Result<(), String> {
    let chunked = case.params.chunk.is_some_and(|chunk| chunk != Chunk::One);
    let in_chunks = matches!(case.params.call, Some(Call::Map | Call::Imap | Call::ImapUnordered));
    match case.measure {
        Measure::Dispatch if case.params.call.is_none() => Err("a dispatch case needs `call`".to_owned()),
        Measure::Dispatch if chunked && !in_chunks => {
            Err("only `map`, `imap` and `imap-unordered` submit tasks in chunks".to_owned())
        }
        Measure::Paced if case.params.rate_per_s.is_none_or(|rate| rate == 0) => {
            Err("a paced case needs a number of tasks per second".to_owned())
        }
        Measure::Recover | Measure::Conformance if case.params.depth.is_some() => {
            Err(format!("`{}` sets the number of requests in flight itself; leave `depth` out", case.measure))
        }
        Measure::Recover => match case.params.kill_point {
            Some(KillPoint::Holding) => Ok(()),
            Some(other) => {
                Err(format!("a worker of a pool is killed during its task (`{}`), not `{other}`", KillPoint::Holding))
            }
            None => Err("a case of `recover` needs the kill point".to_owned()),
        },
        _ => Ok(()),
    }
}

/// Polls until `look` returns a value; returns `None` after `ns` nanoseconds. Yields the CPU between polls.
///
/// Errors: those of `look`, and `Interrupted` if the trial is aborted.
pub(crate) fn within<T>(
    ns: u64,
    mut look: impl FnMut() -> Result<Option<T>, MeasureError>,
) -> Result<Option<T>, MeasureError> {
    let deadline_ns = clock::now_ns() + ns;
    loop {
        if let Some(found) = look()? {
            return Ok(Some(found));
        }
        if abort::requested() {
            return Err(abort::error().into());
        }
        if clock::now_ns() > deadline_ns {
            return Ok(None);
        }
        thread::yield_now();
    }
}

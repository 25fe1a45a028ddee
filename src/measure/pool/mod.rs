//! The questions asked of worker pools, one file each. All of them check, inside the timed work, that every task came back
//! once, from a worker that read its payload and did its work.

mod books;
mod calls;
mod chunks;
mod clerk;
pub mod dispatch;
pub mod dispatcher;
mod due;
mod duty;
mod frame;
pub mod idle;
mod labour;
mod memory;
pub mod paced;
pub mod passage;
mod patience;
pub mod recover;
pub mod set_up;
pub mod stamps;
#[cfg(test)]
mod tests;
pub mod trial;

use crate::pool::{self, Staff, prepare};
use crate::record::{Call, Case, Chunk, KillPoint, Measure};

pub use books::{Back, Event, Tasks};
pub use duty::Duty;
pub(crate) use frame::{FAILS, SHOWN};
pub(crate) use patience::within;

/// Frames that are out at a time where promises are checked, at least. Each has a line of the control page.
const EXAMINED_IN_FLIGHT: u32 = 16;

/// The staff that the case's pool is opened with; `cpus` are those of the workers.
pub fn staff(case: &Case, cpus: Vec<u32>) -> Staff {
    let workers = prepare::workers(case);
    let largest = chunks::largest_of(case, workers);
    Staff {
        workers,
        cpus,
        frame_bytes: frame::largest_bytes(largest, case.params.message_bytes.unwrap_or(0) as usize),
        in_flight: match case.measure {
            Measure::Recover => recover::tasks_out(workers),
            Measure::Conformance => recover::tasks_out(workers).max(EXAMINED_IN_FLIGHT),
            _ => prepare::in_flight(case),
        },
    }
}

/// Whether the case can be asked of its pool.
///
/// Errors: the reason, with what would be right.
pub fn supports(case: &Case) -> Result<(), String> {
    pool::supports(case, &staff(case, vec![]))?;
    let chunked = case.params.chunk.is_some_and(|chunk| chunk != Chunk::One);
    let in_chunks = matches!(case.params.call, Some(Call::Map | Call::Imap | Call::ImapUnordered));
    match case.measure {
        Measure::Dispatch if case.params.call.is_none() => Err("a dispatch case names how tasks are called".to_owned()),
        Measure::Dispatch if chunked && !in_chunks => {
            Err("only `map`, `imap` and `imap-unordered` hand out tasks in chunks".to_owned())
        }
        Measure::Paced if case.params.rate_per_s.is_none_or(|rate| rate == 0) => {
            Err("a paced case names its tasks a second".to_owned())
        }
        Measure::Recover | Measure::Conformance if case.params.depth.is_some() => {
            Err(format!("`{}` decides itself how many frames are out; leave `depths` out", case.measure))
        }
        Measure::Recover => match case.params.kill_point {
            Some(KillPoint::Holding) => Ok(()),
            Some(death) => Err(format!(
                "a worker of a pool is killed at its task (`inside`), not `{death}`: it holds nothing to wait for"
            )),
            None => Err("a case of `recover` names when a worker is killed".to_owned()),
        },
        _ => Ok(()),
    }
}

//! The questions asked of worker pools. All of them check, inside the timed work, that every task came back once, from a
//! worker that read its payload and did its work.

mod chunks;
mod clerk;
pub mod dispatch;
mod duty;
mod frame;
mod labour;

use crate::pool::{self, Staff, prepare};
use crate::record::{Call, Case, Chunk, Measure};

pub use clerk::Clerk;
pub use duty::Duty;

/// The staff that the case's pool is opened with; `cpus` are those of the workers.
pub fn staff(case: &Case, cpus: Vec<u32>) -> Staff {
    let workers = prepare::workers(case);
    let largest = chunks::largest(case.chunk.unwrap_or(Chunk::One), chunks::list_length(case), workers);
    Staff {
        workers,
        cpus,
        frame_bytes: frame::largest_bytes(largest, case.message_bytes.unwrap_or(0) as usize),
        in_flight: prepare::in_flight(case),
    }
}

/// Whether the case can be asked of its pool.
///
/// Errors: the reason, with what would be right.
pub fn supports(case: &Case) -> Result<(), String> {
    pool::supports(case, &staff(case, vec![]))?;
    let chunked = case.chunk.is_some_and(|chunk| chunk != Chunk::One);
    let in_chunks = matches!(case.call, Some(Call::Map | Call::Imap | Call::ImapUnordered));
    match case.measure {
        Measure::Dispatch if case.call.is_none() => Err("a dispatch case names how tasks are called".to_owned()),
        Measure::Dispatch if chunked && !in_chunks => {
            Err("only `map`, `imap` and `imap-unordered` hand out tasks in chunks".to_owned())
        }
        Measure::Paced if case.rate_per_s.is_none_or(|rate| rate == 0) => {
            Err("a paced case names its tasks a second".to_owned())
        }
        Measure::Recover if case.death.is_none() => Err("a case of `recover` names when a worker is killed".to_owned()),
        _ => Ok(()),
    }
}
